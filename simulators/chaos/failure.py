"""The text of a failure: what is broken, how small it became, what happened, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterator

from .entries import Attempted, Wire
from .failing import Found
from .history import History
from .scenario import Scenario
from .tally import planned_in


def failure_text(found: Found, *, name: str | None = None, replay: str = "", keep: str = "") -> str:
    """The text.

    Args:
        found: The failure.
        name: What stands before the invariant; the subject if None.
        replay: The command that plays it again.
        keep: How it becomes a regression test.
    """
    return "\n".join(_lines(found, name, replay, keep))


def _lines(found: Found, name: str | None, replay: str, keep: str) -> Iterator[str]:
    shrunk, verdict = found.shrunk, found.verdict
    scenario = shrunk.scenario
    before = scenario.subject if name is None else name
    if verdict is None:
        yield f"{before}: every promise held"
        yield from _idle(found.episode.history)
        return
    witness = verdict.witnesses[0] if verdict.witnesses else None
    says = "" if witness is None else f": {witness.says}"
    yield f"{before}  I{int(verdict.invariant)} {verdict.invariant.title}{says}".lstrip()
    from_what = f"{of(shrunk.calls, 'op')}, {of(shrunk.faults, 'fault')}"
    smaller = f"{of(len(scenario.calls), 'op')}, {of(len(scenario.plan.faults), 'fault')}"
    if scenario.calls and shrunk.runs == 1:
        yield f"as it is: {smaller}"
    elif scenario.calls:
        yield f"minimal: {smaller} (from {from_what}; {of(shrunk.runs, 'run')}, {found.seconds:.1f} s)"
    else:  # a test's own script is not made smaller
        yield f"as written: {from_what}"
    yield from (f"  {line}" for line in _what(scenario))
    yield from (f"  # {note}" for note in shrunk.notes)
    if witness is not None:
        yield from (f"  {line}" for line in witness.lines)
        yield from (f"  {line}" for line in _what_changed(found.episode.history, witness.operation))
    yield from _idle(found.episode.history)
    if replay:
        yield f"replay:  {replay}"
    if keep:
        yield f"keep:    {keep}"


def _what(scenario: Scenario) -> Iterator[str]:
    for call in scenario.calls:
        yield f"{call.action} #{call.sample}" + (f", again up to {of(call.again, 'time')}" if call.again else "")
    for fault in scenario.plan.faults:
        where = ", ".join(fault.match.operations) or "anything"
        params = " ".join(f"{name}={value}" for name, value in fault.params.items())
        trigger = "" if fault.trigger.nth is None else f" (number {fault.trigger.nth})"
        yield f"{fault.point}/{fault.kind} at {where}{trigger} {params}".rstrip()
    for mishap in scenario.mishaps:
        yield f"{mishap.what} of process {mishap.worker + 1} at {mishap.at} s for {mishap.seconds} s"
    if (people := scenario.people) is not None:
        what = ", ".join(people.actions) or "every write"
        says_no = f", and say no with the chance {people.rejects:g}" if people.rejects else ""
        yield f"people must approve {what}, decide after {people.after:g} s{says_no}"


def _what_changed(history: History, operation: str) -> Iterator[str]:
    """What was not the same in all attempts of an operation."""
    attempts = [one for one in history.of(Attempted) if operation and one.operation == operation]
    for what, values in (
        ("key", [f"…{one.key[-6:]}" for one in attempts]),
        ("content", [one.digest[:8] for one in attempts]),
        ("process", [one.worker for one in attempts]),
    ):
        if len(different := dict.fromkeys(values)) > 1:
            yield f"{what} changed between attempts: {', '.join(different)}"


def _idle(history: History) -> Iterator[str]:
    struck = {wire.fault for wire in history.of(Wire)}
    if idle := [f"{name} ({one.point}/{one.kind})" for name, one in planned_in(history) if name not in struck]:
        yield f"planned, and never struck: {', '.join(idle)}"


def of(count: int, what: str) -> str:
    """A count and its noun."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
