"""The effect log: a simulator's own record of what really happened, which no client can see.

A judge joins it with what clients were told. One line per application of a change, in the order of commit, so a
request that was applied twice has two lines and a request that was lost has none.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["insert", "update", "delete", "invoke"]
Cause = Literal["request", "late", "duplicate_delivery"]


@dataclass(frozen=True, slots=True)
class Effect:
    """One change that was committed.

    Args:
        seq: Place in the log, from 1.
        at: When it was committed, in seconds of the simulator's clock.
        kind: What was done.
        object: The vendor's name of the thing changed, for example ``Case``; the action's name for ``invoke``.
        record_id: The vendor's id of the record, or of the run for ``invoke``.
        fields: The content that this application wrote: what the request set, the key of an upsert included, as
            stored (text fields trimmed); nothing that the system filled in by itself. Empty for ``delete``.
        changed: Names of the fields whose value really became another one.
        request_id: Number of the HTTP request that asked for it, from 1.
        cause: ``request`` when applied in turn, ``late`` when applied after the reply was given up, and
            ``duplicate_delivery`` for the second application of one request.
    """

    seq: int
    at: float
    kind: Kind
    object: str
    record_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    request_id: int = 0
    cause: Cause = "request"

    def to_line(self) -> bytes:
        """The effect as one line of JSON, newline included."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes | str) -> Effect:
        """The effect that `to_line` wrote.

        Raises:
            ValueError: The line is not a whole effect.
        """
        try:
            shown = json.loads(line)
            return cls(**{**shown, "changed": tuple(shown["changed"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a line of an effect log: {line!r}") from error


class EffectLog:
    """Append-only list of effects, kept in memory and, where a path is given, in a JSON-lines file.

    Each line reaches the file in one write before `append` returns, so another process can read the file after the
    simulator was stopped or killed. A file that already has lines is continued.

    Args:
        path: The file, or None to keep the log in memory only.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._effects: list[Effect] = []
        self._fd: int | None = None
        if path is not None:
            file = Path(path)
            if file.exists():
                self._effects = self.read(file)
                _drop_torn_line(file)
            self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._close = weakref.finalize(self, os.close, self._fd)

    def append(
        self,
        *,
        at: float,
        kind: Kind,
        object: str,  # noqa: A002 - the vendor's word and the name of the field
        record_id: str,
        fields: Mapping[str, Any],
        changed: tuple[str, ...],
        request_id: int,
        cause: Cause,
    ) -> Effect:
        """Add one effect at the moment it is committed; the arguments are those of `Effect`."""
        seq = len(self._effects) + 1
        effect = Effect(seq, at, kind, object, record_id, dict(fields), changed, request_id, cause)
        if self._fd is not None:
            os.write(self._fd, effect.to_line())
        self._effects.append(effect)
        return effect

    def close(self) -> None:
        """Close the file. The effects stay readable."""
        if self._fd is not None:
            self._fd = None
            self._close()

    @property
    def last_request_id(self) -> int:
        """The highest request number that changed anything, or 0."""
        return max((effect.request_id for effect in self._effects), default=0)

    def __iter__(self) -> Iterator[Effect]:
        return iter(tuple(self._effects))

    def __len__(self) -> int:
        return len(self._effects)

    def __getitem__(self, index: int) -> Effect:
        return self._effects[index]

    def of(self, object: str, kind: Kind | None = None) -> list[Effect]:  # noqa: A002 - the name of the field
        """Effects on one object, of one kind if it is given."""
        return [e for e in self._effects if e.object == object and kind in (None, e.kind)]

    @staticmethod
    def read(path: str | Path) -> list[Effect]:
        """Read the effects in a file that an `EffectLog` wrote.

        A last line without its newline, left by a killed simulator, is not an effect that anyone was told of and is
        passed over.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: A whole line is not an effect.
        """
        *lines, _torn = Path(path).read_bytes().split(b"\n")
        return [Effect.from_line(line) for line in lines]


def _drop_torn_line(file: Path) -> None:
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(file, whole)
