# Clocks without a zone are clocks too, and a block of guards raises as it ends.
# ruff: noqa: DTZ001, DTZ003, DTZ005, DTZ011, DTZ901, PT012
"""The guards: what is not injected raises with its place, for our code alone, and everything is put back."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import logging
import os
import random
import secrets
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from random import uniform
from time import monotonic
from types import ModuleType
from typing import Any

import attrs
import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from seawall.core.adapter import Adapter, Surroundings
from seawall.core.clock import Sources, random_id
from seawall.simulators.chaos import strict as strict_module
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.explore import schedules
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.strict import NotInjectedError, count_in, strict
from seawall.simulators.chaos.subject import Sampler
from seawall.simulators.chaos.subjects.salesforce import SalesforceSubject
from seawall.simulators.origin import ATTEMPT
from seawall.simulators.salesforce import SalesforceSimulator
from seawall.simulators.virtual_time import LoopClock, run


class Holder:
    clock = staticmethod(time.monotonic)
    raw = time.time

    def at(self, *, now: Callable[[], float] = time.time) -> float:
        return now()


def by_default(now: Callable[[], float] = time.perf_counter) -> float:
    return now()


def closed_over(now: Callable[[], float]) -> Callable[[], float]:
    def ask() -> float:
        return now()

    return ask


ask_closed_over = closed_over(time.time)


class Order(BaseModel):
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    at: float = Field(default_factory=time.time)
    day: datetime = Field(default_factory=datetime.now)


class Basket(BaseModel):
    orders: list[Order]


class Shop:
    class Till(BaseModel):
        at: float = Field(default_factory=monotonic)


@dataclass(frozen=True, slots=True)
class Stamped:
    at: float = field(default_factory=time.time)
    day: datetime = field(default_factory=datetime.now)


@pydantic_dataclass
class Numbered:
    id: uuid.UUID = Field(default_factory=uuid.uuid4)


@attrs.define
class Labelled:
    id: uuid.UUID = attrs.field(factory=uuid.uuid4)


class Discreet(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    name: str = ""


ORDERS = TypeAdapter(list[Order])
EXACT_ORDERS = TypeAdapter(dict[str, int] | list[Order], config=ConfigDict(strict=True))
NOW: dict[str, Any] = {"at": 0.0, "day": datetime(2026, 1, 1)}
ID: dict[str, Any] = {"id": uuid.UUID(int=1)}


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (lambda: time.time(), "time.time"),
        (lambda: time.time_ns(), "time.time_ns"),
        (lambda: time.monotonic(), "time.monotonic"),
        (lambda: time.perf_counter(), "time.perf_counter"),
        (lambda: time.sleep(0), "time.sleep"),
        (lambda: time.gmtime(), "time.gmtime"),
        (lambda: time.strftime("%Y"), "time.strftime"),
        (lambda: monotonic(), "time.monotonic"),
        (lambda: Holder.clock(), "time.monotonic"),
        (lambda: Holder.raw(), "time.time"),
        (lambda: Holder().at(), "time.time"),
        (lambda: by_default(), "time.perf_counter"),
        (lambda: ask_closed_over(), "time.time"),
        (lambda: datetime.now(dt.UTC), "datetime.datetime.now"),
        (lambda: dt.datetime.now(), "datetime.datetime.now"),
        (lambda: dt.datetime.utcnow(), "datetime.datetime.utcnow"),
        (lambda: date.today(), "datetime.date.today"),
        (lambda: random.random(), "random.random"),
        (lambda: random.choice([1]), "random.choice"),
        (lambda: random.seed(1), "random.seed"),
        (lambda: uniform(0, 1), "random.uniform"),
        (lambda: random.Random(), "random.Random"),
        (lambda: random.SystemRandom(), "random.SystemRandom"),
        (lambda: uuid.uuid4(), "uuid.uuid4"),
        (lambda: uuid.uuid1(), "uuid.uuid1"),
        (lambda: os.urandom(4), "os.urandom"),
        (lambda: secrets.token_hex(), "secrets.token_hex"),
        (lambda: secrets.randbelow(3), "secrets.randbelow"),
        (lambda: Sources(), "random.Random"),
        (lambda: random_id("op"), "time.time_ns"),
        (lambda: Order(**NOW), "uuid.uuid4, the default of Order.id,"),
        (lambda: Order(**ID, day=NOW["day"]), "time.time, the default of Order.at,"),
        (lambda: Order(**ID, at=0.0), "datetime.datetime.now, the default of Order.day,"),
        (lambda: Order.model_validate_json('{"at": 0, "day": "2026-01-01"}'), "uuid.uuid4, the default of Order.id,"),
        (lambda: Order.model_construct(**NOW), "uuid.uuid4, the default of Order.id,"),
        (lambda: Basket.model_validate({"orders": [NOW]}), "uuid.uuid4, the default of Order.id,"),
        (lambda: ORDERS.validate_python([NOW]), "uuid.uuid4, the default of Order.id,"),
        (lambda: Shop.Till(), "time.monotonic, the default of Shop.Till.at,"),
        (lambda: Numbered(), "uuid.uuid4, the default of Numbered.id,"),
        (lambda: Labelled(), "uuid.uuid4, the default of Labelled.id,"),
        (lambda: Stamped(day=NOW["day"]), "time.time"),
        (lambda: Stamped(at=0.0), "datetime.datetime.now"),
    ],
)
def test_use_of_what_is_not_injected_raises_with_its_name(use: Callable[[], object], named: str) -> None:
    with pytest.raises(NotInjectedError, match=rf"^{named} was called in a simulation"), strict():
        use()


def test_error_names_file_line_and_function_who_called_and_what_to_do() -> None:
    def asks() -> float:
        return time.monotonic()

    with pytest.raises(NotInjectedError) as caught, strict():
        asks()
    place = f"{__file__}:{asks.__code__.co_firstlineno + 1} (asks)"
    assert f"at {place}, from {__file__}:" in str(caught.value)
    assert "surroundings.sources.clock" in str(caught.value)


@pytest.mark.parametrize(
    "use",
    [
        lambda: logging.LogRecord("x", 10, "f", 1, "m", (), None).created,
        lambda: tempfile.NamedTemporaryFile().close(),
        lambda: time.gmtime(0.0),
        lambda: time.strftime("%Y", time.gmtime(0.0)),
        lambda: random.Random(7).random(),
        lambda: random.Random(x=7).random(),
        lambda: uuid.uuid5(uuid.NAMESPACE_URL, "x"),
        lambda: datetime(2026, 1, 1, tzinfo=dt.UTC) - dt.timedelta(days=1),
        lambda: datetime.fromisoformat("2026-01-01").date() + dt.timedelta(days=1),
        lambda: dt.datetime.fromtimestamp(0.0, dt.UTC),
    ],
)
def test_what_libraries_do_and_what_is_given_is_let_through(use: Callable[[], object]) -> None:
    with strict() as raised:
        use()
    assert raised == []


def test_defaults_that_are_given_are_let_through_and_models_are_put_back() -> None:
    before = [vars(one)["__pydantic_validator__"] for one in (Order, Basket, Numbered)]
    with strict() as raised:
        assert Basket.model_validate({"orders": [{**ID, **NOW}]}).orders == [Order(**ID, **NOW)]
    assert raised == []
    assert [vars(one)["__pydantic_validator__"] for one in (Order, Basket, Numbered)] == before
    assert isinstance(Order(), Order)


def test_settings_of_models_and_adapters_hold_while_their_factories_are_guarded() -> None:
    with pytest.raises(ValidationError, match="valid integer"), strict():
        EXACT_ORDERS.validate_python({"pieces": "1"})
    with pytest.raises(ValidationError) as refused, strict():
        Discreet.model_validate({"name": ["hunter2"], **ID})
    assert "hunter2" not in str(refused.value)


def test_error_of_a_default_factory_names_who_asked_for_the_object() -> None:
    def makes() -> Order:
        return Order(**NOW)

    place = rf"at {__file__}:{makes.__code__.co_firstlineno + 1} \(makes\)"
    with pytest.raises(NotInjectedError, match=place), strict():
        makes()


def test_classes_that_stand_in_are_the_real_ones_to_whoever_asks() -> None:
    real, moment = datetime, datetime(2026, 1, 1)
    with strict():
        made = datetime(2026, 1, 2)
        assert isinstance(moment, datetime)
        assert isinstance(made, dt.date)
        assert type(made) is real
        assert issubclass(real, datetime)
        assert datetime == real
        assert {real: "found"}[datetime] == "found"
        assert datetime.max == real.max
        assert isinstance(random.Random(1), random.Random)


def test_error_that_was_caught_on_its_way_raises_in_the_end() -> None:
    with pytest.raises(NotInjectedError, match=r"^uuid\.uuid4"), strict() as raised:
        for _ in range(2):
            with suppress(Exception):
                uuid.uuid4()
        assert len(raised) == 2


def test_other_error_is_not_hidden_by_the_guards() -> None:
    with pytest.raises(KeyError), strict():
        raise KeyError("of the simulation")


def test_allowed_module_may() -> None:
    with strict(allow=[__name__]) as raised:
        assert time.time() > 0
    assert raised == []


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> ModuleType:
    """A module of a library, which is not ours."""
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder / "site-packages"))
    monkeypatch.setattr(strict_module, "_libraries", lambda: (*LIBRARIES, str(folder / "site-packages")))
    monkeypatch.setattr(strict_module, "_decided", {})
    monkeypatch.setattr(strict_module, "_found", {})
    module = importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, name, module)
    return module


LIBRARIES = strict_module._libraries()
SLEEPY = """
import time
from time import sleep, monotonic

def by_module():
    return time.sleep(0)

def by_name():
    return sleep(0)

def age():
    return monotonic()
"""


@pytest.mark.parametrize("how", ["by_module", "by_name"])
def test_library_that_holds_the_process_up_for_our_code_raises_with_both_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    library = installed(monkeypatch, tmp_path, "acme_sleepy", SLEEPY)
    with pytest.raises(NotInjectedError, match=rf"at .*acme_sleepy\.py:\d+ \({how}\), from {__file__}"), strict():
        assert library.age() > 0
        getattr(library, how)()
    for allowed in (__name__, "acme_sleepy"):
        with strict(allow=[allowed]) as raised:
            getattr(library, how)()
        assert raised == []
    with strict() as raised:
        thread = threading.Thread(target=getattr(library, how))  # its own, for nobody's attempt
        thread.start()
        thread.join()
    assert raised == []


def test_library_that_waits_in_a_thread_for_an_attempt_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = installed(monkeypatch, tmp_path, "acme_sleepy", SLEEPY)

    async def main() -> None:
        ATTEMPT.set(1)
        await asyncio.to_thread(library.by_module)

    with pytest.raises(NotInjectedError, match=r"acme_sleepy\.py"), strict():
        run(main())


ELSEWHERE = """
import time
from seawall.connectors.salesforce.adapter import SalesforceAdapter

class ElsewhereAdapter(SalesforceAdapter):
    async def send(self, action, attempt):
        time.time()
        return await super().send(action, attempt)
"""


def test_adapter_that_is_installed_elsewhere_than_its_subject_counts_as_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = installed(monkeypatch, tmp_path, "acme_elsewhere", ELSEWHERE)

    class ElsewhereSubject(SalesforceSubject):
        def adapter(self, target: SalesforceSimulator, around: Surroundings) -> Adapter:
            made = super().adapter(target, around)
            made.__class__ = package.ElsewhereAdapter
            return made

    scenario = Scenario(subject="salesforce", calls=(PlannedCall(action="create_case", sample=1),))
    with pytest.raises(NotInjectedError, match=r"time\.time .*acme_elsewhere\.py:\d+ \(send\)"):
        play(scenario, ElsewhereSubject())


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A namespace in which two distributions are installed: an adapter's `crm`, and `other`."""
    name, library = "acme_shared", tmp_path / "site-packages"
    for package, text in (("crm", ""), ("other", "import time\n\ndef age():\n    return time.time()\n")):
        (library / name / package).mkdir(parents=True)
        (library / name / package / "__init__.py").write_text(text)
    adapter = "from acme_shared.other import age\n\ndef own():\n    import time\n    return time.time()\n"
    (library / name / "crm" / "adapter.py").write_text(f"{adapter}\nclass Crm:\n    pass\n")
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.setattr(strict_module, "_libraries", lambda: (*LIBRARIES, str(library)))
    monkeypatch.setattr(strict_module, "_decided", {})
    monkeypatch.setattr(strict_module, "_found", {})
    strict_module._is_library.cache_clear()
    yield name
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


def test_namespace_that_an_adapter_shares_does_not_make_its_other_packages_ours(shared: str) -> None:
    adapter = importlib.import_module(f"{shared}.crm.adapter")
    with pytest.raises(NotInjectedError, match=r"adapter\.py:\d+ \(own\)"), strict() as raised:
        assert adapter.age() > 0
        assert adapter.own() > 0
        count_in(adapter.Crm)
        assert adapter.age() > 0
        assert raised == []
        adapter.own()


def test_installed_package_that_is_named_counts_as_ours() -> None:
    with pytest.raises(NotInjectedError, match=r"at .*logging"), strict("logging"):
        logging.LogRecord("x", 10, "f", 1, "m", (), None)


def test_everything_is_put_back_also_after_an_error() -> None:
    def seen() -> list[object]:
        return [
            time.time, monotonic, uniform, random.random, random.Random, datetime, date, dt, os.urandom, uuid.uuid4,
            secrets.token_hex, vars(Holder)["clock"], vars(Holder)["raw"], by_default.__defaults__,
            (Holder.at.__kwdefaults__ or {})["now"], vars(socket.socket).get("connect"),
        ]  # fmt: skip

    before = seen()
    with pytest.raises(NotInjectedError), strict():
        during = seen()
        time.time()
    assert all(one is not other for one, other in zip(before, during, strict=True) if one is not random.Random)
    assert all(one is other for one, other in zip(before, seen(), strict=True))


def test_nested_inner_end_leaves_the_outer_guards() -> None:
    with pytest.raises(NotInjectedError, match=r"time\.monotonic"), strict():
        with strict(allow=[__name__]):
            assert monotonic() > 0
        monotonic()


def test_what_a_test_replaced_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with strict():
        monkeypatch.setattr(time, "monotonic", lambda: 5.0)
        assert time.monotonic() == 5.0
    assert time.monotonic() == 5.0


def test_threads_from_before_go_on_those_begun_within_are_held_to_it() -> None:
    ask, asked, done = threading.Event(), threading.Event(), threading.Event()
    heard: list[object] = []

    def waits() -> None:
        ask.wait(10)
        heard.append(time.time())
        asked.set()

    def asks() -> None:
        try:
            time.time()
        except NotInjectedError as error:
            heard.append(error)
        done.set()

    threading.Thread(target=waits).start()
    with pytest.raises(NotInjectedError), strict():
        ask.set()
        asked.wait(10)
        threading.Thread(target=asks).start()
        done.wait(10)
    assert [type(one) for one in heard] == [float, NotInjectedError]


def test_connection_to_another_machine_is_nobodys_and_names_our_code() -> None:
    async def reaches_out() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    words = r"socket\.connect was called.*\(reaches_out\).*InProcessTransport"
    with pytest.raises(NotInjectedError, match=words), strict():
        asyncio.run(reaches_out())


def test_connection_on_this_machine_by_path_is_let_through(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with strict():
            client.connect(str(tmp_path / "s"))


def test_virtual_clock_and_sources_that_are_given_are_let_through() -> None:
    async def main() -> float:
        sources = Sources(LoopClock(), random.Random(1), lambda prefix: f"{prefix}_1")
        around = Surroundings("crm", sources)
        await around.sources.clock.sleep(sources.random.random())
        return around.sources.clock.monotonic()

    with strict() as raised:
        assert 0 < run(main()) < 1
    assert raised == []


@pytest.mark.parametrize("name", ["salesforce", "hubspot", "suitecrm", "soap", "netsuite", "sql"])
def test_connector_takes_nothing_from_outside(name: str) -> None:
    (scenario,) = schedules(name, [5])
    with strict() as raised:
        play(scenario)
    assert raised == []


class CarelessSubject(SalesforceSubject):
    def samples(self, target: SalesforceSimulator) -> Mapping[str, Sampler]:
        uuid.uuid4()
        return super().samples(target)


def test_episode_of_a_subject_that_takes_ids_from_outside_raises_with_its_place() -> None:
    (scenario,) = schedules("salesforce", [5])
    with pytest.raises(NotInjectedError, match=r"uuid\.uuid4 .*test_strict\.py:\d+ \(samples\)"):
        play(scenario, CarelessSubject())


def test_guards_know_the_functions_of_this_python() -> None:
    titles = {source.title for source, _, _ in strict_module._guarded_functions()}
    assert {f"random.{name}" for name in ("shuffle", "gauss", "randbytes", "getrandbits", "sample")} <= titles
    assert "random.Random" not in titles
