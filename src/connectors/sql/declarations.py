"""Actions as they are declared in `seawall.toml`: what `[systems.NAME.settings.actions.NAME]` looks like."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...core.adapter import EffectClass

Kind = Literal["text", "integer", "decimal", "boolean", "date", "datetime", "uuid"]
Missing = Literal["not_found", "precondition_failed", "conflict", "business_rule"]
Meaning = Literal["not_found", "precondition_failed", "conflict", "business_rule", "forbidden", "throttled"]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParameterSettings(_Declared):
    """A parameter, or a field of the reply. A word alone is its type.

    Args:
        type: Its type.
        description: What it means, for a person or a model that must fill it in.
        optional: Whether it may be left out; it is then NULL.
        minimum: Of numbers.
        maximum: Of numbers.
        max_length: Of texts, in characters.
        pattern: Of texts, a regular expression that holds for the whole.
        choices: The only values allowed, of texts.
        digits: Of decimals, all digits.
        places: Of decimals, digits behind the point.
    """

    type: Kind
    description: str = ""
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = Field(default=None, ge=1)
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    digits: int | None = Field(default=None, ge=1)
    places: int | None = Field(default=None, ge=0)


def _word(given: Any) -> Any:
    return {"type": given} if isinstance(given, str) else given


Parameter: TypeAlias = Annotated[ParameterSettings, BeforeValidator(_word)]


def _any(given: Any) -> Any:
    return None if given == "any" else given


class StatementSettings(_Declared):
    """A statement; see `models.Statement`. `rows = "any"` allows any number."""

    sql: str
    rows: Annotated[int | None, BeforeValidator(_any)] = Field(default=1, ge=0)
    columns: tuple[str, ...] = ()
    generated: str | None = None
    missing: Missing | None = None
    verify: tuple[str, ...] = ()


class TableSettings(_Declared):
    """A write to one row of a table; see `models.TableWrite`."""

    name: str
    write: Literal["insert", "update", "upsert", "delete"]
    key: tuple[str, ...] = ()
    advance: Literal["increment", "database"] = "increment"
    read_back: bool = True


class LookSettings(_Declared):
    """How a probe looks; see `models.Look`."""

    sql: str
    content: tuple[str, ...] = ()
    seen: str | None = None
    gone: bool = False


class NaturalKeySettings(_Declared):
    """`NaturalKey`: nothing of ours is written; records are compared."""

    natural_key: tuple[str, ...]
    pre_image: bool = False


class ClientIdSettings(_Declared):
    """`ClientId`: the key goes into a unique column."""

    client_id: str


class MarkerSettings(_Declared):
    """`Marker`: the key goes into a column that is not unique."""

    marker: str


class UpsertSettings(_Declared):
    """`Upsert`: the row is found by its key; the same write twice leaves one row."""

    upsert: str


Dedupe: TypeAlias = (
    Literal["transactional", "none"] | NaturalKeySettings | ClientIdSettings | MarkerSettings | UpsertSettings
)


class CompensationSettings(_Declared):
    """How an action is undone.

    Args:
        by: The action that undoes it.
        request: Its parameters, each as `request.NAME` or `value.NAME` of what was done.
    """

    by: str
    request: dict[str, Annotated[str, Field(pattern=r"^(request|value)\.[A-Za-z_]\w*$")]]


class ObservationSettings(_Declared):
    """How people see what a write is about to change, before they approve it.

    Args:
        by: The reading action that shows it.
        request: Its parameters, each as the write's parameter that it is filled from.
        version: The reply's field that changes with the record; all fields are compared if left out.
    """

    by: str
    request: dict[str, str]
    version: str | None = None


class ActionSettings(_Declared):
    """An action.

    Args:
        description: What it does, for a person or a model that must choose.
        effect: Its effect class.
        parameters: What it takes, by name; the same names as in the statements, or the table's columns.
        returns: What it answers, by name: columns, generated keys or parameters.
        statements: The statements, in order and in one transaction.
        table: A write to one row of a table instead.
        rows: For a read of many rows: True. The reply then has `rows` and `complete`.
        identity: The parameters that make two requests the same request.
        version: The parameter that holds what the caller last saw.
        entity: The parameter that names the record it writes.
        commutative: True where two writes to one record may be applied in any order.
        dedupe: The dedupe means; `transactional` if the system has an `effects` table.
        look: How a probe looks, for other dedupe means on statements.
        record: The reply's field that is the record's id.
        errors: Error codes of the database → what they mean.
        compensation: How it is undone.
        observation: How what it is about to change can be seen beforehand.
        horizon: Overrides the system's late-commit horizon.
    """

    description: str
    effect: EffectClass
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    returns: dict[str, Parameter] = Field(default_factory=dict)
    statements: tuple[StatementSettings, ...] = ()
    table: TableSettings | None = None
    rows: bool = False
    identity: tuple[str, ...] = ()
    version: str | None = None
    entity: str | None = None
    commutative: bool = False
    dedupe: Dedupe | None = None
    look: LookSettings | None = None
    record: str | None = None
    errors: dict[str, Meaning] = Field(default_factory=dict)
    compensation: CompensationSettings | None = None
    observation: ObservationSettings | None = None
    horizon: float | None = Field(default=None, ge=0)
