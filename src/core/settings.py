"""Settings of a system and of the ledger: frozen, validated, with documented defaults. Times are in seconds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class Settings(BaseModel):
    """Base: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrySettings(Settings):
    """How often, and how patiently, an attempt is repeated.

    Args:
        attempts: Attempts for one call, the first included.
        first_wait: Upper bound of the first wait; waits are drawn from 0 to a bound that doubles (full jitter).
        longest_wait: The bound never grows above this.
        longest_retry_after: A target's Retry-After above this is cut to it.
        budget_ratio: Retries allowed per first attempt, over time; 0.1 means 10 % more load at most.
        budget_reserve: Retries allowed before any traffic has earned some; also the most that can be saved up.
    """

    attempts: int = Field(default=4, ge=1, le=20)
    first_wait: float = Field(default=0.2, gt=0)
    longest_wait: float = Field(default=10.0, gt=0)
    longest_retry_after: float = Field(default=86400.0, gt=0)
    budget_ratio: float = Field(default=0.1, ge=0, le=1)
    budget_reserve: float = Field(default=10.0, ge=0)


class BreakerSettings(Settings):
    """When calls to a system are held back.

    Args:
        failures: Consecutive transport faults or declared outage codes that open the breaker.
        reset_after: Time it stays open before probes are let through.
        probes: Calls let through at a time while it is half-open.
        successes: Successful probes in a row that close it.
        probe_lease: A probe that has not come back after this gives its place free.
    """

    failures: int = Field(default=5, ge=1)
    reset_after: float = Field(default=30.0, gt=0)
    probes: int = Field(default=1, ge=1)
    successes: int = Field(default=1, ge=1)
    probe_lease: float = Field(default=60.0, gt=0)


class LimitSettings(Settings):
    """How much of a system one process may use at a time.

    Args:
        concurrency: Calls on the wire at a time (the bulkhead); recovery has `recovery.concurrency` beside it.
        waiting: Calls that may wait for a place; more are turned away at once.
        rate: Calls per second, recovery's included; None for no limit of ours.
        burst: Calls that may start at once under `rate`.
    """

    concurrency: int = Field(default=32, ge=1)
    waiting: int = Field(default=1000, ge=0)
    rate: float | None = Field(default=None, gt=0)
    burst: int = Field(default=10, ge=1)


class RecoverySettings(Settings):
    """How unknown operations are brought to an end.

    Args:
        interval: Pause between two looks at the ledger.
        first_probe: Wait before the first probe of an operation that recovery takes up.
        longest_wait: Upper bound of the growing wait between probes that could not tell.
        batch: Operations taken up at a time, at most.
        concurrency: Probes and repetitions on the wire at a time.
        attempts: Looks that fail or cannot tell, and repetitions that stay ambiguous, before the operation is parked.
            What a whole system does not answer is not counted.
        crashes: How often processes may end while they hold the operation, before it is parked.
    """

    interval: float = Field(default=1.0, gt=0)
    first_probe: float = Field(default=0.5, ge=0)
    longest_wait: float = Field(default=60.0, gt=0)
    batch: int = Field(default=100, ge=1)
    concurrency: int = Field(default=4, ge=1)
    attempts: int = Field(default=50, ge=1)
    crashes: int = Field(default=3, ge=2)


class SystemSettings(Settings):
    """Everything that belongs to one system and is not the connector's.

    Args:
        attempt_timeout: Longest time of one attempt on the wire.
        deadline: Deadline of a call whose caller names none.
        retry: See `RetrySettings`.
        breaker: See `BreakerSettings`.
        limits: See `LimitSettings`.
        recovery: See `RecoverySettings`.
        horizon: Overrides the late-commit horizon of every action of the system.
        replay_rejections: How long a permanent rejection is replayed to a caller who repeats the same request,
            before the target is asked again.
    """

    attempt_timeout: float = Field(default=10.0, gt=0)
    deadline: float = Field(default=30.0, gt=0)
    retry: RetrySettings = RetrySettings()
    breaker: BreakerSettings = BreakerSettings()
    limits: LimitSettings = LimitSettings()
    recovery: RecoverySettings = RecoverySettings()
    horizon: float | None = Field(default=None, ge=0)
    replay_rejections: float = Field(default=60.0, ge=0)

    @model_validator(mode="after")
    def _probes_outlive_attempts(self) -> SystemSettings:
        if self.breaker.probe_lease <= self.attempt_timeout:
            raise ValueError(
                f"breaker.probe_lease ({self.breaker.probe_lease} s) must be longer than attempt_timeout "
                f"({self.attempt_timeout} s): a probe that comes back after its lease decides nothing"
            )
        return self


class LedgerSettings(Settings):
    """Where operations are remembered: in an SQLite file, or in PostgreSQL where several machines share them.

    Args:
        path: The SQLite file; its folder must exist. Relative paths start at the configuration file.
        url: PostgreSQL instead, such as `postgresql://user@host/database`. A secret: it is never shown.
        lease: A holder that has shown no life for this long has lost its operations; above every attempt timeout.
        busy_timeout: How long a write waits for another process's transaction, and for a server that is away.
        clock_tolerance: How far this machine's clock may be off that of the PostgreSQL server before the difference
            is made up for; across machines, late-commit horizons are kept to within twice this time.
        warm: Finished operations kept in memory, so that a repetition is answered without reading the file.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    path: str = "seawall.db"
    url: SecretStr | None = None
    lease: float = Field(default=30.0, gt=0)
    busy_timeout: float = Field(default=5.0, ge=0)
    clock_tolerance: float = Field(default=2.0, gt=0)
    warm: int = Field(default=4096, ge=0)

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        scheme, separator, rest = url.get_secret_value().partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("must begin with postgresql://; for SQLite name a file in ledger.path")
        return SecretStr(f"postgresql://{rest}")

    @model_validator(mode="after")
    def _one_place(self) -> LedgerSettings:
        if self.url is not None and "path" in self.model_fields_set:
            raise ValueError("ledger.path and ledger.url name two ledgers; leave one of them out")
        return self


class AuditSettings(Settings):
    """Signed checkpoints of the audit. Without a key none are made.

    Args:
        key: File of the private key (Ed25519, PEM) that signs them, as `seawall audit key` makes it. Keep it where
            nobody who can write the ledger can read it. Relative paths start at the configuration file.
        checkpoints: Where they are exported to: a file that is appended to, or an http(s) URL that each is posted to;
            best out of reach of whoever can write the ledger. None keeps them in the ledger alone.
        every: Seconds between two of them, while there is anything new.
        rows: After so many new rows of this process one is made earlier.
    """

    key: str | None = None
    checkpoints: str | None = None
    every: float = Field(default=60.0, gt=0)
    rows: int = Field(default=10_000, ge=1)

    @model_validator(mode="after")
    def _signed(self) -> AuditSettings:
        if self.checkpoints is not None and self.key is None:
            raise ValueError("audit.checkpoints needs audit.key; make one with: seawall audit key FILE")
        return self


class SharedSettings(Settings):
    """What processes that call the same systems know together: breakers, rate limits, and each Retry-After.

    Args:
        redis: The Redis that they share, such as `redis://127.0.0.1:6379/0`; None to go each by its own.
        prefix: Begins every key; the same for processes that belong together.
        patience: A call waits for an answer of Redis no longer than this, and then goes by what its process knows.
        interval: Pause between two looks, for what was not heard of at once.
    """

    redis: str | None = Field(default=None, pattern="^(redis|rediss|unix)://")
    prefix: str = Field(default="seawall", min_length=1, max_length=100, pattern="^[^{}]*$")
    patience: float = Field(default=0.02, gt=0)
    interval: float = Field(default=1.0, gt=0)


class OverrideSettings(Settings):
    """How soon a process goes by what people stop elsewhere.

    Args:
        interval: Seconds between two looks at the ledger. With 0.4 or less, what is stopped is stopped in every process
            within a second; simulations of idle days take a longer one.
    """

    interval: float = Field(default=0.4, gt=0)


class TelemetrySettings(Settings):
    """What is told to those who watch: traces, metrics, and where they go. No arguments unless asked for.

    Args:
        enabled: Whether anything is measured; without the extra `telemetry` it is said once, and calls go on.
        exporter: `otlp` sends to a collector, `console` prints on stderr, `none` keeps metrics for `/metrics` only.
        endpoint: The collector's base URL (OTLP over HTTP); `/v1/traces` and `/v1/metrics` are added.
        headers: Sent to the collector with each request, such as its token. Secrets: never shown.
        service_name: `service.name` of all that is sent.
        sample: Share of traces that are recorded, where the caller's trace does not decide it.
        arguments: Records requests on spans, without secrets and cut to 4,096 characters.
        traceparent: Sends `traceparent` to the systems that are called over HTTP; old ones may choke on it.
        interval: Seconds between two deliveries of metrics.
        metrics_token: The bearer token that `/metrics` of `seawall serve` asks for. A secret: it is never shown.
        metrics_open: Answers `/metrics` without a token.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    enabled: bool = False
    exporter: Literal["otlp", "console", "none"] = "otlp"
    endpoint: str = Field(default="http://127.0.0.1:4318", pattern="^https?://")
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    service_name: str = Field(default="seawall", min_length=1)
    sample: float = Field(default=1.0, ge=0, le=1)
    arguments: bool = False
    traceparent: bool = False
    interval: float = Field(default=30.0, gt=0)
    metrics_token: SecretStr | None = Field(default=None, min_length=20)
    metrics_open: bool = False

    @model_validator(mode="after")
    def _one_door(self) -> TelemetrySettings:
        if self.metrics_open and self.metrics_token is not None:
            raise ValueError("metrics_open and metrics_token contradict each other; leave one of them out")
        return self


class ConformanceSettings(Settings):
    """Whose word counts on what an adapter was proven to do.

    Args:
        keys: Public keys (Ed25519, 32 bytes in base64) of those whose signed reports are believed.
    """

    keys: tuple[str, ...] = ()


class TimeSettings(Settings):
    """The pair of times that must fit together; checked where a system meets its ledger."""

    attempt_timeout: float
    lease: float

    @model_validator(mode="after")
    def _fit(self) -> TimeSettings:
        if self.attempt_timeout >= self.lease:
            raise ValueError(
                f"attempt_timeout ({self.attempt_timeout} s) must be shorter than the ledger's lease "
                f"({self.lease} s): otherwise another process takes over while the attempt still runs"
            )
        return self
