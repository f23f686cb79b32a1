"""The actions of a Salesforce org, as facts that hold for its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from ...core.adapter import Action, Batch, EffectClass, Mapped, Marker, NaturalKey, NoDedupe, Observation, fresh
from ...core.errors import BusinessRule, Conflict
from . import models
from .classify import ERRORS
from .keys import IN_COMMENT, IN_DESCRIPTION, IN_SUBJECT, key_place
from .settings import SalesforceSettings

_OF_FLOWS: Final = {
    code: Mapped(BusinessRule) if one.error is Conflict else one for code, one in ERRORS.items()
}  # final even for a lock: what a flow did outside its transaction is not undone by its rollback
MAX_BATCH: Final = 200  # records in one call of the sObject Collections resource


def declare(settings: SalesforceSettings) -> Mapping[str, Action]:
    """The actions by name.

    Args:
        settings: They decide where a key can be put, and so what an ambiguous attempt allows.
    """
    reads, creates, changes = _reads(), _creates(settings), _changes(settings)
    return {action.name: action for action in (*reads, *creates, *changes, _trigger_workflow())}


def _reads() -> tuple[Action, ...]:
    return (
        Action(
            name="query",
            description="Runs a SOQL query and reads its pages, up to max_records. Changes nothing.",
            request=models.Query,
            reply=models.QueryResult,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
        Action(
            name="get_case",
            description="Reads one case by its id, with the version that changing it needs. Changes nothing.",
            request=models.GetCase,
            reply=models.Case,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
        Action(
            name="find_cases",
            description="Finds cases by status, priority, contact e-mail, account, words of the subject or age, "
            "newest first. Changes nothing.",
            request=models.FindCases,
            reply=models.FoundCases,
            effect=EffectClass.READ,
            errors=ERRORS,
        ),
    )


def _creates(settings: SalesforceSettings) -> tuple[Action, ...]:
    horizon = settings.late_commit_horizon
    create_case = Action(
        name="create_case",
        description="Opens a case. `reference` is the business fact behind it (order number, mail id, alert id): "
        "asked again with the same reference, it stays one case.",
        request=models.CreateCase,
        reply=models.CaseCreated,
        effect=EffectClass.CREATE,
        identity=("reference",),
        dedupe=key_place("Case", settings.external_id_fields, settings.marker_fields, IN_SUBJECT).dedupe,
        probe=fresh(),
        horizon=horizon,
        errors=ERRORS,
    )
    return (
        create_case,
        Action(
            name="create_cases",
            description="Opens up to 200 cases in one call and answers for each; all_or_none opens all or none.",
            request=models.CreateCases,
            reply=models.CaseCreated,
            effect=EffectClass.CREATE,
            errors=ERRORS,
            batch=Batch(of=create_case, items="cases", max_size=MAX_BATCH, atomic="all_or_none"),
        ),
        Action(
            name="add_case_comment",
            description="Adds a comment to a case. Asked again with the same reference, it stays one comment.",
            request=models.AddCaseComment,
            reply=models.CommentAdded,
            effect=EffectClass.CREATE,
            identity=("case_id", "reference"),
            dedupe=IN_COMMENT.dedupe,
            probe=fresh(),
            horizon=horizon,
            errors=ERRORS,
        ),
        Action(
            name="create_follow_up",
            description="Creates a follow-up task on a case. Asked again with the same reference, it stays one task.",
            request=models.CreateFollowUp,
            reply=models.FollowUpCreated,
            effect=EffectClass.CREATE,
            identity=("case_id", "reference"),
            dedupe=key_place("Task", settings.external_id_fields, settings.marker_fields, IN_DESCRIPTION).dedupe,
            probe=fresh(),
            horizon=horizon,
            errors=ERRORS,
        ),
    )


def _changes(settings: SalesforceSettings) -> tuple[Action, ...]:
    marker = settings.marker_fields.get("Case")
    written = get_args(models.CaseField)
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
            dedupe=Marker(marker) if marker else NaturalKey(written, pre_image=True),
            probe=fresh(),
            horizon=settings.late_commit_horizon,
            errors=ERRORS,
        ),
        Action(
            name="close_case",
            description="Closes a case that was read at `version`. If somebody changed the case since, nothing is "
            "written: read it again and decide again.",
            request=models.CloseCase,
            reply=models.CaseUpdated,
            effect=EffectClass.SET,
            identity=("case_id", "version"),
            version="version",
            entity="case_id",
            observation=_SEEN,
            dedupe=Marker(marker) if marker else NaturalKey(("status",), pre_image=True),
            probe=fresh(),
            horizon=settings.late_commit_horizon,
            errors=ERRORS,
        ),
    )


_SEEN = Observation("get_case", lambda change: models.GetCase(case_id=change.case_id), "version")


def _trigger_workflow() -> Action:
    return Action(
        name="trigger_workflow",
        description="Runs an autolaunched flow of the org. It cannot be looked up afterwards whether it ran: after a "
        "lost answer a person must decide.",
        request=models.TriggerWorkflow,
        reply=models.WorkflowTriggered,
        effect=EffectClass.SEND,
        identity=("flow", "reference"),
        dedupe=NoDedupe(),
        errors=_OF_FLOWS,
    )
