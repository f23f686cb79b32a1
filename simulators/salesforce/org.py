"""Everything that one simulated org is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..effects import EffectLog
from ..journal import Journal
from .query import Cursors
from .records import Records
from .schema import Schema, build_schema
from .sessions import Sessions, Usage
from .settings import SalesforceSettings
from .values import make_id, stamp
from .writes import Writer


@dataclass(frozen=True, slots=True)
class Org:
    """One org; the functions that answer requests get it as their first argument."""

    settings: SalesforceSettings
    schema: Schema
    records: Records
    writer: Writer
    sessions: Sessions
    cursors: Cursors
    usage: Usage

    @classmethod
    def build(
        cls, settings: SalesforceSettings, effects: EffectLog, now: Callable[[], float], journal: Journal | None
    ) -> Org:
        """An org with its users, and with the records that its journal kept."""
        schema = build_schema(
            settings.custom_fields,
            case_statuses=settings.case_statuses,
            restricted=settings.restricted_picklists,
            required=settings.required_fields,
        )
        records = Records(schema, effects, now, journal)
        for number, user in enumerate(settings.users, start=1):
            records.put(schema.objects["User"], _user(number, user.username, stamp(now())))
        return cls(
            settings,
            schema,
            records,
            Writer(settings, records),
            Sessions(settings, records, now),
            Cursors(settings.locator_life, now),
            Usage(settings.daily_limit, now),
        )


def _user(number: int, username: str, when: str) -> dict[str, object]:
    return {
        "Id": make_id("005", number),
        "IsDeleted": False,
        "CreatedDate": when,
        "LastModifiedDate": when,
        "SystemModstamp": when,
        "Username": username,
        "Email": username,
        "LastName": username.partition("@")[0],
        "IsActive": True,
    }
