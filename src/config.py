"""`seawall.toml`: systems, ledger and policy, read once and validated before anything is opened."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from .core.policy import Rule
from .core.redaction import Secrets
from .core.settings import (
    ConformanceSettings,
    LedgerSettings,
    Settings,
    SharedSettings,
    SystemSettings,
    TelemetrySettings,
    TimeSettings,
)


class ConfigError(ValueError):
    """The configuration cannot be used; the message says where and what to do."""


class SystemConfig(SystemSettings):
    """`[systems.NAME]`: which connector, how it is called, and in `settings` what the connector needs.

    Args:
        connector: The kind of connector.
        settings: The connector's own settings.
        conformance: The signed report of the conformance kit on the connector, for rules with `min_tier`. Relative
            paths start at the configuration file.
    """

    connector: str
    settings: dict[str, Any] = Field(default_factory=dict)
    conformance: str | None = None

    def for_calls(self) -> SystemSettings:
        """The part that is not the connector's."""
        return SystemSettings.model_validate(self.model_dump(exclude={"connector", "settings", "conformance"}))


class TokenConfig(Settings):
    """`[[agents.tokens]]`: a bearer token of an agent that calls over HTTP, and what it may be used for.

    Args:
        token: The secret itself, at least 20 characters; best as `{ env = "NAME" }`.
        principal: Who asks where it is shown; the policy decides what that principal may do.
        scopes: What the token reaches at most: `read`, `write` (adds something), `destructive` (all other writes).
    """

    token: SecretStr = Field(min_length=20)
    principal: str = Field(min_length=1)
    scopes: tuple[Literal["read", "write", "destructive"], ...] = ("read",)


class AgentsConfig(Settings):
    """`[agents]`: how actions are offered as tools.

    Args:
        hold: Seconds within which a call answers; what takes longer goes on and is asked for later.
        typed_tools: With more permitted actions than this, agents search and describe actions instead of a list.
        tokens: Bearer tokens for HTTP; none at all lets nobody in.
    """

    hold: float = Field(default=45.0, gt=0, le=600)
    typed_tools: int = Field(default=30, ge=0)
    tokens: tuple[TokenConfig, ...] = ()

    @field_validator("tokens")
    @classmethod
    def _each_once(cls, tokens: tuple[TokenConfig, ...]) -> tuple[TokenConfig, ...]:
        if len({one.token.get_secret_value() for one in tokens}) < len(tokens):
            raise ValueError("two entries have the same token; give each its own")
        return tokens


class Config(Settings):
    """A whole configuration.

    Args:
        principal: Who asks when a call names nobody.
        ledger: Where operations are remembered.
        shared: What processes know together.
        conformance: Whose conformance reports are believed.
        telemetry: What is told to those who watch.
        systems: The systems by name.
        agents: How actions are offered to agents as tools.
        policy: Rules in order, as `[[policy]]`; without a rule that allows it nothing runs.
    """

    principal: str = "anonymous"
    ledger: LedgerSettings = LedgerSettings()
    shared: SharedSettings = SharedSettings()
    conformance: ConformanceSettings = ConformanceSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    systems: dict[str, SystemConfig] = Field(default_factory=dict)
    agents: AgentsConfig = AgentsConfig()
    policy: tuple[Rule, ...] = ()


def load_config(source: str | Path | Mapping[str, Any], secrets: Secrets) -> Config:
    """Read, resolve `{ env = "NAME" }` and `{ file = "PATH" }`, and validate.

    Args:
        source: A TOML file, or the same as a mapping.
        secrets: Every resolved value is registered here.

    Raises:
        ConfigError: With the one thing to mend.
    """
    if isinstance(source, Mapping):
        folder, raw = Path.cwd(), dict(source)
    else:
        path = Path(source)
        folder, raw = path.resolve().parent, _read(path)
    resolved = _resolve(raw, folder, secrets, ())
    try:
        config = Config.model_validate(resolved)
        for system in config.systems.values():
            TimeSettings(attempt_timeout=system.attempt_timeout, lease=config.ledger.lease)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the configuration"
        raise ConfigError(f"{where}: {secrets.scrub(first['msg'])}") from None
    for name in config.systems:
        if not name.isidentifier() or name.startswith("_"):
            raise ConfigError(f"systems.{name}: a system's name must be a Python identifier, such as crm or orders_db")
    if config.ledger.url is not None:
        secrets.add(unquote(urlsplit(config.ledger.url.get_secret_value()).password or ""))
    secrets.add(*(one.token.get_secret_value() for one in config.agents.tokens))
    secrets.add(*(one.get_secret_value() for one in config.telemetry.headers.values()))
    if config.telemetry.metrics_token is not None:
        secrets.add(config.telemetry.metrics_token.get_secret_value())
    ledger = config.ledger.model_copy(update={"path": str(folder / config.ledger.path)})
    return config.model_copy(update={"ledger": ledger, "systems": _beside(config.systems, folder)})


def _beside(systems: Mapping[str, SystemConfig], folder: Path) -> dict[str, SystemConfig]:
    """The systems, the paths of their reports starting at a folder."""
    return {
        name: system
        if system.conformance is None
        else system.model_copy(update={"conformance": str(folder / system.conformance)})
        for name, system in systems.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}; name one with --config, or make one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _resolve(value: Any, folder: Path, secrets: Secrets, where: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            return _from_environment(value["env"], secrets, where)
        if set(value) == {"file"} and isinstance(value["file"], str):
            return _from_file(folder / value["file"], secrets, where)
        return {key: _resolve(item, folder, secrets, (*where, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, folder, secrets, (*where, str(index))) for index, item in enumerate(value)]
    return value


def _from_environment(name: str, secrets: Secrets, where: tuple[str, ...]) -> str:
    found = os.environ.get(name)
    if not found:
        raise ConfigError(f"{'.'.join(where)}: the environment variable {name} is not set")
    secrets.add(found)
    return found


def _from_file(path: Path, secrets: Secrets, where: tuple[str, ...]) -> str:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{'.'.join(where)}: {path} cannot be read ({error.strerror})") from None
    secrets.add(found)
    return found
