"""A ledger with a bit of everything in its audit, and ways to write into it past Seawall."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seawall.audit.keeping import Checkpoints
from seawall.audit.report import Report
from seawall.audit.verifying import verify_ledger
from seawall.core.clock import Clock, Sources
from seawall.core.errors import BusinessRule, ReplyTimeout
from seawall.core.ledger import Ledger
from seawall.core.ledger.audit import BEGINNING, row_hash
from seawall.core.ledger.records import AttemptRow, DecisionRow, Intent, ProbeRow, Status, Verdict
from seawall.core.settings import AuditSettings, LedgerSettings
from seawall.keys import public_key

from .clock import FakeClock

OUTCOME = '{"value":{"id":"17"},"receipt":{"record":"17","proof":"reply","facts":{}}}'
REFUSED = json.dumps(BusinessRule("Ann Example is not known here", code="no_person").to_record())
LOST = json.dumps(ReplyTimeout("no answer came in time", code="timeout").to_record())


def intent(number: int, **changes: Any) -> Intent:
    """A request that is about a person."""
    made = Intent(
        id=f"op_{number}",
        system="crm",
        action="create_case",
        key=f"sw-{number}",
        identity=f'{{"reference":"A-{number}"}}',
        request=f'{{"reference":"A-{number}","text":"Ann Example wants {number}"}}',
        digest=f"{number:064}",
        principal="agent:support",
        adapter_version="salesforce 1",
        policy='{"decision":"allow","rule":"agents create","version":"v1"}',
        deadline_at=1_700_000_030.0,
    )
    return replace(made, **changes)


def attempt(number: int, *, epoch: int = 1, effect: str = "applied", error: str | None = None) -> AttemptRow:
    return AttemptRow(f"op_{number}", epoch, 1, "send", 1.5, 2.5, effect, error)


async def fill(one: Ledger, other: Ledger, clock: FakeClock) -> None:
    """Operations of every ending, by two processes.

    Args:
        one: The first process.
        other: The second.
        clock: Of both.
    """
    one.introduce({"policy": "v1", "configuration": "c1", "system crm": "salesforce 1"})
    await one.begin([intent(1)])
    await one.finish([Verdict("op_1", 1, Status.APPLIED, outcome=OUTCOME, attempts=(attempt(1),))])
    await one.begin([intent(2), intent(3, entity="record 3")])
    refused = Verdict("op_2", 1, Status.REJECTED, error=REFUSED, attempts=(attempt(2, effect="none", error=REFUSED),))
    lost = Verdict(
        "op_3",
        1,
        Status.UNKNOWN,
        error=LOST,
        sent_at=clock.now(),
        last_sent_at=clock.now(),
        next_check_at=clock.now(),
        attempts=(attempt(3, effect="maybe", error=LOST),),
    )
    await one.finish([refused, lost])
    await one.begin([intent(2, id="op_9", digest="f" * 64, request='{"reference":"A-2","text":"again"}')])
    await one.finish([Verdict("op_2", 2, Status.APPLIED, outcome=OUTCOME, attempts=(attempt(2, epoch=2),))])
    clock.advance(5.0)
    other.introduce({"policy": "v2", "configuration": "c2", "system crm": "salesforce 1"})
    (taken,) = await other.claim_due(limit=5)
    await other.finish(
        [
            Verdict(
                "op_3",
                taken.epoch,
                Status.PARKED,
                error=LOST,
                parked_because="nobody knows how long it may take",
                checked=True,
                probes=(ProbeRow("op_3", taken.epoch, 3.0, "cannot_tell", '{"reason":"the search is down"}'),),
                decisions=(DecisionRow("op_3", 3.5, "recovery", "Park", "nobody knows how long it may take"),),
            )
        ]
    )
    seen = DecisionRow("op_3", clock.now(), "ann", "resolved_applied", "Ann saw it", '{"evidence":"a list"}')
    await other.resolve(Verdict("op_3", taken.epoch, Status.APPLIED, outcome=OUTCOME), seen)
    await other.note([DecisionRow(None, clock.now(), "policy", "deny", "agent:x may not", '{"rule":"default"}')])
    await one.begin([intent(4)])
    await one.finish([Verdict("op_3", 1, Status.APPLIED, outcome=OUTCOME, attempts=(replace(attempt(3), number=2),))])


class Audited:
    """A ledger in a file, its exported checkpoints, and their key.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.exported = folder / "checkpoints.jsonl"
        self.key = Ed25519PrivateKey.generate()
        self.clock = FakeClock(start=1_700_000_000.0)
        self.settings = LedgerSettings(path=str(self.path), lease=30.0)

    async def open(self, clock: Clock | None = None) -> Ledger:
        sources = Sources(clock or self.clock)
        return await Ledger.open(self.settings, sources, inline=clock is None, heartbeat=False)

    def keeper(self, ledger: Ledger) -> Checkpoints:
        settings = AuditSettings(key="k", checkpoints=str(self.exported))
        return Checkpoints(ledger, settings, self.key, self.clock)

    async def checkpoint(self, *, times: int = 1) -> None:
        """Make checkpoints, each after something new, and export them."""
        for _ in range(times):
            one = await self.open()
            await one.note([DecisionRow(None, self.clock.now(), "policy", "deny", "not allowed")])
            keeper = self.keeper(one)
            assert await keeper.make() is not None
            assert await keeper.export() == 0
            await keeper.let_go()
            await one.close()

    async def fill(self) -> None:
        one, other = await self.open(), await self.open()
        await fill(one, other, self.clock)
        await one.close()
        await other.close()

    def verify(self, *, exported: Path | None = None, known: bool = True) -> Report:
        keys = [public_key(self.key)] if known else []
        return verify_ledger(self.settings, exported=exported or self.exported, keys=keys)

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """The file as whoever has the rights on it can write it."""
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            yield db
        finally:
            db.close()

    def do(self, statement: str, *values: Any) -> int:
        with self.sql() as db:
            return db.execute(statement, values).rowcount

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.sql() as db:
            return db.execute(query, values).fetchall()

    def chains(self) -> list[tuple[str, int]]:
        """The chains and their lengths, the longest first."""
        return self.ask("SELECT chain, max(number) FROM audit GROUP BY chain ORDER BY 2 DESC, 1")

    def seal_anew(self, chain: str, since: int = 1) -> None:
        """Give all rows of a chain from one on the numbers and hashes that belong to them."""
        rows = self.ask("SELECT number, at, body, hash FROM audit WHERE chain = ? ORDER BY number", chain)
        self.do("DELETE FROM audit WHERE chain = ?", chain)
        before = BEGINNING
        for place, (_, at, body, kept) in enumerate(rows, 1):
            before = row_hash(before, chain, place, at, body) if place >= since else kept
            self.do("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", chain, place, at, body, before)
