"""The kinds of records that actions create: their fields, where the key goes, what a found record proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ...core.adapter import Attempt, Present
from ...core.errors import ContractBroken
from . import models
from .ids import long_form
from .keys import IN_COMMENT, IN_DESCRIPTION, IN_SUBJECT, KeyPlace, MarkerText, key_place
from .records import CASE_FIELDS, COMMENT_FIELDS, TASK_FIELDS, asked, changed_after_creation, differing
from .settings import SalesforceSettings


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that an action creates.

    Args:
        sobject: The object.
        names: Our names of its fields, and Salesforce's.
        place: Where the key goes.
        parent: The field that holds the case it belongs to, if it belongs to one.
        reply: Makes the action's answer from the record's id.
    """

    sobject: str
    names: Mapping[str, str]
    place: KeyPlace
    parent: str | None
    reply: Callable[[str], BaseModel]

    def body(self, attempt: Attempt) -> dict[str, Any]:
        """The record to write."""
        body = asked(attempt.request, self.names)
        if self.parent is not None:
            body[self.parent] = self.parent_of(attempt)
        self.place.write(body, attempt.key)
        return body

    @staticmethod
    def parent_of(attempt: Attempt) -> str:
        """The case that the record belongs to; for kinds with a parent."""
        request: Any = attempt.request
        return str(request.case_id)

    def present(self, attempt: Attempt, record: Mapping[str, Any]) -> Present[Any]:
        """What it means that `record` carries the attempt's key."""
        wanted = self.body(attempt)
        if not isinstance(self.place, MarkerText):
            del wanted[self.place.field]  # it carries the key, and may carry those of later changes
        return Present(
            self.reply(record_id(record)),
            record_id(record),
            differs=differing(wanted, record, self.names),
            superseded=changed_after_creation(record),
            facts={"created_at": record.get("CreatedDate")},
        )

    def read(self) -> list[str]:
        """The fields that a probe reads."""
        ours = [field for field in self.names.values() if field != "Id"]
        extra = [field for field in (self.parent, self.place.field) if field]
        return list(dict.fromkeys(["Id", *ours, *extra, "CreatedDate", "LastModifiedDate"]))


def kinds(settings: SalesforceSettings) -> Mapping[str, Kind]:
    """What each creating action creates."""
    ids, markers = settings.external_id_fields, settings.marker_fields
    case = Kind(
        "Case",
        CASE_FIELDS,
        key_place("Case", ids, markers, IN_SUBJECT),
        None,
        lambda record: models.CaseCreated(case_id=record),
    )
    comment = Kind(
        "CaseComment",
        COMMENT_FIELDS,
        IN_COMMENT,
        "ParentId",
        lambda record: models.CommentAdded(comment_id=record),
    )
    task = Kind(
        "Task",
        TASK_FIELDS,
        key_place("Task", ids, markers, IN_DESCRIPTION),
        "WhatId",
        lambda record: models.FollowUpCreated(task_id=record),
    )
    return {"create_case": case, "add_case_comment": comment, "create_follow_up": task}


def record_id(record: Mapping[str, Any]) -> str:
    """The id of a record that was read.

    Raises:
        ContractBroken: It has none.
    """
    found = record.get("Id")
    if not isinstance(found, str) or not found:
        raise ContractBroken("a record came without its id", code="schema")
    return str(long_form(found))
