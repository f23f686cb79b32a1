"""Bugs planted on purpose, one at a time: each is to be caught by exactly the invariant that names it.

An animal is a mistake in a connector (a wrapper around a correct one), in Seawall itself (a rule replaced), or in what
both are told. Its scenario is chosen so that nothing else breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seawall.core.adapter import Adapter, Surroundings
from seawall.simulators.chaos.scenario import Mishap, People, PlannedCall, Scenario
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects import load_subject
from seawall.simulators.chaos.verdicts import Invariant

from .connectors import (
    Spoil,
    believes_any_page,
    calls_a_504_a_refusal,
    changes_the_case_too,
    collapses_batches,
    describes_what_it_makes,
    doubts_everything,
    drops_a_field,
    hides,
    holds_on,
    is_never_sure,
    knows_no_priority,
    lies_when_it_looks,
    looks_by_writing,
    names_a_record_of_its_own,
    names_the_first_record,
    never_knows_at_first,
    repeats_what_fails,
    retries_without_key,
    sends,
    storms,
    tidies_up_too_much,
    waits_for_nothing,
    writes_more_than_was_asked,
)
from .ourselves import (
    Plant,
    a_key_for_each_attempt,
    asks_nobody,
    asks_people_what_it_knows,
    attempts,
    decides,
    has_no_breaker,
    has_no_fence,
    hides_it_behind_the_breaker,
    ignores_late_commits,
    never_gives_up,
    never_recovers,
    sends_what_nobody_wrote_down,
    spends_approvals_twice,
    trusts_any_absence,
)
from .scenarios import A_DATE, ALL_READS, on_write, once, scenario


@dataclass(frozen=True)
class Animal:
    """One planted bug.

    Args:
        name: What is wrong.
        caught_by: The invariant that must break, and no other.
        scenario: What is played.
        spoil: Breaks the connector.
        plant: Breaks Seawall.
        says: What a witness must say, where the invariant names more than one bug.
    """

    name: str
    caught_by: Invariant
    scenario: Scenario
    spoil: Spoil | None = None
    plant: Plant | None = None
    says: str = ""

    def subject(self) -> Subject:
        """The scenario's subject, its connector broken if it is to be."""
        made = load_subject(self.scenario.subject)
        if self.spoil is not None:
            spoil, real = self.spoil, made.adapter

            def adapter(target: Any, around: Surroundings) -> Adapter:
                opened = real(target, around)
                spoil(opened)
                return opened

            vars(made)["adapter"] = adapter
        return made


ANIMALS = [
    Animal(
        "a connector acknowledges, and then tidies the record away",
        Invariant.NO_LOST_WRITE,
        scenario("netsuite", once("create_credit_memo")),
        spoil=tidies_up_too_much,
    ),
    Animal(
        "a connector retries without the key",
        Invariant.NO_DUPLICATE,
        scenario("salesforce-marker", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        spoil=sends(retries_without_key),
    ),
    Animal(
        "a connector changes a record that nobody asked it to change",
        Invariant.NO_DUPLICATE,
        scenario("salesforce", once("add_case_comment")),
        spoil=changes_the_case_too,
        says="was changed in salesforce, and nobody asked for it",
    ),
    Animal(
        "Seawall ignores late commits",
        Invariant.NO_DUPLICATE,
        scenario(
            "salesforce-marker",
            once("create_case"),
            faults=(on_write("later", "late_commit", delay=40, reply="reset"),),
        ),
        plant=decides(ignores_late_commits),
    ),
    Animal(
        "a connector believes any page",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case"), faults=(on_write("admit", "status", status=502, body="html"),)),
        spoil=sends(believes_any_page),
    ),
    Animal(
        "a connector names the record of another operation",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case"), PlannedCall(action="create_case", sample=2)),
        spoil=sends(names_the_first_record),
    ),
    Animal(
        "a connector makes up the record that it names",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(names_a_record_of_its_own),
        says="of nothing that it made or changed",
    ),
    Animal(
        "a connector makes a record with fields that nobody asked for",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(describes_what_it_makes),
        says="nobody had asked to write Description",
    ),
    Animal(
        "a connector writes fields that nobody asked it to change",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("update_case")),
        spoil=sends(writes_more_than_was_asked),
    ),
    Animal(
        "a probe writes",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "reset"),)),
        spoil=looks_by_writing,
    ),
    Animal(
        "a connector drops a field",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario("salesforce", once("create_case")),
        spoil=sends(drops_a_field),
    ),
    Animal(
        "a connector drops a field, and only recovery hears of it",
        Invariant.NO_PHANTOM_SUCCESS,
        scenario(
            "salesforce",
            once("create_case"),
            faults=({"point": "after_send", "kind": "crash", "match": {"system": "salesforce"}},),
        ),
        spoil=knows_no_priority,
        says="the ledger calls it applied, and the content is not what was asked for",
    ),
    Animal(
        "a connector drops a field of an item, and only recovery hears of it",
        Invariant.EXACT_PARTIALS,
        scenario(
            "salesforce",
            once("create_cases"),
            faults=({"point": "after_send", "kind": "crash", "match": {"system": "salesforce"}},),
        ),
        spoil=knows_no_priority,
        says="item: the ledger calls it applied, and the content is not what was asked for",
    ),
    Animal(
        "a connector calls a 504 a refusal",
        Invariant.NO_PHANTOM_FAILURE,
        scenario(
            "salesforce", once("create_case"), faults=(on_write("after_commit", "status", status=504, body="html"),)
        ),
        spoil=sends(calls_a_504_a_refusal),
    ),
    Animal(
        "an error of the breaker hides a write",
        Invariant.NO_PHANTOM_FAILURE,
        scenario("salesforce", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        plant=attempts(hides_it_behind_the_breaker),
    ),
    Animal(
        "Seawall trusts an absence in a lagging index",
        Invariant.NO_PHANTOM_FAILURE,
        scenario("hubspot-text", once("create_ticket"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(trusts_any_absence),
    ),
    Animal(
        "a connector says unknown although it knows",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario("hubspot", once("upsert_contact")),
        spoil=sends(never_knows_at_first),
    ),
    Animal(
        "a connector says unknown although it could not connect",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario(
            "hubspot", once("upsert_contact"), faults=({**on_write("connect", "refused"), "trigger": {"first": 8}},)
        ),
        spoil=sends(is_never_sure),
    ),
    Animal(
        "a connector leaves everything to people although it knows",
        Invariant.NO_UNEXPLAINED_OUTCOME,
        scenario("salesforce", once("trigger_workflow")),
        spoil=sends(doubts_everything),
        says="although the target had answered clearly",
    ),
    Animal(
        "a connector collapses batches",
        Invariant.EXACT_PARTIALS,
        scenario(
            "salesforce",
            once("create_cases"),
            faults=({**on_write("apply", "partial_batch", k=2, code="FIELD_CUSTOM_VALIDATION_EXCEPTION")},),
        ),
        spoil=collapses_batches,
    ),
    Animal(
        "Seawall trusts an absence in a lagging index, for items",
        Invariant.EXACT_PARTIALS,
        scenario("hubspot-text", once("create_tickets"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(trusts_any_absence),
        says="item",
    ),
    Animal(
        "a connector repeats by itself, again and again",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("hubspot", once("upsert_contact")),
        spoil=sends(storms),
    ),
    Animal(
        "a connector repeats a read that was lost",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("get_case"), faults=(ALL_READS | {"trigger": {"nth": 1}},)),
        spoil=sends(repeats_what_fails),
        says="again after reset: the adapter repeats by itself",
    ),
    Animal(
        "a connector repeats a write that could not be sent",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("connect", "refused"),)),
        spoil=sends(repeats_what_fails),
        says="again after refused: the adapter repeats by itself",
    ),
    Animal(
        "Seawall has no breaker",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", *(once("get_case") for _ in range(3)), faults=(ALL_READS,)),
        plant=has_no_breaker,
        says="its breaker is not open",
    ),
    Animal(
        "a connector keeps outages to itself",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", *(once("get_case") for _ in range(3)), faults=(ALL_READS,)),
        spoil=sends(hides(outage=False)),
        says="its breaker is not open",
    ),
    Animal(
        "Seawall repeats reads without end",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("get_case"), faults=(ALL_READS,)),
        plant=never_gives_up,
        says="attempts in one call",
    ),
    Animal(
        "a connector does not read Retry-After",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "throttle", retry_after="20"),)),
        spoil=sends(hides(retry_after=None)),
        says="before it was asked to",
    ),
    Animal(
        "a connector does not wait for what a date in Retry-After asks for",
        Invariant.BOUNDED_AMPLIFICATION,
        scenario("salesforce", once("create_case"), faults=(on_write("apply", "throttle", retry_after=A_DATE),)),
        spoil=sends(waits_for_nothing),
        says="before it was asked to",
    ),
    Animal(
        "Seawall does not recover",
        Invariant.EVENTUAL_RESOLUTION,
        scenario("salesforce-marker", once("create_case"), faults=(on_write("apply", "reset"),)),
        plant=never_recovers,
    ),
    Animal(
        "Seawall lets people decide what it has found",
        Invariant.EVENTUAL_RESOLUTION,
        scenario("salesforce", once("create_case"), faults=(on_write("after_commit", "reset"),)),
        plant=decides(asks_people_what_it_knows),
        says="although it could be found out",
    ),
    Animal(
        "Seawall sends before it writes down",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case")),
        plant=attempts(sends_what_nobody_wrote_down),
        says="before its intent was written down",
    ),
    Animal(
        "Seawall makes a key for each attempt",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case", again=2), faults=(on_write("apply", "reset"),)),
        plant=attempts(a_key_for_each_attempt),
    ),
    Animal(
        "a stale holder writes",
        Invariant.KEY_DISCIPLINE,
        scenario(
            "salesforce",
            once("create_case", deadline=2000.0),
            faults=({"point": "after_journal", "kind": "pause", "params": {"seconds": 900}, "times": 1},),
            workers=2,
        ),
        plant=has_no_fence,
    ),
    Animal(
        "a connector swallows cancellation",
        Invariant.DEADLINE,
        scenario("salesforce", once("create_case", deadline=5.0)),
        spoil=sends(holds_on),
    ),
    Animal(
        "a connector swallows cancellation, while another process stands still",
        Invariant.DEADLINE,
        scenario(
            "salesforce",
            once("create_case", deadline=5.0),
            workers=2,
            mishaps=(Mishap(what="pause", at=0.0, worker=1, seconds=300.0),),
        ),
        spoil=sends(holds_on),
    ),
    Animal(
        "a probe lies",
        Invariant.READ_HONESTY,
        scenario("salesforce", once("create_case", again=2), faults=(on_write("after_commit", "reset"),)),
        spoil=lies_when_it_looks,
    ),
    Animal(
        "an approval is spent twice",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), people=People(), workers=2),
        plant=spends_approvals_twice,
        says="was spent twice",
    ),
    Animal(
        "Seawall sends what people should have approved",
        Invariant.KEY_DISCIPLINE,
        scenario("salesforce", once("create_case"), people=People()),
        plant=asks_nobody,
        says="nobody had approved it",
    ),
]
"""Those that are played as a scenario; `test_zoo` has the others, which need a stage of their own."""
