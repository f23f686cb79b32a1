"""From what `seawall.toml` declares to actions with models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, create_model

from ...core.action import DedupeMeans
from ...core.adapter import (
    Action,
    ClientId,
    Compensation,
    Done,
    EffectClass,
    Mapped,
    Marker,
    NaturalKey,
    NoDedupe,
    Observation,
    ReadPath,
    Reply,
    Request,
    Transactional,
    Upsert,
    fresh,
)
from ...core.errors import (
    BusinessRule,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    Refused,
    Throttled,
)
from .declarations import (
    ActionSettings,
    ClientIdSettings,
    CompensationSettings,
    MarkerSettings,
    NaturalKeySettings,
    ParameterSettings,
    UpsertSettings,
)
from .models import Look, SqlAction, Statement, TableWrite
from .statements import UnusableStatement, is_identifier

_TYPES: Final[Mapping[str, type]] = {
    "text": str,
    "integer": int,
    "decimal": Decimal,
    "boolean": bool,
    "date": date,
    "datetime": datetime,
    "uuid": str,
}
_MEANINGS: Final[Mapping[str, type[Refused]]] = {
    "not_found": NotFound,
    "precondition_failed": PreconditionFailed,
    "conflict": Conflict,
    "business_rule": BusinessRule,
    "forbidden": Forbidden,
    "throttled": Throttled,
}
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_RESERVED: Final = ("copy", "dict", "json", "schema", "validate", "construct", "model_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What holds for all actions of a system.

    Args:
        has_effects: Whether there is an `effects` table.
        locks: Whether a lock on the key makes an absence final.
        tells_fate: Whether the database tells what became of a transaction.
        horizon: The late-commit horizon in seconds.
    """

    has_effects: bool
    locks: bool
    tells_fate: bool
    horizon: float

    def probe(self, dedupe: DedupeMeans) -> ReadPath | None:
        """How a probe reads, for an action with these dedupe means."""
        if isinstance(dedupe, Upsert) or (isinstance(dedupe, NoDedupe) and not self.tells_fate):
            return None
        return fresh(absent_is_final=self.locks)


def declare(name: str, declared: ActionSettings, facts: Facts) -> SqlAction:
    """Make an action from its declaration.

    Args:
        name: Its name.
        declared: The declaration.
        facts: What holds for the system.

    Raises:
        UnusableStatement: It cannot be used; the message says what to mend.
        ContradictoryAction: Its facts contradict each other.
    """
    title = "".join(part.capitalize() for part in name.split("_"))
    writes = declared.effect is not EffectClass.READ
    dedupe = _dedupe(declared, facts) if writes else NoDedupe()
    if isinstance(dedupe, Transactional) and not facts.has_effects:
        raise UnusableStatement(f"action {name!r}: `transactional` needs an effects_table; declare other dedupe means")
    reply = _model(f"{title}Reply", declared.returns, Reply, name)
    if declared.rows:
        reply = create_model(f"{title}Rows", __base__=Reply, rows=(tuple[reply, ...], ...), complete=(bool, ...))  # type: ignore[valid-type]
    base: Any = Request  # its parameter is known at run time only
    action = Action(
        name=name,
        description=declared.description,
        request=_model(f"{title}Request", declared.parameters, base[reply], name),
        reply=reply,
        effect=declared.effect,
        identity=declared.identity,
        version=declared.version,
        entity=declared.entity,
        commutative=declared.commutative,
        dedupe=dedupe,
        probe=facts.probe(dedupe) if writes else None,
        horizon=(facts.horizon if declared.horizon is None else declared.horizon) if writes else None,
        errors={code: Mapped(_MEANINGS[meaning]) for code, meaning in declared.errors.items()},
        compensation=None,
    )
    return SqlAction(
        action=action,
        statements=tuple(_statement(one) for one in declared.statements),
        table=_table(declared, dedupe),
        look=Look(**declared.look.model_dump()) if declared.look else None,
        record=declared.record,
        rows="rows" if declared.rows else None,
    )


def connected(actions: Mapping[str, SqlAction], declared: Mapping[str, ActionSettings]) -> dict[str, SqlAction]:
    """Add to each action how it is undone, and how it can be seen beforehand, now that all of them are known.

    Args:
        actions: The actions.
        declared: Their declarations.

    Raises:
        UnusableStatement: An action that is named is not there.
    """
    found = dict(actions)
    for name, one in declared.items():
        changes: dict[str, Any] = {}
        if one.compensation is not None:
            if one.compensation.by not in actions:
                raise UnusableStatement(f"action {name!r}: there is no action {one.compensation.by!r} to undo it")
            changes["compensation"] = _compensation(one.compensation, actions[one.compensation.by].action.request)
        if one.observation is not None:
            changes["observation"] = _observation(name, one, actions)
        if changes:
            found[name] = replace(found[name], action=replace(found[name].action, **changes))
    return found


def _observation(name: str, write: ActionSettings, actions: Mapping[str, SqlAction]) -> Observation:
    declared = write.observation
    assert declared is not None
    reading = actions[declared.by].action if declared.by in actions else None
    if reading is None or reading.writes:
        raise UnusableStatement(f"action {name!r}: there is no reading action {declared.by!r} to look at it")
    if unknown := sorted({*declared.request.values()} - {*write.parameters}):
        raise UnusableStatement(f"action {name!r} has no parameter {unknown[0]!r} to look at it by")
    if unknown := sorted({*declared.request} - {*reading.request.model_fields}):
        raise UnusableStatement(f"action {name!r}: {declared.by!r} takes no parameter {unknown[0]!r}")
    if declared.version is not None and declared.version not in reading.reply.model_fields:
        raise UnusableStatement(f"action {name!r}: {declared.by!r} answers no {declared.version!r}")

    def request(asked: Any) -> BaseModel:
        return reading.request.model_validate({to: getattr(asked, of) for to, of in declared.request.items()})

    return Observation(declared.by, request, declared.version)


def _compensation(declared: CompensationSettings, model: type[BaseModel]) -> Compensation:
    def request(done: Done) -> BaseModel:
        def value(path: str) -> Any:
            place, _, name = path.partition(".")
            return getattr(done.request if place == "request" else done.value, name)

        return model.model_validate({name: value(path) for name, path in declared.request.items()})

    return Compensation(by=declared.by, request=request)


def _statement(declared: Any) -> Statement:
    given = declared.model_dump()
    return Statement(**{**given, "missing": _MEANINGS[given["missing"]] if given["missing"] else None})


def _table(declared: ActionSettings, dedupe: DedupeMeans) -> TableWrite | None:
    if declared.table is None:
        return None
    return TableWrite(
        table=declared.table.name,
        write=declared.table.write,
        key=declared.table.key,
        version=declared.version,
        advance=declared.table.advance,
        key_column=dedupe.field if isinstance(dedupe, ClientId | Marker) else None,
        returns=tuple(name for name in declared.returns if name not in declared.parameters),
        read_back=declared.table.read_back,
    )


def _dedupe(declared: ActionSettings, facts: Facts) -> DedupeMeans:
    match declared.dedupe:
        case None:
            return Transactional() if facts.has_effects else NoDedupe()
        case "transactional":
            return Transactional()
        case "none":
            return NoDedupe()
        case NaturalKeySettings(natural_key=fields, pre_image=pre_image):
            return NaturalKey(fields, pre_image)
        case ClientIdSettings(client_id=column):
            return ClientId(column)
        case MarkerSettings(marker=column):
            return Marker(column)
        case UpsertSettings(upsert=column):
            return Upsert(column)


def _model(title: str, fields: Mapping[str, ParameterSettings], base: Any, action: str) -> type[BaseModel]:
    wrong = [name for name in fields if not is_field_name(name)]
    if wrong:
        raise UnusableStatement(f"action {action!r}: {', '.join(map(repr, wrong))} cannot be the name of a field")
    made: dict[str, Any] = {name: _field(one) for name, one in fields.items()}
    return create_model(title, __base__=base, **made)


def is_field_name(name: str) -> bool:
    """Whether a parameter or a column of a reply can have this name."""
    return is_identifier(name) and not name.startswith(("_", "model_")) and name not in _RESERVED


def _field(declared: ParameterSettings) -> tuple[Any, Any]:
    kind: Any = Literal[declared.choices] if declared.choices else _TYPES[declared.type]
    pattern = _UUID if declared.type == "uuid" else declared.pattern
    limits: dict[str, Any] = {
        "ge": declared.minimum,
        "le": declared.maximum,
        "max_length": declared.max_length,
        "pattern": pattern and f"^(?:{pattern})$",
        "max_digits": declared.digits,
        "decimal_places": declared.places,
        "description": declared.description or None,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    if declared.optional:
        return (kind | None, Field(default=None, **given))
    return (kind, Field(**given))
