"""The default records: JSON documents in the store, and the built-in catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from docwiz_tasks.models import Record
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.records.order import newest_first
from docwiz_tasks.records.validation import check_id, record_from, record_type
from docwiz_tasks.store import Store

__all__ = ["StoredRecords"]


class StoredRecords:
    """Keep records as JSON documents; a procedure that isn't there comes from the catalogue.

    Args:
        store: where the documents are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, kind: str, id: str) -> Record | None:
        """Return one record, or None where there is none."""
        model = record_type(kind)
        data = self._store.get(_path(kind, check_id(id)))
        if data is not None:
            return model.model_validate_json(data)
        return catalogue().get(id) if kind == "procedure" else None

    def put(self, kind: str, document: Record | Mapping[str, object]) -> Record:
        """Keep one record, in place of one with the same id, and return it as a model."""
        record = record_from(kind, document)
        # The entry comes first: without its document it is passed over by `find`,
        # while a document without its entry would not be found.
        if patient_id := getattr(record, "patient_id", None):
            self._store.put(f"{_folder(kind, patient_id)}/{record.id}", b"")
        self._store.put(_path(kind, record.id), record.model_dump_json().encode())
        return record

    def find(self, kind: str, patient_id: str) -> Sequence[Record]:
        """Return one patient's records of a kind, newest first."""
        record_type(kind)
        entries = self._store.list(_folder(kind, check_id(patient_id)))
        records = (self.get(kind, entry.rpartition("/")[2]) for entry in entries)
        return newest_first(r for r in records if r is not None and _patient(r) == patient_id)


def _path(kind: str, id: str) -> str:
    return f"records/{kind}/{id}.json"


def _folder(kind: str, patient_id: str) -> str:
    return f"by-patient/{patient_id}/{kind}"


def _patient(record: Record) -> str | None:
    return getattr(record, "patient_id", None)
