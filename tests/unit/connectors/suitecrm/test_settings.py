"""What settings are taken and refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support.suitecrm import V4_1, V8, settings


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://crm.example.com/", "https://crm.example.com"),
        ("https://example.com/crm/legacy", "https://example.com/crm/legacy"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_an_installation_may_lie_below_a_path(url: str, kept: str) -> None:
    assert settings(url=url).url == kept


@pytest.mark.parametrize("url", ["crm.example.com", "https://user:word@crm.example.com", "https://crm.example.com?a=b"])
def test_a_url_with_more_than_a_place_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like"):
        settings(url=url)


@pytest.mark.parametrize(
    "changes", [{**V4_1, "auth": V8["auth"]}, {**V8, "auth": V4_1["auth"]}], ids=["v4_1 with OAuth", "v8 with a login"]
)
def test_a_login_of_the_other_wire_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"needs auth\.flow"):
        settings(**changes)


def test_the_late_commit_horizon_has_a_default_that_is_declared() -> None:
    assert settings().late_commit_horizon == 300.0


@pytest.mark.parametrize(
    "changes", [{"case_marker_field": "Marks; --"}, {"late_commit_horizon": -1}, {"colour": "red"}]
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_secrets_are_not_shown() -> None:
    assert "canary" not in repr(settings(**V4_1)) + repr(settings(**V8))
