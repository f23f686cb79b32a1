"""Names of new packages, and files from templates."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest

from seawall.core.errors import InvalidRequest
from seawall.scaffold import Package, names, package, plain
from seawall.scaffold.from_openapi import from_openapi

TEMPLATES = Path(__file__).parents[3] / "src" / "scaffold" / "templates"


def test_a_name_has_its_forms() -> None:
    acme = names("acme_erp2")
    assert (acme.module, acme.cls, acme.project, acme.title) == ("acme_erp2", "AcmeErp2", "acme-erp2", "Acme Erp2")


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "acme-erp", "2acme", "acme_", "_acme", "acme__erp", "åcme", "a" * 31, "class", "json", "seawall"],
)
def test_a_name_that_cannot_be_a_package_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        names(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("httpx", "a package that is installed or used"),
        ("zeep", "a package that is installed or used"),
        ("hypothesis", "a package that is installed or used"),  # of this repository's own tests
        ("tomllib", "has a meaning in Python already"),
        ("rest", "would hide classes of Seawall"),
        ("connector", "would hide classes of Seawall"),
    ],
)
def test_a_name_that_is_somebody_elses_is_refused(name: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        names(name)


def test_a_connector_that_was_made_before_may_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"acme_erp": ["acme-erp"], "other": ["other"]})
    made = metadata.EntryPoints(
        [metadata.EntryPoint("acme_erp", "acme_erp.adapter:AcmeErpAdapter", "seawall.connectors")]
    )
    monkeypatch.setattr(metadata, "entry_points", lambda **group: made.select(**group))
    assert names("acme_erp").module == "acme_erp"
    with pytest.raises(InvalidRequest, match="installed"):
        names("other")


def test_no_class_of_a_package_has_the_name_of_one_that_it_is_made_of() -> None:
    texts = [path.read_text() for path in TEMPLATES.rglob("*.py.tmpl")]
    own = {found for text in texts for found in re.findall(r"AcmeErp([A-Z]\w+)", text)}
    theirs = {
        name
        for text in texts
        for line in re.findall(r"^from [sp]\w+\.?.* import (.+)$", text, re.MULTILINE)
        for name in line.split(", ")
    }
    hidden = {name.removesuffix(last) for name in theirs for last in own if name.endswith(last)} - {"", "Soap", "Sql"}
    for name in hidden:
        with pytest.raises(InvalidRequest, match="choose another name"):
            names(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def test_a_plain_package_has_its_own_names_everywhere_and_none_of_the_example() -> None:
    made = plain(names("desk"))
    assert {"pyproject.toml", "src/desk/adapter.py", "tests/test_conformance.py", ".github/workflows/ci.yml"} <= set(
        made.files
    )
    everything = "".join((*made.files, *made.files.values())).lower()
    assert "acme" not in everything
    assert "@@" not in everything
    assert 'desk = "desk.adapter:DeskAdapter"' in made.files["pyproject.toml"]
    assert 'token = { env = "DESK_TOKEN" }' in made.files["README.md"]


def test_slots_are_filled_in_after_the_names_so_that_what_is_drafted_stays_as_it_is() -> None:
    made = package(names("desk"), "plain", {"EXTRAS": "acme_erp"}, drafted={"src/acme_erp/x.txt": "acme_erp"})
    assert 'dependencies = ["seawall[acme_erp]"]' in made.files["pyproject.toml"]
    assert made.files["src/desk/x.txt"] == "acme_erp"


def test_a_package_is_written_into_a_new_folder_only(tmp_path: Path) -> None:
    made = Package(names("desk"), {"a/b.txt": "ä", "c.txt": ""})
    assert made.write(tmp_path / "new" / "desk") == [tmp_path / "new/desk/a/b.txt", tmp_path / "new/desk/c.txt"]
    assert (tmp_path / "new" / "desk" / "a" / "b.txt").read_text(encoding="utf-8") == "ä"
    with pytest.raises(InvalidRequest, match="is there already"):
        made.write(tmp_path / "new" / "desk")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match="is there already"):
        made.write(tmp_path / "link")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        Package(names("desk"), {"a.txt": ""}).write(tmp_path / "file" / "desk")


def test_no_line_becomes_too_long_with_the_longest_name() -> None:
    longest = names("an_enterprise_resource_planner")
    for kind in sorted({path.relative_to(TEMPLATES).parts[0] for path in TEMPLATES.rglob("*.tmpl")} - {"common"}):
        slots: dict[str, str] = defaultdict(str)
        for name, text in package(longest, kind, slots).files.items():
            assert [line for line in text.splitlines() if len(line) > 120 and name.endswith(".py")] == []


def test_every_template_is_a_text_of_a_package() -> None:
    assert [path for path in TEMPLATES.rglob("*") if path.is_file() and path.suffix != ".tmpl"] == []


@pytest.mark.parametrize("name", ["a", "zulu"])  # before and after the names that stand beside the package's own
def test_imports_are_in_order_whatever_the_name(tmp_path: Path, name: str) -> None:
    plain(names(name)).write(tmp_path / "plain")
    from_openapi(names(name), Path(__file__).with_name("desk.yaml")).write(tmp_path / "openapi")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "I", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
