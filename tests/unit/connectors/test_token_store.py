"""The newest refresh token over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall.connectors._token_store import TokenStore


def test_a_store_keeps_the_newest_token_for_its_owner_only(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "token", "first")
    assert store.load() is None
    store.save("second")
    store.save("third")
    assert store.load() == "third"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_store_forgets_when_another_token_is_configured(tmp_path: Path) -> None:
    TokenStore(tmp_path / "token", "first").save("second")
    assert TokenStore(tmp_path / "token", "new").load() is None


def test_a_store_holds_no_trace_of_the_configured_token(tmp_path: Path) -> None:
    TokenStore(tmp_path / "token", "canary-configured").save("second")
    assert "canary" not in (tmp_path / "token").read_text()


@pytest.mark.parametrize("content", ["", "no json", "[]", json.dumps({"refresh_token": "x"}), "\x00"])
def test_a_store_that_cannot_be_read_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    assert TokenStore(tmp_path / "token", "first").load() is None


def test_a_store_that_cannot_be_written_keeps_what_it_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TokenStore(tmp_path / "token", "first")
    store.save("second")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.save("third")
    assert store.load() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
