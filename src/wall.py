"""`Seawall`: the object that users hold."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from .calls import Calls
from .closing import close_adapter, stop_task
from .config import Config, ConfigError, load_config
from .connectors import load_connector
from .core.adapter import Adapter, Surroundings
from .core.approvals import Approvals
from .core.clock import Sources
from .core.compensation import compensate
from .core.ledger.records import Status, Story
from .core.outcome import Outcome
from .core.overrides import Overrides, in_force_now
from .core.pipeline import Pipeline
from .core.recovery import Recovery
from .core.redaction import Secrets
from .core.repeat import Repeat
from .core.system import System
from .core.tiers import Standing
from .faces import SystemFace
from .observed import observe, telemetry_of
from .policies.reading import policy_of

if TYPE_CHECKING:
    from .core.ledger import Ledger
    from .core.policy import Decision
    from .core.shared import Shared
    from .telemetry import Telemetry

_log = logging.getLogger("seawall.wall")

_RECORDING = 1.0  # seconds beyond a call's deadline in which it answers


class Seawall:
    """Systems, ledger, policy and recovery, open for the length of one `async with`.

    Leaving lets no new call in, waits for those under way until their deadlines (at most the longest deadline of a
    system), and cancels the rest, whose writes are then recorded as unknown. Only then the ledger is closed.

    Args:
        config: The configuration.
        adapters: Adapters to use instead of the configured connectors, by system name.
        sources: Clock, randomness and ids.
        secrets: The secrets known so far.
        recovery: Whether unknown operations are settled in the background while it is open.
        inline_ledger: Whether the ledger works in the calling thread (simulated time).
        telemetry: Sees all calls; as configured if None.
    """

    def __init__(
        self,
        config: Config,
        *,
        adapters: Mapping[str, Adapter] | None = None,
        sources: Sources | None = None,
        secrets: Secrets | None = None,
        recovery: bool = True,
        inline_ledger: bool = False,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.config = config
        self.sources = sources or Sources()
        self.secrets = secrets or Secrets()
        self.telemetry = telemetry or telemetry_of(config.telemetry, self.sources, self.secrets)
        self._inline = inline_ledger
        self._recovers = recovery
        self._recovering: asyncio.Task[None] | None = None
        self._entered = False
        self._closing = AsyncExitStack()
        self._calls = Calls()
        self._ledger: Ledger | None = None
        self._pipeline: Pipeline | None = None
        self._recovery: Recovery | None = None
        self._approvals: Approvals | None = None
        self._overrides: Overrides | None = None
        self.shared = self._shared()
        given = dict(adapters or {})
        self.systems = {
            name: System(
                name,
                given.get(name) or self._adapter(name),
                system.for_calls(),
                self.sources,
                self.secrets,
                self.shared,
            )
            for name, system in config.systems.items()
        }
        if config.audit.key is not None:
            from .audit.keeping import configured_key  # only for those who sign

            configured_key(config.audit)
        self.unproven: dict[str, str] = {}
        """Systems whose conformance report proves nothing, and why."""
        self.standings = self._standings()
        self.policy, self.unreadable = policy_of(config, self.standings, self.sources, self.secrets)

    @classmethod
    def from_config(cls, source: str | Path | Mapping[str, Any], **options: Any) -> Seawall:
        """Make one from `seawall.toml`. Opens and connects to nothing yet.

        Args:
            source: The file, or the same as a mapping.
            options: Keyword arguments of the class.

        Raises:
            ConfigError: With the one thing to mend.
        """
        secrets = options.pop("secrets", None) or Secrets()
        return cls(load_config(source, secrets), secrets=secrets, **options)

    def _shared(self) -> Shared | None:
        if self.config.shared.redis is None:
            return None
        from .core.shared import Shared  # only for those who share something

        try:
            return Shared(self.config.shared, self.sources, self.secrets)
        except ValueError as error:
            raise ConfigError(f"shared.redis: {error}") from None

    def _standings(self) -> Mapping[str, Standing]:
        if all(system.conformance is None for system in self.config.systems.values()):
            return {}
        from .conformance import standings_of  # only for those who have reports to believe

        adapters = {name: system.adapter for name, system in self.systems.items()}
        standings, self.unproven = standings_of(self.config, adapters)
        for name, why in self.unproven.items():
            _log.warning("no rule with min_tier matches %s: %s", name, why)
        return standings

    def _adapter(self, name: str) -> Adapter:
        configured = self.config.systems[name]
        try:
            connector = load_connector(configured.connector)
        except LookupError as error:
            raise ConfigError(f"systems.{name}.connector: {error.args[0]}") from None
        try:
            settings = connector.settings_model.model_validate(configured.settings)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(("systems", name, "settings", *map(str, first["loc"])))
            raise ConfigError(f"{where}: {self.secrets.scrub(first['msg'])}") from None
        try:
            return connector.open(settings, Surroundings(name, self.sources, self.secrets))
        except (OSError, ValueError) as error:
            raise ConfigError(f"systems.{name}.settings: {self.secrets.scrub(str(error))}") from None

    async def __aenter__(self) -> Self:
        from .audit.keeping import keep_audit
        from .core.ledger import Ledger  # brings SQLAlchemy with it: only for those who open one

        if self._entered:
            raise RuntimeError("a Seawall is opened once: make a new one for another `async with`")
        self._entered = True
        try:
            # Its steps run in reverse order, each whatever became of the others.
            async with AsyncExitStack() as closing:
                if self.telemetry is not None:
                    closing.push_async_callback(self.telemetry.close)
                ledger = await Ledger.open(self.config.ledger, self.sources, inline=self._inline)
                closing.push_async_callback(ledger.close)
                closing.push_async_callback(keep_audit(self, ledger))
                in_force = await in_force_now(self.systems, ledger, self.sources, self.config.overrides.interval)
                recovery = Recovery(self.systems, ledger, self.policy, self.sources)
                pipeline = Pipeline(
                    self.systems,
                    ledger,
                    self.policy,
                    self.config.people,
                    self.sources,
                    warm=self.config.ledger.warm,
                    on_doubt=recovery.wake,
                    release_interval=self.config.approvals.interval,
                )
                if self.telemetry is not None:
                    closing.callback(observe(self.telemetry, pipeline, recovery))
                for system in self.systems.values():
                    closing.push_async_callback(close_adapter, system)
                if self.shared is not None:
                    closing.push_async_callback(self.shared.close)
                    await self.shared.open()
                if self._recovers:
                    looking = asyncio.create_task(in_force.run(), name="seawall overrides")
                    closing.push_async_callback(stop_task, looking)
                    self._recovering = asyncio.create_task(recovery.run(), name="seawall recovery")
                    closing.push_async_callback(stop_task, self._recovering)
                    releasing = asyncio.create_task(pipeline.release.run(), name="seawall release")
                    closing.push_async_callback(stop_task, releasing)
                    closing.push_async_callback(pipeline.release.finish, self._longest + _RECORDING)
                    if self.config.approvals.webhook is not None:
                        from .notices import Notices  # only for those who have somebody to tell

                        notices = Notices(self.config.approvals, ledger, self.sources, self.secrets)
                        telling = asyncio.create_task(notices.run(), name="seawall notices")
                        closing.push_async_callback(stop_task, telling)
                closing.push_async_callback(self._calls.end, self._longest + _RECORDING)
                self._closing = closing.pop_all()
        except BaseException:
            self._entered = False
            raise
        self._ledger, self._recovery, self._pipeline = ledger, recovery, pipeline
        self._approvals = Approvals(
            self.systems,
            ledger,
            self.policy,
            self.config.people,
            self.sources,
            self.secrets,
            decided=pipeline.release.wake,
        )
        self._overrides = Overrides(in_force, ledger, self.systems, self.sources, self.secrets)
        self._calls.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closing, self._closing = self._closing, AsyncExitStack()
        try:
            await closing.aclose()
        except Exception:
            if error is None:
                raise
            # What went wrong inside says more than that closing failed, too.
            _log.exception("closing failed")

    async def call(
        self,
        target: str,
        request: BaseModel | Mapping[str, Any],
        *,
        principal: str | None = None,
        deadline: float | None = None,
        trace_id: str = "",
        repeat: Repeat | None = None,
        on_decision: Callable[[Decision], None] | None = None,
    ) -> Outcome[Any]:
        """Do something in a system, at most once, and answer what is proven.

        Args:
            target: `system.action`, such as `crm.create_case`.
            request: The request model or its fields.
            principal: Who asks; the configured default if None.
            deadline: Seconds within which this answers; the system's default if None.
            trace_id: The caller's trace, kept in the ledger.
            repeat: Says that the same was done before and is to be done once more, as an operation of its own.
            on_decision: Told what the policy decided.

        Returns:
            An outcome. Nothing that the target or the network does raises here.

        Raises:
            RuntimeError: The Seawall is not open, or was left while the call was under way.
        """
        system, _, action = target.partition(".")
        with self._calls.one(target):
            return await self.pipeline.call(
                system,
                action,
                request,
                principal=principal or self.config.principal,
                deadline=deadline,
                trace_id=trace_id,
                repeat=repeat,
                on_decision=on_decision,
            )

    async def compensate(
        self, operation_id: str, *, reason: str, principal: str | None = None, deadline: float | None = None
    ) -> Outcome[Any]:
        """Undo what an operation did, by the action that its own action names; an operation of its own.

        Args:
            operation_id: What is to be undone.
            reason: Why; recorded.
            principal: Who asks; the configured default if None.
            deadline: Seconds within which this answers; the system's default if None.

        Returns:
            See `core.compensation.compensate`.

        Raises:
            RuntimeError: The Seawall is not open, or was left while the call was under way.
        """
        with self._calls.one("compensate"):
            return await compensate(
                self.pipeline,
                operation_id,
                principal=principal or self.config.principal,
                reason=reason,
                deadline=deadline,
            )

    def __getattr__(self, name: str) -> SystemFace:
        if name.startswith("_") or name not in self.systems:
            raise AttributeError(f"there is no system {name!r} in the configuration")
        return SystemFace(self, name)

    @property
    def ledger(self) -> Ledger:
        """The open ledger."""
        return _opened(self._ledger)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that carries calls out."""
        return _opened(self._pipeline)

    @property
    def approvals(self) -> Approvals:
        """What people decide about operations that are held."""
        return _opened(self._approvals)

    @property
    def overrides(self) -> Overrides:
        """What people stop and let go on."""
        return _opened(self._overrides)

    @property
    def recovery(self) -> Recovery:
        """Recovery, whether or not it runs in the background."""
        return _opened(self._recovery)

    @property
    def refusal(self) -> str | None:
        """Why no call is let in; None while it is open."""
        return self._calls.refusal

    async def story(self, operation_id: str) -> Story | None:
        """Everything the ledger knows of one operation; None if it knows nothing."""
        return await self.ledger.story(operation_id)

    async def settle(self, timeout: float) -> int:
        """Wait until recovery has nothing left to find out, driving it here if it does not run in the background.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            How many operations are still running or unknown; parked ones wait for a person and do not count.

        Raises:
            LedgerUnavailable: The ledger cannot be read.
            RuntimeError: The Seawall is not open, or was left meanwhile.
        """
        with self._calls.one("settle"):
            return await self._settle(timeout)

    async def _settle(self, timeout: float) -> int:
        clock = self.sources.clock
        until = clock.monotonic() + timeout
        while True:
            if self._recovering is None:
                await self.recovery.run_once()
            open_now = await self._open_operations()
            if not open_now or clock.monotonic() >= until:
                return open_now
            await clock.sleep(min(0.1, max(0.0, until - clock.monotonic())))

    @property
    def _longest(self) -> float:
        """Seconds that a call may take whose caller names no deadline."""
        return max((system.settings.deadline for system in self.systems.values()), default=0.0)

    async def _open_operations(self) -> int:
        counts = await self.ledger.counts()
        return sum(count for (_, status), count in counts.items() if status in (Status.RUNNING, Status.UNKNOWN))


T = TypeVar("T")


def _opened(part: T | None) -> T:
    if part is None:
        raise RuntimeError("this Seawall is not open: use it inside `async with`")
    return part
