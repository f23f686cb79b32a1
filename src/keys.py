"""Ed25519 keys: private ones in PEM files that only their owner can read, public ones as 32 bytes in base64."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class KeyFileError(ValueError):
    """A key that cannot be used; the message says why in one sentence."""


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it where only its owner can read it.

    Raises:
        KeyFileError: The file is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except FileExistsError:
        raise KeyFileError(f"{path} is there already; name another file") from None
    except OSError as error:
        raise KeyFileError(f"the key {path} cannot be written ({error.strerror})") from None
    return key


def load_key(path: str | Path) -> Ed25519PrivateKey:
    """Read a key, as `make_key` or `openssl genpkey -algorithm ed25519` writes it.

    Raises:
        KeyFileError: It cannot be read, or is no such key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise KeyFileError(f"the key {path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError):
        raise KeyFileError(f"{path} is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} is no Ed25519 key; make one with: seawall audit key FILE")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, as the configuration takes it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(key: Ed25519PrivateKey, signed: bytes) -> str:
    """A signature in base64."""
    return base64.b64encode(key.sign(signed)).decode()


def is_signed(public: str, signature: str, signed: bytes) -> bool:
    """Whether the owner of a public key signed these bytes.

    Args:
        public: 32 bytes in base64.
        signature: 64 bytes in base64.
        signed: What was signed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
