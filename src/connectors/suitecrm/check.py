"""Whether a SuiteCRM has what the settings and the actions count on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.errors import Refused
from .exchange import Exchange
from .ids import record_id
from .kinds import KINDS
from .marker import LENGTH
from .settings import SuiteCrmSettings


async def problems(exchange: Exchange, settings: SuiteCrmSettings) -> list[str]:
    """Describe the modules and compare their fields with what the actions write.

    Args:
        exchange: Requests to SuiteCRM; the first one logs in.
        settings: The connector's settings.

    Returns:
        Problems, a sentence each.
    """
    found: list[str] = []
    for kind in KINDS.values():
        try:
            fields = await exchange.describe(kind.module)
        except Refused as error:
            found.append(f"{kind.module} cannot be described: {error.message}.")
            continue
        try:
            await exchange.was_deleted(kind.module, record_id("check"))
        except Refused as error:
            found.append(
                f"{kind.module} cannot be listed ({error.message}): a write in doubt that is not there could not be "
                "told from one that was deleted since."
            )
        needed = set(kind.fields())
        if kind.module == "Cases" and settings.closed_state is None:
            needed.discard("state")
        found += [f"{kind.module}.{name} does not exist." for name in sorted(needed - set(fields))]
        if kind.module == "Cases":
            found += _closing(settings, fields)
            if settings.case_marker_field is not None:
                name = settings.case_marker_field
                found += [f"Cases.{name} {problem}" for problem in _marker(fields.get(name))]
    return found


def _closing(settings: SuiteCrmSettings, fields: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    wanted = {"status": settings.closed_status, "state": settings.closed_state}
    for name, value in wanted.items():
        options = fields.get(name, {}).get("options")
        if value is not None and isinstance(options, dict) and options and value not in options:
            yield f"Cases.{name} has no value {value!r}, which close_case sets; it has: {', '.join(sorted(options))}."


def _marker(field: Mapping[str, Any] | None) -> Iterator[str]:
    if field is None:
        yield "does not exist, or this user may not see it: make it a text field of 255 characters."
        return
    length = str(field.get("len") or "")
    if field.get("type") not in ("varchar", "text"):
        yield f"is of type {field.get('type')}: use a text field."
    elif length.isdigit() and int(length) < LENGTH:
        yield f"takes {length} characters only: it needs {LENGTH}."
