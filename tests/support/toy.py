"""A small target with a scripted wire and a record of what really happened, and adapters for it.

The truth is `Target.effects`; tests judge by it and never by what an outcome says of itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import BaseModel

from seawall.core.adapter import (
    Absent,
    Action,
    Adapter,
    Attempt,
    Batch,
    CannotTell,
    ClientId,
    Compensation,
    ConnectorSettings,
    EffectClass,
    Finding,
    ItemResult,
    Many,
    Marker,
    NaturalKey,
    NoDedupe,
    Present,
    Reply,
    Request,
    Sent,
    Surroundings,
    fresh,
    lagging,
)
from seawall.core.clock import Clock
from seawall.core.errors import (
    BusinessRule,
    ConnectFailed,
    ConnectionLost,
    IntegrationError,
    NotFound,
    ReplyTimeout,
    Throttled,
)


class Noted(Reply):
    """A note as the target answers it."""

    id: str
    text: str


class AddNote(Request[Noted]):
    """Add a note."""

    reference: str
    text: str = "hello"
    priority: str = "normal"


class SetNote(Request[Noted]):
    """Overwrite a note that was seen at `version`."""

    note_id: str
    version: str
    text: str


class AddNotes(Request[Noted]):
    """Add many notes."""

    notes: tuple[AddNote, ...]
    all_or_none: bool = False


class DeleteNote(Request[Noted]):
    """Delete a note."""

    note_id: str


class GetNote(Request[Noted]):
    """Read a note."""

    note_id: str


@dataclass
class Effect:
    """One thing that really happened in the target."""

    key: str
    id: str
    text: str
    at: float


@dataclass
class Target:
    """The system behind the wire.

    `script` holds what happens to the next writes, in order; when it is empty they succeed:
    `ok`, `refused`, `throttled[:seconds]`, `missing`, `no connection`, `lost before`, `lost after`,
    `slow:seconds`, `late:seconds`, `twice`, `twice lost`, `hang` (until cancelled, nothing applied),
    `hang after` (applied, then until cancelled).
    """

    clock: Clock
    script: list[str] = field(default_factory=list)
    probe_script: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    strangers: list[Effect] = field(default_factory=list)
    sends: int = 0
    probes: int = 0
    deletions: list[str] = field(default_factory=list)
    read_lag: float = 0.0
    unique: bool = False
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, key: str, text: str, delay: float = 0.0) -> Effect:
        """Let it happen, now or later; a unique key happens once."""
        if self.unique and (found := self.by_key(key, at=self.clock.now() + delay)):
            return found[0]
        if self.unique:
            # What was still on its way will find the key taken.
            self.effects = [effect for effect in self.effects if effect.key != key]
        effect = Effect(key, f"n{len(self.effects) + 1}", text, self.clock.now() + delay)
        self.effects.append(effect)
        return effect

    def by_key(self, key: str, at: float | None = None) -> list[Effect]:
        """The effects with `key` that are committed at a time (now)."""
        now = self.clock.now() if at is None else at
        return [effect for effect in self.effects if effect.key == key and effect.at <= now]

    async def delete(self, note_id: str) -> None:
        """One deletion on the wire, as the script says."""
        step = self.script.pop(0) if self.script else "ok"
        self.deletions.append(note_id)
        if step == "lost before":
            raise ReplyTimeout("no answer", code="timeout")
        now = self.clock.now()
        self.effects = [effect for effect in self.effects if effect.id != note_id or effect.at > now]
        if step == "lost after":
            raise ReplyTimeout("no answer", code="timeout")

    async def write(self, key: str, text: str, timeout: float) -> Effect | None:
        """One write on the wire, as the script says."""
        self.sends += 1
        self.entered.set()
        step, _, argument = (self.script.pop(0) if self.script else "ok").partition(":")
        match step:
            case "ok":
                return self.apply(key, text)
            case "twice":
                self.apply(key, text)
                return self.apply(key, text)
            case "twice lost":
                self.apply(key, text)
                self.apply(key, text)
                raise ReplyTimeout("no answer", code="timeout")
            case "refused":
                raise BusinessRule("the target does not want it", code="RULE")
            case "missing":
                raise NotFound("no such record", code="MISSING")
            case "throttled":
                raise Throttled("too fast", code="SLOW", retry_after=float(argument) if argument else None)
            case "no connection":
                raise ConnectFailed("refused", code="connect")
            case "lost before":
                raise ConnectionLost("connection reset", code="reset")
            case "lost after":
                self.apply(key, text)
                raise ReplyTimeout("no answer", code="timeout")
            case "late":
                self.apply(key, text, float(argument))
                raise ReplyTimeout("no answer", code="timeout")
            case "slow":
                await asyncio.sleep(float(argument))
                return self.apply(key, text)
            case "hang":
                await asyncio.Event().wait()
            case "hang after":
                self.apply(key, text)
                await asyncio.Event().wait()
            case "bug":
                self.apply(key, text)
                raise ZeroDivisionError("a mistake in the connector")
            case "nonsense":
                self.apply(key, text)
                return None
        raise AssertionError(f"no such step: {step}")


class ToySettings(ConnectorSettings):
    """Settings of the toy."""

    greeting: str = "hello"


ADD = Action(
    name="add_note",
    description="Adds a note.",
    request=AddNote,
    reply=Noted,
    effect=EffectClass.CREATE,
    identity=("reference",),
    dedupe=Marker("marker"),
    probe=fresh(),
    horizon=600.0,
)
"""Found by a marker: sent again only after a proven absence."""

UNDOABLE = replace(ADD, compensation=Compensation("delete_note", lambda done: DeleteNote(note_id=done.record)))
"""The same, and it can be undone."""

VARIANTS: dict[str, dict[str, Any]] = {
    "marker": {},
    "marker, no horizon": {"horizon": None},
    "marker, lagging": {"probe": lagging(5.0)},
    "client id": {"dedupe": ClientId("id")},
    "client id, no probe": {"dedupe": ClientId("id"), "probe": None},
    "natural key": {"dedupe": NaturalKey(("text",))},
    "nothing": {"dedupe": NoDedupe(), "probe": None},
    "nothing but a probe": {"dedupe": NoDedupe(), "probe": fresh()},
}


def variant(name: str) -> Action:
    """`ADD` with other facts."""
    return replace(ADD, **VARIANTS[name])


class ToyAdapter(Adapter):
    """An adapter for `Target`; `add` says by which facts it adds notes."""

    kind: ClassVar[str] = "toy"
    version: ClassVar[str] = "1"
    settings_model = ToySettings

    def __init__(self, target: Target, add: Action = ADD, max_batch: int = 100) -> None:
        self.target = target
        self.closed = False
        self.target.unique = isinstance(add.dedupe, ClientId)
        set_note = Action(
            name="set_note",
            description="Overwrites a note.",
            request=SetNote,
            reply=Noted,
            effect=EffectClass.SET,
            identity=("note_id", "version"),
            version="version",
            entity="note_id",
            dedupe=Marker("marker"),
            probe=fresh(),
            horizon=600.0,
        )
        add_notes = Action(
            name="add_notes",
            description="Adds many notes.",
            request=AddNotes,
            reply=Noted,
            effect=EffectClass.CREATE,
            batch=Batch(of=add, items="notes", max_size=max_batch, atomic="all_or_none"),
        )
        delete_note = Action(
            name="delete_note",
            description="Deletes a note.",
            request=DeleteNote,
            reply=Noted,
            effect=EffectClass.DELETE,
            identity=("note_id",),
            dedupe=NaturalKey(("note_id",), pre_image=True),
            probe=fresh(),
            horizon=600.0,
        )
        get_note = Action(
            name="get_note", description="Reads a note.", request=GetNote, reply=Noted, effect=EffectClass.READ
        )
        self._actions = {action.name: action for action in (add, set_note, add_notes, delete_note, get_note)}
        self.batches: list[list[str]] = []
        self.item_script: dict[str, list[str]] = {}
        self.attempts: list[Attempt] = []

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings) -> ToyAdapter:
        return cls(Target(surroundings.sources.clock))

    @property
    def actions(self) -> Mapping[str, Action]:
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        self.attempts.append(attempt)
        request: Any = attempt.request
        if not action.writes:
            await self.target.write("", "read", attempt.timeout)
            self.target.effects.clear()
            return Sent(Noted(id=request.note_id, text="read"))
        if action.name == "delete_note":
            await self.target.delete(request.note_id)
            return Sent(Noted(id=request.note_id, text=""), request.note_id)
        effect = await self.target.write(attempt.key, request.text, attempt.timeout)
        if effect is None:
            return Sent(attempt.request, "nonsense")
        return Sent(Noted(id=effect.id, text=effect.text), effect.id)

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        self.batches.append([str(getattr(item.request, "reference", "")) for item in items])
        whole = self.target.script[0] if self.target.script else "ok"
        step, _, argument = whole.partition(":")
        if step in ("lost after", "hang after", "bug", "nonsense", "late"):
            for item in items[1:]:  # the first is applied below, by the same step
                self.target.apply(item.key, str(getattr(item.request, "text", "")), float(argument or 0))
        if step in ("ok", "twice"):
            self.target.script[:1] = []
        else:
            await self.target.write(items[0].key, str(getattr(items[0].request, "text", "")), 1.0)
            return []  # nonsense: no answer for anybody
        results: list[ItemResult] = []
        for item in items:
            request_: Any = item.request
            steps = self.item_script.get(request_.reference, [])
            step = steps.pop(0) if steps else "ok"
            results.append(self._item(step, item, request_))
        return results

    def _item(self, step: str, item: Attempt, request: Any) -> ItemResult:
        if step == "rejected":
            return BusinessRule("not valid", code="RULE")
        if step == "throttled":
            return Throttled("too fast", code="SLOW", retry_after=120.0)
        if step == "locked":
            return Throttled("row is locked", code="LOCK")
        if step == "secret":
            return BusinessRule("not valid for canary-4711", code="RULE", evidence={"canary-4711": ["canary-4711"]})
        effect = self.target.apply(item.key, request.text)
        if step == "nonsense":
            return "what?"  # type: ignore[return-value]  # a connector that breaks its promise
        if step == "lost":
            return IntegrationError("unclear", code="unclear")
        return Sent(Noted(id=effect.id, text=effect.text), effect.id)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        self.target.probes += 1
        step = self.target.probe_script.pop(0) if self.target.probe_script else "look"
        if step == "fails":
            raise ReplyTimeout("the probe timed out", code="timeout")
        if step == "secret":
            return CannotTell("the page shows canary-4711", {"page": "canary-4711"})
        if step == "cannot tell":
            return CannotTell("the page is garbled")
        request: Any = attempt.request
        if action.name == "delete_note":
            there = any(note.id == request.note_id for note in self.target.effects)
            return Absent() if there else Present(Noted(id=request.note_id, text=""), request.note_id)
        if isinstance(action.dedupe, NaturalKey):
            alike = [note for note in (*self.target.effects, *self.target.strangers) if note.text == request.text]
            return CannotTell("a record looks like it, but anyone may have made it") if alike else Absent()
        found = self.target.by_key(attempt.key, at=self.target.clock.now() - self.target.read_lag)
        if not found:
            return Absent()
        if len(found) > 1:
            return Many(tuple(note.id for note in found))
        (note,) = found
        differs = () if note.text == request.text else ("text",)
        return Present(Noted(id=note.id, text=note.text), note.id, differs=differs)

    async def close(self) -> None:
        self.closed = True
