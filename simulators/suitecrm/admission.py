"""What is settled when a call comes in: who calls, with which arguments, and whether the module is open to them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ..request import HttpRequest
from .arguments import METHODS, bind
from .call import Call, form_of
from .errors import BadRequest, FatalError, Refusal
from .parameters import data_of
from .routes import is_v4, v8_route
from .settings import User
from .suite import Suite
from .v4_writes import pairs_of
from .values import as_text, id_key

_WITHOUT_SESSION = frozenset({"login", "seamless_login", "get_server_info"})


class Admission:
    """Lets calls in.

    Args:
        suite: The instance.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def admit(self, request: HttpRequest) -> Call | int:
        """The call of a request, or the status where nothing answers its path.

        Raises:
            SuiteError: It is refused.
        """
        if is_v4(request):
            return self._v4(request)
        route = v8_route(request)
        if isinstance(route, int):
            return route
        operation, args = route
        if operation == "v8_token":
            return Call(request, operation, legacy=False, args={"form": _form(request)})
        user = self._suite.tokens.user(request.headers.get("authorization", ""))
        return self.asked_again(Call(request, operation, legacy=False, args=args, user=user))

    def asked_again(self, call: Call) -> Call:
        """The call with the answer to whether the record that it would create is there now, deleted or not."""
        if call.operation != "v8_create":
            return call
        try:
            data = data_of(self._suite.modules, call.request, create=True)
        except BadRequest:
            return call
        exists = data.id is not None and self._suite.database.row(data.module, data.id) is not None
        return replace(call, exists=exists)

    def written_row(self, call: Call) -> tuple[str, str] | None:
        """Table and key of the row that a call for a single record writes, if it names one."""
        module_name, record_id = call.args.get("module_name", call.args.get("module")), call.args.get("id")
        if call.operation == "set_entry":
            record_id = dict(pairs_of(call.args["name_value_list"])).get("id")
        elif call.operation in ("v8_create", "v8_update"):
            try:
                data = data_of(self._suite.modules, call.request, create=call.operation == "v8_create")
            except BadRequest:
                return None
            module_name, record_id = data.module.name, data.id
        module = self._suite.modules.get(as_text(module_name))
        return None if module is None or not record_id else (module.table, id_key(as_text(record_id)))

    def _v4(self, request: HttpRequest) -> Call:
        form = form_of(request)
        name = form.get("method", "")
        if name not in METHODS:
            raise Refusal("invalid_call")
        method = METHODS[name]
        args = bind(method, form.get("rest_data", ""), self._suite.settings.php)
        call = Call(request, name, legacy=True, args=args)
        if name in _WITHOUT_SESSION:
            return call
        user = self._suite.sessions.user(request, args["session"])
        if method.right:
            self._open_module(user, as_text(args["module_name"]))
        return replace(call, user=user)

    def _open_module(self, user: User, module_name: str) -> None:
        if not module_name:
            raise FatalError('Uncaught Error: Class "" not found')
        if module_name not in self._suite.modules:
            raise Refusal("no_module")
        if not user.may("access", module_name):
            raise Refusal("no_access")


def _form(request: HttpRequest) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        try:
            content = json.loads(request.body)
        except ValueError:
            content = None
        return content if isinstance(content, dict) else {}
    return dict(form_of(request))
