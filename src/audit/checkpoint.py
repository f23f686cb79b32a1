"""A checkpoint: what the audit was at one moment, signed. One line of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..core.identity import canonical_json
from ..core.ledger.checkpointing import Head
from ..keys import is_signed, public_key, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Checkpoint(BaseModel):
    """What the audit was at one moment.

    Args:
        checkpoint: 1 for the first; each has the next number.
        at: When, in seconds since the epoch.
        complete: Whether `heads` has all chains; else those that grew since the checkpoints of the same process before.
        heads: Chain, number and hash of the last row of each.
        chains: How many chains there were.
        rows: How many rows they had together.
        previous: Digest of the line of the checkpoint before; None for the first.
        key: The public key of who signed it, 32 bytes in base64.
        signature: Of all the rest as canonical JSON, in base64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: int
    at: float
    complete: bool
    heads: tuple[Head, ...]
    chains: int
    rows: int
    previous: str | None
    key: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What is signed."""
        return canonical_json(self.model_dump(mode="json", exclude={"signature"})).encode()

    def genuine(self) -> bool:
        """Whether the owner of its key signed it as it is."""
        return is_signed(self.key, self.signature, self.signed)


def line_digest(line: str) -> str:
    """What the next checkpoint says of this one."""
    return hashlib.sha256(line.strip().encode()).hexdigest()


def read_checkpoint(line: str) -> Checkpoint | None:
    """The checkpoint of a line, without believing it; None if it is none."""
    try:
        return Checkpoint.model_validate_json(line)
    except ValidationError:
        return None


def make_line(
    key: Ed25519PrivateKey,
    last: str | None,
    heads: Sequence[Head],
    at: float,
    known: dict[str, int],
    *,
    complete: bool = False,
) -> str | None:
    """The line of the next checkpoint; None if there is nothing new to say.

    Args:
        key: Signs it.
        last: The line of the checkpoint before.
        heads: The heads of all chains.
        at: Now.
        known: Chain → number that this process's own checkpoints told; changed by this.
        complete: Name all chains, also where nothing is new.
    """
    complete = complete or not known
    moved = tuple(head for head in heads if complete or known.get(head.chain) != head.number)
    if not moved:
        return None
    before: Any = None if last is None else json.loads(last)
    made = Checkpoint(
        checkpoint=1 if before is None else before["checkpoint"] + 1,
        at=at,
        complete=complete,
        heads=moved,
        chains=len(heads),
        rows=sum(head.number for head in heads),
        previous=None if last is None else line_digest(last),
        key=public_key(key),
    )
    signature = sign(key, made.signed)
    known.update({head.chain: head.number for head in moved})
    return canonical_json(made.model_copy(update={"signature": signature}).model_dump(mode="json"))
