"""Records in Firestore, on its emulator."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from conftest import missing
from firestore_emulator import firestore_emulator, installed
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, TransportError
from google.cloud import firestore
from plugin_packages import Packages, host

from docwiz_tasks import (
    DocWizError,
    ExtraMissing,
    InvalidRecord,
    Records,
    StoreError,
    StoreUnavailable,
    hookimpl,
)
from docwiz_tasks.celery_app.doctor.stores import records_findings
from docwiz_tasks.models import Patient
from docwiz_tasks.records.firestore import FirestoreRecords
from docwiz_tasks.testing import RecordsContract

PROJECT = "docwiz-tests"
SECRET = "Zanzibar-4711"


@pytest.fixture(scope="module")
def address(pytestconfig: pytest.Config) -> Iterator[str]:
    folder = installed(pytestconfig.cache.mkdir("firestore-emulator"))
    if folder is None:
        missing("the Firestore emulator from npm")
    with firestore_emulator(folder) as address:
        yield address


@pytest.fixture
def emulator(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
    return address


@pytest.fixture
def prefix() -> str:
    """Give collections that no other test has."""
    return f"t{uuid.uuid4().hex}_"


@pytest.fixture
def records(emulator: str, prefix: str) -> FirestoreRecords:
    return FirestoreRecords(PROJECT, prefix=prefix)


class TestContract(RecordsContract):
    @pytest.fixture
    def records(self, emulator: str, prefix: str) -> Records:
        return FirestoreRecords(PROJECT, prefix=prefix)


def patient(**more: object) -> Patient:
    return Patient.model_validate(
        {"id": "ada", "name": "Ada Example", "date_of_birth": date(1991, 4, 23), **more}
    )


def raw(prefix: str, kind: str, id: str) -> Any:
    client = firestore.Client(project=PROJECT)
    return client.collection(f"{prefix}{kind}").document(id).get().to_dict()


def test_other_programs_read_a_record_by_its_fields(records: Records, prefix: str) -> None:
    records.put("patient", patient())
    assert raw(prefix, "patient", "ada")["date_of_birth"] == "1991-04-23"
    plan = {"name": "a year", "monthly_payment": "100.10", "duration_months": 12,
            "interest_rate": "0.1000", "total_paid": "1201.20"}  # fmt: skip
    fees = dict.fromkeys(
        ("surgeon_fee", "facility_fee", "anesthesia_fee", "post_op_care", "total_cost"), "0.10"
    )
    costs = {"id": "c", "patient_id": "ada", "procedure_id": "rhinoplasty", **fees,
             "patient_responsibility": "0.10", "payment_plans": [plan]}  # fmt: skip
    kept = records.put("cost_breakdown", costs)
    found = raw(prefix, "cost_breakdown", "c")
    assert found["surgeon_fee"] == "0.10"
    assert found["payment_plans"][0]["interest_rate"] == "0.1000"
    assert records.get("cost_breakdown", "c") == kept


def test_what_another_program_wrote_is_read(records: Records, prefix: str) -> None:
    client = firestore.Client(project=PROJECT)
    patients = client.collection(f"{prefix}patient")
    patients.document("ada").set({"id": "ada", "name": "Ada", "date_of_birth": "1991-04-23"})
    assert records.get("patient", "ada") == patient(name="Ada")
    patients.document("bea").set({"id": "bea", "name": SECRET})
    with pytest.raises(InvalidRecord, match="date_of_birth") as caught:
        records.get("patient", "bea")
    assert SECRET not in str(caught.value)


def test_lists_in_lists_are_kept_though_firestore_has_none(records: Records, prefix: str) -> None:
    history = {"visits": [[1, [2, []]], {"notes": [["a", None, 1.5]]}], "none": []}
    records.put("patient", patient(medical_history=history))
    kept = records.get("patient", "ada")
    assert isinstance(kept, Patient)
    assert kept.medical_history == history

    def check(value: object, *, inside_list: bool = False) -> None:
        assert not (inside_list and isinstance(value, list))
        if isinstance(value, dict):
            for entry in value.values():
                check(entry)
        if isinstance(value, list):
            for entry in value:
                check(entry, inside_list=True)

    check(raw(prefix, "patient", "ada"))


def test_a_job_works_with_the_records(emulator: str, prefix: str) -> None:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True
    docwiz = host(app, plugins="none", firestore_project=PROJECT, firestore_prefix=prefix)
    docwiz.records.put("patient", patient(name="Zoë Łukasiewicz"))
    result = docwiz.export("ada", format="json").result(60)
    assert raw(prefix, "export", result["id"])["patient_id"] == "ada"
    [finding] = records_findings(docwiz)
    assert (finding.level, finding.message) == ("ok", "can be read.")


def test_a_hosts_own_records_come_before_firestore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = object()

    class Host:
        @hookimpl
        def docwiz_records(self) -> object:
            return own

    Packages(tmp_path, monkeypatch).install(Host(), name="own")
    assert host(firestore_project=PROJECT).records is own


def test_firestore_that_is_down_is_a_retryable_error(
    monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr("docwiz_tasks.records.firestore.ALL_SECONDS", 0.5)
    monkeypatch.setattr("docwiz_tasks.records.firestore.CALL_SECONDS", 0.5)
    docwiz = host(plugins="none", firestore_project=PROJECT)
    for call in (
        lambda: docwiz.records.get("patient", "ada"),
        lambda: docwiz.records.put("patient", patient()),
        lambda: docwiz.records.find("export", "ada"),
    ):
        with pytest.raises(StoreUnavailable):
            call()
    [finding] = records_findings(docwiz)
    assert finding.level == "problem"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (exceptions.InvalidArgument(SECRET), InvalidRecord),
        (exceptions.Unauthenticated(SECRET), StoreError),
        (exceptions.PermissionDenied(SECRET), StoreError),
        (exceptions.NotFound(SECRET), StoreError),
        (exceptions.ResourceExhausted(SECRET), StoreUnavailable),
        (exceptions.DeadlineExceeded(SECRET), StoreUnavailable),
        (exceptions.RetryError(SECRET, None), StoreUnavailable),
        (TransportError(SECRET, retryable=True), StoreUnavailable),  # type: ignore[no-untyped-call]
        (DefaultCredentialsError(SECRET), StoreError),  # type: ignore[no-untyped-call]
    ],
)
def test_googles_errors_are_told_as_ours_without_their_text(
    theirs: Exception, ours: type[DocWizError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(**_: object) -> None:
        raise theirs

    monkeypatch.setattr(firestore, "Client", client)
    with pytest.raises(DocWizError) as caught:
        FirestoreRecords(PROJECT).get("patient", "ada")
    assert type(caught.value) is ours
    assert SECRET not in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.firestore", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'docwiz-tasks\[firestore\]'"):
        assert host(plugins="none", firestore_project=PROJECT).records


FORK = """
import os, signal, sys
from docwiz_tasks import DocWizError
from docwiz_tasks.records.firestore import FirestoreRecords

records = FirestoreRecords(sys.argv[1])
if sys.argv[2] == "used":
    records.get("patient", "nobody")
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    try:
        for mine in (records, FirestoreRecords(sys.argv[1])):
            assert mine.get("patient", "nobody") is None
        print("worked", flush=True)
    except DocWizError as error:
        print(error.code, flush=True)
    os._exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0, f"the child hung or died: {status}"
"""


@pytest.mark.parametrize(("before", "outcome"), [("made", "worked"), ("used", "store_forked")])
def test_a_forked_child_gets_working_records_or_a_clear_error(
    emulator: str, before: str, outcome: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORK, PROJECT, before],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert run.stdout.strip() == outcome
