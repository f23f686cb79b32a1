"""The servers that tests start for themselves: they come up, die when they are told to, and come back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.own_process import children, ended
from support.postgres_server import postgres_server
from support.redis_server import redis_server


def ask_on(connection: Any) -> None:
    """Until it breaks: a backend notices the death of its parent when it next looks."""
    for _ in range(1000):
        connection.execute("select pg_sleep(0.01)")


def test_postgres_keeps_what_it_committed_when_it_is_killed_and_started_again() -> None:
    psycopg = pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    with postgres_server() as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (1)")
            backends = children(server.process.pid)
            assert len(backends) > 3
            server.kill()
            assert all(ended(backend) for backend in backends)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.dsn)
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]
            assert connection.execute("show fsync").fetchall() == [("on",)]
            server.kill_postmaster()
            with pytest.raises(psycopg.OperationalError):
                ask_on(connection)
        server.start()
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]
    assert not server.running
    assert not server.folder.exists()


def test_redis_comes_back_empty_after_a_kill() -> None:
    def ask(*lines: str, patience: float = 5.0) -> str:
        with socket.create_connection(("127.0.0.1", server.port), timeout=patience) as sock:
            sock.sendall("".join(f"{line}\r\n" for line in lines).encode())
            return sock.recv(100).decode()

    with redis_server() as server:
        assert ask("SET a 1") == "+OK\r\n"
        assert ask("GET a") == "$1\r\n1\r\n"
        server.pause()
        with pytest.raises(TimeoutError):
            ask("PING", patience=0.2)
        server.resume()
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            ask("PING")
        server.start()
        assert ask("GET a") == "$-1\r\n"
    assert not server.running


def test_own_server_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from support.own_process import OwnProcess\n"
        "own = OwnProcess(['sleep', '60'], Path(sys.argv[1]))\n"
        "print(own.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": tests},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not ended(pid)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while not ended(pid):
        assert time.monotonic() < until
        time.sleep(0.01)
