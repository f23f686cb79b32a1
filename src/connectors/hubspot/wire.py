"""HubSpot's API as this connector uses it: requests, tokens, paging, and nothing about actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from ...core.adapter import Surroundings
from ...core.errors import ContractBroken, IntegrationError, NotFound, Unauthenticated
from .._http import HttpClient, HttpReply
from .auth import Auth
from .classify import classify
from .settings import HubSpotSettings

Properties = Mapping[str, Any]

_PAGE: Final = 200  # the most that search gives at once
MOST_FOUND: Final = 10_000
"""Search gives no more than this many results, however many there are."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read.

    Args:
        id: Its id.
        properties: Its properties, by HubSpot's names; those without a value are None.
    """

    id: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Found:
    """What a search knew.

    Args:
        records: The records.
        total: As many as match.
        complete: False if there are more.
    """

    records: Sequence[Record]
    total: int
    complete: bool


class Wire:
    """One portal.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and what must not be written down.
        http: The client.
    """

    def __init__(self, settings: HubSpotSettings, surroundings: Surroundings, http: HttpClient) -> None:
        self.clock = surroundings.sources.clock
        self.secrets = surroundings.secrets
        self.url = settings.url
        self.http = http
        self.auth = Auth(settings, surroundings, http)

    def begin(self, timeout: float, *, renew: bool, may_write: Callable[[], bool] | None = None) -> Exchange:
        """The requests of one attempt.

        Args:
            timeout: Seconds for all of them.
            renew: Whether a token that is refused may be renewed and the request be sent once more.
            may_write: Asked right before each request that is no read.
        """
        return Exchange(self, timeout, renew=renew, may_write=may_write)

    async def close(self) -> None:
        """Release connections."""
        await self.auth.close()
        await self.http.close()


class Exchange:
    """The requests of one attempt: they share its time.

    Args:
        wire: The portal.
        timeout: Seconds for all of them.
        renew: Whether a token may be renewed.
        may_write: Asked right before each request that is no read.
    """

    def __init__(self, wire: Wire, timeout: float, *, renew: bool, may_write: Callable[[], bool] | None = None) -> None:
        self._wire = wire
        self._may_write = may_write
        self._ends_at = wire.clock.monotonic() + timeout
        self._renew = renew
        self._renewed = False

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._ends_at - self._wire.clock.monotonic()

    async def call(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, str] | None = None, reads: bool = False
    ) -> HttpReply:
        """Send one request; the answer has a 2xx status.

        Args:
            method: The HTTP method.
            path: Below the API's root.
            body: Sent as JSON.
            params: Query parameters.
            reads: True for a POST that only reads.

        Raises:
            IntegrationError: As `classify` reads the answer.
        """
        fence = None if reads or method == "GET" else self._may_write
        while True:
            token = await self._wire.auth.token(self.left)
            reply = await self._wire.http.send(
                method,
                self._wire.url + path,
                timeout=self.left,
                headers={"Authorization": f"Bearer {token.access}", "Accept": "application/json"},
                params=params,
                body=body,
                may_send=fence,
            )
            if 200 <= reply.status < 300:
                self._wire.auth.confirm(token)
                return reply
            error = classify(reply, self._wire.clock.now())
            error.message = self._wire.secrets.scrub(error.message)
            error.evidence = self._wire.secrets.scrub_all(error.evidence)
            if not isinstance(error, Unauthenticated):
                raise error
            worked = self._wire.auth.drop(token)
            if not worked or not self._renew or self._renewed:
                error.transient = worked
                raise error
            self._renewed = True

    async def read(
        self, object_type: str, value: str, properties: Sequence[str], *, by: str | None = None
    ) -> Record | None:
        """A record by its id, or by a unique property; None if HubSpot itself says that there is none.

        Args:
            object_type: Plural name of the object.
            value: The id, or the property's value.
            properties: What to read.
            by: The unique property.
        """
        params = {"properties": ",".join(properties)} | ({"idProperty": by} if by else {})
        path = f"/crm/v3/objects/{object_type}/{quote(value, safe='')}"
        try:
            reply = await self.call("GET", path, params=params)
        except NotFound as error:
            if by and by in error.message:
                raise  # that the property does not exist proves nothing about the record
            return None
        return record_of(reply.json())

    async def create(self, object_type: str, body: Mapping[str, Any]) -> Record:
        """Create a record."""
        return record_of((await self.call("POST", f"/crm/v3/objects/{object_type}", body=body)).json())

    async def update(self, object_type: str, record_id: str, properties: Properties) -> Record:
        """Change a record."""
        path = f"/crm/v3/objects/{object_type}/{record_id}"
        return record_of((await self.call("PATCH", path, body={"properties": dict(properties)})).json())

    async def search(
        self, object_type: str, filters: Sequence[Mapping[str, Any]], properties: Sequence[str], limit: int
    ) -> Found:
        """Search, page by page, as far as HubSpot goes. What was written some seconds ago may be missing."""
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)}],
            "properties": list(properties),
            "sorts": [{"propertyName": "createdate", "direction": "DESCENDING"}],
        }
        records: list[Record] = []
        total, after = 0, "0"
        while len(records) < min(limit, MOST_FOUND):
            body |= {"limit": min(_PAGE, limit - len(records)), "after": after}
            answer = (await self.call("POST", f"/crm/v3/objects/{object_type}/search", body=body, reads=True)).json()
            if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
                raise ContractBroken("the search answered no results", code="schema")
            records += [record_of(one) for one in answer["results"]]
            total = int(answer.get("total") or len(records))
            following = (answer.get("paging") or {}).get("next") or {}
            if not following.get("after") or not answer["results"]:
                break
            after = str(following["after"])
        return Found(records[:limit], total, complete=len(records) >= total and len(records) <= limit)

    async def associated(self, object_type: str, record_id: str, to: str) -> list[str]:
        """Ids of the records of type `to` that are associated with a record; not by search, so at once."""
        found: list[str] = []
        params: dict[str, str] = {"limit": "500"}
        while True:
            path = f"/crm/v4/objects/{object_type}/{record_id}/associations/{to}"
            answer = (await self.call("GET", path, params=params)).json()
            if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
                raise ContractBroken("the associations cannot be read", code="schema")
            found += [str(one["toObjectId"]) for one in answer["results"] if isinstance(one, dict)]
            following = (answer.get("paging") or {}).get("next") or {}
            if not following.get("after"):
                return found
            params["after"] = str(following["after"])

    async def read_many(self, object_type: str, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Record]:
        """Records by their ids, 100 at a time; those that are not there are left out."""
        found: dict[str, Record] = {}
        for start in range(0, len(ids), 100):
            body = {"inputs": [{"id": one} for one in ids[start : start + 100]], "properties": list(properties)}
            path = f"/crm/v3/objects/{object_type}/batch/read"
            answer = (await self.call("POST", path, body=body, reads=True)).json()
            if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
                raise ContractBroken("the records cannot be read", code="schema")
            found |= {record.id: record for record in map(record_of, answer["results"])}
        return found


def record_of(raw: Any) -> Record:
    """A record as HubSpot answers it.

    Raises:
        ContractBroken: It is none.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str) or not isinstance(raw.get("properties"), dict):
        raise ContractBroken("a record was expected, but something else came", code="schema")
    return Record(raw["id"], raw["properties"])


def unsent(error: IntegrationError) -> IntegrationError:
    """An error of a read that came before any write."""
    return error.without_effect("only a read was sent")
