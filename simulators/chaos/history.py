"""The history of an episode: what clients asked and were told, what went on the wire, and what was written down.

Kept as JSON lines with a version, in the order of virtual time. The checker reads nothing else beside the effect log,
so a history that was stored can be judged again, elsewhere and later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from .entries import ENTRIES, Entry, Setting

SCHEMA = 2
"""Version of the JSON lines; it rises when a field changes its meaning or goes."""

EntryT = TypeVar("EntryT")


def line_of(entry: Entry) -> str:
    """An event as a line of JSON."""
    return _JSON.encode({"event": type(entry).__name__, **_fields(entry)})


def _fields(shown: Any) -> dict[str, Any]:
    # Ten times as fast as `dataclasses.asdict`, which copies every value before it is written.
    return {name: getattr(shown, name) for name in shown.__dataclass_fields__}


def _shown(value: Any) -> Any:
    return _fields(value) if is_dataclass(value) else str(value)


_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=_shown)


@dataclass(slots=True)
class History:
    """A setting and what followed, in order.

    Args:
        setting: The head.
        entries: The events.
    """

    setting: Setting
    entries: list[Entry] = field(default_factory=list)

    def of(self, kind: type[EntryT]) -> list[EntryT]:
        """The entries of one kind."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    def lines(self) -> Iterator[str]:
        """The history as JSON lines; the same history gives the same bytes."""
        yield _JSON.encode({"schema": SCHEMA, "setting": self.setting})
        for entry in self.entries:
            yield line_of(entry)

    def save(self, path: str | Path) -> None:
        """Write it as JSON lines."""
        Path(path).write_text("".join(f"{line}\n" for line in self.lines()), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote.

        Raises:
            ValueError: It is no history, or one of another version.
        """
        lines = Path(path).read_text(encoding="utf-8").split("\n")  # what else ends a line may be part of one
        return cls.parse(lines, name=str(path))

    @classmethod
    def parse(cls, lines: Iterable[str], *, name: str = "history") -> History:
        """Read JSON lines, of which empty ones are passed over; `name` is used in messages.

        Raises:
            ValueError: They are no history, or one of another version; the message names the line.
        """
        read = [(number, line) for number, line in enumerate(lines, 1) if line]
        head = _object(read[0][1], f"{name}, line {read[0][0]},") if read else {}
        if "schema" not in head:
            raise ValueError(f"{name} is no history: its first line has no schema")
        if head["schema"] != SCHEMA:
            raise ValueError(f"{name} has schema {head['schema']}; this Seawall reads schema {SCHEMA}")
        setting = read_as(Setting, head.get("setting"), f"{name}, line {read[0][0]},")
        return cls(setting, [_entry(line, f"{name}, line {number},") for number, line in read[1:]])


def _entry(line: str, where: str) -> Entry:
    shown = _object(line, where)
    kind = shown.pop("event", None)
    if not isinstance(kind, str) or kind not in ENTRIES:
        raise ValueError(f"{where} has an entry of an unknown kind: {kind!r}")
    made: Entry = read_as(ENTRIES[kind], shown, where)
    return made


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        shown = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is no JSON: {error.msg}, at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} cannot be read as JSON: {error}") from error
    if not isinstance(shown, dict):
        raise ValueError(f"{where} is no event: it is no JSON object")
    return shown


def read_as(kind: type[EntryT], shown: Any, where: str) -> EntryT:
    """An instance of a dataclass from what JSON has of it.

    Args:
        kind: The dataclass.
        shown: What JSON has.
        where: Beginning of the message: the file and the line.

    Raises:
        ValueError: It is none.
    """
    strange = sorted(shown.keys() - {one.name for one in fields(kind)}) if isinstance(shown, dict) else ()  # type: ignore[arg-type]
    if strange:
        raise ValueError(f"{where} is no {kind.__name__}: it has {strange[0]!r}, which is unknown")
    reader: Any = kind
    try:
        made: EntryT = _reader(reader).validate_python(shown)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where} is no {kind.__name__}: {f'{place}: ' if place else ''}{first['msg']}") from error
    return made


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
