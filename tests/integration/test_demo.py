"""The main job as a user runs it: real processes, kills, faults, and the judge's figures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SEAWALL = str(Path(sys.executable).with_name("seawall"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 104])
def test_demo_shows_zeros_for_seawall_and_trouble_for_the_usual_way(seed: int) -> None:
    done = subprocess.run(
        [SEAWALL, "demo", "--json", "--operations", "80", "--kills", "2", "--agents", "10", "--seed", str(seed)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    ours = figures["seawall"]
    assert (ours["duplicates"], ours["lost"], ours["phantom_failures"], ours["unresolved"]) == (0, 0, 0, 0)
    assert ours["applied"] + ours["rejected"] + ours["parked"] == ours["operations"] >= 60
    assert ours["applied"] > 0.6 * ours["operations"], "not by refusing everything"
    assert (ours["kills"], ours["faults"] > 0) == (2, True)
    assert set(ours["systems"]) == {"crm", "support", "sales", "billing", "orders"}
    for system, figures_of_it in ours["systems"].items():
        assert figures_of_it["applied"] > 0, system
        assert (figures_of_it["duplicates"], figures_of_it["lost"], figures_of_it["unasked"]) == (0, 0, 0), system
    for name in ("retry", "retry_and_breaker"):
        assert figures[name]["duplicates"] > 0, "the plan bites"
        assert set(figures[name]) == set(ours)
    case = figures["case"]
    assert (case["held"], case["refunds_before"]) == ("pending_approval", 0)
    assert (case["approved"], case["outcome"], case["refunds"], case["answers_lost"]) == (True, "succeeded", 1, 1)
    assert (case["audit"], case["kept"]) == ("intact", True)


@pytest.mark.parametrize("system", ["salesforce", "hubspot", "suitecrm", "erp", "billing"])
def test_simulate_knows_every_system_and_takes_the_plans_that_ship(system: str) -> None:
    process = subprocess.Popen(
        [SEAWALL, "simulate", system, "--plan", "harsh"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert (process.returncode, "0 requests, 0 faults, 0 effects" in told) == (0, True)
    assert "planned, and never fired: w-hang, w-reset" in told


def test_simulate_serves_anyones_client_until_it_is_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [SEAWALL, "simulate", "salesforce", "--plan", "calm", "--effects", str(tmp_path / "effects.jsonl")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{url}/services/data", timeout=10) as answer:
        assert json.load(answer)[-1]["version"]
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 requests, 0 faults, 0 effects" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulate", "sap"], "there is no simulator 'sap'"),
        (["simulate", "salesforce", "--plan", "nowhere.yaml"], "nowhere.yaml"),
        (["simulate", "salesforce", "--plan", "dns"], "dns happens before a server has the request"),
        (["simulate", "salesforce", "--plan", "crash"], "crash happens in the client's own process"),
    ],
)
def test_simulate_refuses_what_it_cannot_do_with_one_clear_line(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "dns").write_text("faults: [{id: a, point: connect, kind: dns}]")
    (tmp_path / "crash").write_text("faults: [{id: a, point: after_send, kind: crash}]")
    done = subprocess.run([SEAWALL, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
