"""A self-signed certificate for a simulator on loopback, made on the fly."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files. Clients verify against `certfile`.

    Args:
        certfile: Path of the certificate.
        keyfile: Path of the private key.
    """

    certfile: str
    keyfile: str

    @classmethod
    def make(cls, folder: str | Path, *, names: tuple[str, ...] = ()) -> Certificate:
        """Make a certificate for 127.0.0.1, localhost and further host names, valid for a week.

        Args:
            folder: Where ``simulator.crt`` and ``simulator.key`` are written.
            names: Further DNS names, wildcards allowed, for clients that insist on the vendor's host names.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Seawall simulator")])
        # The host's clock, not the simulator's: it is the TLS library that compares.
        start = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        alternatives += [x509.DNSName(dns) for dns in ("localhost", *names)]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + _LIFE)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        certfile, keyfile = Path(folder) / "simulator.crt", Path(folder) / "simulator.key"
        certfile.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        keyfile.touch(mode=0o600)
        keyfile.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cls(str(certfile), str(keyfile))
