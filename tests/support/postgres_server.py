"""A PostgreSQL server of a test's own: real, durable, and killed as often as the test likes.

with postgres_server() as server:
    ... server.url ...
    server.kill()      # as a power cut does: postmaster and backends at once
    server.start()     # recovers from its log, on the same port, with the same data
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .needed import missing
from .own_process import OwnProcess, OwnServer, children, free_port, kill_all

_USERS = ("postgres", "nobody")  # initdb and postgres refuse to run as root


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest version first; None if they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    if (found := shutil.which("initdb")) is not None:
        folders.append(Path(found).parent)
    if (config := shutil.which("pg_config")) is not None:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(told.stdout.strip()))
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


class PostgresServer(OwnServer):
    """The server. Listens on loopback, trusts everybody there, flushes every commit.

    Args:
        folder: For its data and log; belongs to the user it runs as.
        programs: Where `initdb` and `postgres` are.
        settings: Further settings, such as `max_connections=200`.
    """

    def __init__(self, folder: Path, programs: Path, *settings: str) -> None:
        super().__init__()
        self.folder = folder
        self.port = free_port()
        self.log = folder / "log"
        self._programs = programs
        self._settings = settings
        self._user = _other_user()

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def dsn(self) -> str:
        """For psycopg and psql."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def database(self, name: str) -> str:
        """Make an empty database, and the URL of it for SQLAlchemy."""
        name = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
        createdb = [str(self._programs / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name]
        made = subprocess.run(createdb, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"the database {name} could not be made: {made.stderr}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create(self) -> None:
        """Make its data folder; once."""
        if self._user:
            shutil.chown(self.folder, self._user["user"], self._user["group"])
        made = subprocess.run(
            [self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, check=False, cwd=self.folder, **self._user,
        )  # fmt: skip
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr or made.stdout}")

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It does not come up.
        """
        assert not self.running
        settings = [
            "fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=16MB", "max_wal_senders=0",
            "listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", *self._settings,
        ]  # fmt: skip
        options = [word for setting in settings for word in ("-c", setting)]
        command: list[str | Path] = [self._programs / "postgres", "-D", self.folder / "data", *options]
        for _ in range(20):  # backends of a killed postmaster may hold its shared memory for a moment
            self._process = OwnProcess(command, self.log, cwd=self.folder, start_new_session=True, **self._user)
            if self._process.until_ready(self._answers):
                return
        raise RuntimeError(f"PostgreSQL does not start; its log ends:\n{self.process.last_words()}")

    def _answers(self) -> bool:
        asked = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def kill(self) -> None:
        """SIGKILL for the postmaster and all its backends, as when the machine loses power."""
        backends = children(self.process.pid)
        self.process.send(signal.SIGKILL)
        kill_all(backends)  # at once, so that a commit under way has no time to come to its end
        self.process.end(signal.SIGKILL)

    def kill_postmaster(self) -> None:
        """SIGKILL for the postmaster alone; its backends notice, each at its own next wait."""
        self.process.end(signal.SIGKILL)

    def stop(self) -> None:
        """Fast shutdown; does nothing if it does not run."""
        if self.running:
            self.process.end(signal.SIGINT)


def _other_user() -> dict[str, Any]:
    """Options of `Popen` to run as somebody who is not root; nothing if we are not root."""
    if os.geteuid() != 0:
        return {}
    known = {one.pw_name: one for one in pwd.getpwall()}
    found = next((known[name] for name in _USERS if name in known), None)
    if found is None:
        missing(f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)} to run it as")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


@contextmanager
def postgres_server(*settings: str) -> Iterator[PostgresServer]:
    """A running server with an empty database, gone at the end; skips the test where there is no PostgreSQL.

    Args:
        settings: Further settings, such as `max_connections=200`.
    """
    programs = binaries()
    if programs is None:
        missing("PostgreSQL's programs initdb and postgres are not installed (Debian: apt-get install postgresql)")
    # Not in pytest's folders: those belong to us alone, and the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="seawall-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder), programs, *settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            if server.running:
                server.kill()  # nobody needs its data any more
