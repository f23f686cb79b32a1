"""Conformance reports: what makes a runtime believe one, and one sentence for each reason why it does not."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from seawall import Seawall
from seawall.cli import app
from seawall.conformance import (
    LADDER,
    Report,
    ReportError,
    ReportFile,
    RuleResult,
    Signature,
    definitions_digest,
    read_report,
    signed_bytes,
    source_digest,
    verify_report,
)
from seawall.connectors._modules import sources_of
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.connectors.salesforce.settings import SalesforceSettings
from seawall.connectors.soap import example
from seawall.connectors.soap.adapter import SoapAdapter
from seawall.connectors.soap.settings import SoapSettings
from seawall.connectors.sql.adapter import SqlAdapter
from seawall.connectors.sql.settings import SqlSettings
from seawall.core.adapter import Adapter, Surroundings
from seawall.core.policy import Question
from seawall.core.tiers import Tier, facts_digest

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
SETTINGS: dict[str, Any] = {
    "url": "https://acme.my.salesforce.example",
    "auth": {"flow": "client_credentials", "client_id": "app", "client_secret": "hidden-away"},
    "external_id_fields": {"Case": "Seawall_Key__c"},
}


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def rules(up_to: Tier) -> tuple[RuleResult, ...]:
    return tuple(
        RuleResult(rule=name, tier=tier, state="done" if tier.rank <= up_to.rank else "todo", passed=1)
        for tier, names in LADDER.items()
        for name in names
    )


def report(**changes: Any) -> Report:
    adapter = SalesforceAdapter.open(SalesforceSettings.model_validate(SETTINGS), Surroundings("crm"))
    fields: dict[str, Any] = {
        "kit": version("seawall"),
        "adapter": adapter.kind,
        "version": adapter.version,
        "subject": "salesforce",
        "source": source_digest(SalesforceAdapter),
        "definitions": definitions_digest(adapter),
        "actions": {"create_case": facts_digest(adapter.actions["create_case"])},
        "rules": rules(Tier.GOLD),
        "tier": Tier.GOLD,
        "at": 1_800_000_000.0,
    }
    return Report(**{**fields, **changes})


def written(folder: Path, content: Report, key: Ed25519PrivateKey | None = KEY) -> Path:
    path = folder / "crm.json"
    signature = None
    if key is not None:
        value = base64.b64encode(key.sign(signed_bytes(content))).decode()
        signature = Signature(key=public(key), value=value)
    path.write_text(ReportFile(report=content, signature=signature).model_dump_json(indent=1), encoding="utf-8")
    return path


def test_signed_report_is_believed_where_the_key_is_known(tmp_path: Path) -> None:
    assert verify_report(written(tmp_path, report()), [public(KEY)]) == report()


def changed(path: Path) -> Path:
    content = json.loads(path.read_text(encoding="utf-8"))
    content["report"]["tier"] = "platinum"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def problem(path: Path, *keys: str) -> str:
    with pytest.raises(ReportError) as raised:
        verify_report(path, keys)
    return str(raised.value)


def test_report_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    assert "was changed after it was signed" in problem(changed(written(tmp_path, report())), public(KEY))


def test_unsigned_report_is_readable_and_proves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, report(), None)
    assert read_report(path).report.tier is Tier.GOLD
    assert "is not signed" in problem(path, public(KEY))


def test_report_signed_by_a_stranger_proves_nothing(tmp_path: Path) -> None:
    assert "is not among conformance.keys" in problem(written(tmp_path, report(), STRANGER), public(KEY))


def test_file_that_is_missing_or_no_report_proves_nothing(tmp_path: Path) -> None:
    assert "cannot be read" in problem(tmp_path / "none.json", public(KEY))
    (tmp_path / "crm.json").write_text("{}", encoding="utf-8")
    assert "is no conformance report" in problem(tmp_path / "crm.json", public(KEY))


def test_key_that_is_not_base64_is_named(tmp_path: Path) -> None:
    assert problem(written(tmp_path, report()), "mein Schlüssel") == "a key in conformance.keys is not base64"


CONFIG = """
[ledger]
path = "ledger.db"

[conformance]
keys = ["{key}"]

[systems.crm]
connector = "salesforce"
conformance = "crm.json"

[systems.crm.settings]
url = "https://acme.my.salesforce.example"
auth = {{ flow = "client_credentials", client_id = "app", client_secret = "hidden-away" }}
external_id_fields = {{ Case = "Seawall_Key__c" }}

[[policy]]
name = "proven"
decision = "allow"
min_tier = "gold"
"""


def configured(folder: Path) -> Path:
    path = folder / "seawall.toml"
    path.write_text(CONFIG.format(key=public(KEY)), encoding="utf-8")
    return path


async def decided(folder: Path, action: str) -> bool:
    wall = Seawall.from_config(configured(folder))
    system = wall.systems["crm"]
    try:
        return wall.policy.decide(Question("agent:a", "crm", system.adapter.actions[action])).allowed
    finally:
        await system.adapter.close()


async def test_report_lets_the_actions_run_that_it_is_on(tmp_path: Path) -> None:
    written(tmp_path, report())
    assert await decided(tmp_path, "create_case")
    assert not await decided(tmp_path, "close_case")


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": Tier.SILVER, "rules": rules(Tier.SILVER)},
        {"tier": None, "rules": ()},
        {"rules": rules(Tier.SILVER)},
        {"rules": rules(Tier.GOLD)[1:]},
        {"version": "0.0.0"},
        {"adapter": "hubspot"},
        {"source": "00"},
        {"kit": "0.0.1"},
        {"definitions": "00"},
    ],
)
async def test_report_of_less_or_of_something_else_lets_nothing_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    written(tmp_path, report(**changes))
    assert not await decided(tmp_path, "create_case")


def test_check_config_says_why_a_report_proves_nothing(tmp_path: Path) -> None:
    changed(written(tmp_path, report()))
    result = CliRunner().invoke(app, ["check-config", "--json", "--config", str(configured(tmp_path))])
    assert result.exit_code != 0
    (why,) = json.loads(result.stdout)["problems"]
    assert why.startswith("crm: conformance: ")
    assert "was changed after it was signed" in why


def test_source_digest_changes_with_the_source(tmp_path: Path) -> None:
    def digest_of(text: str) -> str:
        path = tmp_path / "acme.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("acme", path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["acme"] = module
        assert spec.loader is not None
        spec.loader.exec_module(module)
        try:
            return source_digest(module.Acme)
        finally:
            del sys.modules["acme"]

    first = digest_of("class Acme: ...\n")
    assert digest_of("class Acme: ...\n") == first
    assert digest_of("class Acme: x = 1\n") != first


def package(folder: Path, **files: str) -> type:
    """Write a package `acme_NAME`, named like its folder, import its adapter, and forget the modules again."""
    root = folder / "acme_conformed"
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        (file.parent / "__init__.py").touch()
    (root / "__init__.py").touch()
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        return cast("type", importlib.import_module("acme_conformed.crm.adapter").Acme)
    finally:
        sys.path.remove(str(folder))


def digest_of_package(folder: Path, **changes: str) -> str:
    files = {
        "crm__adapter_dot_py": "from ..shared import wire\nclass Acme: ...\n",
        "crm__crm_dot_wsdl": "<definitions/>",
        "shared__wire_dot_py": "TIMEOUT = 1\n",
        "unrelated__page_dot_py": "TITLE = 'a'\n",
    }
    adapter = package(folder, **{**files, **changes})
    try:
        return source_digest(adapter)
    finally:
        for name in [one for one in sys.modules if one.partition(".")[0] == "acme_conformed"]:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"unrelated__page_dot_py": "TITLE = 'b'\n"}, True),
        ({"shared__wire_dot_py": "TIMEOUT = 2\n"}, False),
        ({"crm__crm_dot_wsdl": "<definitions name='x'/>"}, False),
    ],
    ids=["nothing", "a module it does not import", "a module elsewhere that it imports", "its WSDL"],
)
def test_source_digest_covers_what_the_adapter_rests_on(tmp_path: Path, changes: dict[str, str], same: bool) -> None:
    first = digest_of_package(tmp_path / "one")
    assert (digest_of_package(tmp_path / "two", **changes) == first) is same


def test_source_digest_covers_the_base_class(tmp_path: Path) -> None:
    sources = sources_of([one.__module__ for one in SoapAdapter.__mro__ if one.__module__.startswith("seawall")])
    assert {"seawall/connectors/soap/adapter.py", "seawall/core/adapter.py", "seawall/core/pipeline.py"} <= set(sources)


def sql(statement: str) -> Adapter:
    declared = {
        "effect": "read",
        "description": "An order.",
        "parameters": {"no": "text"},
        "returns": {"total": "integer"},
        "statements": [{"sql": statement}],
    }
    settings = SqlSettings.model_validate({"url": "sqlite:///orders.db", "actions": {"get_order": declared}})
    return SqlAdapter.open(settings, Surroundings("erp"))


def test_definitions_digest_changes_with_an_sql_statement() -> None:
    first = definitions_digest(sql("select total from orders where no = :no"))
    assert definitions_digest(sql("select total from orders where no = :no")) == first
    assert definitions_digest(sql("select tax as total from orders where no = :no")) != first


def test_definitions_digest_changes_with_a_module_of_actions_and_not_with_its_place(tmp_path: Path) -> None:
    def digest_of(folder: str, more: str = "") -> str:
        place = tmp_path / folder
        place.mkdir()
        text = (Path(example.__file__).read_text(encoding="utf-8") + more).replace("from ...core", "from seawall.core")
        (place / "actions.py").write_text(text.replace("from .", "from seawall.connectors.soap."), encoding="utf-8")
        settings = {"wsdl": "none.wsdl", "url": "http://billing.example", "actions": str(place / "actions.py")}
        return definitions_digest(SoapAdapter.open(SoapSettings.model_validate(settings), Surroundings("billing")))

    first = digest_of("one")
    assert digest_of("two") == first
    assert digest_of("three", "LIMIT = 3\n") != first
