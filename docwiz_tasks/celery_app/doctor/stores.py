"""Whether the store keeps what it is given, and the host's records answer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.store import Store

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["records_findings", "store_findings"]

# Object stores elsewhere take a while, and each of the probe's calls is one round trip.
SECONDS = 20.0


def store_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Write an object, read it, find that it can't be created twice, and delete it."""
    try:
        store = docwiz.store
        mistake = within(lambda: _probe(store), SECONDS)
    except DocWizError as error:
        yield Finding("problem", "store", str(error))
        return
    except TimeoutError as error:
        yield Finding("problem", "store", f"{error}; check DOCWIZ_STORE_URL and its credentials.")
        return
    if mistake is not None:
        yield Finding("problem", "store", mistake)
    elif (docwiz.settings.store_url or "").startswith("memory:"):
        yield Finding(
            "warning",
            "store",
            "memory:// is seen by one process only; set DOCWIZ_STORE_URL to file:///, s3:// or"
            " gs:// where workers are processes of their own.",
        )
    else:
        yield Finding("ok", "store", "can be written and read.")


def records_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Ask the host's records, if they aren't the store's, for a patient who isn't there."""
    try:
        if docwiz.plugins.giver("docwiz_records", docwiz.settings) is None:
            return
        within(lambda: docwiz.records.get("patient", "docwiz-doctor"), SECONDS)
    except DocWizError as error:
        yield Finding("problem", "records", str(error))
    except Exception as error:
        # A time-out of ours, or an error of a plugin's, whose text can hold anything.
        told = str(error) if isinstance(error, TimeoutError) else type(error).__name__
        yield Finding("problem", "records", f"they can't be read: {told}.")
    else:
        yield Finding("ok", "records", "can be read.")


def _probe(store: Store) -> str | None:
    """Return what is wrong with the store, if anything is."""
    path, data = f"doctor/{uuid.uuid4()}", b"docwiz-tasks doctor"
    try:
        created = store.create(path, data)
        again = store.create(path, b"another")
        read = store.get(path)
    finally:
        with suppress(DocWizError):
            store.delete(path)
    if not created or again:
        return (
            "an object can be created twice, so jobs could run twice; use a store that has"
            " conditional writes."
        )
    if read != data:
        return "what was written isn't what is read."
    if store.get(path) is not None:
        return "an object that was deleted is still there; allow the credentials to delete."
    return None
