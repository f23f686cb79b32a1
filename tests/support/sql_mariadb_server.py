"""A MariaDB server of a test's own: real, durable, and killed as often as the test likes."""

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
from .own_process import OwnProcess, OwnServer, free_port


class MariadbServer(OwnServer):
    """The server. Listens on loopback, has a user `seawall` without a password, flushes every commit.

    Args:
        folder: For its data, socket and log.
        program: Where `mariadbd` is.
    """

    def __init__(self, folder: Path, program: str) -> None:
        super().__init__()
        self.folder = folder
        self.port = free_port()
        self._program = program
        self._user = _other_user()

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"mysql+pymysql://seawall@127.0.0.1:{self.port}/"

    def create(self) -> None:
        """Make its data folder; once."""
        install = shutil.which("mariadb-install-db")
        if install is None:
            missing("mariadb-install-db is not installed (Debian: apt-get install mariadb-server)")
        begin = self.folder / "begin.sql"
        begin.write_text(
            "CREATE USER IF NOT EXISTS seawall@'127.0.0.1';\n"
            "GRANT ALL ON *.* TO seawall@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        if self._user:
            for path in (self.folder, begin):
                shutil.chown(path, self._user["user"], self._user["group"])
        made = subprocess.run(
            [install, "--no-defaults", f"--datadir={self.folder / 'data'}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            capture_output=True, text=True, check=False, cwd=self.folder, **self._user,
        )  # fmt: skip
        if made.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {made.stderr or made.stdout}")

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It does not come up.
        """
        assert not self.running
        command = [
            self._program, "--no-defaults", f"--datadir={self.folder / 'data'}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
            f"--init-file={self.folder / 'begin.sql'}", "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=32M", "--character-set-server=utf8mb4", "--skip-log-bin",
        ]  # fmt: skip
        self._process = OwnProcess(command, self.folder / "log", cwd=self.folder, start_new_session=True, **self._user)
        if not self._process.until_ready(self._answers):
            raise RuntimeError(f"MariaDB does not start; its log ends:\n{self.process.last_words()}")

    def _answers(self) -> bool:
        asked = ["mariadb-admin", "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-useawall", "ping"]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    def kill(self) -> None:
        """SIGKILL, as when the machine loses power."""
        self.process.end(signal.SIGKILL)

    def stop(self) -> None:
        """Orderly shutdown; does nothing if it does not run."""
        if self.running:
            self.process.end(signal.SIGTERM)


def _other_user() -> dict[str, Any]:
    """Options of `Popen` to run as somebody who is not root; nothing if we are not root."""
    if os.geteuid() != 0:
        return {}
    known = {one.pw_name: one for one in pwd.getpwall()}
    found = known.get("mysql") or known.get("nobody")
    if found is None:
        missing("MariaDB does not run as root, and there is no user mysql or nobody to run it as")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


@contextmanager
def mariadb_server() -> Iterator[MariadbServer]:
    """A running server with no database in it, gone at the end."""
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    if program is None:
        missing("mariadbd is not installed (Debian: apt-get install mariadb-server)")
    with tempfile.TemporaryDirectory(prefix="seawall-mariadb-", ignore_cleanup_errors=True) as folder:
        server = MariadbServer(Path(folder), program)
        server.create()
        server.start()
        try:
            yield server
        finally:
            if server.running:
                server.kill()
