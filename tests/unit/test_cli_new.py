"""`seawall new --from-wsdl`: what is drafted imports, passes the checks, goes out and comes back."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soap import ORDERS_WSDL, attempt, write_wsdl

from seawall.connectors.soap import xml
from seawall.connectors.soap.declared import UnusableActions, load
from seawall.connectors.soap.documents import Documents
from seawall.connectors.soap.models import as_asked, fit
from seawall.connectors.soap.values import Reading
from seawall.connectors.soap.wsdl import Contract
from seawall.core.adapter import EffectClass, NoDedupe
from seawall.core.identity import identify

SIMULATORS = Path(__file__).parents[2] / "simulators" / "soap"
DOCUMENTED = ORDERS_WSDL.replace(
    '<wsdl:portType name="Orders">\n    <wsdl:operation name="createOrder">',
    '<wsdl:portType name="Orders">\n    <wsdl:operation name="createOrder">'
    '<wsdl:documentation>Creates an "order",\n    and says its number.</wsdl:documentation>',
)


def new(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from seawall.cli import main; main()", "new", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def drafted(folder: Path, wsdl: str | Path, *arguments: str) -> Path:
    out = folder / "drafted"
    done = new("--from-wsdl", wsdl, "--out", out, *arguments)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    return drafted(folder, write_wsdl(folder, DOCUMENTED))


@pytest.fixture(scope="module")
def models(package: Path) -> types.ModuleType:
    load(package / "actions.py")
    found: types.ModuleType = sys.modules[
        next(name for name, one in sys.modules.items() if getattr(one, "__file__", None) == str(package / "models.py"))
    ]
    return found


@pytest.mark.parametrize("name", ["orders", *sorted(path.stem for path in SIMULATORS.glob("*.wsdl"))])
def test_what_is_drafted_passes_ruff_and_mypy(tmp_path: Path, name: str) -> None:
    wsdl = Path(write_wsdl(tmp_path)) if name == "orders" else SIMULATORS / f"{name}.wsdl"
    out = drafted(tmp_path, wsdl)
    assert load(out / "actions.py").actions
    rules = ["--isolated", "--line-length", "120", "--target-version", "py311", "--select", "E,F,I,N,UP,B,D1,W,RUF"]
    checks = [
        [sys.executable, "-m", "ruff", "check", "--no-cache", *rules, str(out)],
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(out)],
    ]
    for check in checks:
        environment = {"MYPYPATH": str(Path(__file__).parents[2] / "typing_view"), "PATH": ""}
        done = subprocess.run(check, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_operation_is_an_action_that_is_never_sent_again_by_itself(package: Path) -> None:
    declared = load(package / "actions.py")
    assert sorted(declared.actions) == ["create_order", "find_order", "login", "notify"]
    for one in declared.actions.values():
        assert (one.action.effect, one.action.dedupe, one.action.resend) == (EffectClass.OPAQUE, NoDedupe(), "never")
    assert declared.actions["create_order"].action.description == "Creates an 'order', and says its number."


def test_only_the_operations_that_are_wanted_are_drafted(tmp_path: Path) -> None:
    out = drafted(tmp_path, write_wsdl(tmp_path), "--operation", "findOrder", "--operation", "notify")
    assert sorted(load(out / "actions.py").actions) == ["find_order", "notify"]
    rpc = drafted(tmp_path / "rpc", write_wsdl(tmp_path), "--port", "Sums11")
    assert load(rpc / "actions.py").actions["add"].action.identity == ("a", "b")


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    wsdl = write_wsdl(tmp_path)
    out = drafted(tmp_path, wsdl)
    (out / "models.py").write_text("# mine")
    done = new("--from-wsdl", wsdl, "--out", out)
    assert done.returncode == 2
    assert "nothing was written" in done.stderr
    assert (out / "models.py").read_text() == "# mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from-wsdl", "none.wsdl"], "cannot be read"),
        (["--from-wsdl", "orders.wsdl", "--operation", "dropOrder"], "it has: createOrder"),
        (["--from-wsdl", "orders.wsdl", "--port", "Orders13"], "no SOAP port"),
    ],
)
def test_what_cannot_be_drafted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    write_wsdl(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = new(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_it_answers_in_json(tmp_path: Path) -> None:
    done = new("--from-wsdl", write_wsdl(tmp_path), "--out", tmp_path / "out", "--json")
    assert [Path(one).name for one in json.loads(done.stdout)["written"]] == ["__init__.py", "models.py", "actions.py"]


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=9
)
LINE = st.fixed_dictionaries(
    {"item": TEXT, "quantity": st.integers(-(2**31), 2**31 - 1), "line_no": st.integers(0, 99)},
    optional={"price": st.decimals(allow_nan=False, allow_infinity=False, places=2).map(Decimal)},
)
BUYER = TEXT.map(lambda name: {"name": name}) | st.tuples(TEXT, TEXT).map(
    lambda both: {"@type": "Company", "name": both[0], "vat_number": both[1]}
)
ORDER = st.fixed_dictionaries(
    {"reference": TEXT.map(str.strip)},
    optional={
        "priority": st.sampled_from(["low", "high"]),
        "due": st.dates(dt.date(1900, 1, 1), dt.date(2999, 1, 1)),
        "buyer": BUYER,
        "line": st.lists(LINE, max_size=3),
        "rush": st.booleans(),
    },
) | TEXT.map(lambda text: {"reference": "r", "by_mail": text})


@given(ORDER)
@settings(max_examples=60, deadline=None)
def test_a_request_goes_out_and_comes_back_the_same(models: types.ModuleType, order: dict[str, Any]) -> None:
    contract = Contract(Documents("/orders.wsdl", {"/orders.wsdl": ORDERS_WSDL.encode()}))
    request = models.CreateOrder.model_validate({"key": "k", "order": order})
    message = contract.message("createOrder", as_asked(attempt(request)), {})
    body = xml.find(xml.parse(xml.to_bytes(message.envelope)), "Body")
    assert body is not None
    node = next(xml.children(body))
    reading = Reading(contract.schema)
    values = reading.of(node, contract.operation("createOrder").input.body.type, "createOrder")
    assert reading.unknown == []
    back = fit(models.OrderRead, values["order"])
    ours, theirs = request.order.model_dump(exclude={"buyer"}), back.model_dump(exclude={"buyer"})
    assert ours == theirs
    assert type(request.order.buyer).__name__ in (type(back.buyer).__name__.removesuffix("Read"), "NoneType")


def test_a_drafted_request_survives_the_ledger(package: Path, models: types.ModuleType) -> None:
    action = load(package / "actions.py").actions["create_order"].action
    order = {
        "reference": "r",
        "due": "2026-03-01",
        "line": [{"item": "nut", "quantity": 1, "lineNo": 1, "price": "1.10"}],
    }
    request = models.CreateOrder.model_validate({"key": "k", "order": order})
    stored = identify("orders", action, request).request
    assert action.request.model_validate_json(stored) == request


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("x = 1", "declares no ACTIONS"),
        ("ACTIONS = {'a': 1}", "no SoapAction of this name"),
        ("raise RuntimeError('oops')", "oops"),
    ],
)
def test_actions_that_cannot_be_used_are_refused_when_a_system_is_opened(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "actions.py"
    path.write_text(text)
    with pytest.raises(UnusableActions, match=says):
        load(path)
    with pytest.raises(UnusableActions, match="FileNotFoundError"):
        load(tmp_path / "none.py")
