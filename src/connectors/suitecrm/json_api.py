"""v8: `/Api/V8`, which follows JSON:API as far as it goes.

Sources: `Api/V8/Service/ModuleService.php`, `Api/V8/Controller` and `Api/V8/JsonApi/Repository/Filter.php`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...core.errors import ContractBroken, InvalidRequest, NotFound
from . import ids
from .classify import json_api_answer
from .exchange import Condition, Exchange
from .kinds import Module
from .records import CREATED, Record

ROOT: Final = "/Api/V8"
_MEDIA_TYPE: Final = "application/vnd.api+json"


class JsonApiExchange(Exchange):
    """The requests of one attempt over v8."""

    async def read(self, module: Module, record: str, fields: Sequence[str]) -> Record | None:  # noqa: ARG002 -- v8 reads all
        """Read all fields: naming one that this SuiteCRM does not have would be refused."""
        try:
            answer = await self._call("GET", f"/module/{module}/{record}")
        except NotFound as error:
            if error.code == "not_found" and record in error.message:
                return None
            raise
        found = _record(answer.get("data") if isinstance(answer, dict) else None)
        if not ids.same(found["id"], record):
            raise ContractBroken("another record came than was asked for", code="schema")
        return found

    async def read_many(self, module: Module, records: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """One after the other: v8 has no call for several."""
        read = {record: await self.read(module, record, fields) for record in records}
        return {record: found for record, found in read.items() if found is not None}

    async def was_deleted(self, module: Module, record: str) -> bool:
        """Look among the deleted records.

        SuiteCRM finds the row, fails to load it for the very reason that it is deleted, and says so: that tells the
        two apart, too.
        """
        conditions = [Condition("id", "eq", record), Condition("deleted", "eq", "1")]
        try:
            return bool(await self.find(module, conditions, [], 1))
        except NotFound as error:
            if error.code == "not_found" and record in error.message:
                return True
            raise

    async def find(
        self,
        module: Module,
        conditions: Sequence[Condition],
        fields: Sequence[str],  # noqa: ARG002 -- v8 reads all
        limit: int,
    ) -> Sequence[Record]:
        """List a module. The filter knows comparisons of the module's own columns only."""
        if any(condition.field == "email1" for condition in conditions):
            raise InvalidRequest(
                "v8 cannot filter contacts by e-mail address: leave email out, or configure api = v4_1", code="filter"
            )
        params = {f"filter[{one.field}][{one.comparison}]": one.value for one in conditions}
        params |= {"page[size]": str(limit), "page[number]": "1", "sort": f"-{CREATED}"}
        answer = await self._call("GET", f"/module/{module}", params=params)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list):
            raise ContractBroken("the answer holds no list of records", code="schema")
        return [_record(entry) for entry in data]

    async def create(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """Insert. SuiteCRM looks for the id first, and the primary key stops what comes in between."""
        await self._write("POST", module, record, content)

    async def update(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """Change fields."""
        await self._write("PATCH", module, record, content)

    async def describe(self, module: Module) -> Mapping[str, Mapping[str, Any]]:
        """The module's field list."""
        answer = await self._call("GET", f"/meta/fields/{module}")
        data = answer.get("data") if isinstance(answer, dict) else None
        fields = data.get("attributes") if isinstance(data, dict) else None
        if not isinstance(fields, dict):
            raise ContractBroken(f"the description of {module} names no fields", code="schema")
        return {str(name): field for name, field in fields.items() if isinstance(field, dict)}

    async def _write(self, method: str, module: Module, record: str, content: Mapping[str, str]) -> None:
        body = {"data": {"type": module, "id": record, "attributes": dict(content)}}
        answer = await self._call(method, "/module", body=body)
        answered = _record(answer.get("data") if isinstance(answer, dict) else None)["id"]
        if not ids.same(answered, record):
            raise ContractBroken("SuiteCRM answered with another id than the one that was written", code="other_id")

    async def _call(self, method: str, path: str, *, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        line, writes = self.line, method != "GET"

        async def send(token: str) -> Any:
            headers = {"Authorization": f"Bearer {token}", "Accept": _MEDIA_TYPE}
            reply = await line.http.send(
                method,
                line.url + ROOT + path,
                timeout=self.left(),
                headers=headers | ({"Content-Type": _MEDIA_TYPE} if writes else {}),
                params=params,
                body=body,
                may_send=self.may_write if writes else None,
            )
            return json_api_answer(reply, line.clock.now())

        return await self.with_session(send, writes=writes)


def _record(data: Any) -> dict[str, Any]:
    attributes = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(attributes, dict) or not isinstance(data.get("id"), str):
        raise ContractBroken("the answer holds no record with an id and attributes", code="schema")
    return {**attributes, "id": data["id"]}
