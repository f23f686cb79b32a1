"""What is in force in a process, as the audit records it: versions and digests, and nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..config import Config
from ..core.adapter import Adapter
from ..core.identity import canonical_json, digest
from ..core.redaction import Secrets


def configuration_facts(
    config: Config, adapters: Mapping[str, Adapter], policy: str, secrets: Secrets
) -> dict[str, str]:
    """What to record of a configuration.

    Args:
        config: The configuration.
        adapters: System → its adapter.
        policy: The version of the policy.
        secrets: No digest is made of these.
    """
    told: dict[str, Any] = config.model_dump(mode="json", exclude={"policy"})
    for name, system in config.systems.items():
        told["systems"][name]["settings"] = _settings(adapters[name], system.settings)
    facts = {"policy": policy, "configuration": digest(canonical_json(secrets.scrub_all(told)))}
    return facts | {f"system {name}": f"{one.kind} {one.version}" for name, one in sorted(adapters.items())}


def _settings(adapter: Adapter, given: Mapping[str, Any]) -> Any:
    """A connector's settings without what it says is secret; where it cannot say, their names alone."""
    model = getattr(adapter, "settings_model", None)  # one that was handed in ready need not have it
    try:
        return sorted(given) if model is None else model.model_validate(given).model_dump(mode="json")
    except ValidationError:
        return sorted(given)
