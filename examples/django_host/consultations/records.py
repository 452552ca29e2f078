"""The project's tables as the records of docwiz-tasks."""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.db.models import JSONField

from consultations import models
from docwiz_tasks.records import check_id, record_from, record_type

TABLES = {
    "patient": models.Patient,
    "procedure": models.Procedure,
    "cost_breakdown": models.CostBreakdown,
}


def beside_a_loop(query):
    """Run a query on a thread of its own where this one runs an event loop.

    A job does, and Django refuses to block one.
    """

    @functools.wraps(query)
    def queried(*args):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return query(*args)
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(closing, *args).result()

    def closing(*args):
        try:
            return query(*args)
        finally:
            connection.close()

    return queried


class DjangoRecords:
    """Patients, procedures and costs are rows; what jobs made is kept as they give it."""

    @beside_a_loop
    def get(self, kind, id):
        record_type(kind)
        if kind in TABLES:
            row = TABLES[kind].objects.filter(pk=check_id(id)).first()
            return None if row is None else _record(kind, row)
        found = models.Result.objects.filter(kind=kind, record_id=check_id(id)).first()
        return None if found is None else record_from(kind, found.document)

    @beside_a_loop
    def put(self, kind, document):
        record = record_from(kind, document)
        if kind in TABLES:
            TABLES[kind].objects.update_or_create(id=record.id, defaults=_columns(kind, record))
            return record
        made_at = getattr(record, "generated_at", None) or record.created_at
        models.Result.objects.update_or_create(
            kind=kind,
            record_id=record.id,
            defaults={
                "patient_id": record.patient_id,
                "made_at": made_at,
                "document": record.model_dump(mode="json"),
            },
        )
        return record

    @beside_a_loop
    def find(self, kind, patient_id):
        record_type(kind)
        if kind == "cost_breakdown":
            rows = models.CostBreakdown.objects.filter(patient_id=check_id(patient_id))
            return [_record(kind, row) for row in rows]
        results = models.Result.objects.filter(kind=kind, patient_id=check_id(patient_id))
        return [record_from(kind, result.document) for result in results]


def _record(kind, row):
    return record_from(kind, {name: getattr(row, name) for name in record_type(kind).model_fields})


def _columns(kind, record):
    values, as_json = record.model_dump(exclude={"id"}), record.model_dump(mode="json")
    nested = {f.name for f in TABLES[kind]._meta.fields if isinstance(f, JSONField)}
    return {name: as_json[name] if name in nested else value for name, value in values.items()}
