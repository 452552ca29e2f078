"""Content Credentials: finished files signed with the host's own certificate.

https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from docwiz_tasks.errors import ExtraMissing, SettingsError, SigningFailed
from docwiz_tasks.imaging.marks import EDITED
from docwiz_tasks.imaging.photos import media_type_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from docwiz_tasks.settings import Settings

__all__ = ["SIGNABLE", "Signer", "check_signing", "signer_of"]

SIGNABLE = frozenset({"image/jpeg", "image/png", "image/webp", "application/pdf"})

_CERTIFICATE, _KEY = "DOCWIZ_C2PA_CERTIFICATE", "DOCWIZ_C2PA_PRIVATE_KEY"
_PEM = "-----BEGIN"

# One black pixel, for a signature that nobody keeps.
_PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, slots=True)
class Signer:
    """Sign pictures and PDFs; made anew for each, since its certificate can be replaced.

    Args:
        certificates: the signing certificate and those above it, as PEM.
        key: its private key, as PEM.
        expires_at: until when the certificate is valid.
    """

    certificates: bytes = field(repr=False)
    key: bytes = field(repr=False)
    expires_at: datetime

    def sign(self, data: bytes, source_type: str, *, original: bytes | None = None) -> bytes:
        """Return the same file with a signed statement of what it is; nothing is asked online.

        Args:
            data: the final bytes of a JPEG, PNG, WebP or PDF.
            source_type: a DigitalSourceType of `marks`.
            original: the photo that the picture was edited from, if it was.

        Raises:
            SigningFailed: it can't be signed.
            ExtraMissing: c2pa-python isn't installed.
        """
        try:
            import c2pa
        except ImportError:
            raise _missing() from None
        action = {
            "action": "c2pa.created" if original is None else "c2pa.edited",
            "digitalSourceType": source_type,
        }
        manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
        # Without a time-stamp server: signing needs no network.
        info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, self.certificates, self.key, None)
        signed = BytesIO()
        try:
            with (
                c2pa.Context.from_dict(_context()) as context,
                c2pa.Signer.from_info(info) as signer,
                c2pa.Builder(manifest, context=context) as builder,
            ):
                if original is not None:
                    builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                    parent = {"title": "The photo before the edit", "relationship": "parentOf"}
                    builder.add_ingredient(parent, _media_type(original), BytesIO(original))
                builder.sign(signer, _media_type(data), BytesIO(data), signed)
        except c2pa.C2paError as error:
            # Its text can quote the file.
            raise SigningFailed(
                f"A picture or document could not be signed: {type(error).__name__.strip('_')}."
            ) from None
        return signed.getvalue()


def signer_of(settings: Settings) -> Signer | None:
    """Return the signer that the settings ask for, or None if nothing is to be signed.

    Raises:
        SettingsError: the certificate or its key can't be read, don't belong together, or
            the certificate isn't valid now.
        ExtraMissing: c2pa-python isn't installed.
    """
    if settings.c2pa_certificate is None or settings.c2pa_private_key is None:
        return None
    try:
        import c2pa  # noqa: F401
    except ImportError:
        raise _missing() from None
    certificates = _read(settings.c2pa_certificate, _CERTIFICATE)
    certificate = _signing_certificate(certificates)
    key = _key_of(certificate, _read(settings.c2pa_private_key.get_secret_value(), _KEY))
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if datetime.now(UTC) < starts:
        raise SettingsError(f"{_CERTIFICATE}: the certificate is valid from {starts:%Y-%m-%d} on.")
    if datetime.now(UTC) > ends:
        raise SettingsError(
            f"{_CERTIFICATE}: the certificate expired on {ends:%Y-%m-%d}; renew it."
        )
    return Signer(certificates, key, ends)


def check_signing(settings: Settings) -> Signer | None:
    """Make the signer that the settings ask for, and one signature as a trial.

    Raises:
        SettingsError: as `signer_of`, or C2PA doesn't take the certificate.
        ExtraMissing: c2pa-python isn't installed.
    """
    signer = signer_of(settings)
    if signer is not None:
        try:
            # A picture: what a PDF leaves in this process would stop those forked from it.
            signer.sign(_PIXEL, EDITED)
        except SigningFailed:
            raise SettingsError(
                f"{_CERTIFICATE}: C2PA takes no signature by this certificate. It must come"
                " first, be no authority's own, and have the key usage digitalSignature and the"
                " extended key usage emailProtection or documentSigning."
            ) from None
    return signer


def _context() -> dict[str, object]:
    return {
        "builder": {
            "claim_generator_info": {"name": "docwiz-tasks", "version": version("docwiz-tasks")},
            # A thumbnail of the photo before the edit would travel with the picture.
            "thumbnail": {"enabled": False},
        },
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    }


def _media_type(data: bytes) -> str:
    return media_type_of(data) or "application/pdf"


def _read(value: str, variable: str) -> bytes:
    if _PEM in value:
        return value.encode()
    try:
        return Path(value).read_bytes()
    except (OSError, ValueError) as error:
        # The value isn't repeated: it can be a key that was pasted wrongly.
        raise SettingsError(
            f"{variable} is neither PEM nor the path of a file that can be read"
            f" ({type(error).__name__})."
        ) from None


def _signing_certificate(certificates: bytes) -> Certificate:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(certificates)[0]
    except ValueError:
        raise SettingsError(f"{_CERTIFICATE} holds no certificate in PEM.") from None


def _key_of(certificate: Certificate, pem: bytes) -> bytes:
    """Return the certificate's key in the one form that the library reads."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise SettingsError(f"{_KEY} is encrypted: give the key without a password.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(f"{_KEY} holds no private key in PEM.") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SettingsError(f"{_KEY} must be a key on the curve P-256, for ES256.")
    if key.public_key() != certificate.public_key():
        raise SettingsError(f"{_KEY} isn't the key of the first certificate of {_CERTIFICATE}.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _missing() -> ExtraMissing:
    return ExtraMissing.for_extra("c2pa", "Signing pictures")
