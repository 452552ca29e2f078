"""Records in Firestore: an example of a host's database behind ``docwiz_records``.

A record is a document ``<prefix><kind>/<id>`` with the record's own fields, so that the
host's other programs can read and write it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from docwiz_tasks.errors import (
    ExtraMissing,
    InvalidRecord,
    StoreError,
    StoreForked,
    StoreUnavailable,
)
from docwiz_tasks.models import Record
from docwiz_tasks.records.order import newest_first
from docwiz_tasks.records.validation import check_id, record_from, record_type

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.firestore import Client, CollectionReference

__all__ = ["FirestoreRecords"]

CALL_SECONDS = 5.0
ALL_SECONDS = 10.0

# Firestore takes no list inside a list; a record's free fields can have one.
_LIST = "[]"

# gRPC has one runtime for the whole process, and it may hang in a child that was forked
# after it was used. So the guard is the process's too.
_used_in: set[int] = set()


class FirestoreRecords:
    """Keep records in Firestore, each in a document with its own fields.

    Amounts are strings, so that they stay exact, and dates are ISO 8601. A query is by one
    field only, so no index has to be set up.

    Args:
        project: the Google Cloud project; credentials come from the environment.
        database: the Firestore database's name.
        prefix: how the collections' names begin; a kind's name follows.

    Raises:
        ExtraMissing: google-cloud-firestore isn't installed.
    """

    def __init__(self, project: str, database: str = "(default)", prefix: str = "docwiz_") -> None:
        try:
            import google.cloud.firestore  # noqa: F401
        except ImportError:
            raise ExtraMissing.for_extra("firestore", "Keeping records in Firestore") from None
        self._project = project
        self._database = database
        self._prefix = prefix
        self._opening = Lock()
        self._client: Client | None = None

    def get(self, kind: str, id: str) -> Record | None:
        """Return one record, or None where there is none."""
        with self._collection(kind) as collection:
            found = collection.document(check_id(id)).get(timeout=CALL_SECONDS, retry=_retry())
            document = found.to_dict()
        return None if document is None else record_from(kind, _plain(document))

    def put(self, kind: str, document: Record | Mapping[str, object]) -> Record:
        """Keep one record, in place of one with the same id, and return it as a model."""
        record = record_from(kind, document)
        fields = _storable(record.model_dump(mode="json"))
        with self._collection(kind) as collection:
            collection.document(record.id).set(fields, timeout=CALL_SECONDS, retry=_retry())
        return record

    def find(self, kind: str, patient_id: str) -> Sequence[Record]:
        """Return one patient's records of a kind, newest first."""
        from google.cloud.firestore import FieldFilter

        mine = FieldFilter("patient_id", "==", check_id(patient_id))
        with self._collection(kind) as collection:
            found = collection.where(filter=mine).stream(timeout=CALL_SECONDS, retry=_retry())
            documents = [snapshot.to_dict() or {} for snapshot in found]
        return newest_first(record_from(kind, _plain(document)) for document in documents)

    @contextmanager
    def _collection(self, kind: str) -> Iterator[CollectionReference]:
        record_type(kind)
        if _used_in and os.getpid() not in _used_in:
            raise StoreForked(
                "This process was forked from one that had used Firestore, where it could hang."
                " Use the records only after the fork (in a worker: in its tasks), or start the"
                " worker with --pool=threads or --pool=solo."
            )
        with _told_as_ours():
            yield self._open().collection(f"{self._prefix}{kind}")

    def _open(self) -> Client:
        from google.cloud.firestore import Client

        _used_in.add(os.getpid())
        with self._opening:
            if self._client is None:
                self._client = Client(project=self._project, database=self._database)
            return self._client


@contextmanager
def _told_as_ours() -> Iterator[None]:
    # Google's texts can hold a document's values, so only the kind of error is told.
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except GoogleAuthError as error:
        if error.retryable:
            raise StoreUnavailable("Google's sign-in can't answer now.") from None
        raise StoreError(
            "Firestore took no credentials: set GOOGLE_APPLICATION_CREDENTIALS to a service"
            " account's file, or run where the environment has credentials of its own."
        ) from None
    except exceptions.InvalidArgument:
        raise InvalidRecord(
            "Firestore can't hold this record: it is larger than 1 MiB, or has a field without a"
            " name or named like __this__."
        ) from None
    except (exceptions.Unauthenticated, exceptions.PermissionDenied, exceptions.NotFound) as error:
        kind = type(error).__name__
        raise StoreError(
            f"Firestore refused ({kind}): check DOCWIZ_FIRESTORE_PROJECT,"
            " DOCWIZ_FIRESTORE_DATABASE and what the credentials may do."
        ) from None
    except exceptions.GoogleAPIError as error:
        kind = type(error).__name__
        raise StoreUnavailable(f"Firestore did not answer as it should: {kind}.") from None


def _retry() -> Retry:
    from google.api_core.retry import Retry

    return Retry(initial=0.1, maximum=1.0, timeout=ALL_SECONDS)


def _storable(value: Any, *, inside_list: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _storable(entry) for key, entry in value.items()}
    if isinstance(value, list):
        entries = [_storable(entry, inside_list=True) for entry in value]
        return {_LIST: entries} if inside_list else entries
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_LIST}:
            return _plain(value[_LIST])
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value
