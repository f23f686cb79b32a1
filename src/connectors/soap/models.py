"""What an action over SOAP is: the facts of any action, and how it becomes messages.

A module of declared actions has a mapping `ACTIONS` of names to `SoapAction`s, and may have `ERRORS`, the codes that
hold for all of them. `seawall new --from-wsdl` writes such a module to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...core.adapter import Absent, Action, Attempt, CannotTell, Finding, Many, Present, Reply, Request, Sent
from ...core.errors import ContractBroken
from .status import RecordStatus
from .values import NIL, TYPE, dig

Values: TypeAlias = Mapping[str, Any]
"""Arguments or an answer: complex types as mappings by the WSDL's names, repeated elements as lists."""


R = TypeVar("R", bound=BaseModel)

_BY_EITHER_NAME = ConfigDict(populate_by_name=True, ser_json_bytes="base64", val_json_bytes="base64")


class Part(BaseModel):
    """Base of what requests are made of: XSD names as aliases, nothing that the WSDL does not know."""

    model_config = ConfigDict(**_BY_EITHER_NAME, frozen=True, extra="forbid")


class PartRead(Reply):
    """Base of replies and of what they are made of: XSD names as aliases; what is added later is ignored."""

    model_config = _BY_EITHER_NAME


class SoapRequest(Request[R], Generic[R]):
    """Base of a request whose fields are the operation's arguments: XSD names as aliases. `R` is its reply."""

    model_config = _BY_EITHER_NAME


def as_asked(attempt: Attempt) -> Values:
    """The request's own fields as the operation's arguments, by their XSD names; what is None is left out."""
    return attempt.request.model_dump(by_alias=True, exclude_none=True)


def no_headers(_attempt: Attempt) -> Values:
    """No further SOAP headers."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a probe looks: by an operation that only reads.

    Args:
        operation: The operation.
        arguments: Makes its arguments; `attempt.key` is the key to look for.
        judge: What the answer says of the attempt. See `found` for the usual case.
        status: Where the answer says whether the read was done.
        absent: Codes by which the target itself says that there is no such record. Nothing else proves an absence.
    """

    operation: str
    arguments: Callable[[Attempt], Values]
    judge: Callable[[Values, Attempt], Finding]
    status: RecordStatus | None = None
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SoapAction:
    """An action, and the operation that does it.

    Args:
        action: The facts, as for any action.
        operation: The WSDL's operation.
        arguments: Makes its arguments from the attempt: the request, and `attempt.key` where a key goes.
        headers: Makes SOAP header blocks: the name of a header part of the binding, or `{namespace}element` → content.
        status: Where the answer says whether it was done, if operations answer "no" without a fault.
        answered: Makes what is acknowledged from the answer; by default the action's reply model reads it.
        record: Dotted path of the record's id in the answer, for the default of `answered`.
        look: How a probe looks; needed exactly if `action.probe` is declared.
        repeated: Codes by which the target refuses a second record with the same key. It is then looked whether the
            first one is ours.
        accepted_is_applied: For an operation that has no answer: whether its acceptance is all that was asked for (a
            queue). Otherwise it stays in doubt until a probe finds its effect.

    Raises:
        TypeError: `look` and `action.probe` contradict each other.
    """

    action: Action
    operation: str
    arguments: Callable[[Attempt], Values] = as_asked
    headers: Callable[[Attempt], Values] = no_headers
    status: RecordStatus | None = None
    answered: Callable[[Values, Attempt], Sent[Any]] | None = None
    record: str | None = None
    look: Look | None = None
    repeated: frozenset[str] = frozenset()
    accepted_is_applied: bool = False

    def __post_init__(self) -> None:
        if (self.look is None) != (self.action.probe is None):
            raise TypeError(f"action {self.action.name!r}: declare both `look` and `action.probe`, or neither")
        if self.repeated and self.look is None:
            raise TypeError(f"action {self.action.name!r}: `repeated` needs a `look` to find the first record")

    def sent(self, answer: Values, attempt: Attempt) -> Sent[Any]:
        """What is acknowledged.

        Raises:
            ContractBroken: The answer is not what the action promises.
        """
        if self.answered is not None:
            return self.answered(answer, attempt)
        record = dig(answer, self.record) if self.record else None
        if self.record and not record:
            raise ContractBroken(f"the answer holds no {self.record}", code="schema")
        return Sent(fit(self.action.reply, answer), None if record is None else str(record))


def fit(model: type[BaseModel], values: Any) -> Any:
    """Read values as a model.

    Raises:
        ContractBroken: They do not fit; the message names the fields and quotes nothing.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, one["loc"])) or "everything" for one in error.errors()}))
        raise ContractBroken(f"the answer does not look as expected: {wrong}", code="schema") from None


def found(
    records: str,
    key: str,
    make: Callable[[Values], BaseModel],
    *,
    record: str | None = None,
    content: Mapping[str, str] | None = None,
) -> Callable[[Values, Attempt], Finding]:
    """A judge for an answer that holds the records which carry the key, one of them or a list.

    Args:
        records: Dotted path of the record or the list in the answer.
        key: Dotted path, in a record, of what carries the key.
        make: Makes the action's reply from a record.
        record: Dotted path of a record's id, if it has one.
        content: Fields of the request → their dotted paths in a record, to be compared.
    """

    def judge(answer: Values, attempt: Attempt) -> Finding:
        held = dig(answer, records)
        listed = held if isinstance(held, list) else [] if held is None else [held]
        ours = [one for one in listed if dig(one, key) == attempt.key]
        if not ours:
            return CannotTell(f"what was found carries another key in {key}") if listed else Absent()
        ids = [str(dig(one, record)) if record else "" for one in ours]
        if len(ours) > 1:
            return Many(tuple(ids))
        wanted = attempt.request.model_dump()
        differs = tuple(name for name, path in (content or {}).items() if not _same(wanted[name], dig(ours[0], path)))
        return Present(make(ours[0]), ids[0] or None, differs=differs)

    return judge


def _same(wanted: Any, read: Any) -> bool:
    """XML cannot tell an empty text from none, and keeps no carriage returns (XML 1.0 section 2.11)."""

    def plain(value: Any) -> Any:
        return (value.replace("\r\n", "\n").replace("\r", "\n") or None) if isinstance(value, str) else value

    return bool(plain(wanted) == plain(read))


__all__ = [
    "NIL",
    "TYPE",
    "Look",
    "Part",
    "PartRead",
    "RecordStatus",
    "SoapAction",
    "SoapRequest",
    "Values",
    "as_asked",
    "fit",
    "found",
]
