"""The actions of a SuiteCRM, as facts that hold for its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from ...core.adapter import Action, Batch, ClientId, EffectClass, Mapped, Marker, NaturalKey, Observation, fresh
from . import models
from .classify import DETAILS, NUMBERS
from .settings import SuiteCrmSettings

MAX_BATCH: Final = 100
"""Records in one `set_entries`. SuiteCRM names no limit; it saves one after the other within PHP's time."""

_ONCE: Final = ClientId("id")
_SEEN: Final = Observation("get_case", lambda change: models.GetCase(case_id=change.case_id), "version")


def declare(settings: SuiteCrmSettings) -> Mapping[str, Action]:
    """The actions by name.

    Args:
        settings: They decide which wire there is, and where the key of a change can be put.
    """
    errors = NUMBERS if settings.api == "v4_1" else DETAILS
    creates = _creates(settings, errors)
    batches = (_create_cases(creates[0], errors),) if settings.api == "v4_1" else ()
    return {action.name: action for action in (*_reads(errors), *creates, *batches, *_changes(settings, errors))}


def _reads(errors: Mapping[str, Mapped]) -> tuple[Action, ...]:
    return (
        Action(
            name="get_case",
            description="Reads one case by its id, with the version that changing it needs. Changes nothing.",
            request=models.GetCase,
            reply=models.Case,
            effect=EffectClass.READ,
            errors=errors,
        ),
        Action(
            name="find_cases",
            description="Finds cases by subject, status, priority, account, owner or age, newest first. All filters "
            "match exactly. Changes nothing.",
            request=models.FindCases,
            reply=models.FoundCases,
            effect=EffectClass.READ,
            errors=errors,
        ),
        Action(
            name="get_contact",
            description="Reads one contact by its id. Changes nothing.",
            request=models.GetContact,
            reply=models.Contact,
            effect=EffectClass.READ,
            errors=errors,
        ),
        Action(
            name="find_contacts",
            description="Finds contacts by name, phone, e-mail address or age, newest first. All filters match "
            "exactly. Changes nothing.",
            request=models.FindContacts,
            reply=models.FoundContacts,
            effect=EffectClass.READ,
            errors=errors,
        ),
    )


def _creates(settings: SuiteCrmSettings, errors: Mapping[str, Mapped]) -> tuple[Action, ...]:
    horizon = settings.late_commit_horizon
    return (
        Action(
            name="create_case",
            description="Opens a case. `reference` is the business fact behind it (order number, mail id, alert id): "
            "asked again with the same reference, it stays one case.",
            request=models.CreateCase,
            reply=models.CaseCreated,
            effect=EffectClass.CREATE,
            identity=("reference",),
            dedupe=_ONCE,
            probe=fresh(),
            horizon=horizon,
            errors=errors,
        ),
        Action(
            name="create_contact",
            description="Creates a contact. Asked again with the same reference, it stays one contact; it does not "
            "look for people of the same name.",
            request=models.CreateContact,
            reply=models.ContactCreated,
            effect=EffectClass.CREATE,
            identity=("reference",),
            dedupe=_ONCE,
            probe=fresh(),
            horizon=horizon,
            errors=errors,
        ),
        Action(
            name="log_call",
            description="Puts a call about a case or a contact on record. Asked again with the same reference, it "
            "stays one call.",
            request=models.LogCall,
            reply=models.CallLogged,
            effect=EffectClass.CREATE,
            identity=("case_id", "contact_id", "reference"),
            dedupe=_ONCE,
            probe=fresh(),
            horizon=horizon,
            errors=errors,
        ),
        Action(
            name="add_note",
            description="Adds a note to a case, a contact, or both. Asked again with the same reference, it stays one "
            "note.",
            request=models.AddNote,
            reply=models.NoteAdded,
            effect=EffectClass.CREATE,
            identity=("case_id", "contact_id", "reference"),
            dedupe=_ONCE,
            probe=fresh(),
            horizon=horizon,
            errors=errors,
        ),
    )


def _create_cases(create_case: Action, errors: Mapping[str, Mapped]) -> Action:
    return Action(
        name="create_cases",
        description="Opens up to 100 cases in one call and answers for each.",
        request=models.CreateCases,
        reply=models.CaseCreated,
        effect=EffectClass.CREATE,
        errors=errors,
        batch=Batch(of=create_case, items="cases", max_size=MAX_BATCH),
    )


def _changes(settings: SuiteCrmSettings, errors: Mapping[str, Mapped]) -> tuple[Action, ...]:
    marker = Marker(settings.case_marker_field) if settings.case_marker_field else None
    closing = ("status",) if settings.closed_state is None else ("status", "state")
    return (
        Action(
            name="update_case",
            description="Changes fields of a case that was read at `version`. If somebody changed the case since, "
            "nothing is written: read it again and decide again.",
            request=models.UpdateCase,
            reply=models.CaseUpdated,
            effect=EffectClass.SET,
            identity=("case_id", "version"),
            version="version",
            entity="case_id",
            observation=_SEEN,
            dedupe=marker or NaturalKey(get_args(models.CaseField), pre_image=True),
            probe=fresh(),
            horizon=settings.late_commit_horizon,
            errors=errors,
        ),
        Action(
            name="close_case",
            description="Closes a case that was read at `version`, with a resolution if there is one. If somebody "
            "changed the case since, nothing is written: read it again and decide again.",
            request=models.CloseCase,
            reply=models.CaseUpdated,
            effect=EffectClass.SET,
            identity=("case_id", "version"),
            version="version",
            entity="case_id",
            observation=_SEEN,
            dedupe=marker or NaturalKey((*closing, "resolution"), pre_image=True),
            probe=fresh(),
            horizon=settings.late_commit_horizon,
            errors=errors,
        ),
    )
