"""How refusals become HTTP answers."""

from __future__ import annotations

from ..request import json_reply
from ..wire import Reply
from .call import Call
from .errors import ApiError, MultipleMatches


def refused(error: ApiError) -> Reply:
    """The answer that is nothing but a refusal."""
    return Reply(304) if error.status == 304 else json_reply(error.status, error.body())


def ambiguous(call: Call, matches: MultipleMatches) -> Reply:
    """HTTP 300: an array of URLs of the records that match, in place of error objects."""
    return json_reply(300, [f"{call.root}/sobjects/{call.args[0]}/{record_id}" for record_id in matches.ids])
