"""The HubSpot connector on a simulated portal: with unique properties for our keys, and with text only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ....connectors.hubspot import models
from ....connectors.hubspot.adapter import HubSpotAdapter
from ....connectors.hubspot.settings import HubSpotSettings
from ....core.adapter import Adapter, Surroundings
from ...faults import Plan
from ...hubspot import CustomProperty, HubSpotSimulator
from ...hubspot import HubSpotSettings as Portal
from ...hubspot.app import OPERATIONS, TRAITS
from ...hubspot.batches import BATCHES
from ...inprocess import InProcessTransport
from ...kinds import Lane
from ...virtual_time import LoopClock
from ..entries import Wanted
from ..subject import Change, Reading, Sample, Sampler, Subject

_OBJECTS = ("contacts", "companies", "tickets", "notes")
_PROPERTIES = (CustomProperty(name="seawall_key", unique=True), CustomProperty(name="seawall_mark"))
_TOKEN = "pat-na1-seawall"  # noqa: S105 -- the simulator's own
_ON_CONTACT = 202  # the type of an association from a note to a contact
_ITEMS = 5  # records in one batch


class HubSpotSubject(Subject):
    """Our keys in unique properties."""

    name = "hubspot"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    traits = TRAITS
    batches: ClassVar[Collection[str]] = BATCHES
    canaries = (_TOKEN,)
    keys: ClassVar[Mapping[str, Any]] = {"unique_properties": dict.fromkeys(_OBJECTS, "seawall_key")}

    def target(self, plan: Plan, clock: LoopClock) -> HubSpotSimulator:
        """A portal with our custom properties."""
        portal = Portal(custom_properties=dict.fromkeys(_OBJECTS, _PROPERTIES))
        return HubSpotSimulator(portal, plan, now=clock.now)

    def adapter(self, target: HubSpotSimulator, around: Surroundings) -> Adapter:
        """The connector, in this process."""
        settings = HubSpotSettings.model_validate(
            {"url": "https://portal.example", "auth": {"flow": "private_app", "token": _TOKEN}, **self.keys}
        )
        return HubSpotAdapter.open(settings, around, transport=InProcessTransport(target))

    def samples(self, target: HubSpotSimulator) -> Mapping[str, Sampler]:
        """Contacts, companies, tickets and notes made, changed, associated, read and found, alone and in batches."""
        return {
            "create_contact": _create_contact,
            "create_contacts": _create_contacts,
            "create_company": _create_company,
            "create_ticket": _create_ticket,
            "create_tickets": _create_tickets,
            "add_note": lambda n: _add_note(target, n),
            "update_contact": lambda n: _update_contact(target, n),
            "update_ticket": lambda n: _update_ticket(target, n),
            "update_tickets": lambda n: _update_tickets(target, n),
            "upsert_contact": _upsert_contact,
            "upsert_contacts": _upsert_contacts,
            "associate": lambda n: _associate(target, n),
            "get_contact": lambda n: _get_contact(target, n),
            "get_company": lambda n: _get_company(target, n),
            "get_ticket": lambda n: _get_ticket(target, n),
            "find_contacts": lambda n: _find_contacts(target, n),
            "find_tickets": lambda n: _find_tickets(target, n),
        }

    def refusals(self, target: HubSpotSimulator) -> Mapping[str, Mapping[str, Sampler]]:
        """A contact whose address is taken, and a note on a contact that does not exist."""

        def taken(n: int) -> Sample:
            sample = _create_contact(n)
            target.add_record("contacts", {"email": sample.request.email})
            return sample

        note = models.AddNote(reference="note-0", record_type="contacts", record_id="999999", body="x")
        return {"create_contact": {"CONFLICT": taken}, "add_note": {"VALIDATION_ERROR": lambda _: Sample(note)}}

    def look_alike(self, target: HubSpotSimulator, sample: Sample) -> bool:
        """A record with the same name or text that somebody else made."""
        match sample.request:
            case models.CreateTicket(subject=subject):
                target.add_record("tickets", {**_STAGE, "subject": subject})
            case models.CreateContact(last_name=name):  # an address is one contact's only
                target.add_record("contacts", {"lastname": name, "email": "somebody-else@example.com"})
            case models.CreateCompany(name=name, city=city):
                target.add_record("companies", {"name": name, "city": city})
            case models.AddNote(record_type=about, record_id=record, body=body):
                note = target.add_record("notes", {"hs_note_body": body, "hs_timestamp": "2026-03-09T08:15:00Z"})
                with target.records.transaction(logged=False) as tx:
                    tx.link(("notes", note), (about, record), _ON_CONTACT)
            case _:
                return False
        return True

    def remove(self, target: HubSpotSimulator, action: str, record: str) -> bool:
        """Archive a record."""
        names = {
            "create_contact": "contacts",
            "create_company": "companies",
            "create_ticket": "tickets",
            "add_note": "notes",
        }
        if action not in names:
            return False
        target.delete_record(names[action], record)
        return True

    def change(self, target: HubSpotSimulator, sample: Sample, record: str, to: Change) -> bool:
        """Change a contact, company, ticket or note."""
        match sample.request:
            case models.CreateContact():
                contents = {"over": {"lastname": "By Hand"}}
            case models.CreateCompany():
                contents = {"over": {"city": "By Hand"}}
            case models.CreateTicket():
                contents = {"over": {"content": "by hand"}}
            case models.AddNote():
                contents = {"over": {"hs_timestamp": "2026-03-10T08:15:00Z"}}
            case models.UpdateContact():
                contents = {"beside": {"lastname": "By Hand"}, "over": {"phone": "by hand"}}
            case models.UpdateTicket():
                contents = {"beside": {"subject": "by hand"}, "over": {"content": "by hand"}}
            case _:
                return False
        wanted = sample.wanted[0]
        target.change_record(wanted.object, record, contents.get(to, wanted.content))
        return True


class HubSpotTextSubject(HubSpotSubject):
    """Our keys in the text of the records, found by search where nothing better is there."""

    name = "hubspot-text"
    keys: ClassVar[Mapping[str, Any]] = {}


_STAGE = {"hs_pipeline": "0", "hs_pipeline_stage": "1"}
_KEYS = ("seawall_key", "message", "description")
"""Where a key is left: in a property of its own, or in a text that is there for people."""


def _create_contact(n: int) -> Sample:
    email = f"t{n:05d}@example.com"
    fields: dict[str, Any] = {"reference": f"lead-{n}", "email": email, "last_name": f"T{n:05d}"}
    content = {"email": email, "lastname": f"T{n:05d}"}
    return Sample(
        models.CreateContact(**fields),
        (Wanted("contacts", ("insert",), {"email": f"t{n:05d}@"}, content, _KEYS),),
        reworded=models.CreateContact(**fields, phone="42"),
    )


def _create_contacts(n: int) -> Sample:
    items = tuple(_create_contact(n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda contacts: models.CreateContacts(contacts=tuple(contacts)), items=items)


def _create_company(n: int) -> Sample:
    name = f"T{n:05d} & Sons"
    return Sample(
        models.CreateCompany(reference=f"firm-{n}", name=name, city="Oslo"),
        (Wanted("companies", ("insert",), {"name": f"T{n:05d}"}, {"name": name, "city": "Oslo"}, _KEYS),),
    )


def _create_ticket(n: int) -> Sample:
    subject = f"T{n:05d} is down"
    content = {**_STAGE, "hs_ticket_priority": "HIGH"}
    return Sample(
        models.CreateTicket(reference=f"mail-{n}", subject=subject, priority="HIGH"),
        (Wanted("tickets", ("insert",), {"subject": f"T{n:05d}"}, content, _KEYS, {"subject": subject}),),
        reworded=models.CreateTicket(reference=f"mail-{n}", subject=subject, priority="LOW"),
    )


def _create_tickets(n: int) -> Sample:
    items = tuple(_create_ticket(n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda tickets: models.CreateTickets(tickets=tuple(tickets)), items=items)


def _add_note(target: HubSpotSimulator, n: int) -> Sample:
    contact = target.add_record("contacts", {"email": f"noted{n}@example.com"})
    body, beside = f"T{n:05d} called", (*_KEYS, "hs_timestamp")
    wanted = (
        Wanted("notes", ("insert",), {"hs_note_body": f"T{n:05d}"}, {}, beside, {"hs_note_body": body}),
        Wanted("associations", ("insert",), {"toObjectId": contact}, {"associationTypeId": _ON_CONTACT}, ()),
    )
    note = models.AddNote(reference=f"note-{n}", record_type="contacts", record_id=contact, body=body)
    return Sample(note, wanted)


def _update_contact(target: HubSpotSimulator, n: int) -> Sample:
    contact = target.add_record("contacts", {"email": f"old{n}@example.com", "firstname": "Old"})

    def change(phone: str) -> Sample:
        reading = Reading(
            "get_contact",
            models.GetContact(contact_id=contact),
            lambda seen: models.UpdateContact(contact_id=contact, version=seen.version, phone=phone),
        )
        wanted = Wanted("contacts", ("update",), {"id": contact}, {"phone": phone}, ())
        return Sample(None, (wanted,), after_reading=reading)

    return replace(change(f"T{n:05d}"), newer=change(f"N{n:05d}"))


def _update_ticket(target: HubSpotSimulator, n: int) -> Sample:
    ticket = target.add_record("tickets", {**_STAGE, "subject": f"Old ticket {n}"})

    def change(stage: str, content: str) -> Sample:
        reading = Reading(
            "get_ticket",
            models.GetTicket(ticket_id=ticket),
            lambda seen: models.UpdateTicket(ticket_id=ticket, version=seen.version, stage=stage, content=content),
        )
        written = {"hs_pipeline_stage": stage, "content": content}
        return Sample(None, (Wanted("tickets", ("update",), {"id": ticket}, written, ()),), after_reading=reading)

    return replace(change("2", f"T{n:05d}"), newer=change("3", f"N{n:05d}"))


def _update_tickets(target: HubSpotSimulator, n: int) -> Sample:
    items = tuple(_update_ticket(target, n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda tickets: models.UpdateTickets(tickets=tuple(tickets)), items=items)


def _upsert_contact(n: int) -> Sample:
    email = f"u{n:05d}@example.com"
    return Sample(
        models.UpsertContact(reference=f"sync-{n}", email=email, last_name=f"U{n:05d}"),
        (Wanted("contacts", ("insert", "update"), {"email": email}, {"lastname": f"U{n:05d}"}, _KEYS),),
    )


def _upsert_contacts(n: int) -> Sample:
    items = tuple(_upsert_contact(n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda contacts: models.UpsertContacts(contacts=tuple(contacts)), items=items)


def _get_contact(target: HubSpotSimulator, n: int) -> Sample:
    email = f"read{n}@example.com"
    contact = target.add_record("contacts", {"email": email})
    return Sample(models.GetContact(contact_id=contact), reply={"contact_id": contact, "email": email})


def _associate(target: HubSpotSimulator, n: int) -> Sample:
    ticket = target.add_record("tickets", {**_STAGE, "subject": f"Ticket of {n}"})
    contact = target.add_record("contacts", {"email": f"asks{n}@example.com"})
    wanted = Wanted("associations", ("insert", "update"), {"toObjectId": contact}, {"associationTypeId": 16}, ())
    both = {"from_type": "tickets", "from_id": ticket, "to_type": "contacts", "to_id": contact}
    return Sample(models.Associate.model_validate(both), (wanted,))


def _get_company(target: HubSpotSimulator, n: int) -> Sample:
    company = target.add_record("companies", {"name": f"Firm {n}", "city": "Oslo"})
    return Sample(models.GetCompany(company_id=company), reply={"company_id": company, "name": f"Firm {n}"})


def _get_ticket(target: HubSpotSimulator, n: int) -> Sample:
    ticket = target.add_record("tickets", {**_STAGE, "subject": f"Ticket {n}"})
    return Sample(models.GetTicket(ticket_id=ticket), reply={"ticket_id": ticket, "subject": f"Ticket {n}"})


def _find_contacts(target: HubSpotSimulator, n: int) -> Sample:
    # Search is behind: how many it finds is not certain, that it has shown all of them is.
    target.add_record("contacts", {"email": f"found{n}@example.com", "lastname": f"Found{n}"})
    return Sample(models.FindContacts(last_name=f"Found{n}"), reply={"complete": True})


def _find_tickets(target: HubSpotSimulator, n: int) -> Sample:
    target.add_record("tickets", {**_STAGE, "subject": f"Urgent {n}", "hubspot_owner_id": str(90_000 + n)})
    return Sample(models.FindTickets(owner_id=str(90_000 + n)), reply={"complete": True})
