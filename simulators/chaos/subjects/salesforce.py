"""The Salesforce connector on a simulated org: with an external id field for our keys, and with a marker field only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from ....connectors.salesforce import models
from ....connectors.salesforce.adapter import SalesforceAdapter
from ....connectors.salesforce.settings import SalesforceSettings
from ....core.adapter import Adapter, Surroundings
from ...faults import Plan
from ...inprocess import InProcessTransport
from ...kinds import Lane
from ...salesforce import CustomField, SalesforceSimulator
from ...salesforce import SalesforceSettings as Org
from ...salesforce.app import OPERATIONS, TRAITS
from ...salesforce.batches import BATCHES
from ...virtual_time import LoopClock
from ..entries import Wanted
from ..subject import Change, Reading, Sample, Sampler, Subject

_KEY, _MARKS = "Seawall_Key__c", "Seawall_Marks__c"
_SECRET = "seawall-secret"  # noqa: S105 -- the simulator's own
_NOBODY = "500000000000999AAA"
_ITEMS = 5  # cases in one batch


class SalesforceSubject(Subject):
    """Our keys in a unique external id field."""

    name = "salesforce"
    lanes: ClassVar[Mapping[str, Lane]] = OPERATIONS
    traits = TRAITS
    batches: ClassVar[Collection[str]] = BATCHES
    canaries = (_SECRET,)
    keys: ClassVar[Mapping[str, Any]] = {"external_id_fields": {"Case": _KEY, "Task": _KEY}}

    def target(self, plan: Plan, clock: LoopClock) -> SalesforceSimulator:
        """An org with our custom fields."""
        fields = (CustomField(name=_KEY, external_id=True, unique=True), CustomField(name=_MARKS))
        return SalesforceSimulator(Org(custom_fields={"Case": fields, "Task": fields}), plan, now=clock.now)

    def adapter(self, target: SalesforceSimulator, around: Surroundings) -> Adapter:
        """The connector, in this process."""
        settings = SalesforceSettings.model_validate(
            {
                "url": "https://acme.my.salesforce.example",
                "auth": {"flow": "client_credentials", "client_id": "seawall-client", "client_secret": _SECRET},
                **self.keys,
            }
        )
        return SalesforceAdapter.open(settings, around, transport=InProcessTransport(target))

    def samples(self, target: SalesforceSimulator) -> Mapping[str, Sampler]:
        """Cases made, changed, closed, commented on, read and found; tasks, batches and flows."""
        return {
            "create_case": _create_case,
            "create_cases": _create_cases,
            "update_case": lambda n: _update_case(target, n),
            "close_case": lambda n: _close_case(target, n),
            "add_case_comment": lambda n: _add_comment(target, n),
            "create_follow_up": lambda n: _create_task(target, n),
            "trigger_workflow": _trigger,
            "get_case": lambda n: _get_case(target, n),
            "find_cases": lambda n: _find_cases(target, n),
            "query": lambda n: _query(target, n),
        }

    def refusals(self, target: SalesforceSimulator) -> Mapping[str, Mapping[str, Sampler]]:  # noqa: ARG002 -- of what is not there
        """Cases and flows that do not exist."""
        version = "2026-01-01T00:00:00.000+0000"
        change = models.UpdateCase(case_id=_NOBODY, version=version, subject="x")
        run = models.TriggerWorkflow(flow="No_Such_Flow", reference="run-0")
        return {
            "get_case": {"NOT_FOUND": lambda _: Sample(models.GetCase(case_id=_NOBODY))},
            "update_case": {"NOT_FOUND": lambda _: Sample(change)},
            "trigger_workflow": {"NOT_FOUND": lambda _: Sample(run)},
        }

    def look_alike(self, target: SalesforceSimulator, sample: Sample) -> bool:
        """A case, task or comment with the same text that somebody else made."""
        match sample.request:
            case models.CreateCase(subject=subject):
                target.add_record("Case", {"Subject": subject})
            case models.CreateFollowUp(case_id=case_id, subject=subject):
                target.add_record("Task", {"Subject": subject, "WhatId": case_id})
            case models.AddCaseComment(case_id=case_id, body=body):
                target.add_record("CaseComment", {"ParentId": case_id, "CommentBody": body})
            case _:
                return False
        return True

    def remove(self, target: SalesforceSimulator, action: str, record: str) -> bool:
        """Delete a case or task."""
        names = {"create_case": "Case", "create_follow_up": "Task", "add_case_comment": "CaseComment"}
        if action not in names:
            return False
        obj = target.org.schema.objects[names[action]]
        found = target.records.get(names[action], record)
        assert found is not None
        with target.org.records.transaction(logged=False) as tx:
            tx.delete(obj, found)
        return True

    def change(self, target: SalesforceSimulator, sample: Sample, record: str, to: Change) -> bool:
        """Change a case, a task or a comment."""
        contents: dict[str, dict[str, object]]
        match sample.request:
            case models.CreateCase():
                contents = {"over": {"Priority": "Medium"}}
            case models.CreateFollowUp():
                contents = {"over": {"Priority": "High"}}
            case models.AddCaseComment():
                contents = {"over": {"IsPublished": True}}
            case models.UpdateCase():
                contents = {"beside": {"Description": "by hand"}, "over": {"Subject": "by hand"}}
            case models.CloseCase():
                contents = {"beside": {"Description": "by hand"}, "over": {"Status": "Working"}}
            case _:
                return False
        wanted = sample.wanted[0]
        target.change_record(wanted.object, record, contents.get(to, dict(wanted.content)))
        return True


class SalesforceMarkerSubject(SalesforceSubject):
    """Our keys in a text field that is not unique."""

    name = "salesforce-marker"
    keys: ClassVar[Mapping[str, Any]] = {"marker_fields": {"Case": _MARKS, "Task": _MARKS}}


_KEYS = (_KEY, _MARKS)
"""Where a key or a marker is left."""

_MARKED = (_MARKS,)


def _create_case(n: int) -> Sample:
    subject = f"T{n:05d} printer on fire"
    return Sample(
        models.CreateCase(reference=f"mail-{n}", subject=subject, priority="High"),
        (Wanted("Case", ("insert",), {"Subject": f"T{n:05d}"}, {"Subject": subject, "Priority": "High"}, _KEYS),),
        reworded=models.CreateCase(reference=f"mail-{n}", subject=subject, priority="Low"),
    )


def _create_cases(n: int) -> Sample:
    items = tuple(_create_case(n * 100 + item) for item in range(_ITEMS))
    return Sample(lambda cases: models.CreateCases(cases=tuple(cases)), items=items)


def _case(target: SalesforceSimulator, n: int) -> tuple[str, str]:
    case_id = target.add_record("Case", {"Subject": f"Old case {n}", "Priority": "Low"})
    record = target.records.get("Case", case_id)
    assert record is not None
    return case_id, str(record["LastModifiedDate"])


def _update_case(target: SalesforceSimulator, n: int) -> Sample:
    case_id, version = _case(target, n)

    def change(version: str, subject: str, priority: str) -> models.UpdateCase:
        return models.UpdateCase(case_id=case_id, version=version, subject=subject, priority=priority)

    def written(subject: str, priority: str) -> tuple[Wanted, ...]:
        content = {"Subject": subject, "Priority": priority}
        return (Wanted("Case", ("update",), {"id": case_id}, content, _MARKED),)

    older, newer = (f"T{n:05d} is out", "High"), (f"N{n:05d} is in", "Medium")
    reading = Reading("get_case", models.GetCase(case_id=case_id), lambda seen: change(seen.version, *newer))
    following = Sample(None, written(*newer), after_reading=reading)
    return Sample(change(version, *older), written(*older), newer=following)


def _close_case(target: SalesforceSimulator, n: int) -> Sample:
    case_id, version = _case(target, n)
    return Sample(
        models.CloseCase(case_id=case_id, version=version),
        (Wanted("Case", ("update",), {"id": case_id}, {"Status": "Closed"}, _MARKED),),
    )


def _add_comment(target: SalesforceSimulator, n: int) -> Sample:
    case_id, _ = _case(target, n)
    body = f"T{n:05d} was called"
    content = {"ParentId": case_id, "IsPublished": False}
    return Sample(
        models.AddCaseComment(case_id=case_id, reference=f"note-{n}", body=body),
        (Wanted("CaseComment", ("insert",), {"CommentBody": f"T{n:05d}"}, content, (), {"CommentBody": body}),),
    )


def _create_task(target: SalesforceSimulator, n: int) -> Sample:
    case_id, _ = _case(target, n)
    subject = f"T{n:05d} call back"
    return Sample(
        models.CreateFollowUp(case_id=case_id, reference=f"task-{n}", subject=subject),
        (Wanted("Task", ("insert",), {"Subject": f"T{n:05d}"}, {"Subject": subject, "WhatId": case_id}, _KEYS),),
    )


def _trigger(n: int) -> Sample:
    inputs = {"caseId": "5", "reason": f"T{n:05d}"}
    return Sample(
        models.TriggerWorkflow(flow="Escalate_Case", reference=f"run-{n}", inputs=inputs),
        (Wanted("Escalate_Case", ("invoke",), {"reason": f"T{n:05d}"}, inputs, ()),),
    )


def _get_case(target: SalesforceSimulator, n: int) -> Sample:
    case_id, _ = _case(target, n)
    return Sample(models.GetCase(case_id=case_id), reply={"case_id": case_id, "subject": f"Old case {n}"})


def _find_cases(target: SalesforceSimulator, n: int) -> Sample:
    target.add_record("Case", {"Subject": f"Found {n} by its words", "Priority": "Low"})
    return Sample(models.FindCases(subject_contains=f"Found {n} by"), reply={"complete": True})


def _query(target: SalesforceSimulator, n: int) -> Sample:
    case_id, _ = _case(target, n)
    soql = f"SELECT Id, Subject FROM Case WHERE Id = '{case_id}'"  # noqa: S608 -- its own id
    return Sample(models.Query(soql=soql), reply={"total_size": 1, "complete": True})
