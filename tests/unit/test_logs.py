"""Logs of the command line: readable, on the given stream, and without secrets."""

from __future__ import annotations

import io
import logging

import pytest

from seawall.core.redaction import MASK, Secrets
from seawall.logs import set_up

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
