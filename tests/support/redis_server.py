"""A Redis server of a test's own, which forgets everything when it ends.

with redis_server() as server:
    ... server.url ...
    server.kill()
    server.start()     # the same port, empty
"""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .needed import missing
from .own_process import OwnProcess, OwnServer, free_port


class RedisServer(OwnServer):
    """The server. Listens on loopback and writes nothing down.

    Args:
        folder: For its log.
        program: `redis-server`.
    """

    def __init__(self, folder: Path, program: str) -> None:
        super().__init__()
        self.port = free_port()
        self._folder = folder
        self._program = program

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It does not come up.
        """
        assert not self.running
        options = {
            "bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self._folder)
        }  # fmt: skip
        command = [self._program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._process = OwnProcess(command, self._folder / "log", start_new_session=True)
        if not self._process.until_ready(self._answers):
            raise RuntimeError(f"Redis does not start; its log ends:\n{self._process.last_words()}")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self.process.end(signal.SIGKILL)

    def stop(self) -> None:
        """End it; does nothing if it does not run."""
        if self.running:
            self.process.end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: it takes connections and answers nothing, until `resume`."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send(signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running, empty server, gone at the end; skips the test where there is no Redis."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server is not installed (Debian: apt-get install redis-server)")
    with tempfile.TemporaryDirectory(prefix="seawall-redis-") as folder, RedisServer(Path(folder), program) as server:
        yield server
