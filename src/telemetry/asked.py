"""Text of callers, as it may be shown: without secrets, and not longer than is of use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic_core import to_json

from ..core.redaction import Secrets, clean

LONGEST_NAME = 255
LONGEST_ARGUMENTS = 4096
"""Characters of a request that are shown, where it is shown at all."""

_KEPT = 1000  # names that were scrubbed before


class Shown:
    """Names of callers and of their traces.

    Args:
        secrets: Removed from them.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: OrderedDict[str, str] = OrderedDict()

    def text(self, name: str) -> str:
        """A name as it may be shown."""
        shown = self._known.get(name)
        if shown is None:
            shown = clean(self._secrets.scrub(name))[:LONGEST_NAME]
            self._known[name] = shown
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return shown


class Arguments:
    """Requests, for those who asked to see them.

    Args:
        secrets: Removed from them, before they are cut.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def text(self, request: object) -> str:
        """A request as JSON, without secrets and cut."""
        plain = request.model_dump(mode="json") if isinstance(request, BaseModel) else request
        given = dict(plain) if isinstance(plain, Mapping) else plain
        scrubbed = self._secrets.scrub_all(given)
        return to_json(scrubbed, fallback=lambda _: "?").decode("utf-8", "replace")[:LONGEST_ARGUMENTS]
