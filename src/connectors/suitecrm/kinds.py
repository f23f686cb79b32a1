"""The kinds of records that actions create: their content, and what a record found under our id proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from ...core.adapter import Attempt, Present
from . import models
from .ids import record_id
from .records import (
    CALL_FIELDS,
    CASE_FIELDS,
    CONTACT_FIELDS,
    CREATED,
    MODIFIED,
    NOTE_FIELDS,
    Record,
    asked,
    changed_after_creation,
    differing,
)

Module: TypeAlias = Literal["Cases", "Contacts", "Calls", "Notes"]
"""A module as SuiteCRM names it."""


def _nothing(_: Any) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that an action creates.

    Args:
        module: Its module.
        names: Our names of its fields, and SuiteCRM's.
        reply: Makes the action's answer from the record's id.
        more: Further content that a request stands for.
        parents: The records that it hangs on, by module; they must exist.
        apart: Fields that SuiteCRM keeps in other tables and writes after the record, so that they may come later.
    """

    module: Module
    names: Mapping[str, str]
    reply: Callable[[str], BaseModel]
    more: Callable[[Any], dict[str, str]] = _nothing
    parents: Callable[[Any], Mapping[Module, str]] = lambda _: {}
    apart: frozenset[str] = frozenset()

    def content(self, attempt: Attempt) -> dict[str, str]:
        """The fields to write, without the id."""
        return asked(attempt.request, self.names) | self.more(attempt.request)

    def fields(self) -> list[str]:
        """The fields to read."""
        theirs = [*self.names.values(), *_FURTHER.get(self.module, ()), CREATED, MODIFIED]
        return list(dict.fromkeys(["id", *theirs]))

    def present(self, attempt: Attempt, record: Record) -> Present[Any]:
        """What it means that `record` has the attempt's id."""
        ours = record_id(attempt.key)
        return Present(
            self.reply(ours),
            ours,
            differs=differing(self.content(attempt), record, self.names),
            superseded=changed_after_creation(record),
            facts={"created_at": str(record.get(CREATED)), "last_modified_at": str(record.get(MODIFIED))},
        )


_FURTHER: Final[Mapping[str, tuple[str, ...]]] = {
    "Calls": ("duration_hours", "duration_minutes", "parent_type", "parent_id"),
    "Notes": ("parent_type", "parent_id"),
}


def _call(request: models.LogCall) -> dict[str, str]:
    hours, minutes = divmod(request.minutes, 60)
    return {"duration_hours": str(hours), "duration_minutes": str(minutes), **_parent(request)}


def _parent(request: models.LogCall | models.AddNote) -> dict[str, str]:
    if request.case_id is not None:
        return {"parent_type": "Cases", "parent_id": request.case_id}
    assert request.contact_id is not None
    return {"parent_type": "Contacts", "parent_id": request.contact_id}


def _parents(request: models.LogCall | models.AddNote) -> Mapping[Module, str]:
    named: dict[Module, str | None] = {"Cases": request.case_id, "Contacts": request.contact_id}
    return {module: record for module, record in named.items() if record is not None}


KINDS: Final[Mapping[str, Kind]] = {
    "create_case": Kind("Cases", CASE_FIELDS, lambda record: models.CaseCreated(case_id=record)),
    "create_contact": Kind(
        "Contacts",
        CONTACT_FIELDS,
        lambda record: models.ContactCreated(contact_id=record),
        apart=frozenset({"email", "account_id"}),
    ),
    "log_call": Kind(
        "Calls", CALL_FIELDS, lambda record: models.CallLogged(call_id=record), more=_call, parents=_parents
    ),
    "add_note": Kind(
        "Notes", NOTE_FIELDS, lambda record: models.NoteAdded(note_id=record), more=_parent, parents=_parents
    ),
}
"""What each creating action creates."""
