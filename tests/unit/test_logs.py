"""Logs of the command line: readable, on the given stream, and without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.shell import NOTE, Shell, start
from support.toy import AddNote
from support.virtual import toy_wall, virtual

from seawall import Applied
from seawall.core.events import InCall
from seawall.core.observing import _current
from seawall.core.redaction import MASK, Secrets
from seawall.logs import CONTEXT, InCallFilter, set_up

CANARY = "canary-6f1d-token"


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("seawall")


def test_warning_is_shown_with_level_logger_and_message(logger: logging.Logger) -> None:
    stream = io.StringIO()
    set_up(Secrets(), stream=stream)
    logging.getLogger("seawall.recovery").warning("waits for %s", "the ledger")
    (line,) = stream.getvalue().splitlines()
    assert "warning" in line
    assert "seawall.recovery" in line
    assert "waits for the ledger" in line


def test_debug_is_hidden_unless_asked_for(logger: logging.Logger) -> None:
    stream = io.StringIO()
    set_up(Secrets(), stream=stream)
    logger.debug("quiet")
    assert stream.getvalue() == ""
    set_up(Secrets(), stream=stream, level=logging.DEBUG)
    logger.debug("loud")
    assert "loud" in stream.getvalue()


def test_set_up_twice_prints_each_line_once(logger: logging.Logger) -> None:
    stream = io.StringIO()
    set_up(Secrets(), stream=stream)
    set_up(Secrets(), stream=stream)
    logger.warning("only once")
    assert stream.getvalue().count("only once") == 1


def test_secret_in_message_and_arguments_is_redacted(logger: logging.Logger) -> None:
    stream, secrets = io.StringIO(), Secrets()
    secrets.add(CANARY)
    set_up(secrets, stream=stream)
    logger.warning("token %s was refused", CANARY)
    logger.warning("refused: %r", {"token": CANARY})
    assert CANARY not in stream.getvalue()
    assert stream.getvalue().count(MASK) == 2


def test_secret_registered_after_set_up_is_redacted(logger: logging.Logger) -> None:
    stream, secrets = io.StringIO(), Secrets()
    set_up(secrets, stream=stream)
    secrets.add(CANARY)
    logger.warning("token %s", CANARY)
    assert CANARY not in stream.getvalue()


def test_secret_in_a_traceback_is_redacted(logger: logging.Logger) -> None:
    stream, secrets = io.StringIO(), Secrets()
    secrets.add(CANARY)
    set_up(secrets, stream=stream)
    try:
        raise ValueError(f"bad token {CANARY}")
    except ValueError:
        logger.exception("it failed")
    assert "ValueError" in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_secret_in_extra_of_another_type_is_redacted(logger: logging.Logger) -> None:
    class Carrier:
        def __repr__(self) -> str:
            return f"Carrier({CANARY})"

    stream, secrets = io.StringIO(), Secrets()
    secrets.add(CANARY)
    set_up(secrets, stream=stream)
    logger.warning("carries %s", Carrier())
    assert CANARY not in stream.getvalue()
    assert MASK in stream.getvalue()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("get", [logging.getLogger, structlog.get_logger])
def test_line_inside_a_call_names_it_and_one_outside_does_not(
    logger: logging.Logger, get: Callable[[str], logging.Logger]
) -> None:
    stream = io.StringIO()
    set_up(Secrets(), stream=stream, form="json")
    token = _current.set(InCall("crm", "create_case", "create", "agent:ada", "t-1", operation_id="op_1"))
    get("seawall.wire").warning("slow: %s", "crm")
    _current.reset(token)
    get("seawall.wire").warning("slow")
    inside, outside = lines(stream)
    assert {name: inside[name] for name in CONTEXT} == {
        "operation_id": "op_1",
        "trace_id": "t-1",
        "system": "crm",
        "action": "create_case",
        "principal": "agent:ada",
    }
    assert (inside["event"], inside["level"], inside["logger"]) == ("slow: crm", "warning", "seawall.wire")
    assert not set(CONTEXT) & set(outside)


@virtual
async def test_line_of_a_connector_names_the_operation_it_belongs_to(tmp_path: Path) -> None:
    stream = io.StringIO()
    set_up(Secrets(), stream=stream, form="json")
    async with toy_wall(tmp_path) as (wall, _, adapter):
        send = adapter.send

        async def spoken(action: Any, attempt: Any) -> Any:
            logging.getLogger("seawall.toy").warning("sends")
            return await send(action, attempt)

        adapter.send = spoken  # type: ignore[method-assign]
        outcome = await wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada", trace_id="t-1")
    assert isinstance(outcome, Applied)
    (line,) = lines(stream)
    assert [line[name] for name in CONTEXT] == [outcome.operation_id, "t-1", "toy", "add_note", "agent:ada"]


def test_json_line_has_no_secret_in_any_field_or_traceback(logger: logging.Logger) -> None:
    stream, secrets = io.StringIO(), Secrets()
    secrets.add(CANARY)
    set_up(secrets, stream=stream, form="json")
    token = _current.set(InCall("crm", "create_case", "create", f"agent:{CANARY}", ""))
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("failed")
    finally:
        _current.reset(token)
    (line,) = lines(stream)
    assert CANARY not in stream.getvalue()
    assert line["principal"] == f"agent:{MASK}"
    assert "ValueError" in str(line["exception"])


def test_filter_gives_records_of_others_the_call_too() -> None:
    record = logging.LogRecord("seawall.x", logging.INFO, __file__, 1, "text", (), None)
    token = _current.set(InCall("crm", "create_case", "create", "agent:ada", "t-1"))
    assert InCallFilter().filter(record)
    _current.reset(token)
    formatted = logging.Formatter("%(system)s %(action)s [%(operation_id)s] %(message)s").format(record)
    assert formatted == "crm create_case [] text"


def test_command_line_writes_json_lines_where_asked(shell: Shell) -> None:
    with start(
        shell, "-v", "--log-format", "json", "call", "toy.add_note", NOTE, script=("throttled", "ok")
    ) as process:
        _, err = process.communicate(timeout=60)
    told = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert process.returncode == 0
    assert all({"event", "level", "timestamp"} <= set(line) for line in told)
