"""The connectors that come with Seawall, each with its simulator, as subjects of the kit. Loaded when asked for."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from traceback import walk_tb
from types import FrameType
from typing import Any

from ...faults import PlanError
from ..subject import Subject, SubjectError

SUBJECTS: Mapping[str, str] = {
    "salesforce": "salesforce:SalesforceSubject",
    "salesforce-marker": "salesforce:SalesforceMarkerSubject",
    "hubspot": "hubspot:HubSpotSubject",
    "hubspot-text": "hubspot:HubSpotTextSubject",
    "suitecrm": "suitecrm:SuiteCrmSubject",
    "suitecrm-v4_1": "suitecrm:SuiteCrmOldSubject",
    "netsuite": "netsuite:NetSuiteSubject",
    "soap": "soap:BillingSubject",
    "sql": "sql:LegacySubject",
}
"""Name → where it is."""


def load_subject(name: str) -> Subject:
    """A subject by its name, or by `module:Class` for one that comes from elsewhere.

    Raises:
        SubjectError: There is none, or it is none that can be tried.
    """
    place = SUBJECTS.get(name)
    module, _, attribute = (f"{__name__}.{place}" if place else name).partition(":")
    with blamed(name):
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            known = ", ".join(sorted(SUBJECTS))
            raise SubjectError(f"there is no subject {name!r} ({error}); known: {known}, or module:Class") from None
        if not (isinstance(found, type) and issubclass(found, Subject)):
            raise SubjectError(f"{name!r} is no subject: derive a class from {Subject.__module__}.Subject")
        made: Any = found()
        if not isinstance(made.name, str) or not made.name or "." in made.name:
            raise SubjectError(f"the subject {name!r} is called {made.name!r}: give it a name without dots")
        if not isinstance(made.lanes, Mapping) or not made.lanes:
            raise SubjectError(f"the subject {name!r} has no lanes: name the simulator's requests and their lanes")
        subject: Subject = made
        return subject


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """What goes wrong inside is said of a subject that comes from elsewhere, in one sentence.

    Args:
        name: The subject's name, as `load_subject` takes it.

    Raises:
        SubjectError: Something went wrong.
    """
    try:
        yield
    except (PlanError, SubjectError):
        raise
    except (Exception, SystemExit) as error:
        if name in SUBJECTS:
            raise
        own = [
            f" (in {frame.f_code.co_name}, {frame.f_code.co_filename}, line {line})"
            for frame, line in walk_tb(error.__traceback__)
            if _is_own(frame)
        ]
        said = re.sub(r"For further information visit \S+", "", str(error)).split()
        raise SubjectError(
            f"the subject {name!r} cannot be tried: {type(error).__name__}: {' '.join(said)}{''.join(own[-1:])}; "
            "mend it, docs/write-an-adapter.md says what a subject needs"
        ) from error


def _is_own(frame: FrameType) -> bool:
    """Whether code is neither Seawall's nor of something that is installed."""
    ours = __name__.partition(".")[0]
    installed = tuple({sys.prefix, sys.base_prefix})
    named = str(frame.f_globals.get("__name__"))
    return named.partition(".")[0] != ours and not frame.f_code.co_filename.startswith(installed)


def place_of(subject: Subject) -> str:
    """The name by which `load_subject` finds a subject: its own, or `module:Class`."""
    place = f"{type(subject).__module__}:{type(subject).__qualname__}"
    ours = f"{__name__}.{SUBJECTS.get(subject.name, '')}"
    return subject.name if place == ours or "<locals>" in place else place
