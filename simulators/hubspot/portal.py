"""Everything that one simulated portal is made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..effects import EffectLog
from ..journal import Journal
from .limits import Limits
from .records import Records
from .schema import Schema
from .sessions import Sessions
from .settings import HubSpotSettings
from .writes import Writer


@dataclass(frozen=True, slots=True)
class Portal:
    """One portal; the functions that answer requests get it as their first argument."""

    settings: HubSpotSettings
    schema: Schema
    records: Records
    writer: Writer
    sessions: Sessions
    limits: Limits
    order: random.Random

    @classmethod
    def build(
        cls, settings: HubSpotSettings, effects: EffectLog, now: Callable[[], float], journal: Journal | None, seed: int
    ) -> Portal:
        """A portal with the records that its journal kept; the seed orders the results of batches."""
        schema = Schema(settings.custom_properties, settings.ticket_stages)
        records = Records(schema, effects, now, settings.search_lag, journal)
        order = random.Random(f"{seed}/order of results")  # noqa: S311 - repeatable on purpose
        sessions = Sessions(settings, records, now)
        return cls(settings, schema, records, Writer(settings, records), sessions, Limits(settings, now), order)

    def correlation_id(self, number: int) -> str:
        """The correlation id of a request."""
        return f"{number & 0xFFFFFFFF:08x}-5ea0-4b0b-8000-{self.settings.portal_id & 0xFFFFFFFFFFFF:012x}"
