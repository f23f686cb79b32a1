"""@hubspot/api-client, HubSpot's own client for Node, unmodified against the running simulator."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.needed import missing

from seawall.simulators.hubspot import HubSpotSettings, HubSpotSimulator
from seawall.simulators.server import serve_in_thread

FOREIGN = Path(__file__).parents[3] / "foreign"


def seen_by_node(url: str) -> dict[str, Any]:
    """What the script prints."""
    node = shutil.which("node")
    if node is None:
        missing("node is not installed")
    if not (FOREIGN / "node_modules" / "@hubspot" / "api-client").is_dir():
        missing("@hubspot/api-client is not installed: run make foreign")
    script = [node, "hubspot_client.mjs", url, "pat-na1-seawall"]
    run = subprocess.run(script, cwd=FOREIGN, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    printed: dict[str, Any] = json.loads(run.stdout)
    return printed


def test_client_for_node_creates_reads_batches_searches_and_associates() -> None:
    portal = HubSpotSimulator(HubSpotSettings(search_lag=0))
    with serve_in_thread(portal) as url:
        seen = seen_by_node(url)
    taken = next(e.record_id for e in portal.effects if e.fields.get("email") == "a@example.com")
    assert seen == {
        "byEmail": "Zoë",
        "updated": "1",
        "isDate": True,
        "batch": {
            "status": "COMPLETE",
            "written": ["a@example.com", "b@example.com"],
            "errors": 1,
            "trace": ["nonsense"],
        },
        "isNew": [True, False],
        "found": [1, "Acme"],
        "linked": [True],
        "associated": 2,
        "gone": 404,
        "conflict": [409, "CONFLICT", f"Contact already exists. Existing ID: {taken}"],
    }
    assert [(e.kind, e.object) for e in portal.effects] == [
        ("insert", "contacts"),
        ("update", "contacts"),
        ("insert", "contacts"),
        ("insert", "contacts"),
        ("insert", "contacts"),
        ("update", "contacts"),
        ("insert", "companies"),
        ("insert", "notes"),
        ("insert", "associations"),
        ("insert", "associations"),
        ("delete", "contacts"),
    ]
