"""What every source of records has to do."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from docwiz_tasks.contracts import Records
from docwiz_tasks.errors import DocWizError, InvalidRecord
from docwiz_tasks.models import CostBreakdown, Patient, Visualization

__all__ = ["RecordsContract"]

_BEGAN = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def _id() -> str:
    # New each time, so that a source that lasts can be tested again and again.
    return f"contract-{uuid.uuid4().hex}"


def _patient(id: str, name: str = "Zoë Łukasiewicz-Ångström") -> Patient:
    return Patient(id=id, name=name, date_of_birth=date(1990, 1, 1), locale="pl-PL")


def _costs(id: str, patient_id: str) -> CostBreakdown:
    return CostBreakdown(
        id=id,
        patient_id=patient_id,
        procedure_id="rhinoplasty",
        surgeon_fee=Decimal("7400.10"),
        facility_fee=Decimal("2300.00"),
        anesthesia_fee=Decimal("1100.00"),
        post_op_care=Decimal("400.00"),
        total_cost=Decimal("11200.10"),
        patient_responsibility=Decimal("11200.10"),
        calculated_at=_BEGAN,
    )


def _visualization(id: str, patient_id: str, at: datetime) -> Visualization:
    return Visualization(
        id=id,
        patient_id=patient_id,
        procedure_id="rhinoplasty",
        procedure_name="Rhinoplasty",
        before_image_url="docwiz:///visualizations/v-before.jpg",
        after_image_url="docwiz:///visualizations/v-after.png",
        prompt_used="Narrow the bridge.",
        generated_at=at,
        embedding=None,
        provider="offline",
        model="offline-warp-1",
        metadata={"region": "nose", "width": 1024},
    )


class RecordsContract:
    """Inherit this and give the fixture `records`."""

    @pytest.fixture
    def records(self) -> Records:
        """Give the source that is tested."""
        raise NotImplementedError("override the fixture 'records'")

    def test_it_is_a_source_of_records(self, records: Records) -> None:
        """It has what the protocol names."""
        assert isinstance(records, Records)

    @pytest.mark.parametrize("kind", ["patient", "cost_breakdown", "visualization", "export"])
    def test_what_is_not_there_is_none(self, records: Records, kind: str) -> None:
        """And no error."""
        assert records.get(kind, _id()) is None
        assert list(records.find(kind, _id())) == []

    def test_a_model_comes_back_as_it_was(self, records: Records) -> None:
        """Dates, amounts and characters of all scripts stay exact."""
        patient = _patient(_id())
        costs = _costs(_id(), patient.id)
        shown = _visualization(_id(), patient.id, _BEGAN)
        for kind, model in (
            ("patient", patient),
            ("cost_breakdown", costs),
            ("visualization", shown),
        ):
            assert records.put(kind, model) == model
            assert records.get(kind, model.id) == model

    def test_a_dict_comes_back_as_a_model(self, records: Records) -> None:
        """As jobs and hosts both put what they have."""
        patient = _patient(_id())
        assert records.put("patient", patient.model_dump()) == patient
        assert records.get("patient", patient.id) == patient

    def test_what_is_put_again_takes_the_place_of_what_was_there(self, records: Records) -> None:
        """A step that is done again puts its record again."""
        patient_id, id = _id(), _id()
        records.put("patient", _patient(patient_id))
        records.put("patient", _patient(patient_id, "Another name"))
        kept = records.get("patient", patient_id)
        assert isinstance(kept, Patient)
        assert kept.name == "Another name"
        for _ in range(2):
            records.put("visualization", _visualization(id, patient_id, _BEGAN))
        assert [record.id for record in records.find("visualization", patient_id)] == [id]

    def test_a_wrong_record_is_refused_without_its_values(self, records: Records) -> None:
        """And nothing is kept of it."""
        id = _id()
        wrong = {"id": id, "name": "Jane Canary Roe", "date_of_birth": "never"}
        with pytest.raises(InvalidRecord) as caught:
            records.put("patient", wrong)
        assert "Canary" not in str(caught.value)
        assert records.get("patient", id) is None

    def test_a_patients_records_are_found_newest_first_and_no_others(
        self, records: Records
    ) -> None:
        """A report shows the newest first, and never another patient's."""
        mine, other = _id(), _id()
        ids = [_id() for _ in range(3)]
        for number in (1, 0, 2):
            at = _BEGAN + timedelta(days=number)
            records.put("visualization", _visualization(ids[number], mine, at))
        records.put("visualization", _visualization(_id(), other, _BEGAN))
        records.put("cost_breakdown", _costs(_id(), mine))
        assert [record.id for record in records.find("visualization", mine)] == ids[::-1]

    @pytest.mark.parametrize("id", ["", "../secret", "a/b", "a\x00b", "." * 3, "x" * 500])
    def test_an_id_that_none_can_have_finds_nothing(self, records: Records, id: str) -> None:
        """It is refused, or there is nothing: never another record."""
        try:
            assert records.get("patient", id) is None
        except DocWizError:
            return

    def test_a_kind_that_does_not_exist_is_refused(self, records: Records) -> None:
        """A typing error must not make a new kind."""
        with pytest.raises(DocWizError):
            records.put("patients", {"id": _id()})
