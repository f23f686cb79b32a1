"""A simulated SuiteCRM instance with a client that is logged in to both of its APIs, in-process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.suitecrm import SuiteCrmSettings, SuiteCrmSimulator

from .org import faults_of

REST = "/service/v4_1/rest.php"
CREDENTIALS = {"client_id": "5ea00000-0000-4000-8000-00000000c001", "client_secret": "seawall-secret"}
DATABASE_FAILURE = "Database failure. Please refer to suitecrm.log for details."


class Client:
    """A client of one instance. A call of it is a call of a v4_1 method, its arguments in the order they are given."""

    def __init__(self, suite: SuiteCrmSimulator, http: httpx.AsyncClient) -> None:
        self.suite = suite
        self.http = http
        self.session = ""

    async def login(self, user_name: str = "integration", password: str = "correct-horse") -> None:
        """Open a session and get a token."""
        hashed = hashlib.md5(password.encode()).hexdigest()
        answer = await self.post("login", user_auth={"user_name": user_name, "password": hashed}, application="tests")
        self.session = answer.json()["id"]
        answer = await self.http.post("/Api/access_token", data={"grant_type": "client_credentials", **CREDENTIALS})
        self.http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    async def post(self, method: str, /, **args: Any) -> httpx.Response:
        """The HTTP answer to a method that is called with nothing but `args`."""
        form = {"method": method, "input_type": "JSON", "response_type": "JSON", "rest_data": json.dumps(args)}
        return await self.http.post(REST, data=form)

    async def send(self, method: str, /, **args: Any) -> httpx.Response:
        """The HTTP answer to a method, with the session before its arguments."""
        return await self.post(method, session=self.session, **args)

    async def __call__(self, method: str, /, **args: Any) -> Any:
        """What a method answers."""
        answer = await self.send(method, **args)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def set_entry(self, module: str = "Cases", /, **fields: Any) -> str:
        """Save a record; the answer is the id that the instance says."""
        pairs = [{"name": name, "value": value} for name, value in fields.items()]
        answer = await self("set_entry", module_name=module, name_value_list=pairs)
        assert "id" in answer, answer
        return str(answer["id"])

    async def get_entry(self, record_id: str, module: str = "Cases", fields: tuple[str, ...] = ()) -> Any:
        """A record as it is answered: the values by name, or the list that stands for one that is not there."""
        answer = await self(
            "get_entry", module_name=module, id=record_id, select_fields=fields, link_name_to_fields_array=[]
        )
        values = answer["entry_list"][0]["name_value_list"]
        return {n: v["value"] for n, v in values.items()} if isinstance(values, dict) else values

    async def found(self, query: str, module: str = "Cases", fields: tuple[str, ...] = ("name",)) -> list[Any]:
        """First fields of the records that a query finds."""
        answer = await self(
            "get_entry_list", module_name=module, query=query, order_by="", offset=0, select_fields=fields
        )
        assert "entry_list" in answer, answer
        return [entry["name_value_list"][fields[0]]["value"] for entry in answer["entry_list"]]

    async def v8(self, method: str, path: str, **how: Any) -> httpx.Response:
        """The answer of the v8 API to a path below it."""
        return await self.http.request(method, f"/Api/V8{path}", **how)

    async def create(self, module: str = "Cases", record_id: str | None = None, /, **attributes: Any) -> httpx.Response:
        """The answer to a record's creation over v8."""
        data = {"type": module, "attributes": attributes} | ({} if record_id is None else {"id": record_id})
        return await self.v8("POST", "/module", json={"data": data})

    async def patch(self, record_id: str, module: str = "Cases", /, **attributes: Any) -> httpx.Response:
        """The answer to a record's change over v8."""
        return await self.v8(
            "PATCH", "/module", json={"data": {"type": module, "id": record_id, "attributes": attributes}}
        )

    def happened(self, name: str = "Cases") -> list[str]:
        """What really happened to a module, in order."""
        return [effect.kind for effect in self.suite.effects.of(name)]


@asynccontextmanager
async def connected(
    *faults: dict[str, Any], simulator: dict[str, Any] | None = None, login: bool = True, **settings: Any
) -> AsyncIterator[Client]:
    """An open instance. `simulator` goes to the simulator, the rest into its settings."""
    suite = SuiteCrmSimulator(SuiteCrmSettings.model_validate(settings), faults_of(*faults), **(simulator or {}))
    try:
        async with httpx.AsyncClient(base_url="http://suite.test", transport=InProcessTransport(suite)) as http:
            client = Client(suite, http)
            if login:
                await client.login()
            yield client
    finally:
        suite.close()


def detail(answer: httpx.Response) -> tuple[int, str]:
    """Status and words of a v8 refusal, which has one object under ``errors``."""
    return answer.status_code, str(answer.json()["errors"]["detail"])
