"""What connectors over HTTP have among their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr


class HttpSettings(Protocol):
    """The settings that make a client."""

    @property
    def max_connections(self) -> int:
        """Connections at a time."""
        ...

    @property
    def max_response_bytes(self) -> int:
        """Longer answers are not read to their end."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """Certificates to trust instead of the usual ones (PEM)."""
        ...

    @property
    def proxy(self) -> SecretStr | None:
        """URL of a proxy."""
        ...
