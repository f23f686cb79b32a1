"""npm's SOAP client works with the simulated ERP as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from support.needed import missing

from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import ErpSimulator

FOREIGN = Path(__file__).parents[3] / "foreign"


def test_npms_soap_client_writes_reads_and_sees_faults() -> None:
    node = shutil.which("node")
    if node is None or not (FOREIGN / "node_modules" / "soap").exists():
        missing("npm's soap client; install Node.js and run `make foreign`")
    simulator = ErpSimulator()
    customer = simulator.add_record("Customer", {"companyName": "Acme"})
    with serve_in_thread(simulator) as url:
        done = subprocess.run(
            [node, FOREIGN / "soap_client.mjs", url, customer], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (str(seen["made"]).lower(), seen["refused"]) == ("true", "INVALID_KEY_OR_REF")
    assert (float(seen["total"]), seen["fault"]) == (7.25, "WS_LOG_IN_REQD")
    assert [effect.fields["externalId"] for effect in simulator.effects] == ["n1"]
