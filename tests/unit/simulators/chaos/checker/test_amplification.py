"""Breakers, Retry-After headers and requests that are made again, held against hand-made histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    Answered,
    Asked,
    Attempted,
    Entry,
    Event,
    Probed,
    Replied,
    Setting,
    SystemFacts,
    Told,
    Wire,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant

FACTS = SystemFacts({}, 4, 0.1, 100.0, breaker_failures=3, breaker_reset=30.0)
SETTING = Setting("toy", 0, {}, {"toy": FACTS})
I7 = (Invariant.BOUNDED_AMPLIFICATION,)


def broken(*entries: Entry, setting: Setting = SETTING) -> tuple[Invariant, ...]:
    asked = [Asked(0, n, "c1", "toy", "get", "", "d", 1000.0) for n in range(1, 10)]
    told = [Told(900, n, "rejected", "none", error="ConnectFailed") for n in range(1, 10)]
    return check(History(setting, [*asked, *entries, *told]), {"toy": []}).broken


def told(history: History) -> list[str]:
    return [one.says for verdict in check(history, {"toy": []}).verdicts for one in verdict.witnesses]


def begun(number: int, at: float, worker: str = "w1", attempt: int = 1) -> Attempted:
    return Attempted(at, number, worker, "toy", "get", "", "", "", "d", attempt)


def lost(number: int, at: float, kind: str = "refused", lane: str = "read", worker: str = "w1") -> list[Entry]:
    """A read that began then, and failed at once."""
    return [
        begun(number, at, worker),
        Wire(at, "toy", "get", lane, "f", "connect", kind, number),
        Answered(at, number, "", "none", "ConnectFailed"),
    ]


def answered(number: int, at: float, worker: str = "w1") -> list[Entry]:
    return [begun(number, at, worker), Wire(at, "toy", "get", "read", attempt=number), Answered(at, number, "", "none")]


THREE: list[Entry] = [*lost(1, 1), *lost(2, 2), *lost(3, 3)]


def test_process_that_goes_on_after_so_many_outages_in_a_row_has_no_breaker() -> None:
    assert broken(*THREE) == ()
    assert broken(*THREE, *lost(4, 4)) == I7
    assert broken(*THREE, *answered(4, 32.9)) == I7


def test_finding_of_a_breaker_names_the_adapters_errors_too() -> None:
    (says,) = (says for says in told(History(SETTING, [*THREE, *lost(4, 4)])) if "its breaker is not open" in says)
    assert says.endswith("or the adapter's errors do not say that they are outages")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(lost(4, 33.1), id="when it may look again"),
        pytest.param(lost(4, 4, worker="w2"), id="another process, with a breaker of its own"),
        pytest.param(
            [Event(3, "pause", "w1"), Event(20, "resume", "w1"), *lost(4, 20)], id="let through before a pause"
        ),
        pytest.param(answered(4, 3), id="at the same time"),
    ],
)
def test_what_an_open_breaker_does_not_hold_back_is_no_finding(more: list[Entry]) -> None:
    assert broken(*THREE, *more) == ()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([*lost(1, 1), *answered(2, 2), *lost(3, 3)], id="an answer between"),
        pytest.param([*lost(1, 1), *lost(2, 2, kind="hang"), *lost(3, 3)], id="perhaps no time of its own"),
        pytest.param([*lost(1, 1), *lost(2, 2, lane="auth"), *lost(3, 3)], id="a login that many waited for"),
        pytest.param([*lost(1, 1), begun(2, 2), *lost(3, 3), *lost(2, 3)[1:]], id="at the same time as another"),
        pytest.param(
            [*lost(1, 1), begun(2, 2), Wire(2, "toy", "find", "read", attempt=2), *lost(2, 2)[1:], *lost(3, 3)],
            id="something was answered",
        ),
    ],
)
def test_outages_that_a_breaker_may_count_otherwise_do_not_open_it(before: list[Entry]) -> None:
    assert broken(*before, *answered(4, 4)) == ()


def test_trial_that_fails_keeps_the_breaker_open_and_one_that_is_answered_closes_it() -> None:
    assert broken(*THREE, *lost(4, 40), *lost(5, 41)) == I7
    assert broken(*THREE, *answered(4, 40), *lost(5, 41), *lost(6, 42)) == ()


def test_looks_count_as_everything_else_does() -> None:
    look = Probed(4, 3.5, "w1", "toy", "add", "", "op", "error", attempt=7)
    wire = Wire(3.5, "toy", "find", "read", "f", "connect", "refused", 7)
    assert broken(*lost(1, 1), *lost(2, 2), wire, look, *lost(4, 5)) == I7
    assert broken(*THREE, replace(wire, fault="", kind=""), replace(look, finding="absent")) == I7


def test_history_that_does_not_know_how_long_breakers_stay_open_allows_all() -> None:
    old = replace(SETTING, systems={"toy": replace(FACTS, breaker_reset=0.0)})
    assert broken(*THREE, *lost(4, 4), setting=old) == ()


def throttled(value: str, at: float = 1.0) -> list[Entry]:
    return [
        begun(1, at),
        Wire(at, "toy", "get", "read", attempt=1, digest="d1"),
        Replied(at, "w1", "toy", 1, 429, 10, value),
        Answered(at, 1, "", "none", "Throttled"),
    ]


@pytest.mark.parametrize("value", ["20", "20.0", "Thu, 01 Jan 1970 00:00:22 GMT"])
def test_request_before_the_time_in_a_header_is_a_finding_although_no_error_speaks_of_it(value: str) -> None:
    assert broken(*throttled(value), *answered(2, 20)) == I7
    assert broken(*throttled(value), *answered(2, 22)) == ()
    assert broken(*throttled(value), *answered(2, 20, worker="w2")) == ()


@pytest.mark.parametrize(
    "value",
    [
        *("soon", "-5", "nan", "inf", "0", "", "1_0", "1e1", "\u0662\u0660", "9" * 400),
        "Fri, 31 Dec 99999999999 23:59:59 GMT",
        "Fri, 31 Dec 9999 99:59:59 GMT",
    ],
)
def test_header_that_asks_for_nothing_binds_nobody(value: str) -> None:
    assert broken(*throttled(value), *answered(2, 2)) == ()


@pytest.mark.parametrize("status", [200, 202, 303])
def test_header_of_a_reply_that_is_no_error_binds_nobody(status: int) -> None:
    start, wire, header, end = throttled("20")
    assert isinstance(header, Replied)
    assert broken(start, wire, replace(header, status=status), end, *answered(2, 2)) == ()


@pytest.mark.parametrize("value", ["20", ""])
def test_what_was_let_through_before_a_pause_is_no_finding(value: str) -> None:
    start, wire, header, end = throttled(value)
    assert isinstance(end, Answered)
    asked = [start, wire, header, replace(end, retry_after=20.0)]
    pause = [Event(1, "pause", "w1"), Event(10, "resume", "w1")]
    assert broken(*asked, *answered(2, 10)) == I7
    assert broken(*asked, *pause, *answered(2, 10)) == ()
    assert broken(*asked, *[replace(one, who="w2") for one in pause], *answered(2, 10)) == I7


def test_same_early_request_is_told_once() -> None:
    start, wire, header, end = throttled("20")
    assert isinstance(end, Answered)
    history = History(SETTING, [start, wire, header, replace(header, at=1.5), replace(end, at=1.5, retry_after=20.0)])
    history.entries += answered(2, 10)
    assert [says for says in told(history) if "asked to" in says] == ["w1 sent to toy 11.5 s before it was asked to"]


def test_header_that_asks_for_more_than_is_allowed_is_cut() -> None:
    short = replace(SETTING, systems={"toy": replace(FACTS, longest_retry_after=10.0)})
    assert broken(*throttled("1000"), *answered(2, 12), setting=short) == ()
    assert broken(*throttled("1000"), *answered(2, 10), setting=short) == I7


def test_what_was_under_way_when_the_header_came_is_no_finding() -> None:
    assert broken(begun(2, 0.5), *throttled("20"), Wire(5, "toy", "get", "read", attempt=2)) == ()


def test_adapter_that_waits_within_its_attempt_must_wait_long_enough() -> None:
    start, wire, header, end = throttled("20")
    again = Wire(5, "toy", "get", "read", attempt=1, digest="d1")
    assert broken(start, wire, header, again, replace(end, at=5.0)) == I7
    assert broken(start, wire, header, replace(again, at=1.0), replace(end, at=5.0)) == I7
    assert broken(start, wire, header, replace(again, at=21.0), replace(end, at=21.0)) == ()


def test_date_says_nothing_once_a_clock_jumped() -> None:
    jump = Wire(0.5, "toy", "call", "client", "f2", "call", "clock_jump")
    assert broken(jump, *throttled("Thu, 01 Jan 1970 00:00:22 GMT"), *answered(2, 20)) == ()


@pytest.mark.parametrize("lane", ["read", "write"])
def test_same_request_again_after_a_failure_within_one_attempt_is_a_finding(lane: str) -> None:
    first = Wire(1, "toy", "get", lane, "f", "send", "reset", 1, digest="d1")
    again = Wire(2, "toy", "get", lane, attempt=1, digest="d1")
    assert I7[0] in broken(begun(1, 1), first, again)
    for other in (
        replace(again, digest="d2"),
        replace(again, attempt=2),
        replace(again, request="find"),
    ):
        assert I7[0] not in broken(begun(1, 1), first, other)
    for kind in ("session_expired", "wrong_content_type", "slow"):
        assert I7[0] not in broken(begun(1, 1), replace(first, kind=kind), again)
    assert I7[0] not in broken(begun(1, 1), replace(first, fault="", kind=""), again)  # it may wait for something
    assert I7[0] not in broken(begun(1, 1), replace(first, digest=""), replace(again, digest=""))


def test_reads_have_no_more_attempts_than_writes() -> None:
    assert broken(begun(1, 1, attempt=4)) == ()
    assert broken(begun(1, 1, attempt=5)) == I7
