"""The SuiteCRM connector on a simulated instance, over both of its wires."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from ....connectors.suitecrm import models
from ....connectors.suitecrm.adapter import SuiteCrmAdapter
from ....connectors.suitecrm.settings import SuiteCrmSettings
from ....core.adapter import Adapter, Surroundings
from ...faults import Plan
from ...inprocess import InProcessTransport
from ...kinds import Lane
from ...suitecrm import CustomField, SuiteCrmSimulator
from ...suitecrm import SuiteCrmSettings as Instance
from ...suitecrm.app import TRAITS
from ...suitecrm.routes import BATCHES, OPERATIONS
from ...virtual_time import LoopClock
from ..entries import Wanted
from ..subject import Change, Reading, Sample, Sampler, Subject

_MARKS = "seawall_marks_c"
_SECRET = "seawall-secret"  # noqa: S105 -- the simulator's own
_PASSWORD = "correct-horse"  # noqa: S105 -- the simulator's own
_ITEMS = 5  # cases in one batch


class SuiteCrmSubject(Subject):
    """The JSON:API of version 8."""

    name = "suitecrm"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    traits = TRAITS
    batches: ClassVar[Collection[str]] = BATCHES
    canaries: ClassVar[tuple[str, ...]] = (_SECRET,)
    wire: ClassVar[Mapping[str, Any]] = {
        "api": "v8",
        "auth": {"flow": "client_credentials", "client_id": "seawall-client", "client_secret": _SECRET},
    }

    def target(self, plan: Plan, clock: LoopClock) -> SuiteCrmSimulator:
        """An instance with our custom field."""
        instance = Instance.model_validate(
            {
                "users": ({"user_name": "integration", "password": _PASSWORD},),
                "clients": ({"client_id": "seawall-client", "client_secret": _SECRET},),
                "custom_fields": {"Cases": (CustomField(name=_MARKS),)},
            }
        )
        return SuiteCrmSimulator(instance, plan, now=clock.now)

    def adapter(self, target: SuiteCrmSimulator, around: Surroundings) -> Adapter:
        """The connector, in this process."""
        settings = SuiteCrmSettings.model_validate({"url": "https://crm.example", **self.wire})
        return SuiteCrmAdapter.open(settings, around, transport=InProcessTransport(target))

    def samples(self, target: SuiteCrmSimulator) -> Mapping[str, Sampler]:
        """Cases made, changed, closed, read and found; contacts, calls and notes."""
        return {
            "create_case": _create_case,
            "create_contact": _create_contact,
            "log_call": lambda n: _log_call(target, n),
            "add_note": lambda n: _add_note(target, n),
            "update_case": lambda n: _update_case(target, n),
            "close_case": lambda n: _close_case(target, n),
            "get_case": lambda n: _get_case(target, n),
            "get_contact": lambda n: _get_contact(target, n),
            "find_cases": lambda n: _find_cases(target, n),
            "find_contacts": lambda n: _find_contacts(target, n),
        }

    def refusals(self, target: SuiteCrmSimulator) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- of what is not there
        """A case that does not exist, read and written about."""
        note = models.AddNote(case_id="nobody", reference="note-0", subject="x", body="x")
        return {
            "get_case": {"invalid_option": lambda _: Sample(models.GetCase(case_id="nobody"))},
            "add_note": {"invalid_option": lambda _: Sample(note)},
        }

    def look_alike(self, target: SuiteCrmSimulator, sample: Sample) -> bool:
        """A record with the same name that somebody else made."""
        match sample.request:
            case models.CreateCase(subject=subject):
                target.add_record("Cases", {"name": subject})
            case models.CreateContact(last_name=name, email=email):
                target.add_record("Contacts", {"last_name": name, "email1": email})
            case models.LogCall(case_id=case_id, subject=subject):
                target.add_record("Calls", {"name": subject, "parent_type": "Cases", "parent_id": case_id})
            case models.AddNote(case_id=case_id, subject=subject):
                target.add_record("Notes", {"name": subject, "parent_type": "Cases", "parent_id": case_id})
            case _:
                return False
        return True

    def remove(self, target: SuiteCrmSimulator, action: str, record: str) -> bool:
        """Delete a record, as SuiteCRM does: it is kept, and marked."""
        names = {"create_case": "Cases", "create_contact": "Contacts", "log_call": "Calls", "add_note": "Notes"}
        if action not in names:
            return False
        target.change_record(names[action], record, {"deleted": "1"})
        return True

    def change(self, target: SuiteCrmSimulator, sample: Sample, record: str, to: Change) -> bool:
        """Change a case, contact, call or note."""
        match sample.request:
            case models.CreateCase() | models.CreateContact() | models.LogCall() | models.AddNote():
                contents = {"over": {"description": "by hand"}}
            case models.UpdateCase():
                contents = {"beside": {"name": "by hand"}, "over": {"description": "by hand"}}
            case models.CloseCase():
                contents = {"beside": {"name": "by hand"}, "over": {"resolution": "by hand"}}
            case _:
                return False
        wanted = sample.wanted[0]
        target.change_record(wanted.object, record, contents.get(to, dict(wanted.content)))
        return True


class SuiteCrmOldSubject(SuiteCrmSubject):
    """The REST API of version 4_1, as instances of ten years ago have it."""

    name = "suitecrm-v4_1"
    canaries = (_PASSWORD, hashlib.md5(_PASSWORD.encode()).hexdigest())  # noqa: S324 -- by which it logs in, too
    wire: ClassVar[Mapping[str, Any]] = {
        "api": "v4_1",
        "auth": {"flow": "login", "username": "integration", "password": _PASSWORD},
    }

    def samples(self, target: SuiteCrmSimulator) -> Mapping[str, Sampler]:
        """Those of both wires, and cases in one call."""
        return {**super().samples(target), "create_cases": _create_cases}

    def refusals(self, target: SuiteCrmSimulator) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- none here
        """Here a record that does not exist is no error, but an answer."""
        return {}


def _create_case(n: int) -> Sample:
    subject = f"T{n:05d} it's <hot>"
    return Sample(
        models.CreateCase(reference=f"mail-{n}", subject=subject, priority="P1"),
        (Wanted("Cases", ("insert",), {"name": f"T{n:05d}"}, {"name": subject, "priority": "P1"}, ()),),
        reworded=models.CreateCase(reference=f"mail-{n}", subject=subject, priority="P3"),
    )


def _create_cases(n: int) -> Sample:
    items = tuple(_create_case(n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda cases: models.CreateCases(cases=tuple(cases)), items=items)


def _create_contact(n: int) -> Sample:
    content = {"last_name": f"T{n:05d}", "email1": f"t{n}@example.com"}
    contact = models.CreateContact(reference=f"lead-{n}", last_name=f"T{n:05d}", email=f"t{n}@example.com")
    return Sample(contact, (Wanted("Contacts", ("insert",), {"last_name": f"T{n:05d}"}, content, ()),))


def _case(target: SuiteCrmSimulator, n: int) -> str:
    return target.add_record("Cases", {"name": f"Old case {n}", "priority": "P3", "status": "Open_New"})


def _log_call(target: SuiteCrmSimulator, n: int) -> Sample:
    started = datetime(2026, 3, 9, 8, 15, tzinfo=UTC)
    case_id, subject = _case(target, n), f"T{n:05d} back"
    call = models.LogCall(case_id=case_id, reference=f"call-{n}", subject=subject, started_at=started, minutes=15)
    content = {
        "name": subject,
        "date_start": "2026-03-09 08:15:00",
        "direction": "Inbound",
        "status": "Held",
        "duration_hours": "0",
        "duration_minutes": "15",
        "parent_type": "Cases",
        "parent_id": case_id,
    }
    return Sample(call, (Wanted("Calls", ("insert",), {"name": f"T{n:05d}"}, content, ()),))


def _add_note(target: SuiteCrmSimulator, n: int) -> Sample:
    case_id, subject = _case(target, n), f"T{n:05d} mail"
    note = models.AddNote(case_id=case_id, reference=f"note-{n}", subject=subject, body="Soon")
    content = {"name": subject, "description": "Soon", "parent_type": "Cases", "parent_id": case_id}
    return Sample(note, (Wanted("Notes", ("insert",), {"name": f"T{n:05d}"}, content, ()),))


def _update_case(target: SuiteCrmSimulator, n: int) -> Sample:
    case_id = _case(target, n)

    def change(priority: str, text: str) -> Sample:
        reading = Reading(
            "get_case",
            models.GetCase(case_id=case_id),
            lambda seen: models.UpdateCase(case_id=case_id, version=seen.version, priority=priority, description=text),
        )
        wanted = Wanted("Cases", ("update",), {"id": case_id}, {"priority": priority, "description": text}, ())
        return Sample(None, (wanted,), after_reading=reading)

    return replace(change("P1", f"T{n:05d}"), newer=change("P2", f"N{n:05d}"))


def _close_case(target: SuiteCrmSimulator, n: int) -> Sample:
    case_id = _case(target, n)
    reading = Reading(
        "get_case",
        models.GetCase(case_id=case_id),
        lambda seen: models.CloseCase(case_id=case_id, version=seen.version, resolution=f"T{n:05d}"),
    )
    wanted = Wanted("Cases", ("update",), {"id": case_id}, {"resolution": f"T{n:05d}"}, ("status", "state"))
    return Sample(None, (wanted,), after_reading=reading)


def _get_case(target: SuiteCrmSimulator, n: int) -> Sample:
    case_id = _case(target, n)
    return Sample(models.GetCase(case_id=case_id), reply={"case_id": case_id, "subject": f"Old case {n}"})


def _get_contact(target: SuiteCrmSimulator, n: int) -> Sample:
    contact_id = target.add_record("Contacts", {"last_name": f"Read{n}"})
    return Sample(models.GetContact(contact_id=contact_id), reply={"contact_id": contact_id, "last_name": f"Read{n}"})


def _find_cases(target: SuiteCrmSimulator, n: int) -> Sample:
    target.add_record("Cases", {"name": f"Found case {n}", "priority": "P3", "status": "Open_New"})
    return Sample(models.FindCases(subject=f"Found case {n}"), reply={"complete": True})


def _find_contacts(target: SuiteCrmSimulator, n: int) -> Sample:
    target.add_record("Contacts", {"last_name": f"Found{n}"})
    return Sample(models.FindContacts(last_name=f"Found{n}"), reply={"complete": True})
