"""When a rule holds: days of the week, hours of the day, and from when until when at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from ..settings import Settings

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS = get_args(Day)


def _clock_time(given: Any) -> Any:
    if isinstance(given, time):
        return given
    try:
        if isinstance(given, str) and ":" in given:
            return time.fromisoformat(given)
    except ValueError:
        pass
    raise ValueError(f"{given!r} is no time of the day; write it as '09:00'")


def _moment(given: Any) -> Any:
    if isinstance(given, date):  # a datetime is one, too
        return given
    try:
        if isinstance(given, str):
            return date.fromisoformat(given) if len(given) == len("2026-12-31") else datetime.fromisoformat(given)
    except ValueError:
        pass
    raise ValueError(f"{given!r} is no date; write it as '2026-12-31' or '2026-12-31T18:00'")


_TIME_SCHEMA = {"type": "string", "pattern": r"^\d\d:\d\d(:\d\d)?$"}
_MOMENT_SCHEMA = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}

ClockTime: TypeAlias = Annotated[time, BeforeValidator(_clock_time), WithJsonSchema(_TIME_SCHEMA)]
Moment: TypeAlias = Annotated[Any, BeforeValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]


class When(Settings):
    """A time at which a rule holds. All that is given must hold.

    Args:
        days: Days of the week, `mon` to `sun`; empty for all.
        from_: From this time of the day on; written `from`. After `to`, it goes over midnight, and belongs to the
            day on which it began.
        to: Until just before this time of the day.
        zone: The time zone of days, hours, and dates without a zone, such as `Europe/Berlin`.
        not_before: From this date, or date and time, on.
        not_after: Until just before this date and time; a date alone lasts until its end.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    days: tuple[Day, ...] = ()
    from_: ClockTime | None = Field(default=None, alias="from")
    to: ClockTime | None = None
    zone: str = "UTC"
    not_before: Moment | None = None
    not_after: Moment | None = None

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        _zone(zone)
        return zone

    @model_validator(mode="after")
    def _can_be(self) -> When:
        if not (self.days or self.from_ or self.to or self.not_before or self.not_after):
            raise ValueError("says nothing; give one of days, from, to, not_before, not_after")
        if self.from_ is not None and self.from_ == self.to:
            raise ValueError("from and to are the same time; leave both out for the whole day")
        for one in (self.from_, self.to):
            if one is not None and one.tzinfo is not None:
                raise ValueError("a time of the day has no zone of its own; name it in zone")
        begins, ends = self._begins(), self._ends()
        if begins is not None and ends is not None and begins >= ends:
            raise ValueError("not_after comes before not_before")
        return self

    def holds(self, now: float) -> bool:
        """Whether it holds.

        Args:
            now: Seconds since the epoch.
        """
        local = datetime.fromtimestamp(now, _zone(self.zone))
        begins, ends = self._begins(), self._ends()
        if (begins is not None and local < begins) or (ends is not None and local >= ends):
            return False
        at, day = local.time(), local.weekday()
        from_, to = self.from_ or time.min, self.to
        if to is None:
            within = at >= from_
        elif from_ < to:
            within = from_ <= at < to
        else:
            within = at >= from_ or at < to
            day -= at < to  # it began the day before
        return within and (not self.days or _DAYS[day % 7] in self.days)

    def in_words(self) -> str:
        """The same on one line."""
        told = self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"zone": self.zone}
        return ", ".join(f"{name}: {' '.join(one) if isinstance(one, list) else one}" for name, one in told.items())

    def _begins(self) -> datetime | None:
        return None if self.not_before is None else _start(self.not_before, _zone(self.zone))

    def _ends(self) -> datetime | None:
        if self.not_after is None:
            return None
        if isinstance(self.not_after, datetime):
            return _start(self.not_after, _zone(self.zone))
        return _start(self.not_after + timedelta(days=1), _zone(self.zone))


def _start(moment: date, zone: tzinfo) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only for those who name a zone

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write it as Europe/Berlin") from None
