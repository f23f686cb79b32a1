"""Salesforce's REST API as this connector uses it: requests, sessions, paging, and nothing about actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ...core.adapter import Surroundings
from ...core.errors import ContractBroken, IntegrationError, NotFound, Unauthenticated
from .._http import HttpClient, HttpReply
from .auth import Auth
from .classify import LOCATOR_EXPIRED, SESSION_EXPIRED, VendorError, classify, vendor_errors
from .replies import Page, Saved, fit, item_id, saved_id
from .settings import SalesforceSettings

_MORE_THAN_ANY_LIST = 50_000


@dataclass(frozen=True, slots=True)
class Row:
    """A record that was read.

    Args:
        record: Its fields, by Salesforce's names.
        server_time: The server's clock at the read, in whole seconds since the epoch; None if it did not say.
    """

    record: Mapping[str, Any]
    server_time: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """The records of a query.

    Args:
        records: The records, with their `attributes`.
        total_size: As many as the query matches.
        complete: False if there are more.
        restarted: Whether the cursor expired on the way.
    """

    records: Sequence[Mapping[str, Any]]
    total_size: int
    complete: bool
    restarted: bool = False


class Wire:
    """One org.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and what must not be written down.
        http: The client.
    """

    def __init__(self, settings: SalesforceSettings, surroundings: Surroundings, http: HttpClient) -> None:
        self.clock = surroundings.sources.clock
        self.secrets = surroundings.secrets
        self.root = f"/services/data/v{settings.api_version}"
        self.http = http
        self.auth = Auth(settings, surroundings, http)

    def begin(self, timeout: float, *, relogin: bool, may_write: Callable[[], bool] | None = None) -> Exchange:
        """The requests of one attempt.

        Args:
            timeout: Seconds for all of them.
            relogin: Whether an expired session may be renewed and the request it refused be sent once more.
            may_write: Asked right before each request that is no read.
        """
        return Exchange(self, timeout, relogin=relogin, may_write=may_write)

    async def close(self) -> None:
        """Release connections."""
        await self.auth.close()
        await self.http.close()


class Exchange:
    """The requests of one attempt: they share its time and its one new login.

    Args:
        wire: The org.
        timeout: Seconds for all of them.
        relogin: Whether an expired session may be renewed.
        may_write: Asked right before each request that is no read.
    """

    def __init__(
        self, wire: Wire, timeout: float, *, relogin: bool, may_write: Callable[[], bool] | None = None
    ) -> None:
        self._wire = wire
        self._may_write = may_write
        self._ends_at = wire.clock.monotonic() + timeout
        self._relogin = relogin
        self._renewed = False

    def left(self) -> float:
        """Seconds that are left."""
        return self._ends_at - self._wire.clock.monotonic()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        """Send one request; the answer has a 2xx status.

        Args:
            method: The HTTP method.
            path: Below the REST API's root, or a whole path that the org named.
            body: Sent as JSON.
            params: Query parameters.
            headers: Further headers.

        Raises:
            IntegrationError: As `classify` reads the answer.
        """
        whole = path if path.startswith("/services/") else self._wire.root + path
        while True:
            token = await self._wire.auth.token(self.left())
            reply = await self._wire.http.send(
                method,
                token.url + whole,
                timeout=self.left(),
                headers={
                    "Authorization": f"Bearer {token.access}",
                    "Accept": "application/json",
                    **(headers or {}),
                },
                params=params,
                body=body,
                may_send=None if method == "GET" else self._may_write,
            )
            if 200 <= reply.status < 300:
                self._wire.auth.confirm(token)
                return reply
            error = classify(reply, self._wire.clock.now())
            error.message = self._wire.secrets.scrub(error.message)
            error.evidence = self._wire.secrets.scrub_all(error.evidence)
            if not (isinstance(error, Unauthenticated) and error.code == SESSION_EXPIRED):
                raise error
            worked = self._wire.auth.drop(token)
            if not self._relogin or self._renewed:
                # The next attempt logs in anew. A session that was refused from its first use on did not expire.
                error.transient = worked or not self._renewed
                raise error
            self._renewed = True

    async def row(self, path: str, fields: Iterable[str]) -> Row:
        """Read one record.

        Args:
            path: `/sobjects/Case/<id>` or `/sobjects/Case/<external-id field>/<value>`.
            fields: The fields to read.
        """
        reply = await self.call("GET", path, params={"fields": ",".join(fields)})
        record = reply.json()
        if not isinstance(record, dict):
            raise ContractBroken("a record was asked for, but something else came", code="schema")
        return Row(record, reply.date)

    async def query(self, soql: str, limit: int = _MORE_THAN_ANY_LIST) -> Found:
        """Run a query and read its pages. An expired cursor restarts it once.

        Args:
            soql: The query.
            limit: Records to read at most.
        """
        try:
            return await self._pages(soql, limit)
        except NotFound as error:
            if error.code != LOCATOR_EXPIRED:
                raise
        try:
            found = await self._pages(soql, limit)
        except NotFound as error:
            if error.code == LOCATOR_EXPIRED:
                error.message = "the query's cursor expired twice while its pages were read; narrow the query"
            raise
        return Found(found.records, found.total_size, found.complete, restarted=True)

    async def _pages(self, soql: str, limit: int) -> Found:
        page = fit(Page, await self.call("GET", "/query", params={"q": soql}))
        records, seen = list(page.records), set[str]()
        while not page.done and len(records) < limit:
            url = page.next_url
            if url is None or url in seen or not url.startswith("/services/data/"):
                raise ContractBroken("the query has more records, but names no next page of this org", code="paging")
            seen.add(url)
            page = fit(Page, await self.call("GET", url))
            records += page.records
        complete = page.done and len(records) <= limit and len(records) >= page.total_size
        return Found(records[:limit], page.total_size, complete)

    async def create(self, sobject: str, body: Mapping[str, Any]) -> str:
        """Insert a record.

        Returns:
            Its id.
        """
        answer = saved_id(fit(Saved, await self.call("POST", f"/sobjects/{sobject}", body=body)))
        if isinstance(answer, IntegrationError):
            raise answer
        return answer

    async def create_many(
        self, bodies: Sequence[Mapping[str, Any]], *, all_or_none: bool
    ) -> list[str | IntegrationError]:
        """Insert up to 200 records in one call.

        Returns:
            For each, in order, its id or why it was not inserted.

        Raises:
            ContractBroken: The answers cannot be matched to the records.
        """
        reply = await self.call("POST", "/composite/sobjects", body={"allOrNone": all_or_none, "records": list(bodies)})
        answers = reply.json()
        if not isinstance(answers, list) or len(answers) != len(bodies):
            count = len(answers) if isinstance(answers, list) else "no"
            raise ContractBroken(
                f"{len(bodies)} records were sent, but {count} results came: none can be matched to its record",
                code="batch_length",
                evidence=reply.facts(),
            )
        return [item_id(answer) for answer in answers]

    async def update(self, sobject: str, record_id: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Change a record. Salesforce answers 204, or 200 with a body where asked for one."""
        reply = await self.call("PATCH", f"/sobjects/{sobject}/{record_id}", body=body, headers=headers)
        if reply.status == 204:
            return
        answer = saved_id(fit(Saved, reply))
        if isinstance(answer, IntegrationError):
            raise answer

    async def run_flow(self, name: str, inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[VendorError, ...]]:
        """Run an invocable flow.

        Returns:
            Its output variables, and its errors if it failed.
        """
        reply = await self.call("POST", f"/actions/custom/flow/{quote(name, safe='')}", body={"inputs": [dict(inputs)]})
        answer = reply.json()
        if not (isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], dict)):
            raise ContractBroken("one result of the flow was expected", code="schema", evidence=reply.facts())
        (result,) = answer
        if result.get("isSuccess") is True:
            outputs = result.get("outputValues")
            return outputs if isinstance(outputs, dict) else {}, ()
        errors = vendor_errors(answer)
        if result.get("isSuccess") is not False or not errors:
            raise ContractBroken("the flow's result says neither success nor failure", code="schema")
        return {}, errors

    async def describe(self, sobject: str) -> Mapping[str, Mapping[str, Any]]:
        """The fields of an object, by name."""
        answer = (await self.call("GET", f"/sobjects/{sobject}/describe")).json()
        fields = answer.get("fields") if isinstance(answer, dict) else None
        if not isinstance(fields, list):
            raise ContractBroken(f"the description of {sobject} names no fields", code="schema")
        return {str(field.get("name")): field for field in fields if isinstance(field, dict)}


def by_external_id(sobject: str, field: str, value: str) -> str:
    """The path of a record by an external id."""
    return f"/sobjects/{sobject}/{field}/{quote(value, safe='')}"
