"""The actions of a HubSpot portal, as facts that hold for its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from ...core.adapter import Action, Batch, EffectClass, NaturalKey, Observation, ReadPath, Upsert, fresh, lagging
from . import models
from .classify import ERRORS
from .kinds import Kind, kinds
from .places import UniqueProperty
from .settings import HubSpotSettings

MAX_BATCH: Final = 100  # inputs in one batch call


def declare(settings: HubSpotSettings) -> Mapping[str, Action]:
    """The actions by name.

    Args:
        settings: They decide where a key can be put, and so what an ambiguous attempt allows.
    """
    creates, changes, upserts = _creates(settings), _changes(settings), _upserts()
    return {action.name: action for action in (*_reads(), *creates, *changes, *upserts)}


def _read(name: str, description: str, request: type[BaseModel], reply: type[BaseModel]) -> Action:
    return Action(
        name=name, description=description, request=request, reply=reply, effect=EffectClass.READ, errors=ERRORS
    )


def _reads() -> tuple[Action, ...]:
    searched = "Search is some seconds behind, and gives at most 10,000. Changes nothing."
    return (
        _read(
            "get_contact",
            "Reads one contact by its id or e-mail address, with the version that changing it needs. Changes nothing.",
            models.GetContact,
            models.Contact,
        ),
        _read(
            "find_contacts",
            f"Finds contacts by last name, company or lifecycle stage. {searched}",
            models.FindContacts,
            models.FoundContacts,
        ),
        _read(
            "get_ticket",
            "Reads one ticket, with the version that changing it needs. Changes nothing.",
            models.GetTicket,
            models.Ticket,
        ),
        _read(
            "find_tickets",
            f"Finds tickets by stage, priority or owner. {searched}",
            models.FindTickets,
            models.FoundTickets,
        ),
        _read("get_company", "Reads one company. Changes nothing.", models.GetCompany, models.Company),
    )


def _creates(settings: HubSpotSettings) -> tuple[Action, ...]:
    found = kinds(settings)
    create_contact = _create(
        "create_contact",
        "Creates a contact. Asked again with the same reference, it stays one contact.",
        models.CreateContact,
        models.ContactSaved,
        found["create_contact"],
        settings,
    )
    create_ticket = _create(
        "create_ticket",
        "Opens a ticket. `reference` is the business fact behind it: asked again with it, it stays one ticket.",
        models.CreateTicket,
        models.TicketCreated,
        found["create_ticket"],
        settings,
    )
    return (
        create_contact,
        _batch(
            "create_contacts",
            "Creates up to 100 contacts in one call.",
            models.CreateContacts,
            create_contact,
            "contacts",
        ),
        _create(
            "create_company",
            "Creates a company. Asked again with the same reference, it stays one company.",
            models.CreateCompany,
            models.CompanyCreated,
            found["create_company"],
            settings,
        ),
        create_ticket,
        _batch(
            "create_tickets", "Opens up to 100 tickets in one call.", models.CreateTickets, create_ticket, "tickets"
        ),
        _create(
            "add_note",
            "Adds a note to a contact, company or ticket. Asked again with the same reference, it stays one note.",
            models.AddNote,
            models.NoteAdded,
            found["add_note"],
            settings,
            identity=("record_type", "record_id", "reference"),
        ),
    )


def _create(
    name: str,
    description: str,
    request: type[BaseModel],
    reply: type[BaseModel],
    kind: Kind,
    settings: HubSpotSettings,
    identity: tuple[str, ...] = ("reference",),
) -> Action:
    return Action(
        name=name,
        description=description,
        request=request,
        reply=reply,
        effect=EffectClass.CREATE,
        identity=identity,
        dedupe=kind.place.dedupe,
        probe=_path(kind, settings),
        horizon=settings.late_commit_horizon,
        errors=ERRORS,
    )


def _path(kind: Kind, settings: HubSpotSettings) -> ReadPath:
    searched = not (isinstance(kind.place, UniqueProperty) or kind.about or kind.unique)
    return lagging(settings.search_lag) if searched else fresh()


def _batch(name: str, description: str, request: type[BaseModel], of: Action, items: str) -> Action:
    return Action(
        name=name,
        description=f"{description} Each has its own outcome.",
        request=request,
        reply=of.reply,
        effect=of.effect,
        errors=ERRORS,
        batch=Batch(of=of, items=items, max_size=MAX_BATCH),
    )


def _changes(settings: HubSpotSettings) -> tuple[Action, ...]:
    facts: dict[str, Any] = {
        "reply": models.Updated,
        "effect": EffectClass.SET,
        "version": "version",
        "probe": fresh(),
        "horizon": settings.late_commit_horizon,
        "errors": ERRORS,
    }
    return (
        Action(
            name="update_contact",
            description="Changes fields of a contact that was read at `version`. If somebody changed it since, nothing "
            "is written: read it again and decide again.",
            request=models.UpdateContact,
            identity=("contact_id", "version"),
            entity="contact_id",
            observation=Observation(
                "get_contact", lambda change: models.GetContact(contact_id=change.contact_id), "version"
            ),
            dedupe=NaturalKey(get_args(models.ContactField), pre_image=True),
            **facts,
        ),
        update_ticket := Action(
            name="update_ticket",
            description="Changes fields of a ticket that was read at `version`. If somebody changed it since, nothing "
            "is written: read it again and decide again.",
            request=models.UpdateTicket,
            identity=("ticket_id", "version"),
            entity="ticket_id",
            observation=Observation(
                "get_ticket", lambda change: models.GetTicket(ticket_id=change.ticket_id), "version"
            ),
            dedupe=NaturalKey(get_args(models.TicketField), pre_image=True),
            **facts,
        ),
        _batch(
            "update_tickets", "Changes up to 100 tickets in one call.", models.UpdateTickets, update_ticket, "tickets"
        ),
    )


def _upserts() -> tuple[Action, ...]:
    upsert_contact = Action(
        name="upsert_contact",
        description="Creates the contact with this e-mail address, or overwrites the fields that are named.",
        request=models.UpsertContact,
        reply=models.ContactSaved,
        effect=EffectClass.SET,
        identity=("email", "reference"),
        entity="email",
        observation=Observation("get_contact", lambda change: models.GetContact(email=change.email), "version"),
        dedupe=Upsert("email"),
        errors=ERRORS,
    )
    return (
        upsert_contact,
        _batch(
            "upsert_contacts",
            "Creates or overwrites up to 100 contacts by their e-mail addresses in one call.",
            models.UpsertContacts,
            upsert_contact,
            "contacts",
        ),
        Action(
            name="associate",
            description="Associates two records. Associating them again changes nothing.",
            request=models.Associate,
            reply=models.Associated,
            effect=EffectClass.SET,
            identity=("from_type", "from_id", "to_type", "to_id"),
            dedupe=Upsert("association"),
            errors=ERRORS,
        ),
    )
