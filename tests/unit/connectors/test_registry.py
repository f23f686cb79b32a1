"""Connectors are found by their kind, built-in or installed by others."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import seawall.connectors as registry
from seawall.connectors import UnknownConnector, load_connector


def offered(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> None:
    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "seawall.connectors"
        return [entry for entry in entries if name in (None, entry.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)


def test_a_built_in_kind_is_loaded() -> None:
    assert load_connector("salesforce").kind == "salesforce"


def test_an_unknown_kind_is_refused_and_the_known_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    offered(monkeypatch, EntryPoint("abacus", "nowhere:Adapter", "seawall.connectors"))
    with pytest.raises(UnknownConnector) as raised:
        load_connector("salesfroce")
    known = ", ".join(sorted(["abacus", *registry.BUILT_IN]))
    assert str(raised.value.args[0]) == f"there is no connector 'salesfroce'; known are: {known}"


def test_a_kind_of_an_installed_package_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    offered(monkeypatch, EntryPoint("toy", "support.toy:ToyAdapter", "seawall.connectors"))
    assert load_connector("toy").kind == "toy"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("seawall_nowhere.adapter:Adapter", "cannot be loaded"),
        ("support.toy:NoSuchAdapter", "cannot be loaded"),
        ("support.toy:Target", "is no class derived from Adapter"),
        ("support.toy:variant", "is no class derived from Adapter"),
    ],
)
def test_a_kind_that_is_no_adapter_is_refused(monkeypatch: pytest.MonkeyPatch, target: str, says: str) -> None:
    offered(monkeypatch, EntryPoint("broken", target, "seawall.connectors"))
    with pytest.raises(UnknownConnector, match=says):
        load_connector("broken")


@pytest.mark.parametrize("command", ["connectors", "connectors --markdown"])
def test_a_built_in_kind_without_its_extra_names_the_extra(command: str) -> None:
    program = f"""
import sys
sys.modules["lxml"] = None
sys.argv = ["seawall", *{command.split()}]
from seawall.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == (
        "seawall: the connector 'netsuite' needs lxml, which is not installed: pip install 'seawall[soap]'"
    )


def test_a_built_in_kind_cannot_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    offered(monkeypatch, EntryPoint("salesforce", "support.toy:ToyAdapter", "seawall.connectors"))
    assert load_connector("salesforce").__name__ == "SalesforceAdapter"


def test_the_registry_loads_no_connector_before_it_is_asked_for() -> None:
    program = "import sys, seawall.connectors; print('httpx' in sys.modules, 'jwt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_connector_loads_no_cryptography_before_a_login_needs_it() -> None:
    program = "import sys, seawall.connectors.salesforce.adapter; print('jwt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
