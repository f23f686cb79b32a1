"""The breaker against a model that is written out in full."""

from __future__ import annotations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from support.clock import FakeClock

from seawall.core.breaker import Breaker, Permit
from seawall.core.settings import BreakerSettings

# The lease outlives the reset time, so that a hung probe of one half-open period is still out in the next.
FAILURES, RESET_AFTER, PROBES, SUCCESSES, LEASE, KEEP = 2, 10.0, 2, 2, 12.0, 1.0


class BreakerMachine(RuleBasedStateMachine):
    """Callers come, settle in any order and late, a person intervenes, time passes."""

    running: Bundle[Permit] = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breaker = Breaker(
            BreakerSettings(
                failures=FAILURES, reset_after=RESET_AFTER, probes=PROBES, successes=SUCCESSES, probe_lease=LEASE
            ),
            self.clock,
            keep=KEEP,
        )
        self.heard: list[tuple[str, str]] = []
        self.breaker.listeners.append(lambda old, new, _: self.heard.append((old, new)))
        self.state, self.generation = "closed", 0
        self.failures = self.successes = 0
        self.opened_at = 0.0
        self.wanted = False
        self.probes: dict[Permit, float] = {}
        self.began: dict[Permit, tuple[int, float | None]] = {}
        self.changes: list[tuple[str, str]] = []

    def move(self, state: str) -> None:
        if state != self.state:
            self.changes.append((self.state, state))
        self.state, self.generation = state, self.generation + 1
        self.failures = self.successes = 0
        self.probes = {}
        if state == "open":
            self.opened_at = self.clock.monotonic()
        if state == "closed":
            self.wanted = False

    def running_probes(self) -> list[float]:
        return [until for until in self.probes.values() if until > self.clock.monotonic()]

    def free_places(self, *, by_recovery: bool) -> int:
        since_due = self.clock.monotonic() - (self.opened_at + RESET_AFTER)
        if since_due < 0:
            return 0
        kept = 1 if self.wanted and not by_recovery and since_due < KEEP else 0
        return PROBES - kept - len(self.running_probes())

    @rule(target=running, by_recovery=st.booleans())
    def admit(self, by_recovery: bool) -> Permit | MultipleResults[Permit]:
        now = self.clock.monotonic()
        closed = self.state == "closed"
        allowed = closed or self.free_places(by_recovery=by_recovery) > 0
        if by_recovery and not closed:
            self.wanted = not allowed
        if self.state == "open" and allowed:
            self.move("half_open")
        permit = self.breaker.admit_probe() if by_recovery else self.breaker.admit()
        assert (permit is not None) == allowed
        if permit is None:
            return multiple()
        until = now + LEASE if self.state == "half_open" else None
        self.began[permit] = (self.generation, until)
        if until is not None:
            self.probes[permit] = until
        return permit

    @rule(permit=consumes(running), result=st.sampled_from(["succeed", "fail", "release"]))
    def settle(self, permit: Permit, result: str) -> None:
        getattr(permit, result)()
        permit.fail()  # says nothing any more: a permit counts once
        generation, until = self.began.pop(permit)
        self.probes.pop(permit, None)
        late = until is not None and until <= self.clock.monotonic()
        if generation != self.generation or late or result == "release":
            return
        if self.state == "closed":
            self.failures = self.failures + 1 if result == "fail" else 0
            if self.failures == FAILURES:
                self.move("open")
        elif result == "fail":
            self.move("open")
        else:
            self.successes += 1
            if self.successes == SUCCESSES:
                self.move("closed")

    @initialize(tripped=st.booleans())
    def start(self, tripped: bool) -> None:
        if tripped:
            self.intervene("trip", rarity=0)

    @rule(by_hand=st.sampled_from(["trip", "reset"]), rarity=st.integers(0, 3))
    def intervene(self, by_hand: str, rarity: int) -> None:
        if rarity:
            return  # rarely, or nothing else is ever reached
        getattr(self.breaker, by_hand)("a person")
        self.move("open" if by_hand == "trip" else "closed")

    @rule(seconds=st.sampled_from([0.5, 11.5, None, None]))  # exact in binary, so that sums meet the limits exactly
    def wait(self, seconds: float | None) -> None:
        self.clock.advance(self.time_to_ask_again() if seconds is None else seconds)

    def time_to_ask_again(self, *, by_recovery: bool = False) -> float:
        """By trying: the next time of those at which something ends where a caller would be let in."""
        if self.state == "closed":
            return 0.0
        now, due = self.clock.monotonic(), self.opened_at + RESET_AFTER
        for at in sorted([now, *(at for at in (due, due + KEEP, *self.running_probes()) if at > now)]):
            self.clock._elapsed = at
            free = self.free_places(by_recovery=by_recovery)
            self.clock._elapsed = now
            if free > 0:
                return at - now
        raise AssertionError("nobody would ever be let in again")

    @invariant()
    def states_and_changes_agree(self) -> None:
        assert self.breaker.state == self.state
        assert self.heard == self.changes

    @invariant()
    def times_agree(self) -> None:
        assert self.breaker.retry_after() == self.time_to_ask_again()
        assert self.breaker.retry_after(recovery=True) == self.time_to_ask_again(by_recovery=True)


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = hypothesis_settings(max_examples=150, stateful_step_count=30, deadline=None)
