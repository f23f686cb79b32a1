"""Every write under every fault of the simulated portal, whose effect log says what really happened.

What must hold for any action, any place of the key and any fault: an acknowledged write is there; a refused one is
not there, ever; of one in doubt the probe says the truth once search knows it; and what may be done again makes one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from support.http_faults import HTTP_FAULTS, fault_id
from support.hubspot_world import OAUTH, PLACES, World, in_a_portal

from seawall.connectors.hubspot import models
from seawall.core.adapter import Absent, Present, Sent
from seawall.core.errors import Ambiguous, IntegrationError


class Deed(NamedTuple):
    """A write: its action, the place of its key, the object that it writes, and the simulator's operation."""

    name: str
    place: str
    object: str
    operation: str

    @property
    def creates(self) -> bool:
        return self.operation == "create"

    async def request(self, world: World) -> Any:
        match self.name:
            case "create_contact":
                return models.CreateContact(reference="r1", email="Kate@example.com", last_name="O'Brien", phone="1")
            case "create_company":
                return models.CreateCompany(reference="r1", name="Acme & Söhne", domain="acme.example")
            case "create_ticket":
                return models.CreateTicket(reference="r1", subject="It's <hot>", content="a\nb", priority="HIGH")
            case "add_note":
                about: Any = {"record_type": "contacts", "record_id": world.contact_id}
                return models.AddNote(**about, reference="r1", body="Called <b>back</b>")
            case "update_contact":
                seen = await world.contact()
                return models.UpdateContact(contact_id=world.contact_id, version=seen.version, phone="42")
            case _:
                ticket = await world.ticket()
                return models.UpdateTicket(ticket_id=world.ticket_id, version=ticket.version, stage="2")


CREATES = [
    Deed(name, place, object_type, "create")
    for place in PLACES
    for name, object_type in (
        ("create_contact", "contacts"),
        ("create_company", "companies"),
        ("create_ticket", "tickets"),
        ("add_note", "notes"),
    )
]
CHANGES = [
    Deed("update_contact", "unique", "contacts", "update"),
    Deed("update_ticket", "unique", "tickets", "update"),
]
FAULTS = [
    *HTTP_FAULTS,
    *(
        {"kind": "status", "point": point, "params": {"status": status, "body": "html"}}
        for point in ("apply", "after_commit")
        for status in (504, 521, 524)
    ),
    {"kind": "status", "point": "apply", "params": {"status": 477, "body": "json", "retry_after": 7200}},
    {"kind": "throttle", "point": "apply", "params": {"status": 429}},
]


def told(value: Any) -> str | None:
    if isinstance(value, Deed):
        return f"{value.name} {value.place}"
    return fault_id(value) if isinstance(value, dict) and "kind" in value else None


@pytest.mark.parametrize("deed", CREATES + CHANGES, ids=told)
def test_without_faults_a_write_is_there_once_and_its_probe_finds_it(deed: Deed) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        assert isinstance(await world.probe(deed.name, request), Absent)
        sent = await world.send(deed.name, request)
        assert isinstance(sent, Sent)
        assert world.truth(deed.object) == 1
        assert world.portal.effects.of(deed.object)[0].record_id == sent.record
        await world.clock.sleep(10)  # search is behind
        found = await world.probe(deed.name, request)
        assert isinstance(found, Present)
        assert (found.record, found.value, found.differs) == (sent.record, sent.value, ())

    in_a_portal(test, adapter=PLACES[deed.place])


@pytest.mark.case(1)
@pytest.mark.case(3)
@pytest.mark.case(10)
@pytest.mark.case(42)
@pytest.mark.case(44)
@pytest.mark.parametrize("fault", FAULTS, ids=told)
@pytest.mark.parametrize("deed", CREATES + CHANGES, ids=told)
def test_under_a_fault_what_is_said_is_true_and_what_is_in_doubt_can_be_settled(
    deed: Deed, fault: dict[str, Any]
) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        said: Any
        try:
            said = await world.send(deed.name, request)
        except IntegrationError as error:
            said = error
        if isinstance(said, Sent):
            assert world.truth(deed.object) >= 1
        await world.portal.settle()
        await world.clock.sleep(10)  # search is behind
        happened = world.truth(deed.object)
        if isinstance(said, IntegrationError) and said.effect == "none":
            assert happened == 0, said
        if happened > 1:
            # Only HubSpot itself could refuse the second delivery, and without a unique value it does not.
            assert fault["kind"] == "duplicate_delivery"
            assert not deed.creates or deed.place != "unique"
            return
        found = await world.probe(deed.name, request)
        if happened == 0:
            assert isinstance(found, Absent)
        else:
            assert isinstance(found, Present)
            assert found.differs == ()
        if isinstance(found, Absent) or (deed.creates and deed.place == "unique"):
            sent = await world.send(deed.name, request, maybe_applied=True)
            assert isinstance(sent, Sent)
            assert sent.record == world.portal.effects.of(deed.object)[0].record_id
        assert world.truth(deed.object) == 1

    in_a_portal(
        test,
        {"match": {"operation": deed.operation}, "trigger": {"first": 1}, **fault},
        adapter=PLACES[deed.place],
    )


@pytest.mark.case(5)
def test_search_that_is_behind_is_declared_so_and_not_taken_for_fresh() -> None:
    async def test(world: World) -> None:
        probe = world.crm.actions["create_ticket"].probe
        assert probe is not None
        assert probe.read_lag == 60.0
        request = models.CreateTicket(reference="r1", subject="Hot")
        await world.send("create_ticket", request)
        assert isinstance(await world.probe("create_ticket", request), Absent)
        await world.clock.sleep(10)
        assert isinstance(await world.probe("create_ticket", request), Present)

    in_a_portal(test, adapter=PLACES["marker"])


@pytest.mark.case(7)
def test_a_contact_that_somebody_else_made_is_not_claimed() -> None:
    async def test(world: World) -> None:
        request = models.CreateContact(reference="r1", email="old@example.com", first_name="Old")
        finding = await world.probe("create_contact", request)
        assert "nothing says that it is ours" in finding.reason
        with pytest.raises(IntegrationError) as raised:
            await world.send("create_contact", request)
        assert (raised.value.effect, raised.value.evidence["existing"]) == ("none", world.contact_id)
        assert world.truth("contacts") == 0

    in_a_portal(test, adapter=PLACES["marker"])


@pytest.mark.case(8)
def test_two_records_with_our_marker_are_told_and_none_is_chosen() -> None:
    async def test(world: World) -> None:
        request = models.CreateTicket(reference="r1", subject="Hot")
        for _ in range(2):
            await world.send("create_ticket", request)
        await world.clock.sleep(10)
        assert len((await world.probe("create_ticket", request)).records) == 2

    in_a_portal(test, adapter=PLACES["marker"])


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        ({"daily_limit": 0}, 3600.0),
        ({"ten_secondly_limit": 0}, 10.0),
        ({"ten_secondly_limit": 0, "retry_after": "4"}, 4.0),
    ],
    ids=["daily", "ten-secondly", "as asked"],
)
def test_each_limit_has_a_wait_of_its_own(answer: dict[str, Any], waits: float) -> None:
    async def test(world: World) -> None:
        with pytest.raises(IntegrationError) as raised:
            await world.send("get_contact", models.GetContact(contact_id=world.contact_id), key="")
        assert (type(raised.value).__name__, raised.value.retry_after) == ("Throttled", waits)

    in_a_portal(test, portal=answer)


def test_a_token_is_renewed_before_it_ends() -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            await world.contact()
            await world.clock.sleep(40)

    in_a_portal(test, adapter={"auth": OAUTH}, portal={"token_life": 90})


@pytest.mark.case(29)
def test_a_token_that_was_revoked_is_renewed_once_but_not_for_a_write_in_doubt() -> None:
    async def test(world: World) -> None:
        await world.contact()
        request = models.CreateTicket(reference="r1", subject="Hot")
        with pytest.raises(IntegrationError) as raised:
            await world.send("create_ticket", request, maybe_applied=True)
        assert (type(raised.value).__name__, raised.value.transient) == ("Unauthenticated", True)
        assert world.truth("tickets") == 0
        await world.contact()
        await world.send("create_ticket", request)
        assert world.truth("tickets") == 1

    revoked = {"match": {"operation": "create"}, "point": "apply", "kind": "session_expired", "trigger": {"first": 2}}
    in_a_portal(test, revoked, adapter={**PLACES["unique"], "auth": OAUTH})


@pytest.mark.case(45)
@pytest.mark.parametrize("place", ["unique", "marker"])
def test_a_batch_answers_for_each_contact_in_order(place: str) -> None:
    async def test(world: World) -> None:
        emails = ["a@example.com", "old@example.com", "c@example.com"]
        items = [models.CreateContact(reference=email, email=email) for email in emails]
        first, taken, third = await world.send_many(
            "create_contacts", models.CreateContacts(contacts=tuple(items)), items
        )
        assert (type(taken).__name__, taken.effect) == ("Conflict", "none")
        made = {effect.fields["email"]: effect.record_id for effect in world.portal.effects.of("contacts")}
        assert made == {"a@example.com": first.record, "c@example.com": third.record}

    in_a_portal(test, adapter=PLACES[place])


@pytest.mark.case(45)
@pytest.mark.parametrize("echo", [True, False], ids=["trace ids", "no trace ids in results"])
def test_a_lost_batch_sent_again_makes_one_of_each(echo: bool) -> None:
    async def test(world: World) -> None:
        items = [models.CreateTicket(reference=f"r{number}", subject=f"T{number}") for number in range(5)]
        request = models.CreateTickets(tickets=tuple(items))
        with pytest.raises(Ambiguous):
            await world.send_many("create_tickets", request, items)
        results = await world.send_many("create_tickets", request, items, maybe_applied=True)
        assert world.truth("tickets") == 5
        by_subject = {effect.fields["subject"]: effect.record_id for effect in world.portal.effects.of("tickets")}
        assert [result.record for result in results] == [by_subject[item.subject] for item in items]

    lost = {"match": {"operation": "batch_create"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}
    in_a_portal(test, lost, portal={"echo_trace_ids": echo})


@pytest.mark.case(30)
def test_a_batch_of_changes_writes_those_that_are_as_they_were_seen() -> None:
    async def test(world: World) -> None:
        ticket = await world.ticket()
        stage = {"hs_pipeline": "0", "hs_pipeline_stage": "1"}
        other = world.portal.add_record("tickets", {"subject": "Other", **stage})
        seen = (await world.send("get_ticket", models.GetTicket(ticket_id=other), key="")).value
        await world.clock.sleep(1)
        world.portal.change_record("tickets", other, {"subject": "Changed by Ann"})
        items = [
            models.UpdateTicket(ticket_id=world.ticket_id, version=ticket.version, stage="2"),
            models.UpdateTicket(ticket_id=other, version=seen.version, stage="2"),
        ]
        done, stale = await world.send_many("update_tickets", models.UpdateTickets(tickets=tuple(items)), items)
        assert (done.record, type(stale).__name__) == (world.ticket_id, "PreconditionFailed")
        assert [effect.record_id for effect in world.portal.effects] == [world.ticket_id]

    in_a_portal(test)


def test_an_upsert_makes_a_contact_once_and_overwrites_it_then() -> None:
    async def test(world: World) -> None:
        first = models.UpsertContact(reference="1", email="new@example.com", first_name="A")
        again = models.UpsertContact(reference="2", email="new@example.com", first_name="B")
        one, two = [await world.send("upsert_contact", request) for request in (first, again)]
        assert one.record == two.record
        assert [(e.kind, e.fields["firstname"]) for e in world.portal.effects] == [("insert", "A"), ("update", "B")]

    in_a_portal(test)


def test_records_are_associated_once_however_often_it_is_asked() -> None:
    async def test(world: World) -> None:
        company = world.portal.add_record("companies", {"name": "Acme"})
        ends: Any = {"from_type": "contacts", "from_id": world.contact_id, "to_type": "companies", "to_id": company}
        for _ in range(2):
            await world.send("associate", models.Associate(**ends))
        assert world.truth("associations") >= 1
        assert len({effect.record_id for effect in world.portal.effects}) == len(list(world.portal.effects))

    in_a_portal(test)


def test_search_says_whether_there_is_more() -> None:
    async def test(world: World) -> None:
        for number in range(7):
            world.portal.add_record("contacts", {"email": f"n{number}@example.com", "lastname": "Many"})
        await world.clock.sleep(10)
        found = (await world.send("find_contacts", models.FindContacts(last_name="many", limit=5), key="")).value
        assert (len(found.contacts), found.total, found.complete) == (5, 7, False)
        found = (await world.send("find_contacts", models.FindContacts(last_name="Many"), key="")).value
        assert (len(found.contacts), found.complete) == (7, True)

    in_a_portal(test)


def test_check_names_properties_that_are_missing_or_not_unique() -> None:
    async def test(world: World) -> None:
        first, second = await world.crm.check()
        assert "contacts have no property nothing" in first
        assert "seawall_mark of tickets does not demand unique values" in second

    in_a_portal(test, adapter={"unique_properties": {"contacts": "nothing", "tickets": "seawall_mark"}})


def test_a_write_that_may_no_longer_be_sent_is_not() -> None:
    async def test(world: World) -> None:
        request = models.CreateTicket(reference="r1", subject="Hot")
        with pytest.raises(IntegrationError) as raised:
            await world.send("create_ticket", request, may_send=lambda: False)
        assert (raised.value.code, world.truth("tickets")) == ("lost_lease", 0)

    in_a_portal(test)
