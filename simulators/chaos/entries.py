"""What a history is made of: each thing that was asked, told, sent, looked for or written down, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from .setting import ActionFacts, Setting, SystemFacts, Wanted

__all__ = [
    "ENTRIES",
    "ActionFacts",
    "Answered",
    "Asked",
    "Attempted",
    "Compensated",
    "Decided",
    "EffectWord",
    "Entry",
    "Event",
    "FindingWord",
    "Item",
    "Journalled",
    "Probed",
    "Replied",
    "Setting",
    "Spent",
    "Status",
    "Stored",
    "SystemFacts",
    "Told",
    "Wanted",
    "Wire",
    "Word",
]

Word = Literal["applied", "rejected", "partial", "unknown", "pending", "cut_off"]
"""What a client was told; `cut_off` is a client that went, or whose process died, before it heard anything."""
EffectWord = Literal["applied", "none", "maybe"]
Status = Literal["held", "running", "applied", "rejected", "unknown", "parked"]
FindingWord = Literal["present", "differs", "absent", "cannot_tell", "many", "error"]
"""What a look found; `differs` is a record that is there, with other content than was asked for."""


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one item of a batch.

    Args:
        operation: The item's logical operation.
        word: What was told of it.
        effect: What is claimed to have happened.
        error: Class of its error, if it has one.
        record: The record that its receipt names.
    """

    operation: str
    word: Word
    effect: EffectWord
    error: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A client makes a call.

    Args:
        at: Virtual seconds since the epoch, as everywhere in a history.
        call: Number of the call, from 1.
        client: Who.
        system: The system as configured.
        action: The action.
        operation: Name of the logical operation: calls with one name ask for the same thing. Empty for reads and
            for batches.
        digest: Of the request's whole content.
        deadline: Seconds within which it must answer.
        items: The logical operations of a batch's items, in order.
        supersedes: Names of operations on the same record that this one was asked after, having seen them answered.
        reworded: Whether it asks in another wording than the one that `Setting.wanted` describes.
        worker: The process that it asks; empty where that is not known.
    """

    at: float
    call: int
    client: str
    system: str
    action: str
    operation: str
    digest: str
    deadline: float
    items: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    reworded: bool = False
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A call answered, or its client went.

    Args:
        at: When.
        call: The call.
        word: The outcome.
        effect: What it claims.
        operation_id: The ledger's id, where one was told.
        error: Class of the error.
        code: The error's code.
        text: Everything of the answer that a person or a model reads.
        replayed: Whether it is an earlier result.
        retry_after: Seconds to wait, as told.
        value: The reply, JSON values.
        items: A batch's items.
        record: The record that its receipt names.
    """

    at: float
    call: int
    word: Word
    effect: EffectWord
    operation_id: str = ""
    error: str = ""
    code: str = ""
    text: str = ""
    replayed: bool = False
    retry_after: float | None = None
    value: Any = None
    items: tuple[Item, ...] = ()
    record: str = ""


@dataclass(frozen=True, slots=True)
class Attempted:
    """The adapter is told to send a write, or a read; one line for each item of a batch.

    Args:
        at: When.
        attempt: Number of the attempt, unique in the history; the items of one call share it.
        worker: The process.
        system: The system.
        action: The single action.
        operation: The logical operation; empty for reads.
        operation_id: The ledger's id.
        key: The idempotency key.
        digest: Of the request's content.
        number: The attempt's number within its operation's life.
        maybe_applied: Whether an earlier attempt may have landed.
    """

    at: float
    attempt: int
    worker: str
    system: str
    action: str
    operation: str
    operation_id: str
    key: str
    digest: str
    number: int
    maybe_applied: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What the adapter made of an attempt; one line for each item of a batch.

    Args:
        at: When.
        attempt: Which.
        operation: The logical operation.
        effect: `applied`, or the effect of the error it raised.
        error: Class of the error; empty for an acknowledgement.
        code: The error's code.
        retry_after: Seconds that the target asked for.
    """

    at: float
    attempt: int
    operation: str
    effect: EffectWord
    error: str = ""
    code: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """The adapter looked whether an operation landed.

    Args:
        at: When the answer was there.
        began: When the look began.
        worker: The process.
        system: The system.
        action: The single action.
        operation: The logical operation.
        operation_id: The ledger's id.
        finding: What it answered; `error` where it failed.
        read_lag: Seconds by which the declared read path may be behind.
        attempt: Its number, from the same count as the attempts.
    """

    at: float
    began: float
    worker: str
    system: str
    action: str
    operation: str
    operation_id: str
    finding: FindingWord
    read_lag: float = 0.0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Wire:
    """A request reached the simulator, or a fault struck the client's own process.

    Args:
        at: When.
        system: The system as configured.
        request: The simulator's name of the request, for example `create`; for a fault of the client, the step.
        lane: `read`, `write` or `auth`; `client` for a fault of the client.
        fault: Id of the fault that struck it, or empty.
        point: The fault's point.
        kind: The fault's kind.
        attempt: Number of the attempt or probe that caused it; 0 where that is not known.
        number: Its number, as its effects name it; 0 where they name none.
        digest: Of its address and body; empty where these are not known.
    """

    at: float
    system: str
    request: str
    lane: str
    fault: str = ""
    point: str = ""
    kind: str = ""
    attempt: int = 0
    number: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Replied:
    """A reply reached the adapter whole, over HTTP; what the adapter makes of it is another matter.

    Args:
        at: When it was there.
        worker: The process that it came to.
        system: The system.
        attempt: Number of the attempt or probe whose request it answers.
        status: Its status.
        size: Bytes of its body.
        retry_after: What it says in that header; empty if it has none.
    """

    at: float
    worker: str
    system: str
    attempt: int
    status: int
    size: int
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Journalled:
    """The ledger has durably written a state of an operation.

    Args:
        at: When.
        worker: The process that wrote it.
        operation: The logical operation.
        operation_id: The ledger's id.
        key: The idempotency key.
        status: The state.
        epoch: The fencing epoch under which it was written.
    """

    at: float
    worker: str
    operation: str
    operation_id: str
    key: str
    status: Status
    epoch: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A row that the ledger holds at the end; only those in which a canary was seen.

    Args:
        at: When it was read.
        table: The table.
        row: Its values, one line each.
    """

    at: float
    table: str
    row: str


@dataclass(frozen=True, slots=True)
class Compensated:
    """An operation was asked to undo another.

    Args:
        at: When.
        operation: The logical operation that undoes.
        undoes: The logical operation that is undone.
    """

    at: float
    operation: str
    undoes: str


@dataclass(frozen=True, slots=True)
class Spent:
    """An approval was used to let an operation run.

    Args:
        at: When.
        approval: The approval.
        operation: The logical operation.
        digest: Content of what ran.
        approved: Content that was approved.
    """

    at: float
    approval: str
    operation: str
    digest: str
    approved: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A person said yes or no, in a process of their own; written down before it is recorded anywhere."""

    at: float
    approval: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to everybody: `crash` or `pause` of a worker, `heal` of all targets, `settled`.

    Args:
        at: When.
        what: Which.
        who: The worker, if it happened to one.
    """

    at: float
    what: Literal["crash", "pause", "resume", "heal", "settled"]
    who: str = ""


Entry: TypeAlias = (
    Asked
    | Told
    | Attempted
    | Answered
    | Probed
    | Wire
    | Replied
    | Journalled
    | Compensated
    | Spent
    | Decided
    | Stored
    | Event
)
ENTRIES: Mapping[str, type[Any]] = {one.__name__: one for one in get_args(Entry)}
