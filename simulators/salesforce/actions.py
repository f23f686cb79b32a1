"""Invocable actions: autolaunched flows by name.

Source: Actions Developer Guide, "Invocable Actions" and "Flow Actions". There is no key and nothing to look a run up
by: an invocation whose answer is lost can only be told from the effect log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call
from .errors import ApiError, not_found
from .records import Transaction
from .settings import Flow

if TYPE_CHECKING:
    from .org import Org

MOST_INPUTS = 200


def invoke(org: Org, call: Call, tx: Transaction) -> Reply:
    """POST /actions/custom/flow/{name} and /actions/standard/{name}: one run for each element of ``inputs``."""
    flow = _flow(org, call.args[-1])
    body = call.json_object() if call.request.body else {}
    inputs = body.get("inputs", [{}])
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
        raise ApiError("JSON_PARSER_ERROR", "inputs must be a list of objects")
    if len(inputs) > MOST_INPUTS:
        raise ApiError("LIMIT_EXCEEDED", f"An action takes at most {MOST_INPUTS} inputs")
    results = [_run(flow, item, tx) for item in inputs]
    return json_reply(200 if all(result["isSuccess"] for result in results) else 400, results)


def describe(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /actions/custom/flow and one flow below it."""
    if not call.args:
        actions = [
            {"label": f.name, "name": f.name, "type": "FLOW", "url": f"{call.root}/actions/custom/flow/{f.name}"}
            for f in org.settings.flows
        ]
        return json_reply(200, {"actions": actions})
    flow = _flow(org, call.args[-1])
    inputs = [{"name": n, "required": n in flow.required, "type": "STRING"} for n in flow.inputs]
    outputs = [{"name": n, "type": "STRING"} for n in ("Flow__InterviewStatus", *flow.outputs)]
    return json_reply(200, {"name": flow.name, "type": "FLOW", "inputs": inputs, "outputs": outputs})


def _flow(org: Org, name: str) -> Flow:
    for flow in org.settings.flows:
        if flow.name.lower() == name.lower():
            return flow
    raise not_found()


def _run(flow: Flow, inputs: dict[str, Any], tx: Transaction) -> dict[str, Any]:
    unknown = [name for name in inputs if name not in flow.inputs]
    missing = [name for name in flow.required if inputs.get(name) in (None, "")]
    if unknown:
        error = ApiError("INVALID_API_INPUT", f"There is no input variable named {unknown[0]}.", fields=())
    elif missing:
        error = ApiError("REQUIRED_FIELD_MISSING", f"Missing required input parameter: {missing[0]}", fields=())
    else:
        run = tx.invoke(flow.name, inputs)
        outputs = {"Flow__InterviewGuid": run, "Flow__InterviewStatus": "Finished", **flow.outputs}
        return {"actionName": flow.name, "errors": None, "isSuccess": True, "outputValues": outputs, "version": 1}
    return {"actionName": flow.name, "errors": [error.item()], "isSuccess": False, "outputValues": None}
