"""Whether approvals are used as people gave them: each once, for what they saw, and only what they said yes to."""

from __future__ import annotations

from ..entries import Answered, Attempted, Decided, Journalled, Probed, Spent
from ..verdicts import Witness
from .record import Record
from .witnesses import witness


def approvals(record: Record) -> list[Witness]:
    """Approvals that nobody gave, or that were spent more than once, or on other content; and none at all.

    One is given back where nothing happened: every attempt since it was spent is answered so, or was looked for.
    """
    found: list[Witness] = []
    spent: dict[str, str] = {}  # approval → operation
    given: set[str] = set()
    may_run: set[str] = set()
    in_doubt: dict[str, set[int]] = {}  # operation → attempts of which nobody knows what they did

    def say(says: str, name: str) -> None:
        operation = record.operations.get(name)
        found.append(Witness(says, name) if operation is None else witness(record, operation, says))

    for entry in record.history.entries:
        match entry:
            case Decided() if entry.approved:
                given.add(entry.approval)
            case Spent():
                if entry.approval in spent:
                    say(f"approval {entry.approval} was spent twice", entry.operation)
                elif entry.digest != entry.approved:
                    say(f"approval {entry.approval} was spent on other content", entry.operation)
                elif entry.approval not in given:
                    say(f"approval {entry.approval} was spent, and nobody had given it", entry.operation)
                spent[entry.approval] = entry.operation
                may_run.add(entry.operation)
            case Journalled() if entry.status in ("held", "rejected"):
                may_run.discard(entry.operation)
                if entry.status == "held" and not in_doubt.get(entry.operation):
                    spent = {approval: name for approval, name in spent.items() if name != entry.operation}
            case Attempted():
                in_doubt.setdefault(entry.operation, set()).add(entry.attempt)
                asks = entry.action in record.setting.approved.get(entry.system, ())
                if asks and entry.operation not in may_run:
                    say("it was sent, and nobody had approved it", entry.operation)
            case Answered() if entry.effect == "none":
                in_doubt.get(entry.operation, set()).discard(entry.attempt)
            case Probed() if entry.finding == "absent":
                in_doubt.pop(entry.operation, None)
            case _:
                pass
    return found
