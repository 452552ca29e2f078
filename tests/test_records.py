"""Records are kept, found and checked as promised; the catalogue's facts are the contract's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from plugin_packages import host

from docwiz_tasks import DocWiz, InvalidId, InvalidRecord, Records
from docwiz_tasks.models import KINDS, CostBreakdown, Patient, Procedure, Record

SECRET = "Zanzibar-4711"
NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
KEPT = "docwiz:///kept"
COST = {"min": 5000, "max": 15000, "currency": "USD"}

DOCUMENTS: dict[str, dict[str, Any]] = {
    "patient": {"name": "Ada Example", "date_of_birth": "1991-04-23"},
    "procedure": {
        "name": "Scar revision", "category": "facial", "description": "Makes a scar fainter.",
        "prompt_template": "Make the scar fainter.", "region": "face", "typical_cost_min": "100",
        "typical_cost_max": "200.50", "recovery_days": 2, "risk_level": "low",
    },
    "cost_breakdown": {
        "patient_id": "ada", "procedure_id": "rhinoplasty", "surgeon_fee": "0.10",
        "facility_fee": "0.20", "anesthesia_fee": "0", "post_op_care": "0", "total_cost": "0.30",
        "patient_responsibility": "0.30",
    },
    "visualization": {
        "patient_id": "ada", "procedure_id": "rhinoplasty", "procedure_name": "Rhinoplasty",
        "before_image_url": KEPT, "after_image_url": KEPT, "prompt_used": "Edit.",
        "generated_at": NOW, "embedding": None, "provider": "offline", "model": "m",
        "metadata": {"seed": 7},
    },
    "comparison": {
        "source_image_id": "photo", "patient_id": "ada", "procedures": [],
        "cost_differences": {"a vs b": COST, "a vs c": None},
        "recovery_differences": {"a vs b": -7}, "risk_differences": {"a vs b": 1},
        "comparison_image_url": KEPT, "created_at": NOW,
    },
    "export": {
        "patient_id": "ada", "format": "pdf", "shareable": True, "file_url": KEPT,
        "media_type": "application/pdf", "size_bytes": 1, "sha256": "0", "pages": 1,
        "created_at": NOW, "removed": ["name"],
    },
}  # fmt: skip
# What a kind's records are ordered by.
DATED = {
    "cost_breakdown": "calculated_at",
    "visualization": "generated_at",
    "comparison": "created_at",
    "export": "created_at",
}

# Category, typical cost, days of recovery, risk, CPT and ICD-10 codes.
CATALOGUE: dict[str, tuple[object, ...]] = {
    "rhinoplasty": ("Rhinoplasty (nose reshaping)", "facial", 5000, 15000, 14, "medium",
                    "30400 30410 30420", "M95.0 J34.89"),
    "breast-augmentation": ("Breast augmentation", "body", 6000, 12000, 21, "medium",
                            "19325 19340 19342", "N64.82"),
    "cleft-lip-repair": ("Cleft lip repair", "reconstructive", 5000, 10000, 10, "medium",
                         "40700 40701 40702", "Q36.0 Q36.1 Q36.9"),
    "facelift": ("Facelift (rhytidectomy)", "facial", 7000, 20000, 21, "high",
                 "15825 15828 15829", "L57.4"),
    "liposuction": ("Liposuction", "body", 3000, 10000, 14, "medium",
                    "15876 15877 15878 15879", "E65"),
    "blepharoplasty": ("Blepharoplasty (eyelid surgery)", "facial", 4000, 8000, 10, "low",
                       "15820 15821 15822 15823", "H02.31 H02.34"),
    "abdominoplasty": ("Abdominoplasty (tummy tuck)", "body", 8000, 15000, 28, "high",
                       "15830 15847", "L98.7 M62.08"),
    "otoplasty": ("Otoplasty (ear surgery)", "facial", 3000, 7000, 7, "low", "69300", "Q17.5"),
    "chin-augmentation": ("Chin augmentation (mentoplasty)", "facial", 4000, 8000, 14, "medium",
                          "21120 21121 21122 21123", "M26.06"),
    "breast-reduction": ("Breast reduction (reduction mammaplasty)", "body", 7000, 12000, 21,
                         "medium", "19318", "N62"),
    "brow-lift": ("Brow lift (forehead lift)", "facial", 5000, 10000, 14, "medium",
                  "67900 15824", "H57.81"),
    "lip-augmentation": ("Lip augmentation", "facial", 500, 2000, 3, "low",
                         "11950 11951 11952", "Z41.1"),
}  # fmt: skip


@pytest.fixture(params=["memory", "folder"])
def docwiz(request: pytest.FixtureRequest, tmp_path: Path) -> DocWiz:
    folder = (tmp_path / "store").as_uri()
    return host(store_url="memory://" if request.param == "memory" else folder)


@pytest.fixture
def records(docwiz: DocWiz) -> Records:
    return docwiz.records


def document(kind: str, id: str = "one", **changed: object) -> dict[str, Any]:
    return {"id": id, **DOCUMENTS[kind], **changed}


def test_there_is_a_document_of_each_kind_to_test_with() -> None:
    assert set(DOCUMENTS) == set(KINDS)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_dict_is_kept_and_comes_back_as_a_model(records: Records, kind: str) -> None:
    put = records.put(kind, document(kind))
    assert type(put) is KINDS[kind]
    assert records.get(kind, "one") == put
    assert put.model_dump(include=set(DOCUMENTS[kind])).keys() == DOCUMENTS[kind].keys()


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_model_is_kept_as_it_is(records: Records, kind: str) -> None:
    model = KINDS[kind].model_validate(document(kind))
    assert records.put(kind, model) == model
    assert records.get(kind, "one") == model


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_put_again_takes_the_place_of_what_was_there(records: Records, kind: str) -> None:
    records.put(kind, document(kind))
    key, value = {
        "patient": ("name", "Ada Second"),
        "procedure": ("name", "Second"),
        "cost_breakdown": ("region", "Second"),
        "visualization": ("model", "second"),
        "comparison": ("source_image_id", "second"),
        "export": ("format", "json"),
    }[kind]
    records.put(kind, document(kind, **{key: value}))
    assert getattr(records.get(kind, "one"), key) == value
    if kind in DATED:
        assert len(records.find(kind, "ada")) == 1


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_not_there_is_none(records: Records, kind: str) -> None:
    records.put(kind, document(kind))
    assert records.get(kind, "two") is None


@pytest.mark.parametrize("kind", DATED)
def test_a_patients_records_are_found_newest_first(records: Records, kind: str) -> None:
    # Neither in the order of their ids nor of their keeping.
    for id, days in (("b", 1), ("d", 3), ("a", 2), ("c", 0)):
        at = NOW + timedelta(days=days)
        records.put(kind, document(kind, id, **{DATED[kind]: at.isoformat()}))
    records.put(kind, document(kind, "other", patient_id="bob"))
    assert [record.id for record in records.find(kind, "ada")] == ["d", "a", "b", "c"]
    assert [record.id for record in records.find(kind, "bob")] == ["other"]
    assert list(records.find(kind, "eve")) == []


def test_newest_first_heeds_time_zones_and_takes_a_missing_date_as_oldest(
    records: Records,
) -> None:
    for id, at in (
        ("never", None),
        ("noon-utc", "2026-05-04T12:00:00"),
        ("later-in-utc", "2026-05-04T11:30:00-02:00"),
        ("earlier-in-utc", "2026-05-04T12:30:00+02:00"),
    ):
        records.put("cost_breakdown", document("cost_breakdown", id, calculated_at=at))
    found = [record.id for record in records.find("cost_breakdown", "ada")]
    assert found == ["later-in-utc", "noon-utc", "earlier-in-utc", "never"]


def test_a_record_that_went_to_another_patient_is_found_there_only(records: Records) -> None:
    records.put("export", document("export"))
    records.put("export", document("export", patient_id="bob"))
    assert list(records.find("export", "ada")) == []
    assert [record.id for record in records.find("export", "bob")] == ["one"]


def test_amounts_stay_decimal_to_the_cent(records: Records) -> None:
    records.put("cost_breakdown", document("cost_breakdown"))
    kept = records.get("cost_breakdown", "one")
    assert isinstance(kept, CostBreakdown)
    assert kept.surgeon_fee + kept.facility_fee == kept.total_cost == Decimal("0.30")


def test_a_patient_is_kept_with_all_the_contract_names(records: Records) -> None:
    full = document(
        "patient",
        sex="female",
        email="ada@example.invalid",
        phone="1",
        address={"street": "s", "city": "c", "state": "t", "zip_code": "z", "country": "y"},
        insurance={"provider": "p", "policy_number": "n", "group_number": "g"},
        medical_record_number="m",
        medical_history={"allergies": ["latex"], "smoker": False},
        locale="pl",
    )
    records.put("patient", full)
    kept = records.get("patient", "one")
    assert isinstance(kept, Patient)
    assert kept.model_dump(mode="json") == full
    assert kept.date_of_birth == date(1991, 4, 23)


@pytest.mark.parametrize(
    ("kind", "wrong", "fields"),
    [
        ("patient", {"date_of_birth": SECRET}, ["date_of_birth"]),
        ("patient", {"date_of_birth": None, "name": ""}, ["date_of_birth", "name"]),
        ("patient", {"address": {"city": [SECRET]}}, ["address.city"]),
        ("patient", {"nickname": SECRET}, ["nickname"]),
        ("procedure", {"risk_level": SECRET}, ["risk_level"]),
        ("procedure", {"cpt_codes": SECRET}, ["cpt_codes"]),
        ("cost_breakdown", {"surgeon_fee": SECRET}, ["surgeon_fee"]),
        ("cost_breakdown", {"surgeon_fee": "-4711"}, ["surgeon_fee"]),
        ("cost_breakdown", {"surgeon_fee": "4711.001"}, ["surgeon_fee"]),
        ("cost_breakdown", {"currency": SECRET}, ["currency"]),
        ("cost_breakdown", {"payment_plans": [{"name": SECRET}]}, ["payment_plans.0.total_paid"]),
        ("visualization", {"generated_at": SECRET}, ["generated_at"]),
        ("comparison", {"recovery_differences": {"a vs b": SECRET}}, ["recovery_differences"]),
        ("export", {"pages": SECRET}, ["pages"]),
    ],
)
def test_a_wrong_record_is_refused_naming_its_fields_and_none_of_their_values(
    docwiz: DocWiz, kind: str, wrong: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(InvalidRecord) as refusal:
        docwiz.records.put(kind, document(kind, **wrong))
    said = f"{refusal.value} {refusal.value.args} {refusal.value.__cause__}"
    assert all(field in said for field in fields)
    assert "4711" not in said
    assert not list(docwiz.store.list("records"))


def test_a_kind_that_does_not_exist_is_refused(records: Records) -> None:
    for use in (
        lambda: records.get(SECRET, "one"),
        lambda: records.put(SECRET, {"id": "one"}),
        lambda: records.find(SECRET, "ada"),
    ):
        with pytest.raises(InvalidRecord, match="patient, procedure, cost_breakdown") as refusal:
            use()
        assert SECRET not in str(refusal.value)


def test_a_model_of_another_kind_is_refused(records: Records) -> None:
    with pytest.raises(InvalidRecord, match="Patient"):
        records.put("export", Patient.model_validate(document("patient")))


def test_a_records_repr_shows_no_more_than_its_id() -> None:
    patient = Patient.model_validate(document("patient", name=SECRET))
    assert (repr(patient), str(patient)) == ("Patient(id='one')", "id='one'")


@pytest.mark.parametrize(
    "id",
    ["..", "../secrets", "a/b", "/etc/passwd", "a/../b", ".hidden", "a..b", "a\\b", "", "a\0b",
     "a\n", "a b", "%2e%2e", "é", "x" * 129],
)  # fmt: skip
def test_an_id_cannot_leave_its_place(docwiz: DocWiz, id: str) -> None:
    records = docwiz.records
    for use in (
        lambda: records.get("patient", id),
        lambda: records.find("export", id),
        lambda: docwiz.job(id),
    ):
        with pytest.raises(InvalidId):
            use()
    for kind, field in (("patient", "id"), ("export", "id"), ("export", "patient_id")):
        with pytest.raises(InvalidRecord, match=f"{field}: "):
            records.put(kind, document(kind, **{field: id}))
    assert not list(docwiz.store.list("records"))
    assert not list(docwiz.store.list("by-patient"))


@pytest.mark.parametrize("id", CATALOGUE)
def test_the_catalogue_has_the_contracts_facts(records: Records, id: str) -> None:
    procedure = records.get("procedure", id)
    assert isinstance(procedure, Procedure)
    assert CATALOGUE[id] == (
        procedure.name,
        procedure.category,
        procedure.typical_cost_min,
        procedure.typical_cost_max,
        procedure.recovery_days,
        procedure.risk_level,
        " ".join(procedure.cpt_codes),
        " ".join(procedure.icd10_codes),
    )
    assert (procedure.id, procedure.currency) == (id, "USD")
    assert procedure.description
    assert procedure.prompt_template


def test_a_hosts_procedure_takes_the_catalogues_place_and_others_stay(records: Records) -> None:
    records.put("procedure", document("procedure", "rhinoplasty"))
    assert name_of(records.get("procedure", "rhinoplasty")) == "Scar revision"
    assert name_of(records.get("procedure", "facelift")) == "Facelift (rhytidectomy)"


def test_a_host_adds_a_procedure(records: Records) -> None:
    assert records.get("procedure", "scar-revision") is None
    records.put("procedure", document("procedure", "scar-revision"))
    assert name_of(records.get("procedure", "scar-revision")) == "Scar revision"


def test_a_hosts_procedure_is_its_own(records: Records) -> None:
    records.put("procedure", document("procedure", "rhinoplasty"))
    assert name_of(host().records.get("procedure", "rhinoplasty")) == "Rhinoplasty (nose reshaping)"


def name_of(record: Record | None) -> str:
    assert isinstance(record, Procedure)
    return record.name
