"""The built wheel: what is in it, and that it works where nothing else of the project is."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=environment or None
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in run("git", "ls-files", cwd=ROOT).splitlines():
        path = ROOT / name
        if path.is_file() and not name.startswith(("tests/", "typing_view/")):
            copy = source / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), cwd=source)
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_every_package_and_nothing_else_at_the_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"seawall"}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert [package for package in listed if f"{package.replace('.', '/')}/__init__.py" not in names] == []
    assert "seawall/py.typed" in names
    assert "seawall/simulators/plans/harsh.yaml" in names


@pytest.fixture
def site(wheel: Path, tmp_path: Path) -> Path:
    """The site-packages of a Python where the wheel, and nothing else, is installed."""
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "python"), cwd=tmp_path)
    (site,) = (tmp_path / "python" / "lib").glob("python*/site-packages")
    install = ("-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--target", str(site), str(wheel))
    run(sys.executable, *install, cwd=tmp_path)
    return site


@pytest.mark.slow
def test_installed_wheel_imports_from_where_it_was_installed(site: Path, tmp_path: Path) -> None:
    show = (
        "import json, seawall.core, seawall.connectors, seawall.simulators, seawall.wall as w;"
        "print(json.dumps([m.__file__ for m in (seawall.core, seawall.connectors, seawall.simulators, w)]))"
    )
    files = json.loads(run(sys.executable, "-c", show, cwd=tmp_path, PYTHONPATH=str(site), PATH=""))
    assert all(Path(file).is_relative_to(site) for file in files)


@pytest.mark.slow
def test_installed_wheel_is_typed_for_its_users_because_of_its_marker_file(site: Path, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(
        "from seawall import Receipt\n\nright: str = Receipt().proof\nwrong: int = Receipt().proof\n"
    )

    def complaints() -> list[str]:
        """What mypy says of `user.py` where Seawall is a package that was installed, and no source of ours."""
        python = str(tmp_path / "python" / "bin" / "python")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--python-executable", python, "--cache-dir", "cache", "user.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={"PATH": ""},
        )
        return [line for line in done.stdout.splitlines() if ": error: " in line]

    (mistake,) = complaints()
    assert mistake.startswith("user.py:4: error: Incompatible types in assignment")
    (site / "seawall" / "py.typed").unlink()
    (untyped,) = complaints()
    assert untyped.startswith("user.py:1: error: ")
    assert "missing library stubs or py.typed marker" in untyped


def test_traceback_of_the_editable_install_shows_the_real_path() -> None:
    code = "from seawall.core.identity import canonical_json; canonical_json(object())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert str(ROOT / "src" / "core" / "identity.py") in done.stderr
