from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.connectors._http_dates import parse_retry_after

NOW = 1_800_000_000.0

date_shaped = st.lists(
    st.sampled_from(["Mon,", "Jan", "01", "99", "2027", "9" * 25, "00:00:00", "1:2:3:4", "GMT", "+" + "9" * 20, "-"])
).map(" ".join)


def http_date(offset: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW + offset, UTC), usegmt=True)


@pytest.mark.case(32)
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.2", 2.0),
        ("0", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("86400", 3600.0),
        (http_date(90), 90.0),
        (http_date(-90), 0.0),
        (http_date(1_000_000), 3600.0),
        ("Mon, 99 Foo 2026 25:61:61 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2027 00:00:00 +99999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 3600.0),
        ("0.0001", 1.0),
    ],
)
def test_retry_after_is_read_clamped_and_never_early(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW, longest=3600.0) == seconds


@pytest.mark.case(32)
def test_date_without_a_zone_is_in_utc_wherever_we_run(monkeypatch: pytest.MonkeyPatch) -> None:
    text = datetime.fromtimestamp(NOW + 90, UTC).strftime("%a, %d %b %Y %H:%M:%S")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "XYZ+9")
        time.tzset()
        seconds = parse_retry_after(text, now=NOW, longest=1e6)
    time.tzset()
    assert seconds == 90.0


@pytest.mark.case(32)
@given(st.text(max_size=40) | date_shaped)
def test_retry_after_of_any_text_is_a_sane_number_or_nothing(value: str) -> None:
    seconds = parse_retry_after(value, now=NOW, longest=3600.0)
    assert seconds is None or 0.0 <= seconds <= 3600.0
