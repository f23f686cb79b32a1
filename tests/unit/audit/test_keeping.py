"""Checkpoints are made while a Seawall is open, exported at least once, and stop no call whatever becomes of them."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from support.audited import Audited, intent
from support.toy import AddNote, Target, ToyAdapter

from seawall import Applied, Config, Seawall, Sources
from seawall.audit.checkpoint import Checkpoint, line_digest, read_checkpoint
from seawall.audit.keeping import Checkpoints
from seawall.audit.targets import FileTarget, UrlTarget
from seawall.audit.verifying import verify_ledger
from seawall.config import ConfigError, load_config
from seawall.core.clock import SystemClock
from seawall.core.errors import ConnectionLost
from seawall.core.redaction import Secrets
from seawall.core.settings import AuditSettings
from seawall.keys import is_signed, make_key, public_key, sign


class Kept:
    """A target that takes lines, or does not."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.away = False
        self.lost = False

    async def put(self, line: str) -> None:
        if self.away:
            raise ConnectionLost("nobody answers", code="x")
        self.lines.append(line)
        if self.lost:
            raise OSError("it was taken, and nobody said so")

    async def close(self) -> None:
        self.away = True


def read(line: str) -> Checkpoint:
    found = read_checkpoint(line)
    assert found is not None
    return found


def kept(audited: Audited, ledger: Any, target: Kept, **settings: Any) -> Checkpoints:
    made = AuditSettings.model_validate({"key": "k", **settings})
    return Checkpoints(ledger, made, audited.key, audited.clock, target)


@pytest.fixture
def empty(tmp_path: Path) -> Audited:
    return Audited(tmp_path)


async def test_first_checkpoint_of_a_process_names_all_chains_and_the_next_what_grew(empty: Audited) -> None:
    await empty.fill()
    one, target = await empty.open(), Kept()
    keeper = kept(empty, one, target)
    await one.begin([intent(5)])
    await keeper.once()
    await keeper.once()
    await one.begin([intent(6)])
    await keeper.once()
    first, second = map(read, target.lines)
    assert (first.checkpoint, first.complete, len(first.heads), first.previous) == (1, True, 3, None)
    assert (second.checkpoint, second.complete, [head.chain for head in second.heads]) == (2, False, [one.holder])
    assert second.previous == line_digest(target.lines[0])
    assert (second.chains, second.rows) == (3, first.rows + 1)
    assert first.genuine()
    assert second.genuine()
    assert first.key == public_key(empty.key)
    await one.close()


async def test_target_that_is_away_gets_what_waits_when_it_is_back(
    empty: Audited, caplog: pytest.LogCaptureFixture
) -> None:
    one, target = await empty.open(), Kept()
    keeper = kept(empty, one, target)
    target.away = True
    for number in range(3):
        await one.begin([intent(number)])
        await keeper.once()
    assert target.lines == []
    assert [record.levelno for record in caplog.records if record.name == "seawall.audit"] == [logging.WARNING]
    target.away = False
    await keeper.export()
    assert [read(line).checkpoint for line in target.lines] == [1, 2, 3]
    await keeper.export()
    assert len(target.lines) == 3
    await one.close()


async def test_line_whose_answer_was_lost_is_exported_again(empty: Audited) -> None:
    one, target = await empty.open(), Kept()
    keeper = kept(empty, one, target)
    await one.begin([intent(1)])
    target.lost = True
    await keeper.once()
    target.lost = False
    await keeper.once()
    assert [read(line).checkpoint for line in target.lines] == [1, 1]
    await one.close()


async def test_two_processes_number_their_checkpoints_together(empty: Audited) -> None:
    one, other, target = await empty.open(), await empty.open(), Kept()
    keepers = [kept(empty, one, target), kept(empty, other, target)]
    for number in range(4):
        await (one, other)[number % 2].begin([intent(number)])
        await keepers[number % 2].once()
    found = [read(line) for line in target.lines]
    assert [checkpoint.checkpoint for checkpoint in found] == [1, 2, 3, 4]
    assert [checkpoint.previous for checkpoint in found[1:]] == [line_digest(line) for line in target.lines[:3]]
    await one.close()
    await other.close()


async def test_so_many_new_rows_make_a_checkpoint_before_its_time(empty: Audited) -> None:
    one, target = await empty.open(), Kept()
    keeper = kept(empty, one, target, every=1000.0, rows=5)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    for number in range(7):
        await one.begin([intent(number)])
    while not target.lines:
        await asyncio.sleep(0)
    assert empty.clock.monotonic() < 900.0
    task.cancel()
    await asyncio.wait({task})
    await one.close()


async def test_checkpoint_whose_transaction_is_made_again_still_names_what_grew(empty: Audited) -> None:
    async def fails(db: Any) -> None:
        raise ValueError("a mistake")

    one, target = await empty.open(SystemClock()), Kept()
    keeper = kept(empty, one, target)
    await one.begin([intent(1)])
    making, failing = asyncio.ensure_future(keeper.make()), one._writer.submit(fails)
    with pytest.raises(ValueError, match="a mistake"):
        await failing
    line = await making
    assert line is not None
    assert [head.chain for head in read(line).heads] == [one.holder]
    assert await keeper.make() is None, "nothing is new"
    await one.close()


async def test_file_target_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("first\n")
    target = FileTarget(tmp_path / "kept")
    await target.put("second")
    await target.close()
    assert (tmp_path / "kept").read_text() == "first\nsecond\n"


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
async def test_url_target_is_posted_each_line_and_believed_only_if_it_took_it(status: int) -> None:
    posted: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        posted.append(head.partition(b" ")[0] + b" " + await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    target = UrlTarget(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/checkpoints")
    if status < 300:
        await target.put('{"checkpoint":1}')
    else:
        with pytest.raises(ConnectionLost, match=f"answered with status {status}"):
            await target.put('{"checkpoint":1}')
    assert posted == [b'POST {"checkpoint":1}']
    await target.close()
    server.close()
    await server.wait_closed()


# Through a Seawall ----------------------------------------------------------------------------------------------

CANARY = "canary-77fe-secret"


def config(folder: Path, **audit: Any) -> Config:
    return Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db")},
            "audit": audit,
            "systems": {"toy": {"connector": "toy", "settings": {"greeting": CANARY}}},
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )


async def test_wall_makes_a_last_checkpoint_when_it_closes(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key.pem")
    kept_in = tmp_path / "checkpoints"
    told = config(tmp_path, key=str(tmp_path / "key.pem"), checkpoints=str(kept_in), every=1000.0)
    async with Seawall(told, adapters={"toy": ToyAdapter(Target(Sources().clock))}) as wall:
        assert isinstance(await wall.call("toy.add_note", AddNote(reference="R-1")), Applied)
        assert not kept_in.exists()
    (line,) = kept_in.read_text().splitlines()
    assert read(line).key == public_key(key)
    report = verify_ledger(told.ledger, exported=kept_in, keys=[public_key(key)])
    assert report.faults == []
    assert report.uncovered == 1, "the farewell"
    assert CANARY not in line


async def test_target_that_is_away_stops_no_call_and_no_closing(tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem")
    told = config(tmp_path, key=str(tmp_path / "key.pem"), checkpoints="http://127.0.0.1:9/x", every=0.02)
    async with Seawall(told, adapters={"toy": ToyAdapter(Target(Sources().clock))}) as wall:
        for number in range(3):
            assert isinstance(await wall.call("toy.add_note", AddNote(reference=f"R-{number}")), Applied)
            await asyncio.sleep(0.03)
    report = verify_ledger(told.ledger)
    assert report.intact
    assert report.checkpoints >= 1


async def test_configuration_in_force_is_recorded_without_its_secrets(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add(CANARY)
    target = Target(Sources().clock)
    async with Seawall(config(tmp_path), adapters={"toy": ToyAdapter(target)}, secrets=secrets) as wall:
        await wall.call("toy.add_note", AddNote(reference="R-1"))
    ((facts,),) = Audited(tmp_path).ask("SELECT facts FROM configurations")
    told = json.loads(facts)
    assert set(told) == {"policy", "configuration", "system toy"}
    assert told["policy"] == wall.policy.version


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ({"checkpoints": "x"}, "audit.checkpoints needs audit.key"),
        ({"key": "k", "every": 0}, "audit.every"),
        ({"keys": "k"}, "audit.keys"),
    ],
)
def test_settings_that_cannot_be_used_are_told(audit: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config({"audit": audit}, Secrets())


def test_paths_start_at_the_configuration_file_and_urls_stay(tmp_path: Path) -> None:
    file = tmp_path / "seawall.toml"
    file.write_text('[audit]\nkey = "a.pem"\ncheckpoints = "c.jsonl"\n')
    found = load_config(file, Secrets()).audit
    assert (found.key, found.checkpoints) == (str(tmp_path / "a.pem"), str(tmp_path / "c.jsonl"))
    file.write_text('[audit]\nkey = "a.pem"\ncheckpoints = "https://example.org/c"\n')
    assert load_config(file, Secrets()).audit.checkpoints == "https://example.org/c"


def test_key_that_cannot_be_used_is_told_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"audit.key: the key .* cannot be read"):
        Seawall(config(tmp_path, key=str(tmp_path / "none.pem")), adapters={"toy": ToyAdapter(Target(Sources().clock))})


def test_signature_counts_for_what_was_signed_and_for_nothing_else(tmp_path: Path) -> None:
    key, other = make_key(tmp_path / "a.pem"), make_key(tmp_path / "b.pem")
    assert is_signed(public_key(key), sign(key, b"this"), b"this")
    assert not is_signed(public_key(key), sign(key, b"this"), b"that")
    assert not is_signed(public_key(other), sign(key, b"this"), b"this")
    assert not is_signed("no key", sign(key, b"this"), b"this")
    assert not is_signed(public_key(key), "no signature", b"this")
    assert (tmp_path / "a.pem").stat().st_mode & 0o077 == 0
