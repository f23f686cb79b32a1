"""A SOAP server that is not ours: npm's `soap` with the billing contract, and the journal of what it really booked."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import seawall.simulators.soap

from .needed import missing

FOREIGN = Path(__file__).parents[1] / "foreign"
BILLING_WSDL = Path(seawall.simulators.soap.__file__).with_name("billing.wsdl")


class ForeignServer:
    """The running server.

    Args:
        url: Where it serves; the service itself is at `/billing`.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def booked(self) -> list[dict[str, Any]]:
        """The credits that were really booked."""
        found: list[dict[str, Any]] = self._journal()["booked"]
        return found

    def notified(self) -> list[dict[str, Any]]:
        """The messages that were really taken."""
        found: list[dict[str, Any]] = self._journal()["notified"]
        return found

    def spoil(self, **how: int) -> None:
        """Lose (`lose=n`) or never send (`hang=n`) the next answers to BookCredit, after it was booked."""
        request = urllib.request.Request(f"{self.url}/control", json.dumps(how).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def _journal(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/journal", timeout=10) as answer:
            return json.load(answer)


@contextmanager
def foreign_server() -> Iterator[ForeignServer]:
    """Start it, and end it afterwards. Skips where Node.js or the package is missing; in CI that is a failure."""
    node = shutil.which("node")
    if node is None or not (FOREIGN / "node_modules" / "soap").exists():
        missing("npm's soap server; install Node.js and run `make foreign`")
    command = [node, str(FOREIGN / "soap_server.mjs"), str(BILLING_WSDL)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield ForeignServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.stdin.close()
            process.wait(timeout=10)
