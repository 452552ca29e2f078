"""Whether pictures can be signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from docwiz_tasks.celery_app.doctor.finding import Finding
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.settings import Settings

__all__ = ["signing_findings"]

# Authorities take days to issue a certificate, and hosts forget.
SOON = timedelta(days=30)


def signing_findings(settings: Settings) -> Iterator[Finding]:
    """Make one signature as a trial, if the settings ask for signatures."""
    from docwiz_tasks.imaging.signing import check_signing

    try:
        signer = check_signing(settings)
    except DocWizError as error:
        yield Finding("problem", "signing", str(error))
        return
    if signer is None:
        return
    until = f"{signer.expires_at:%Y-%m-%d}"
    if signer.expires_at - datetime.now(UTC) < SOON:
        yield Finding(
            "warning",
            "signing",
            f"the certificate expires on {until}, and jobs that sign fail from then on; renew it"
            " and put it in DOCWIZ_C2PA_CERTIFICATE's place.",
        )
    else:
        yield Finding("ok", "signing", f"pictures can be signed until {until}.")
