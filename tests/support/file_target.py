"""A target that outlives its client: a file in which a line is an effect."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from seawall import Sources
from seawall.core.adapter import Absent, Action, Attempt, Finding, Many, Present, Sent

from .toy import Noted, Target, ToyAdapter

STEPS = ("before intent", "intent written", "sent", "reply read", "outcome written")
"""Where a process can be told to die."""


def die() -> None:
    """End as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


class FileAdapter(ToyAdapter):
    """Writes notes into a file; a unique variant looks before it writes, as a unique index does."""

    def __init__(self, path: Path, step: str, action: Action) -> None:
        super().__init__(Target(Sources().clock), action)
        self.path = path
        self.step = step

    def keys(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        if self.step == "intent written":
            die()
        if not (self.target.unique and attempt.key in self.keys()):
            with self.path.open("a") as file:
                file.write(attempt.key + "\n")
                file.flush()
                os.fsync(file.fileno())
        if self.step == "sent":
            die()
        return Sent(Noted(id=attempt.key, text="hello"), attempt.key)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        count = self.keys().count(attempt.key)
        if count > 1:
            return Many((attempt.key,) * count)
        return Present(Noted(id=attempt.key, text="hello"), attempt.key) if count else Absent()
