"""The pytest plugin: fixtures, a mark and flags, for suites that want to prove or break an adapter.

Nothing of the kit is imported before a test asks for it, so that suites that do not are as quick as before.
"""

from __future__ import annotations

import inspect
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .marked import MARK, MarkError, files, merged

if TYPE_CHECKING:
    from .scripted import Chaos, EffectLogs
    from .virtual_clock import VirtualClock


_KEPT = "tests/chaos/regressions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags."""
    group = parser.getgroup("chaos", "chaos kit (seawall)")
    group.addoption("--chaos-seed", type=int, default=0, help="the first seed")
    group.addoption("--chaos-runs", type=int, default=None, help="how many seeds, in place of what the mark says")
    group.addoption("--chaos-plan", metavar="FILE", help="this fault plan, in place of those that the mark names")
    group.addoption("--chaos-replay", metavar="FILE", help="this scenario, in place of drawn ones")
    group.addoption("--chaos-budget", metavar="TIME", help="skip what has not begun after this time, such as 30s")
    group.addoption("--chaos-report", metavar="FILE", help="write a report, one HTML file, here")
    group.addoption(
        "--chaos-keep",
        metavar="FOLDER",
        nargs="?",
        const=_KEPT,
        help=f"keep the smallest failing scenarios in this folder ({_KEPT} of the suite if none is named), as "
        "regression tests; name it as --chaos-keep=FOLDER, or after the tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The mark, and when the budget began."""
    config.addinivalue_line("markers", MARK)
    config.stash[_BEGAN] = time.monotonic()
    if text := config.getoption("--chaos-budget"):
        from .budget import seconds_of

        try:
            config.stash[_BUDGET] = seconds_of(text)
        except ValueError as error:
            raise pytest.UsageError(f"--chaos-budget {error}") from None
    if (runs := config.getoption("--chaos-runs")) is not None and runs < 1:
        raise pytest.UsageError(f"--chaos-runs takes a number of at least 1, not {runs}")
    for flag in ("--chaos-plan", "--chaos-replay"):
        if (file := config.getoption(flag)) and not Path(file).is_file():
            raise pytest.UsageError(f"{flag} names {file}, and there is no such file")
    if report := config.getoption("--chaos-report"):
        _check_writable("--chaos-report", Path(report))
    if config.getoption("--chaos-keep"):
        folder = _keep_in(config)
        if folder.is_file() or any(folder.glob("*.py")):
            raise pytest.UsageError(f"--chaos-keep would keep scenarios in {folder}: write --chaos-keep=FOLDER")
        _check_writable("--chaos-keep", folder / "scenario.yaml")


def _keep_in(config: pytest.Config) -> Path:
    """Where the smallest failing scenarios go; what the flag names is from where one works, as everywhere."""
    named = config.getoption("--chaos-keep")
    return config.rootpath / (named or ".chaos") if named in (None, _KEPT) else Path.cwd() / named


def _check_writable(flag: str, path: Path) -> None:
    from .writable import must_be_writable

    try:
        must_be_writable(path)
    except OSError as error:
        raise pytest.UsageError(f"{flag} names what cannot be written: {error}") from None


_BUDGET = pytest.StashKey[float]()
_BEGAN = pytest.StashKey[float]()
_COLLECTED = pytest.StashKey[Any]()
_PLAYED = pytest.StashKey[Any]()
_KNOWN = pytest.StashKey[dict[Any, Any]]()  # what was seen of the actions that a test's episodes are made of
_OVER = pytest.StashKey[bool]()  # the session ends: a test whose fixtures are still there was interrupted
_CUT_SHORT = pytest.StashKey[list[str]]()  # what such tests had found, which no test's report can tell any more
_CASE = {"plan": "plan", "seed": "seed", "scenario": "replay"}  # what a case is made of, and the flags for it


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each plan and seed, or scenario, of its marks."""
    definition = metafunc.definition
    if definition.get_closest_marker("chaos") is None:
        return
    try:
        said = merged(definition.iter_markers("chaos"))
        if "chaos" not in metafunc.fixturenames:
            _check_used(metafunc)
            return
        cases = list(_cases(said, metafunc.config))
    except MarkError as error:
        raise pytest.Collector.CollectError(f"{definition.nodeid}: {error}") from None
    metafunc.parametrize("chaos", cases, ids=[case["id"] for case in cases], indirect=True)


def _check_used(metafunc: pytest.Metafunc) -> None:
    asks = inspect.signature(metafunc.function).parameters
    if "request" not in asks and any(mark.name == "chaos" for mark in metafunc.definition.own_markers):
        raise MarkError("the chaos mark has no effect on a test that does not take the fixture `chaos`")


def _cases(said: Mapping[str, Any], config: pytest.Config) -> Iterator[dict[str, Any]]:
    if replay := config.getoption("--chaos-replay"):
        yield {"scenario": replay, "id": Path(replay).name}
        return
    first, runs, only = (config.getoption(f"--chaos-{flag}") for flag in ("seed", "runs", "plan"))
    marked = said.get("seeds", 1)
    seeds = range(first, first + (marked if runs is None or not marked else runs))
    named = [only] if only else [*files("plans", said.get("plans", ()), config.rootpath)]
    for plan in named or (None,):
        before = f"{Path(plan).stem} " if plan else ""
        yield from ({"plan": plan, "seed": seed, "id": f"{before}seed={seed}"} for seed in seeds)
    for file in files("scenarios", said.get("scenarios", ()), config.rootpath):
        yield {"scenario": file, "id": Path(file).stem}


@pytest.fixture
def virtual_clock() -> Iterator[VirtualClock]:
    """A virtual clock, with a way to run coroutines under it."""
    from .virtual_clock import VirtualClock

    clock = VirtualClock()
    yield clock
    clock.close()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """When a test's own words are over, the checker has its say, so that what it finds is a failure of that test."""
    try:
        result = yield
    except (Exception, pytest.fail.Exception) as error:
        if (made := pyfuncitem.stash.get(_PLAYED, None)) is None:
            raise
        replayed = pyfuncitem.config.getoption("--chaos-replay")
        if replayed and type(error).__name__ == "OtherSubjectError":
            made.leave_unjudged()
            raise pytest.skip.Exception(f"{replayed}: {error}") from None
        if made.source and type(error).__name__ in ("PlanError", "OtherSubjectError"):
            # What is wrong is in that file, and not in the test.
            made.leave_unjudged()
            raise pytest.fail.Exception(f"{made.source}: {error}", pytrace=False) from None
        for text in made.verdict():
            pyfuncitem.add_report_section("call", "chaos", text)
        raise
    _tell(pyfuncitem.stash.get(_PLAYED, None))
    return result


def _tell(made: Chaos | None) -> None:
    if made is not None and (texts := made.verdict()):
        pytest.fail("\n\n".join(texts), pytrace=False)


def _but_for_its_case(request: pytest.FixtureRequest) -> Any:
    """What the seeds of a test have in common: another test may have patched what is tried."""
    params: Mapping[str, Any] = getattr(getattr(request.node, "callspec", None), "params", {})
    return request.function, tuple(sorted((name, repr(value)) for name, value in params.items() if name != "chaos"))


@pytest.fixture
def chaos(request: pytest.FixtureRequest, virtual_clock: VirtualClock, tmp_path: Path) -> Iterator[Chaos]:
    """Faults, calls and crashes at a test's command; the checker runs when the test is over."""
    from ..faults import PlanError
    from .collected import Collected
    from .scripted import Chaos

    config = request.config
    budget = config.stash.get(_BUDGET, None)
    if budget is not None and time.monotonic() - config.stash[_BEGAN] > budget:
        pytest.skip("the chaos budget is used up (--chaos-budget)")
    try:
        said = merged(request.node.iter_markers("chaos"))
    except MarkError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    flags = {name: config.getoption(f"--chaos-{flag}") for name, flag in _CASE.items()}
    try:
        made = Chaos.of_case(
            getattr(request, "param", flags),
            clock=virtual_clock,
            folder=tmp_path,
            subject=said.get("subject"),
        )
    except PlanError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    made.keep_in = _keep_in(config)
    made.known = config.stash.setdefault(_KNOWN, {}).setdefault(_but_for_its_case(request), {})
    made.test = request.node.nodeid
    made.again = _again(request.node)
    request.node.stash[_PLAYED] = made
    try:
        yield made
        # Whatever no test function of pytest's own had to say: unittest's methods, and what fixtures called since.
        if config.stash.get(_OVER, False):
            texts = [f"{made.test}  {text}" for text in made.cut_short()]
            config.stash.setdefault(_CUT_SHORT, []).extend(texts)
        else:
            _tell(made)
    finally:
        made.close()
        request.node.user_properties.extend(made.properties())
        collected = config.stash.setdefault(_COLLECTED, Collected())
        collected.replayed |= made.replayed
        for shown in made.shown:
            collected.add(shown)


def _again(node: pytest.Function) -> str:
    """The command that plays a kept `{file}` again in a test, from where one works."""
    place, _, name = node.nodeid.partition("::")
    file = os.path.relpath(node.config.rootpath / place)
    params = dict(callspec.params) if (callspec := getattr(node, "callspec", None)) else {}
    case = params.pop("chaos", None)
    if case is not None:  # with the flag there is one case, which is called as its file
        before, _, given = name.partition("[")
        name = f"{before}[{given.replace(case['id'], '{name}', 1)}" if params else before
    return f"pytest {shlex.quote(f'{file}::{name}')} --chaos-replay {{file}}"


@pytest.fixture
def effect_log(chaos: Chaos) -> EffectLogs:
    """What really happened so far, for each system that the test has used."""
    return chaos.effects


@pytest.fixture
def salesforce_simulator(virtual_clock: VirtualClock) -> Any:
    """A simulated Salesforce org, on the virtual clock."""
    return virtual_clock.make("salesforce")


@pytest.fixture
def hubspot_simulator(virtual_clock: VirtualClock) -> Any:
    """A simulated HubSpot portal, on the virtual clock."""
    return virtual_clock.make("hubspot")


@pytest.fixture
def suitecrm_simulator(virtual_clock: VirtualClock) -> Any:
    """A simulated SuiteCRM instance, on the virtual clock."""
    return virtual_clock.make("suitecrm")


@pytest.fixture
def erp_simulator(virtual_clock: VirtualClock) -> Any:
    """A simulated SOAP ERP, on the virtual clock."""
    return virtual_clock.make("netsuite")


@pytest.fixture
def billing_simulator(virtual_clock: VirtualClock) -> Any:
    """A simulated SOAP billing service, on the virtual clock."""
    return virtual_clock.make("soap")


@pytest.fixture
def legacy_database(virtual_clock: VirtualClock) -> Any:
    """A legacy order database in a file, on the virtual clock."""
    return virtual_clock.make("sql")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """A worker of pytest-xdist hands over what it collected; a scenario that no test played is no success."""
    config = session.config
    config.stash[_OVER] = True
    yield
    collected = config.stash.get(_COLLECTED, None)
    if hasattr(config, "workeroutput"):
        if collected is not None:
            config.workeroutput["seawall_chaos"] = collected.packed()
    elif _not_replayed(config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _not_replayed(config: pytest.Config) -> str:
    """The scenario that was to be played again, if no test did."""
    replay = config.getoption("--chaos-replay")
    collected = config.stash.get(_COLLECTED, None)
    played = collected is not None and collected.replayed
    return "" if not replay or played or config.option.collectonly else str(replay)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended: what it collected is told and reported with the rest."""
    if packed := getattr(node, "workeroutput", {}).get("seawall_chaos"):
        from .collected import Collected

        node.config.stash.setdefault(_COLLECTED, Collected()).merge(Collected.unpacked(packed))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which planned faults never struck; write the report, and say where it is."""
    if replay := _not_replayed(config):
        terminalreporter.write_line(
            f"chaos: {replay} was played by no test: name one that plays episodes of its subject"
        )
    collected = config.stash.get(_COLLECTED, None)
    if collected is None:
        return
    for text in config.stash.get(_CUT_SHORT, ()):
        terminalreporter.write_line(text)
    for line in collected.never_struck():
        terminalreporter.write_line(f"chaos: {line}")
    if path := config.getoption("--chaos-report"):
        collected.write(Path(path))
        terminalreporter.write_line(f"chaos report: {path} ({collected.episodes:,} episodes)")
