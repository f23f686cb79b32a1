"""v4_1: `/service/v4_1/rest.php`, methods with positional arguments.

Sources: `service/core/REST/SugarRestJSON.php`, `service/v3_1/SugarWebServiceImplv3_1.php` and `service/v4`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ...core.errors import ContractBroken, Forbidden, IntegrationError, UnreadableReply
from .._http import HttpClient, HttpReply
from . import ids, sql
from .classify import rest_answer
from .exchange import Condition, Exchange
from .kinds import Module
from .records import CREATED, Record

PATH: Final = "/service/v4_1/rest.php"
_TABLES: Final[Mapping[Module, str]] = {
    "Cases": "cases",
    "Contacts": "contacts",
    "Calls": "calls",
    "Notes": "notes",
}


async def call(http: HttpClient, url: str, method: str, arguments: Sequence[Any], **how: Any) -> HttpReply:
    """Call a method.

    Args:
        http: The client.
        url: Where SuiteCRM is installed.
        method: The method.
        arguments: Its arguments, in its order: SuiteCRM does not read their names.
        how: Further keyword arguments of `HttpClient.send`, the timeout among them.
    """
    form = {
        "method": method,
        "input_type": "JSON",
        "response_type": "JSON",
        "rest_data": json.dumps(list(arguments)),
    }
    return await http.send("POST", url + PATH, form=form, headers={"Accept": "application/json"}, **how)


class RestExchange(Exchange):
    """The requests of one attempt over v4_1."""

    async def read(self, module: Module, record: str, fields: Sequence[str]) -> Record | None:
        """`get_entry`. A record that is not there is answered with a warning and `deleted` = 1."""
        answer = await self._call("get_entry", [module, record, list(fields), []])
        entries = _entries(answer)
        if len(entries) != 1:
            raise ContractBroken(f"one record was asked for, {len(entries)} came", code="schema")
        return _there(entries[0], record)

    async def read_many(self, module: Module, records: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """`get_entries`; each answer is known by its own id, never by its place."""
        answer = await self._call("get_entries", [module, list(records), list(fields), []])
        found = {str(entry.get("id")): entry for entry in _entries(answer)}
        read = {record: _there(found[record], record) for record in records if record in found}
        if len(read) != len(set(records)):
            raise ContractBroken("some of the records that were asked for were not answered for", code="schema")
        return {record: entry for record, entry in read.items() if entry is not None}

    async def was_deleted(self, module: Module, record: str) -> bool:
        """`get_entry_list` over deleted records, too: `get_entry` answers alike for a record that never was."""
        query = sql.where(_TABLES[module], [Condition("id", "eq", record)])
        answer = await self._call("get_entry_list", [module, query, "", 0, ["id", "deleted"], [], 1, 1])
        return any(ids.same(entry.get("id"), record) for entry in _entries(answer))

    async def find(
        self, module: Module, conditions: Sequence[Condition], fields: Sequence[str], limit: int
    ) -> Sequence[Record]:
        """`get_entry_list`, and again from where it ended: a page may be shorter than was asked for."""
        table = _TABLES[module]
        query, order = sql.where(table, conditions), f"{table}.{CREATED} DESC"
        found: list[Record] = []
        while len(found) < limit:
            wanted = limit - len(found)
            answer = await self._call("get_entry_list", [module, query, order, len(found), list(fields), [], wanted, 0])
            page = [_record(entry) for entry in _entries(answer)]
            found += page
            if len(found) >= _total(answer, len(found)):
                break
            if not page:
                raise ContractBroken("there are more records than SuiteCRM gives away", code="paging")
        return found[:limit]

    async def create(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """`set_entry` with `new_with_id`: a plain INSERT, which the primary key stops where the id is taken."""
        await self._set_entry(module, record, _new(record, content))

    async def update(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """`set_entry`. An unknown id is acknowledged like any other."""
        await self._set_entry(module, record, _pairs({"id": record, **content}))

    async def create_many(
        self, module: Module, contents: Mapping[str, Mapping[str, str]]
    ) -> Mapping[str, IntegrationError | None]:
        """`set_entries`, which leaves out of its list of ids what it did not save.

        Args:
            module: The module.
            contents: Each record's content by its id.

        Returns:
            For each id None if it was named in the answer, else why it was not.
        """
        lists = [_new(record, content) for record, content in contents.items()]
        answer = await self._call("set_entries", [module, lists], writes=True)
        listed = answer.get("ids") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise ContractBroken("the answer names no ids", code="schema")
        named = {ids.one_spelling(str(one)) for one in listed}
        left_out = "SuiteCRM left the record out of those that it saved: this user may not save it"
        return {record: None if record in named else Forbidden(left_out, code="left_out") for record in contents}

    async def describe(self, module: Module) -> Mapping[str, Mapping[str, Any]]:
        """`get_module_fields`."""
        answer = await self._call("get_module_fields", [module, []])
        fields = answer.get("module_fields") if isinstance(answer, dict) else None
        if not isinstance(fields, dict):
            raise ContractBroken(f"the description of {module} names no fields", code="schema")
        return {str(name): field for name, field in fields.items() if isinstance(field, dict)}

    async def _set_entry(self, module: Module, record: str, pairs: list[dict[str, Any]]) -> None:
        answer = await self._call("set_entry", [module, pairs], writes=True)
        answered = answer.get("id") if isinstance(answer, dict) else None
        if not ids.same(answered, record):
            raise ContractBroken("SuiteCRM answered with another id than the one that was written", code="other_id")

    async def _call(self, method: str, arguments: Sequence[Any], *, writes: bool = False) -> Any:
        line = self.line

        async def send(session: str) -> Any:
            reply = await call(
                line.http,
                line.url,
                method,
                [session, *arguments],
                timeout=self.left(),
                may_send=self.may_write if writes else None,
            )
            answer = rest_answer(reply, line.clock.now())
            if answer is None:  # what is left of an error that SuiteCRM lost
                return UnreadableReply("the answer is empty (null)", code="unreadable", evidence=reply.facts())
            return answer

        return await self.with_session(send, writes=writes)


def _pairs(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in content.items()]


def _new(record: str, content: Mapping[str, str]) -> list[dict[str, Any]]:
    return _pairs({"id": record, "new_with_id": True, **content})


def _entries(answer: Any) -> list[Mapping[str, Any]]:
    entries = answer.get("entry_list") if isinstance(answer, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ContractBroken("the answer holds no list of records", code="schema")
    return entries


def _total(answer: Mapping[str, Any], otherwise: int) -> int:
    """As many records as a query matches; `otherwise` where SuiteCRM does not count them (-1)."""
    total = str(answer.get("total_count"))
    return int(total) if total.isdecimal() else otherwise


def _record(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entry, whose list of names and values is an object or an array."""
    listed = entry.get("name_value_list")
    pairs: Iterable[Any] = listed.values() if isinstance(listed, dict) else listed if isinstance(listed, list) else ()
    fields = {pair["name"]: pair.get("value") for pair in pairs if isinstance(pair, dict) and "name" in pair}
    return {**fields, "id": entry.get("id")}


def _there(entry: Mapping[str, Any], record: str) -> Record | None:
    fields = _record(entry)
    if not ids.same(fields["id"], record):
        raise ContractBroken("another record came than was asked for", code="schema")
    return None if str(fields.get("deleted")) == "1" else fields
