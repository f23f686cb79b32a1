"""Making checkpoints while a Seawall is open, and exporting them. Nothing that goes wrong here stops a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ..config import Config, ConfigError
from ..core.clock import Clock, Sources
from ..core.errors import LedgerUnavailable
from ..core.policy import Policy
from ..core.redaction import Secrets
from ..core.settings import AuditSettings
from ..core.system import System
from .checkpoint import make_line
from .configuration import configuration_facts
from .targets import REFUSED, Target, open_target

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ..core.ledger import Ledger
    from ..core.ledger.checkpointing import Head

_log = logging.getLogger("seawall.audit")

_LOOK = 1.0  # seconds between two looks at how much is new


def configured_key(settings: AuditSettings) -> Ed25519PrivateKey | None:
    """The key that signs checkpoints; None if none is configured.

    Raises:
        ConfigError: It cannot be used.
    """
    if settings.key is None:
        return None
    from ..keys import KeyFileError, load_key  # brings cryptography with it: only for those who sign

    try:
        return load_key(settings.key)
    except KeyFileError as error:
        raise ConfigError(f"audit.key: {error}") from None


class Open(Protocol):
    """What is open: a Seawall."""

    config: Config
    policy: Policy
    secrets: Secrets
    sources: Sources
    systems: dict[str, System]


def keep_audit(wall: Open, ledger: Ledger) -> Callable[[], Awaitable[None]]:
    """Tell the audit what is in force, and make checkpoints if there is a key to sign them with.

    Args:
        wall: What is open.
        ledger: Its ledger, just opened.

    Returns:
        What is to be called when all calls have ended, and before the ledger is closed.
    """
    adapters = {name: system.adapter for name, system in wall.systems.items()}
    ledger.introduce(configuration_facts(wall.config, adapters, wall.policy.version, wall.secrets))
    key = configured_key(wall.config.audit)
    if key is None:
        return _nothing
    keeper = Checkpoints(ledger, wall.config.audit, key, wall.sources.clock)
    keeper.start()
    return keeper.close


async def _nothing() -> None:
    """Nothing is kept."""


class Checkpoints:
    """Makes checkpoints of a ledger.

    Args:
        ledger: The ledger.
        settings: How often, and where they go.
        key: Signs them.
        clock: To wait by.
        target: Where they go instead of where the settings say.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: AuditSettings,
        key: Ed25519PrivateKey,
        clock: Clock,
        target: Target | None = None,
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._key = key
        self._clock = clock
        self._known: dict[str, int] = {}
        self._away = False
        self._running: asyncio.Task[None] | None = None
        named = None if settings.checkpoints is None else open_target(settings.checkpoints)
        self._target = target or named

    async def run(self) -> None:
        """Make one every so often, and after so many rows, until cancelled."""
        while True:
            await self._due()
            await self.once()

    async def _due(self) -> None:
        at = self._clock.monotonic() + self._settings.every
        before = self._ledger.chain.number
        while (left := at - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(left, _LOOK))
            if self._ledger.chain.number - before >= self._settings.rows:
                return

    async def once(self) -> None:
        """Make one if there is anything new, and export what waits. Raises nothing that calls would care about."""
        try:
            await self.make()
            await self.export()
        except LedgerUnavailable as error:
            _log.warning("no checkpoint of the audit: %s", error.message)
        except Exception:  # noqa: BLE001 -- whatever it was, the next one is made all the same
            _log.exception("no checkpoint of the audit")

    async def make(self, *, complete: bool = False) -> str | None:
        """Make one.

        Args:
            complete: Also where nothing is new.

        Raises:
            LedgerUnavailable: The ledger cannot be written.
        """
        known: dict[str, int] = {}

        def line_of(last: str | None, heads: Sequence[Head], at: float) -> str | None:
            known.clear()  # a job may run twice; what the first time told counts only if it was committed
            known.update(self._known)
            return make_line(self._key, last, heads, at, known, complete=complete)

        line = await self._ledger.checkpoint(line_of)
        self._known = known
        return line

    async def export(self) -> int:
        """Hand over what waits, oldest first. What is not taken waits on; how many that are is answered.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        while waiting := await self._ledger.unsent_checkpoints():
            if self._target is None:
                return len(waiting)
            taken: list[int] = []
            try:
                for row, line in waiting:
                    await self._target.put(line)
                    taken.append(row)
            except REFUSED as error:
                level = logging.DEBUG if self._away else logging.WARNING  # an outage is told once
                _log.log(level, "a checkpoint of the audit could not be exported yet: %s", error)
                self._away = True
                return len(waiting) - len(taken)
            finally:
                if taken:
                    await self._ledger.checkpoints_sent(taken)
            self._away = False
        return 0

    def start(self) -> None:
        """Go on beside the calls."""
        self._running = asyncio.create_task(self.run(), name="seawall audit")

    async def close(self) -> None:
        """Make the last one, and let go of the target."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        await self.once()
        await self.let_go()

    async def let_go(self) -> None:
        """Let go of the target."""
        if self._target is not None:
            await self._target.close()
