"""The HTTP seam, for connectors of your own: one client that says exactly whether a request may have left.

`HttpClient.send` raises `NotSent` only where no byte of the request left; everything else that breaks is `Ambiguous`.
"""

from __future__ import annotations

from ._http import HttpClient, HttpReply, Transport
from ._http_dates import parse_retry_after
from ._http_settings import HttpSettings

__all__ = ["HttpClient", "HttpReply", "HttpSettings", "Transport", "parse_retry_after"]
