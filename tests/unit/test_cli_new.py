"""`seawall new`: its packages import, pass the checks and their own tests; what is drafted goes out and comes back."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
import sys
import types
from contextlib import closing
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

ROOT = Path(__file__).parents[2]
SIMULATORS = ROOT / "simulators" / "soap"
DOCUMENTED = ORDERS_WSDL.replace(
    '<wsdl:portType name="Orders">\n    <wsdl:operation name="createOrder">',
    '<wsdl:portType name="Orders">\n    <wsdl:operation name="createOrder">'
    '<wsdl:documentation>Creates an "order",\n    and says its number.</wsdl:documentation>',
)


DESK = Path(__file__).with_name("scaffold") / "desk.yaml"
SHOP = """
CREATE TABLE "order" (id INTEGER PRIMARY KEY, reference VARCHAR(40) NOT NULL UNIQUE, total NUMERIC(10,2) NOT NULL,
    placed_at DATETIME NOT NULL, paid BOOLEAN NOT NULL, note TEXT, version INTEGER NOT NULL DEFAULT 1);
CREATE TABLE lines (order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, sku VARCHAR(20) NOT NULL,
    PRIMARY KEY (order_id, line_no));
"""


def new(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from seawall.cli import main; main()", "new", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def drafted(folder: Path, wsdl: str | Path, *arguments: str) -> Path:
    """The module's folder in a new package."""
    done = new("acme_orders", "--from-wsdl", wsdl, "--out", folder / "drafted", *arguments)
    assert done.returncode == 0, done.stderr
    return folder / "drafted" / "src" / "acme_orders"


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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of Seawall, for all packages."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="plain"),
        pytest.param(("--from-openapi", str(DESK)), id="openapi"),
        pytest.param(("--from-sql", "sqlite:///shop.db"), id="sql"),
        pytest.param(("--from-wsdl", "orders.wsdl"), id="orders"),
    ],
)
def test_a_new_package_is_green_and_gold(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    write_wsdl(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.executescript(SHOP)
    monkeypatch.chdir(tmp_path)
    done = new("acme_desk", *arguments)
    assert done.returncode == 0, done.stderr
    told = passed(tmp_path / "acme_desk", cache, ["pytest", "-q", "-p", "no:cacheprovider"])
    assert "acme_desk (acme_desk 1): gold;" in told


UNTRIED = {
    "openapi": "3.1.0",
    "paths": {"/a": {"post": {"operationId": "make", "responses": {"202": {"description": "Accepted."}}}}},
}
FLAGS = "CREATE TABLE flags (flag CHAR(1) PRIMARY KEY, is_on BOOLEAN NOT NULL);"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--from-openapi", "untried.json"), id="openapi"),
        pytest.param(("--from-sql", "sqlite:///flags.db"), id="sql"),
        pytest.param(("--from-wsdl", "orders.wsdl", "--only", "notify"), id="one-way"),
    ],
)
def test_a_new_package_with_nothing_to_try_is_not_red_and_says_what_is_missing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    write_wsdl(tmp_path)
    (tmp_path / "untried.json").write_text(json.dumps(UNTRIED))
    with closing(sqlite3.connect(tmp_path / "flags.db")) as database:
        database.executescript(FLAGS)
    monkeypatch.chdir(tmp_path)
    done = new("acme_desk", *arguments)
    assert done.returncode == 0, done.stderr
    assert "Left out: the tests have nothing to try: write samples into subject.py" in done.stdout
    told = passed(tmp_path / "acme_desk", cache, ["pytest", "-q", "-p", "no:cacheprovider"])
    assert "acme_desk (acme_desk 1): no tier;" in told
    assert "to do: make samples in subject.py" in told
    assert "to do: make samples, of writes too" in told


@pytest.mark.parametrize(
    "arguments",
    [("orders.wsdl", "--port", "Sums11"), *((str(path),) for path in sorted(SIMULATORS.glob("*.wsdl")))],
    ids=lambda arguments: Path(arguments[0]).stem,
)
def test_what_is_drafted_passes_the_checks(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    write_wsdl(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert new("acme_desk", "--from-wsdl", *arguments).returncode == 0
    passed(tmp_path / "acme_desk", cache)


def passed(package: Path, cache: Path, *more: list[str]) -> str:
    """Let a package be checked; what the last check says."""
    environment = {"MYPYPATH": f"src:{ROOT / 'typing_view'}", "PATH": os.environ["PATH"]}
    checks = [
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--check", "--no-cache", "."],
        ["mypy", "--cache-dir", str(cache)],
        *more,
    ]
    for check in checks:
        command = [sys.executable, "-m", *check]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=package, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_operation_is_an_action_that_is_never_sent_again_by_itself(package: Path) -> None:
    declared = load(package / "actions.py")
    assert sorted(declared.actions) == ["create_order", "find_order", "login", "notify"]
    for one in declared.actions.values():
        assert (one.action.effect, one.action.dedupe, one.action.resend) == (EffectClass.OPAQUE, NoDedupe(), "never")
    assert declared.actions["create_order"].action.description == "Creates an 'order', and says its number."


NAMES = ["None", "Action", "Mapped", "SoapAction", "ACTIONS", "ERRORS", "Any", "Part", "SoapRequest", "GETIt"]
FIELDS = ["dict", "str", "dt", "copy", "json", "model_config", "model_dump", "class", "_x", "l", "id", "a-b", "aB"]
ELEMENTS = "".join(f'<xsd:element name="{name}" type="xsd:int"/>' for name in FIELDS)
PUT_BEFORE = {
    '<xsd:element name="notify">': f"""<xsd:element name="NAME"><xsd:complexType><xsd:sequence>{ELEMENTS}</xsd:sequence>
        </xsd:complexType></xsd:element>""",
    '<wsdl:message name="notifyIn">': """<wsdl:message name="NAMEIn"><wsdl:part name="p" element="tns:NAME"/>
        </wsdl:message>""",
    '<wsdl:operation name="notify"><wsdl:input': """<wsdl:operation name="NAME">
        <wsdl:documentation>Any Decimal \u2013 \u201cLiteral\u201d</wsdl:documentation>
        <wsdl:input message="tns:NAMEIn"/><wsdl:output message="tns:loginOut"/></wsdl:operation>""",
    '<wsdl:operation name="notify"><soap:': """<wsdl:operation name="NAME"><soap:operation soapAction=""/>
        <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
        </wsdl:operation>""",
}


def test_names_of_a_wsdl_hide_nothing(tmp_path: Path, cache: Path) -> None:
    text = ORDERS_WSDL
    for before, one in PUT_BEFORE.items():
        assert before in text
        text = text.replace(before, "".join(one.replace("NAME", name) for name in NAMES) + before, 1)
    out = drafted(tmp_path, write_wsdl(tmp_path, text), "--port", "Orders11")
    passed(tmp_path / "drafted", cache)
    actions = {one.operation: one.action for one in load(out / "actions.py").actions.values()}
    given = dict.fromkeys(FIELDS, 1)
    assert [
        name for name in NAMES if actions[name].request.model_validate(given).model_dump(by_alias=True) != given
    ] == []


def test_only_the_operations_that_are_wanted_are_drafted(tmp_path: Path) -> None:
    out = drafted(tmp_path, write_wsdl(tmp_path), "--only", "findOrder", "--operation", "notify")
    assert sorted(load(out / "actions.py").actions) == ["find_order", "notify"]
    rpc = drafted(tmp_path / "rpc", write_wsdl(tmp_path), "--port", "Sums11")
    assert load(rpc / "actions.py").actions["add"].action.identity == ("a", "b")


@pytest.mark.parametrize("there", ["acme_desk/README.md", "acme_desk"])
def test_nothing_that_is_there_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(there).parent.mkdir(exist_ok=True)
    Path(there).write_text("mine")
    done = new("acme_desk")
    assert (done.returncode, Path(there).read_text()) == (2, "mine")
    assert "nothing was written" in done.stderr
    assert new("acme_desk", "--out", "elsewhere").returncode == 0
    assert Path("elsewhere/src/acme_desk/adapter.py").exists()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert new("acme_desk", "--out", tmp_path / "here").returncode == 0
    assert (tmp_path / "here" / ".github" / "workflows" / "ci.yml").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["acme_orders", "--from-wsdl", "none.wsdl"], "cannot be read"),
        (["acme_orders", "--from-wsdl", "orders.wsdl", "--only", "dropOrder"], "it has: createOrder"),
        (["acme_orders", "--from-wsdl", "orders.wsdl", "--port", "Orders13"], "no SOAP port"),
        (["acme_orders", "--from-wsdl", "nothing.wsdl"], "its port has no operations"),
        (["acme_orders", "--from-openapi", "orders.wsdl"], "describes no API"),
        (["acme_orders", "--from-sql", "sqlite:///none.db"], "no database file none.db"),
        (["acme_orders", "--from-sql", "sqlite:///a.db", "--from-openapi", "a.json"], "name one of"),
        (["Acme-Orders"], "lower-case letters"),
        (["acme__orders"], "lower-case letters"),
        (["salesforce"], "comes with Seawall"),
        (["json"], "has a meaning in Python already"),
        (["acme_orders", "--port", "Orders11"], "go with --from-wsdl"),
        (["acme_orders", "--only", "createOrder"], "--only goes with --from-wsdl, --from-openapi or --from-sql"),
    ],
)
def test_what_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    write_wsdl(tmp_path)
    nothing = re.sub(r"<wsdl:operation.*?</wsdl:operation>", "", ORDERS_WSDL, flags=re.DOTALL)
    (tmp_path / "nothing.wsdl").write_text(nothing)
    monkeypatch.chdir(tmp_path)
    done = new(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wsdl_without_its_packages_names_the_extra_that_has_them(tmp_path: Path) -> None:
    script = "import sys; sys.modules['zeep'] = sys.modules['lxml'] = None; from seawall.cli import main; main()"
    command = [sys.executable, "-c", script, "new", "acme_orders", "--from-wsdl", str(write_wsdl(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "is not installed: pip install 'seawall[soap]'" in done.stderr


def test_it_answers_in_json(tmp_path: Path) -> None:
    done = new("acme_orders", "--from-wsdl", write_wsdl(tmp_path), "--out", tmp_path / "out", "--json")
    told = json.loads(done.stdout)
    assert str(tmp_path / "out" / "src" / "acme_orders" / "actions.py") in told["written"]
    assert told["left_out"] == ["no test for notify: it has no answer, so that nothing ever proves that it was done"]


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
