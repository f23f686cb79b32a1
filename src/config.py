"""`seawall.toml`: systems, ledger and policy, read once and validated before anything is opened."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from .core.people import Person
from .core.policy import Rule
from .core.policy.policy import twice_named
from .core.redaction import Secrets
from .core.settings import (
    AuditSettings,
    ConformanceSettings,
    LedgerSettings,
    OverrideSettings,
    Settings,
    SharedSettings,
    SystemSettings,
    TelemetrySettings,
    TimeSettings,
)
from .oauth_settings import OAuthSettings

_SHORTEST_KEY = 32  # bytes


class ConfigError(ValueError):
    """The configuration cannot be used; the message says where and what to do."""


class SystemConfig(SystemSettings):
    """`[systems.NAME]`: which connector, how it is called, and in `settings` what the connector needs.

    Args:
        connector: The kind of connector.
        settings: The connector's own settings.
        conformance: The signed report of the conformance kit on the connector, for rules with `min_tier`. Relative
            paths start at the configuration file.
    """

    connector: str
    settings: dict[str, Any] = Field(default_factory=dict)
    conformance: str | None = None

    def for_calls(self) -> SystemSettings:
        """The part that is not the connector's."""
        return SystemSettings.model_validate(self.model_dump(exclude={"connector", "settings", "conformance"}))


class TokenConfig(Settings):
    """`[[agents.tokens]]`: a bearer token of an agent that calls over HTTP, and what it may be used for.

    Args:
        token: The secret itself, at least 20 characters; best as `{ env = "NAME" }`.
        principal: Who asks where it is shown; the policy decides what that principal may do.
        scopes: What the token reaches at most: `read`, `write` (adds something), `destructive` (all other writes).
        person: Who of `[people]` sits at the client that shows it, and is asked there where a rule says `elicit`.
    """

    token: SecretStr = Field(min_length=20)
    principal: str = Field(min_length=1)
    scopes: tuple[Literal["read", "write", "destructive"], ...] = ("read",)
    person: str | None = Field(default=None, min_length=1)


class AgentsConfig(Settings):
    """`[agents]`: how actions are offered as tools.

    Args:
        hold: Seconds within which a call answers; what takes longer goes on and is asked for later.
        typed_tools: With more permitted actions than this, agents search and describe actions instead of a list.
        tokens: Bearer tokens for HTTP; without any, and without `oauth`, nobody is let in.
        oauth: The authorization server whose access tokens let in, too.
        allowed_hosts: Names under which it is called over HTTP, beside those of loopback, `--host` and the audience:
            `seawall.example.com`, with a port only if no other is meant.
        allowed_origins: Web pages that may call it: `https://console.example.com`.
        connections: HTTP connections at a time; each waiting agent has one.
        elicit_within: Seconds for which an answer of the person at the client counts; less than `hold`.
        state_key: Seals what clients carry from a question to its answer (MCP 2026-07-28); at least 32 bytes, best as
            `{ env = "NAME" }`. A list rotates: the first seals, all open. All processes behind one URL need the same;
            without it each makes its own, so that only the process that asked can be answered.
    """

    hold: float = Field(default=45.0, gt=0, le=600)
    typed_tools: int = Field(default=30, ge=0)
    tokens: tuple[TokenConfig, ...] = ()
    oauth: OAuthSettings | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    connections: int = Field(default=1000, ge=1)
    elicit_within: float = Field(default=30.0, gt=0)
    state_key: tuple[SecretStr, ...] = ()

    @field_validator("state_key", mode="before")
    @classmethod
    def _one_or_more(cls, keys: Any) -> Any:
        return (keys,) if isinstance(keys, str | SecretStr) else keys

    @field_validator("state_key")
    @classmethod
    def _long_and_different(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value().encode()) < _SHORTEST_KEY for key in keys):
            raise ValueError(f"each key needs at least {_SHORTEST_KEY} bytes, such as `openssl rand -hex 32` makes")
        if len({key.get_secret_value() for key in keys}) < len(keys):
            raise ValueError("the same key stands there twice; leave one of them out")
        return keys

    @model_validator(mode="after")
    def _answered_while_held(self) -> AgentsConfig:
        if "elicit_within" in self.model_fields_set and self.elicit_within >= self.hold:
            raise ValueError(f"elicit_within must be less than hold ({self.hold:g} s), within which a call answers")
        return self

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not host or "/" in host or "*" in host or any(char.isspace() for char in host):
                raise ValueError(f"{host!r} is no host such as seawall.example.com or seawall.example.com:8642")
        return hosts

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, rest = origin.partition("://")
            if scheme not in ("https", "http") or not rest or "/" in rest or "*" in rest:
                raise ValueError(f"{origin!r} is no origin such as https://console.example.com")
        return origins

    @field_validator("tokens")
    @classmethod
    def _each_once(cls, tokens: tuple[TokenConfig, ...]) -> tuple[TokenConfig, ...]:
        if len({one.token.get_secret_value() for one in tokens}) < len(tokens):
            raise ValueError("two entries have the same token; give each its own")
        return tokens


class ApprovalsConfig(Settings):
    """`[approvals]`: how people hear of what is asked of them.

    Args:
        webhook: Told, with a signed POST, of each approval that is asked for, and of what becomes of it.
        secret: Signs what is sent there, at least 20 characters; best as `{ env = "NAME" }`.
        interval: Seconds between two looks for what was approved.
    """

    webhook: str | None = Field(default=None, pattern="^https?://")
    secret: SecretStr | None = Field(default=None, min_length=20)
    interval: float = Field(default=0.5, gt=0)

    @model_validator(mode="after")
    def _signed(self) -> ApprovalsConfig:
        if self.webhook is not None and self.secret is None:
            raise ValueError("a webhook needs a secret, by which whoever receives it knows that it comes from here")
        return self


class PrincipalConfig(Settings):
    """`[principals."agent:ada"]`: what the principals are whose names fit the pattern.

    Args:
        roles: Their roles, for rules that name some and for those who approve.
    """

    roles: tuple[str, ...] = ()


class Config(Settings):
    """A whole configuration.

    Args:
        principal: Who asks when a call names nobody.
        ledger: Where operations are remembered.
        audit: Signed checkpoints of the audit.
        shared: What processes know together.
        conformance: Whose conformance reports are believed.
        telemetry: What is told to those who watch.
        systems: The systems by name.
        agents: How actions are offered to agents as tools.
        people: Who may approve what agents ask for, by name.
        approvals: How they hear of it.
        overrides: How soon what people stop is in force.
        policy: Rules in order, as `[[policy]]`; without a rule that allows it nothing runs.
        policy_file: Where the rules are instead: a YAML file, a Python file, or `module:attribute`. Relative paths
            start at the configuration file.
        principals: Pattern for principals → what they are, as `[principals."agent:ada"]`.
    """

    principal: str = "anonymous"
    ledger: LedgerSettings = LedgerSettings()
    audit: AuditSettings = AuditSettings()
    shared: SharedSettings = SharedSettings()
    conformance: ConformanceSettings = ConformanceSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    systems: dict[str, SystemConfig] = Field(default_factory=dict)
    agents: AgentsConfig = AgentsConfig()
    people: dict[str, Person] = Field(default_factory=dict)
    approvals: ApprovalsConfig = ApprovalsConfig()
    overrides: OverrideSettings = OverrideSettings()
    policy: tuple[Rule, ...] = ()
    policy_file: str | None = Field(default=None, min_length=1)
    principals: dict[str, PrincipalConfig] = Field(default_factory=dict)

    @field_validator("policy")
    @classmethod
    def _each_by_its_name(cls, policy: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if (twice := twice_named(policy)) is not None:
            raise ValueError(f"two rules are named {twice!r}; each needs a name of its own")
        return policy

    @model_validator(mode="after")
    def _one_policy(self) -> Config:
        if self.policy and self.policy_file is not None:
            raise ValueError("policy_file and [[policy]] are two policies; leave one of them out")
        return self

    @model_validator(mode="after")
    def _agents_are_no_people(self) -> Config:
        for token in self.agents.tokens:
            if token.principal in self.people:
                raise ValueError(
                    f"agents.tokens: the principal {token.principal!r} is one of [people]; "
                    "an agent needs a name of its own"
                )
            if token.person is not None and token.person not in self.people:
                raise ValueError(f"agents.tokens: the person {token.person!r} is none of [people]; add them there")
        prefix = None if self.agents.oauth is None else self.agents.oauth.principal_prefix
        for name in self.people:
            if prefix is not None and name.startswith(prefix):
                raise ValueError(
                    f"people: {name!r} begins with agents.oauth.principal_prefix, so an agent's token could name them; "
                    "rename the person"
                )
        return self


def load_config(source: str | Path | Mapping[str, Any], secrets: Secrets) -> Config:
    """Read, resolve `{ env = "NAME" }` and `{ file = "PATH" }`, and validate.

    Args:
        source: A TOML file, or the same as a mapping.
        secrets: Every resolved value is registered here.

    Raises:
        ConfigError: With the one thing to mend.
    """
    if isinstance(source, Mapping):
        folder, raw = Path.cwd(), dict(source)
    else:
        path = Path(source)
        folder, raw = path.resolve().parent, _read(path)
    resolved = _resolve(raw, folder, secrets, ())
    try:
        config = Config.model_validate(resolved)
        for system in config.systems.values():
            TimeSettings(attempt_timeout=system.attempt_timeout, lease=config.ledger.lease)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the configuration"
        raise ConfigError(f"{where}: {secrets.scrub(first['msg'])}") from None
    for name in config.systems:
        if not name.isidentifier() or name.startswith("_"):
            raise ConfigError(f"systems.{name}: a system's name must be a Python identifier, such as crm or orders_db")
    if config.ledger.url is not None:
        secrets.add(unquote(urlsplit(config.ledger.url.get_secret_value()).password or ""))
    secrets.add(*(one.token.get_secret_value() for one in config.agents.tokens))
    secrets.add(*(key.get_secret_value() for key in config.agents.state_key))
    if config.approvals.secret is not None:
        secrets.add(config.approvals.secret.get_secret_value())
    secrets.add(*(one.get_secret_value() for one in config.telemetry.headers.values()))
    if config.telemetry.metrics_token is not None:
        secrets.add(config.telemetry.metrics_token.get_secret_value())
    ledger = config.ledger.model_copy(update={"path": str(folder / config.ledger.path)})
    policy_file = config.policy_file
    if policy_file is not None and names_a_file(policy_file):
        policy_file = str(folder / policy_file)
    changes = {
        "ledger": ledger,
        "audit": _audit(config.audit, folder),
        "systems": _beside(config.systems, folder),
        "policy_file": policy_file,
        "agents": _oauth_beside(config, folder),
    }
    return config.model_copy(update=changes)


def names_a_file(place: str) -> bool:
    """Whether a policy is in a file, rather than `module:attribute`."""
    return ":" not in place or place.partition(":")[0].endswith(".py") or Path(place).suffix in (".yaml", ".yml")


def _oauth_beside(config: Config, folder: Path) -> AgentsConfig:
    """The settings for agents, the paths of the authorization server's files starting at a folder."""
    if config.agents.oauth is None:
        return config.agents
    files = {name: getattr(config.agents.oauth, name) for name in ("jwks_file", "ca_file")}
    there = {name: str(folder / path) for name, path in files.items() if path is not None}
    return config.agents.model_copy(update={"oauth": config.agents.oauth.model_copy(update=there)})


def _audit(audit: AuditSettings, folder: Path) -> AuditSettings:
    """The settings, their paths starting at a folder."""
    changes: dict[str, str] = {}
    if audit.key is not None:
        changes["key"] = str(folder / audit.key)
    if audit.checkpoints is not None and not audit.checkpoints.startswith(("http://", "https://")):
        changes["checkpoints"] = str(folder / audit.checkpoints)
    return audit.model_copy(update=changes)


def _beside(systems: Mapping[str, SystemConfig], folder: Path) -> dict[str, SystemConfig]:
    """The systems, the paths of their reports starting at a folder."""
    return {
        name: system
        if system.conformance is None
        else system.model_copy(update={"conformance": str(folder / system.conformance)})
        for name, system in systems.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}; name one with --config, or make one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _resolve(value: Any, folder: Path, secrets: Secrets, where: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            return _from_environment(value["env"], secrets, where)
        if set(value) == {"file"} and isinstance(value["file"], str):
            return _from_file(folder / value["file"], secrets, where)
        return {key: _resolve(item, folder, secrets, (*where, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, folder, secrets, (*where, str(index))) for index, item in enumerate(value)]
    return value


def _from_environment(name: str, secrets: Secrets, where: tuple[str, ...]) -> str:
    found = os.environ.get(name)
    if not found:
        raise ConfigError(f"{'.'.join(where)}: the environment variable {name} is not set")
    secrets.add(found)
    return found


def _from_file(path: Path, secrets: Secrets, where: tuple[str, ...]) -> str:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{'.'.join(where)}: {path} cannot be read ({error.strerror})") from None
    secrets.add(found)
    return found
