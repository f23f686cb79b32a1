"""A folder with a configuration, a toy target behind it, and a way to run commands there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seawall.cli import app
from seawall.core.action import Action
from seawall.core.clock import Sources

from .toy import Target, ToyAdapter

CANARY = "canary-91ab-password"
NOTE = '{"reference": "A-1", "text": "hello"}'

CONFIG = """
principal = "agent:test"

[ledger]
path = "ledger.db"
busy_timeout = 0.1

[systems.toy]
connector = "toy"
deadline = 2.0
retry = { attempts = 2, first_wait = 0.01, longest_wait = 0.01 }
recovery = { first_probe = 0.01, interval = 0.02, longest_wait = 0.02 }

[systems.toy.settings]
greeting = { env = "TOY_PASSWORD" }

[[policy]]
name = "interns only look"
decision = "deny"
principals = ["intern"]
effects = ["create", "set"]

[[policy]]
name = "all"
decision = "allow"
"""


@dataclass
class Shell:
    """A folder with a configuration, a toy target behind it, and a way to run commands there."""

    folder: Path
    target: Target
    adapter: ToyAdapter

    @property
    def config(self) -> Path:
        return self.folder / "seawall.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(app, list(arguments), input=stdin)
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str, stdin: str | None = None) -> tuple[int, dict[str, Any]]:
        result = self.run(*arguments, "--json", stdin=stdin)
        (line,) = result.stdout.splitlines()
        told: dict[str, Any] = json.loads(line)
        return result.exit_code, told

    def call(self, request: str = NOTE, *options: str, action: str = "toy.add_note") -> tuple[int, dict[str, Any]]:
        return self.json("call", action, request, *options)

    def uses(self, add: Action) -> None:
        self.adapter = ToyAdapter(self.target, add)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    target = Target(Sources().clock)
    made = Shell(tmp_path, target, ToyAdapter(target))
    made.config.write_text(CONFIG, encoding="utf-8")

    class Opened(ToyAdapter):
        @classmethod
        def open(cls, settings: Any, surroundings: Any) -> ToyAdapter:
            return made.adapter

    def load(kind: str) -> type[ToyAdapter]:
        if kind != "toy":
            raise LookupError(f"there is no connector {kind!r}; known: toy")
        return Opened

    monkeypatch.setattr("seawall.wall.load_connector", load)
    monkeypatch.setenv("TOY_PASSWORD", CANARY)
    monkeypatch.chdir(tmp_path)
    return made


SCRIPT = """
import sys
import seawall.wall
from support.toy import Target, ToyAdapter
from seawall.core.clock import SystemClock
from seawall.cli import main

class Scripted(ToyAdapter):
    @classmethod
    def open(cls, settings, surroundings):
        return cls(Target(SystemClock(), script=SCRIPT))

    async def send(self, action, attempt):
        print("sending", file=sys.stderr, flush=True)
        return await super().send(action, attempt)

seawall.wall.load_connector = lambda kind: Scripted
main()
"""


def start(shell: Shell, *arguments: str, script: tuple[str, ...] = (), limit: str = "", **options: Any) -> Any:
    code = SCRIPT.replace("script=SCRIPT", f"script={list(script)!r}")
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    if limit:
        command = ["bash", "-c", f'{limit}; exec "$@"', "bash", *command]
    tests = str(Path(__file__).parents[1])
    return subprocess.Popen(
        command,
        cwd=shell.folder,
        env={**os.environ, "PYTHONPATH": tests, "TOY_PASSWORD": CANARY},
        stderr=subprocess.PIPE,
        text=True,
        **{"stdout": subprocess.PIPE, **options},
    )
