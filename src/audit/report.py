"""What a verification found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "altered",
    "hash_altered",
    "exchanged",
    "missing",
    "truncated",
    "chain_missing",
    "rewritten",
    "unreadable",
    "checkpoint_forged",
    "checkpoint_missing",
    "checkpoints_old",
    "checkpoints_differ",
    "row_altered",
    "row_missing",
    "row_added",
    "bundle_altered",
]
MOST = 1000
"""Faults that are told one by one; more are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was.

    Args:
        kind: What was done, in a word.
        where: The row: `audit CHAIN 17`, `operations op_…`, `checkpoint 3`.
        said: What is wrong, in one sentence.
        since: Seconds since the epoch before which it was still right, as far as that is proven; else None.
    """

    kind: Kind
    where: str
    said: str
    since: float | None = None


@dataclass(slots=True)
class Report:
    """What a verification found.

    Args:
        faults: What is wrong, in the order in which it was found.
        more: How many faults beyond these there are.
        chains: Chain → how many rows of it are intact from its first on, and how many it has.
        rows: Rows of the audit.
        events: Events in them.
        operations: Operations that were compared with the audit; None where only the audit was looked at.
        erased: Operations whose content was erased, so that only what stays could be compared.
        older: Rows from before the audit began, by table; nothing proves them.
        checkpoints: Checkpoints that were believed.
        covered_until: When the last of them was made; None without any.
        uncovered: Rows that no checkpoint covers: they could be cut off together with what they tell.
        keys: Public keys that the checkpoints are signed with.
        key_confirmed: Whether a key was given to compare these with.
    """

    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    chains: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0
    events: int = 0
    operations: int | None = None
    erased: int = 0
    older: dict[str, int] = field(default_factory=dict)
    checkpoints: int = 0
    covered_until: float | None = None
    uncovered: int = 0
    keys: tuple[str, ...] = ()
    key_confirmed: bool = False

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong, as far as that can be known."""
        return not self.faults

    def fault(self, kind: Kind, where: str, said: str, since: float | None = None) -> None:
        """Note a fault."""
        if len(self.faults) < MOST:
            self.faults.append(Fault(kind, where, said, since))
        else:
            self.more += 1

    def limits(self) -> list[str]:
        """What this cannot know, in words."""
        told = []
        if not self.checkpoints:
            told.append(
                "There is no checkpoint: whoever can write the ledger could have written it all anew, hashes included."
            )
        else:
            told.append(
                f"{self.uncovered} rows came after the last checkpoint that names their chain: these could be cut off, "
                "together with what they tell, without a trace."
            )
        if self.checkpoints and not self.key_confirmed:
            told.append("No public key was given: whether the checkpoints are signed by the right one is not checked.")
        if any(self.older.values()):
            rows = ", ".join(f"{count} {table}" for table, count in self.older.items() if count)
            told.append(f"Older than the audit, and not proven by it: {rows}.")
        if self.erased:
            told.append(f"The content of {self.erased} operations was erased: what they were about cannot be compared.")
        if self.operations is None:
            told.append("Only the audit was looked at, not the tables that it tells of.")
        return told

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        told = {"intact": self.intact, **asdict(self)}
        chains = {name: {"intact": good, "rows": rows} for name, (good, rows) in self.chains.items()}
        return told | {"chains": chains, "limits": self.limits()}
