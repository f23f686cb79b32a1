"""The history of an episode: what clients asked and were told, what went on the wire, and what was written down.

Kept as JSON lines with a version, in the order of virtual time. The checker reads nothing else beside the effect log,
so a history that was stored can be judged again, elsewhere and later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from .entries import ENTRIES, ActionFacts, Entry, Item, Setting, SystemFacts, Wanted

SCHEMA = 1
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
            ValueError: It is no history, or one of a newer version.
        """
        lines = Path(path).read_text(encoding="utf-8").split("\n")  # what else ends a line may be part of one
        return cls.parse((line for line in lines if line), name=str(path))

    @classmethod
    def parse(cls, lines: Iterable[str], *, name: str = "history") -> History:
        """Read JSON lines; `name` is used in messages.

        Raises:
            ValueError: They are no history, or one of a newer version.
        """
        head, *rest = [json.loads(line) for line in lines] or [None]
        if not isinstance(head, dict) or "schema" not in head:
            raise ValueError(f"{name} is no history: its first line has no schema")
        if head["schema"] != SCHEMA:
            raise ValueError(f"{name} has schema {head['schema']}; this Seawall reads schema {SCHEMA}")
        return cls(_setting(head["setting"]), [_entry(one, name) for one in rest])


def _entry(shown: dict[str, Any], name: str) -> Entry:
    kind = shown.pop("event", None)
    if kind not in ENTRIES:
        raise ValueError(f"{name} has an entry of an unknown kind: {kind!r}")
    if kind == "Told":
        shown["items"] = tuple(Item(**item) for item in shown["items"])
    if kind == "Asked":
        shown["items"], shown["supersedes"] = tuple(shown["items"]), tuple(shown["supersedes"])
    made: Entry = ENTRIES[kind](**shown)
    return made


def _wanted(shown: dict[str, Any]) -> Wanted:
    beside = shown.get("beside")
    return Wanted(**{**shown, "kinds": tuple(shown["kinds"]), "beside": None if beside is None else tuple(beside)})


def _setting(shown: dict[str, Any]) -> Setting:
    systems = {
        name: SystemFacts(**{**facts, "actions": {one: ActionFacts(**had) for one, had in facts["actions"].items()}})
        for name, facts in shown["systems"].items()
    }
    wanted = {operation: tuple(_wanted(one) for one in some) for operation, some in shown["wanted"].items()}
    return Setting(
        **{
            **shown,
            "systems": systems,
            "wanted": wanted,
            "reads": {int(call): fields for call, fields in shown["reads"].items()},
            "planned": tuple(shown["planned"]),
            "canaries": tuple(shown["canaries"]),
            "approved": {system: tuple(actions) for system, actions in shown.get("approved", {}).items()},
        }
    )
