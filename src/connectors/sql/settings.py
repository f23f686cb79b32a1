"""What `[systems.NAME.settings]` of a database looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from sqlalchemy import exc, make_url

from ...core.adapter import ConnectorSettings
from .declarations import ActionSettings
from .statements import is_identifier

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


class SqlSettings(ConnectorSettings):
    """Settings of a database. Times are in seconds.

    Args:
        url: SQLAlchemy's URL of the primary, such as `postgresql+psycopg://user:password@host/database`. A secret.
        read_url: Where reads go instead: a read-only user, or a replica. Probes always go to the primary. A secret.
        actions: The actions by name, or a module that declares them: its name, or the path of a file that ends in
            `.py`; see docs/sql.md.
        effects_table: The table that keys are written into; None where no table may be created.
        effects_schema: Its schema; None for the user's default.
        effects_retention: `seawall sql prune-effects` deletes no younger rows.
        pool_size: Connections for writes at a time, and as many for reads.
        pool_patience: Longest wait for one of them.
        connect_timeout: Longest wait for a new connection.
        lock_timeout: Longest wait for a lock of another transaction.
        late_commit_horizon: How long after a lost answer a COMMIT that is already on its way may still be carried out.
            What the database can prove itself does not wait for it.
        key_locks: Whether a lock on the key may be taken. Turn it off behind a Galera cluster, and behind a proxy in
            which transactions share a session of MariaDB or MySQL.
        isolation_level: Of writes; None for the database's own.
        max_rows: Most rows that a read answers.
        pre_ping: Whether a connection of the pool is tried before it is used, one round trip each.
        recycle: Age at which a connection is replaced; None for no age.
        driver_options: Further arguments of the driver, such as TLS settings. All texts in it are kept secret.
    """

    url: SecretStr
    read_url: SecretStr | None = None
    actions: dict[str, ActionSettings] | Path
    effects_table: str | None = "seawall_effects"
    effects_schema: str | None = None
    effects_retention: float = Field(default=90 * 86400.0, ge=86400.0)
    pool_size: int = Field(default=8, ge=1, le=200)
    pool_patience: float = Field(default=5.0, gt=0)
    connect_timeout: float = Field(default=5.0, gt=0)
    lock_timeout: float = Field(default=5.0, gt=0)
    late_commit_horizon: float = Field(default=60.0, ge=0)
    key_locks: bool = True
    isolation_level: Isolation | None = None
    max_rows: int = Field(default=1000, ge=1, le=100_000)
    pre_ping: bool = True
    recycle: float | None = Field(default=1800.0, gt=0)
    driver_options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("url", "read_url")
    @classmethod
    def _is_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            made = make_url(url.get_secret_value())
            made.get_dialect()
        except (exc.SQLAlchemyError, ValueError):
            raise ValueError("must be a URL of SQLAlchemy, such as postgresql+psycopg://user@host/database") from None
        if made.get_backend_name() == "sqlite" and made.database in (None, "", ":memory:"):
            raise ValueError("a database in memory is gone with its connection: name a file")
        return url

    @field_validator("effects_table", "effects_schema")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and not is_identifier(name):
            raise ValueError("a name has letters, digits and underscores only")
        return name
