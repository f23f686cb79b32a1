"""What a subject leaves out is to do; what its adapter or its simulator does not have is exempt."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from support.clock import FakeClock
from support.planted import tried
from support.toy import ADD, AddNote, DeleteNote, Target, ToyAdapter

from seawall.conformance import tier_of
from seawall.core.adapter import Adapter, Secrets, Surroundings
from seawall.core.tiers import Tier
from seawall.simulators.chaos.entries import Wanted
from seawall.simulators.chaos.subject import Change, Sample, Sampler, Subject, SubjectError
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject
from seawall.simulators.chaos.subjects.netsuite import NetSuiteSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject, SalesforceSubject
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.chaos.subjects.sql import LegacySubject
from seawall.simulators.conformance.cases import Exempt
from seawall.simulators.conformance.ladder import CaseResult, judge
from seawall.simulators.conformance.rewording import other_wording, other_wordings
from seawall.simulators.conformance.running import BY_NAME, cases_of, expected_of, result_of, run_all
from seawall.simulators.conformance.trial import Trial


class NoKinds(BillingSubject):
    kinds = ()


class NoLateCommit(BillingSubject):
    kinds: ClassVar = ("reset", "hang", "status")


class NoTransactions(BillingSubject):
    traits: ClassVar = {"http": None, "soap": None}


class NoBatches(SalesforceSubject):
    batches = ()


class OneError(LegacySubject):
    values: ClassVar = {"error": ("deadlock",)}


class WritesAreReads(BillingSubject):
    lanes: ClassVar = {**BillingSubject.lanes, "BookCredit": "read"}


class NoBookings(BillingSubject):
    lanes: ClassVar = {name: lane for name, lane in BillingSubject.lanes.items() if name != "BookCredit"}


class NoSearch(BillingSubject):
    lanes: ClassVar = {name: lane for name, lane in BillingSubject.lanes.items() if name != "FindCredits"}


class NoCanaries(SalesforceSubject):
    canaries = ()  # type: ignore[assignment]  # left out on purpose


class OneCanary(NetSuiteSubject):
    canaries = NetSuiteSubject.canaries[1:]


class Registers(BillingSubject):
    registered: str

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        around.secrets.add(self.registered)
        return super().adapter(target, replace(around, secrets=Secrets()))


class Basic(Registers):
    registered = b64encode(f"agent:{BillingSubject.canaries[0]}".encode()).decode()


class Url(Registers):
    registered = f"soap://agent:{BillingSubject.canaries[0]}@erp"


class Header(Registers):
    registered = "Basic-" + BillingSubject.canaries[0][:3]


class NoLookAlikes(BillingSubject):
    def look_alike(self, target: Any, sample: Sample) -> bool:
        return False


class NoRemovals(BillingSubject):
    def remove(self, target: Any, action: str, record: str) -> bool:
        return False


class NoChanges(LegacySubject):
    def change(self, target: Any, sample: Sample, record: str, to: Change) -> bool:
        return False


class NoCaseChanges(SalesforceMarkerSubject):
    def change(self, target: Any, sample: Sample, record: str, to: Change) -> bool:
        return False


class KnownByContent(SalesforceMarkerSubject):
    """Its changes are known by what they write, and not by the record's id."""

    def samples(self, target: Any) -> Mapping[str, Sampler]:
        update = super().samples(target)["update_case"]

        def known(n: int) -> Sample:
            sample = update(n)
            return replace(sample, wanted=(replace(sample.wanted[0], where={"Subject": f"T{n:05d}"}),))

        return {"get_case": super().samples(target)["get_case"], "update_case": known}


class ContentNotShown(SalesforceMarkerSubject):
    """Its cases are known by their subjects, whatever else is in them."""

    def samples(self, target: Any) -> Mapping[str, Sampler]:
        create = super().samples(target)["create_case"]

        def known(n: int) -> Sample:
            sample = create(n)
            return replace(sample, wanted=(replace(sample.wanted[0], where={"Subject": "T"}, content={}),))

        return {"create_case": known}


def results(subject: Subject, check: str) -> Sequence[CaseResult]:
    trial = Trial(subject)
    return [result_of(BY_NAME[check], case) for case in cases_of(trial, BY_NAME[check])]


@pytest.mark.parametrize("name", SUBJECTS)
def test_our_own_subjects_leave_nothing_out(name: str) -> None:
    subject = load_subject(name)
    for check in ("subject", "probe_honesty", "overtaken", "rewording"):
        left = [one for one in results(subject, check) if one.state not in ("done", "exempt")]
        assert not left


@pytest.mark.parametrize(
    ("subject", "case", "state", "says"),
    [
        (NoKinds, "faults", "todo", "refused (at connect of"),
        (NoLateCommit, "faults", "todo", "late_commit (at later of"),
        (NoTransactions, "faults", "todo", "reset (at before_commit of BookCredit)"),
        (NoBatches, "faults", "todo", "partial_batch (at apply of"),
        (OneError, "faults", "todo", "sql_error with error lock_timeout (at apply of"),
        (WritesAreReads, "lanes", "failed", "BookCredit, which the simulator has in its write lane"),
        (NoBookings, "lanes", "failed", "which the `lanes` of the subject soap leave out"),
        (NoCanaries, "canaries", "todo", "leave out 1 of the secrets that the adapter registers (1), of 14 "),
        (
            OneCanary,
            "canaries",
            "todo",
            "leave out 1 of the secrets that the adapter registers (2), of 10 ",
        ),
    ],
)
def test_what_a_subject_leaves_out_of_what_its_simulator_can_do_is_named(
    subject: type[Subject], case: str, state: str, says: str
) -> None:
    (found,) = [one for one in results(subject(), "subject") if one.case == case]
    assert (found.state, says in found.reason) == (state, True), found.reason


@pytest.mark.parametrize(("subject", "state"), [(Basic, "done"), (Url, "done"), (Header, "todo")])
def test_a_secret_is_looked_for_if_a_canary_is_in_it_or_in_what_it_encodes(subject: type[Subject], state: str) -> None:
    (found,) = [one for one in results(subject(), "subject") if one.case == "canaries"]
    assert found.state == state, found.reason
    assert subject.canaries[0] not in found.reason


def test_a_request_that_the_lanes_leave_out_is_told_in_one_sentence() -> None:
    trial = Trial(NoBookings())
    with pytest.raises(SubjectError, match="the `lanes` of the subject soap leave out: name it there"):
        cases_of(trial, BY_NAME["error_map"])


def test_a_request_of_a_probe_that_the_lanes_leave_out_is_told_in_one_sentence() -> None:
    failed = {one.reason for one in results(NoSearch(), "probe_honesty") if one.state == "failed"}
    (reason,) = failed
    assert reason.startswith("SubjectError: the probe of book_credit makes the request FindCredits, which the `lanes` ")


@pytest.mark.parametrize(
    ("subject", "case", "says"),
    [
        (NoLookAlikes, "book_credit-look_alike", "write its `look_alike`"),
        (NoRemovals, "book_credit-deleted_by_others", "write its `remove`"),
    ],
)
def test_subject_without_another_party_is_to_do_where_the_adapter_makes_records(
    subject: type[Subject], case: str, says: str
) -> None:
    (found,) = [one for one in results(subject(), "probe_honesty") if one.case == case]
    assert (found.state, says in found.reason) == ("todo", True)


@pytest.mark.parametrize(
    ("subject", "case", "state", "says"),
    [
        (NoCaseChanges, "update_case-changed_by_others", "todo", "write its `change`"),
        (NoCaseChanges, "update_case-changed_since", "todo", "write its `change`"),
        (KnownByContent, "update_case-changed_by_others", "todo", "name the record by its id"),
        (KnownByContent, "update_case-changed_since", "done", ""),  # its receipt names it
        (NoChanges, "change_order-changed_by_others", "exempt", "in a row of its own"),
        (NoChanges, "change_order-changed_since", "exempt", "in a row of its own"),
    ],
)
def test_subject_that_changes_no_records_is_to_do_where_the_effect_has_one(
    subject: type[Subject], case: str, state: str, says: str
) -> None:
    found = tried(Trial(subject()), "probe_honesty", case)
    assert (found.state, says in found.reason) == (state, True), found.reason


def test_sample_that_shows_no_content_is_to_do_where_a_probe_looks_at_it() -> None:
    found = tried(Trial(ContentNotShown()), "probe_honesty", "create_case-other_content")
    assert (found.state, "show the content" in found.reason) == ("todo", True), found.reason


def test_sample_that_does_not_name_its_record_is_to_do_where_the_adapter_names_versions() -> None:
    found = [one for one in results(KnownByContent(), "overtaken") if one.case.startswith("update_case")]
    assert {one.state for one in found} == {"todo"}
    assert all("name the record by its id" in one.reason for one in found)


def test_subject_that_changes_no_records_is_to_do_where_the_adapter_names_versions() -> None:
    states = {one.case: one.state for one in results(NoChanges(), "overtaken")}
    assert set(states) == {f"change_order-{how}" for how in ("before", "unsent", "unsent_alike", "lost_reply")} | {
        "change_order-lost_reply_overwritten"
    }
    assert set(states.values()) == {"todo"}


@pytest.mark.parametrize(("subject", "rule"), [(NoKinds, "subject"), (NoLookAlikes, "probe_honesty")])
def test_subject_that_leaves_something_out_does_not_reach_gold(subject: type[Subject], rule: str) -> None:
    trial = Trial(subject())
    rules = judge(expected_of(trial), run_all(trial))
    assert tier_of(rules) not in (Tier.GOLD, Tier.PLATINUM)
    assert [one.rule for one in rules if one.state == "todo" and one.tier != "platinum"] == [rule]


def test_a_rewording_keeps_the_identity_and_changes_the_content() -> None:
    request = AddNote(reference="n-1", text="hello")
    made = other_wording("toy", ADD, request)
    assert isinstance(made, AddNote)
    assert (made.reference, made.text != "hello") == ("n-1", True)


def test_rewordings_begin_with_what_a_sample_shows_and_do_not_hold_it() -> None:
    request = AddNote(reference="n-1", text="hello", priority="high")
    first = next(other_wordings("toy", ADD, request, [Wanted("Note", ("insert",), {}, {"urgency": "high"})]))
    assert isinstance(first, AddNote)
    assert (first.text, "high" in first.priority) == ("hello", False)


def test_what_is_nothing_but_its_identity_has_no_other_wording() -> None:
    action = ToyAdapter(Target(FakeClock())).actions["delete_note"]
    with pytest.raises(Exempt, match="is its identity"):
        other_wording("toy", action, DeleteNote(note_id="n1"))
