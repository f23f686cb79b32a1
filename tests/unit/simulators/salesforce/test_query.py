"""Pages of a query: their size, their order, and locators that grow old."""

from __future__ import annotations

from typing import Any

import pytest
from support.clock import FakeClock
from support.org import LoggedIn, first_error, logged_in

TEXT = "SELECT Subject FROM Case ORDER BY Subject"


async def all_pages(crm: LoggedIn, **how: Any) -> list[list[str]]:
    pages = []
    answer = await crm.soql(TEXT, **how)
    while True:
        content = answer.json()
        assert content["totalSize"] == 5
        pages.append([row["Subject"] for row in content["records"]])
        assert content["done"] == ("nextRecordsUrl" not in content)
        if content["done"]:
            return pages
        answer = await crm.http.get(content["nextRecordsUrl"])


def fill(crm: LoggedIn) -> None:
    for name in "bdace":
        crm.org.add_record("Case", {"Subject": name})


async def test_rows_come_in_pages_in_order() -> None:
    async with logged_in(page_size=2) as crm:
        fill(crm)
        assert await all_pages(crm) == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize(
    ("asked", "pages"),
    [("batchSize=2", 3), ("batchSize = 4", 2), ("batchSize=1", 3), ("batchSize=100", 1), ("nonsense", 1)],
)
async def test_client_may_ask_for_a_page_size_within_bounds(asked: str, pages: int) -> None:
    async with logged_in(smallest_page=2, page_size=10) as crm:
        fill(crm)
        assert len(await all_pages(crm, headers={"Sforce-Query-Options": asked})) == pages


async def test_result_is_as_it_was_when_it_was_asked_for() -> None:
    async with logged_in(page_size=3) as crm:
        fill(crm)
        first = (await crm.soql(TEXT)).json()
        await crm.create(Subject="bb")
        rest = (await crm.http.get(first["nextRecordsUrl"])).json()
        assert [row["Subject"] for row in rest["records"]] == ["d", "e"]


async def test_page_can_be_read_again() -> None:
    async with logged_in(page_size=3) as crm:
        fill(crm)
        url = (await crm.soql(TEXT)).json()["nextRecordsUrl"]
        assert (await crm.http.get(url)).json() == (await crm.http.get(url)).json()


async def test_locator_expires() -> None:
    clock = FakeClock()
    async with logged_in(page_size=3, locator_life=60, session_life=1e6, simulator={"now": clock.now}) as crm:
        fill(crm)
        url = (await crm.soql(TEXT)).json()["nextRecordsUrl"]
        clock.advance(60)
        assert (await crm.http.get(url)).status_code == 200
        clock.advance(1)
        assert first_error(await crm.http.get(url)) == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize("change", [lambda url: url[:-1] + "9", lambda url: url + "x", lambda url: url[:-1] + "0"])
async def test_locator_that_leads_nowhere_is_refused(change: Any) -> None:
    async with logged_in(page_size=3) as crm:
        fill(crm)
        url = (await crm.soql(TEXT)).json()["nextRecordsUrl"]
        assert first_error(await crm.http.get(change(url))) == (400, "INVALID_QUERY_LOCATOR")


async def test_unknown_locator_is_refused(crm: LoggedIn) -> None:
    assert first_error(await crm("GET", "/query/01gSW0000000001AAA-2000")) == (400, "INVALID_QUERY_LOCATOR")


async def test_pages_of_query_all_go_on_with_query_all() -> None:
    async with logged_in(page_size=3) as crm:
        fill(crm)
        content = (await crm("GET", "/queryAll", params={"q": TEXT})).json()
        assert "/queryAll/01g" in content["nextRecordsUrl"]
        assert len((await crm.http.get(content["nextRecordsUrl"])).json()["records"]) == 2


async def test_old_results_are_dropped_when_too_many_are_open() -> None:
    async with logged_in(page_size=3) as crm:
        fill(crm)
        url = (await crm.soql(TEXT)).json()["nextRecordsUrl"]
        last = [await crm.soql(TEXT) for _ in range(1000)][-1]
        assert first_error(await crm.http.get(url)) == (400, "INVALID_QUERY_LOCATOR")
        assert (await crm.http.get(last.json()["nextRecordsUrl"])).status_code == 200
