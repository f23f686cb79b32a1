"""The ledger with two holders against a model in plain Python."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.clock import FakeClock
from support.postgres_server import PostgresServer

from seawall.core.clock import Sources
from seawall.core.errors import BusinessRule
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Intent, Status, Verdict
from seawall.core.settings import LedgerSettings

from .conftest import Home, schema_of

LEASE = 30.0
TRUSTED = 24.0
KEYS = st.sampled_from(["k1", "k2", "k3"])
HOLDERS = st.sampled_from([0, 1])
REFUSED = json.dumps(BusinessRule("no").to_record())


@dataclass
class Row:
    status: Status
    epoch: int
    holder: int | None
    digest: str
    due: float = 0.0
    applied: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Whoever holds an operation may settle it, once; nobody else can change anything."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        settings, inline = self.place()

        async def opened() -> list[Ledger]:
            return [await Ledger.open(settings, Sources(self.clock), inline=inline, heartbeat=False) for _ in range(2)]

        self.ledgers = self.runner.run(opened())
        self.rows: dict[str, Row] = {}
        self.beats: list[float | None] = [None, None]
        self.held: list[dict[str, int]] = [{}, {}]
        self.count = 0

    def place(self) -> tuple[LedgerSettings, bool]:
        """The ledger's settings, and whether it works in the calling thread."""
        return LedgerSettings(path=str(Path(self.folder.name) / "l.db"), lease=LEASE), True

    def teardown(self) -> None:
        if hasattr(self, "ledgers"):
            for one in self.ledgers:
                self.runner.run(one.close())
            self.runner.close()
            self.folder.cleanup()

    def alive(self, holder: int | None) -> bool:
        beat = None if holder is None else self.beats[holder]
        return beat is not None and beat >= self.clock.now() - LEASE

    @rule(who=HOLDERS, key=KEYS, digest=st.sampled_from(["d1", "d2"]))
    def begin(self, who: int, key: str, digest: str) -> None:
        self.count += 1
        intent = Intent(
            id=f"op_{self.count}", system="crm", action="add", key=key, identity="{}", request="{}", digest=digest,
            principal="p", adapter_version="1", policy="{}", deadline_at=0.0, replay_rejections=50.0,
        )  # fmt: skip
        (answer,) = self.runner.run(self.ledgers[who].begin([intent]))
        beat = self.beats[who]
        if beat is None or self.clock.now() - beat >= TRUSTED:
            self.beats[who] = self.clock.now()
        row = self.rows.get(key)
        anew = (
            row is not None
            and row.status is Status.REJECTED
            and (row.digest != digest or row.due + 50.0 <= self.clock.now())
        )
        assert answer.fresh == (row is None or anew)
        if answer.fresh:
            epoch = 1 if row is None else row.epoch + 1
            self.rows[key] = Row(Status.RUNNING, epoch, who, digest, applied=0 if row is None else row.applied)
            self.held[who][key] = epoch
        assert answer.operation.epoch == self.rows[key].epoch
        assert answer.operation.status is self.rows[key].status

    @rule(who=HOLDERS, key=KEYS, status=st.sampled_from([Status.APPLIED, Status.REJECTED, Status.UNKNOWN]))
    def finish(self, who: int, key: str, status: Status) -> None:
        row, epoch = self.rows.get(key), self.held[who].pop(key, None)
        if row is None or epoch is None:
            return
        found = self.runner.run(self.ledgers[who].find(limit=10))
        operation = next(one for one in found if one.key == key)
        verdict = Verdict(operation.id, epoch, status, error=REFUSED, next_check_at=self.clock.now() + 20.0)
        (recorded,) = self.runner.run(self.ledgers[who].finish([verdict]))
        may = row.holder == who and row.epoch == epoch and row.status in (Status.RUNNING, Status.UNKNOWN)
        assert recorded == may
        if may:
            due = self.clock.now() + (20.0 if status is Status.UNKNOWN else 0.0)
            applied = row.applied + (status is Status.APPLIED)
            self.rows[key] = replace(row, status=status, holder=None, due=due, applied=applied)

    @rule(who=HOLDERS)
    def claim(self, who: int) -> None:
        claimed = {one.key: one.epoch for one in self.runner.run(self.ledgers[who].claim_due(limit=10))}
        now = self.clock.now()
        lapsed = {
            key
            for key, row in self.rows.items()
            if not self.alive(row.holder)
            and (row.status is Status.RUNNING or (row.status is Status.UNKNOWN and row.due <= now))
        }
        # Whoever looks shows life by it, and so keeps what it holds itself.
        assert set(claimed) == {key for key in lapsed if self.rows[key].holder != who}
        if lapsed:
            self.beats[who] = now
        for key, epoch in claimed.items():
            row = self.rows[key]
            assert epoch == row.epoch + 1
            due_at = now if row.status is Status.RUNNING else row.due
            self.rows[key] = replace(row, status=Status.UNKNOWN, epoch=epoch, holder=who, due=due_at)
            self.held[who][key] = epoch

    @rule(who=HOLDERS, key=KEYS)
    def hold(self, who: int, key: str) -> None:
        epoch = self.held[who].get(key)
        if epoch is None:
            return
        found = self.runner.run(self.ledgers[who].find(limit=10))
        operation = next(one for one in found if one.key == key)
        row = self.rows[key]
        still = row.holder == who and row.epoch == epoch
        assert self.runner.run(self.ledgers[who].hold(operation.id, epoch)) == still
        self.beats[who] = self.clock.now()
        if not still:
            del self.held[who][key]

    @rule(seconds=st.sampled_from([5.0, 20.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def trusted_lease_covers_everything_held(self) -> None:
        for who, held in enumerate(self.held if hasattr(self, "ledgers") else []):
            if self.ledgers[who].lease_is_fresh():
                assert {key: epoch for key, epoch in held.items() if self.rows[key].holder == who} == held
                assert all(self.rows[key].epoch == epoch for key, epoch in held.items())

    @invariant()
    def model_and_ledger_agree(self) -> None:
        if not hasattr(self, "ledgers"):
            return
        found = {one.key: (one.status, one.epoch) for one in self.runner.run(self.ledgers[0].find(limit=10))}
        assert found == {key: (row.status, row.epoch) for key, row in self.rows.items()}
        assert all(row.applied <= 1 for row in self.rows.values()), "nothing is applied twice"


def test_ledger_on_postgresql_agrees_with_the_model(postgres: PostgresServer, remote_home: Home) -> None:
    class Remote(LedgerMachine):
        def place(self) -> tuple[LedgerSettings, bool]:
            return Home(url=schema_of(postgres)).settings(lease=LEASE), False

    run_state_machine_as_test(
        Remote, settings=hypothesis_settings(max_examples=20, stateful_step_count=30, deadline=None)
    )


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = hypothesis_settings(max_examples=25, stateful_step_count=30, deadline=None)
