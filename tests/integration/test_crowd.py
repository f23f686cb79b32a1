from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("crowd_worker.py")


@pytest.mark.case(21)
def test_fifty_callers_in_four_processes_share_one_dispatch(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(tmp_path), str(callers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for callers in (13, 13, 12, 12)
    ]
    told: Counter[str] = Counter()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        told.update(json.loads(out))
    assert told == {"Applied": 50}
    assert len((tmp_path / "effects").read_text().splitlines()) == 1
