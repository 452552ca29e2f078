"""A certificate to sign pictures with, and the authority above it, made for one test."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """PEM: the chain, its key, and the authority that readers trust."""

    chain: bytes
    key: bytes
    authority: bytes

    def files(self, folder: Path) -> dict[str, str]:
        """Write the chain and the key, and return the settings that name them."""
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(self.chain)
        key.write_bytes(self.key)
        return {"c2pa_certificate": str(chain), "c2pa_private_key": str(key)}


def identity(
    *,
    key: CertificateIssuerPrivateKeyTypes | None = None,
    from_days: float = -1,
    to_days: float = 90,
    usage: ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Identity:
    """Make a signing certificate below an authority of its own."""
    now = datetime.now(UTC)
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = key or ec.generate_private_key(ec.SECP256R1())
    root = (
        _certificate("An authority", "An authority", root_key, now - 400 * DAY, now + 400 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    start, end = now + from_days * DAY, now + to_days * DAY
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (
        _certificate("A clinic", "An authority", key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(above, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    authority = root.public_bytes(Encoding.PEM)
    return Identity(leaf.public_bytes(Encoding.PEM) + authority, pem_of(key), authority)


def pem_of(
    key: CertificateIssuerPrivateKeyTypes,
    form: PrivateFormat = PrivateFormat.PKCS8,
    password: bytes | None = None,
) -> bytes:
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, form, hidden)


def read(data: bytes, media_type: str, authority: bytes) -> dict[str, Any]:
    """What the reader of C2PA makes of a file."""
    trusted = {"trust": {"user_anchors": authority.decode()}}
    offline = {"verify": {"remote_manifest_fetch": False}}
    with (
        c2pa.Context.from_dict({**trusted, **offline}) as context,
        c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader,
    ):
        found: dict[str, Any] = json.loads(reader.json())
    return found


def _certificate(
    subject: str,
    issuer: str,
    key: CertificateIssuerPrivateKeyTypes,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(organization: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)])


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
