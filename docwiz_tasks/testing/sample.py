"""A sample case: a patient who doesn't exist, a drawn photo, a procedure, its cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from docwiz_tasks.jobs.lookup import find_procedure
from docwiz_tasks.models import CostBreakdown, Insurance, Patient, PaymentPlan, Procedure
from docwiz_tasks.testing.portrait import portrait

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["SampleCase", "add_sample_case"]


@dataclass(frozen=True, slots=True)
class SampleCase:
    """A case whose records and photo are stored."""

    patient: Patient
    procedure: Procedure
    cost_breakdown: CostBreakdown
    photo: bytes
    image_id: str

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        return self.patient.id

    @property
    def procedure_id(self) -> str:
        """The procedure's id."""
        return self.procedure.id

    @property
    def cost_breakdown_id(self) -> str:
        """The cost breakdown's id."""
        return self.cost_breakdown.id


def add_sample_case(docwiz: DocWiz) -> SampleCase:
    """Store the sample case and return it."""
    photo = portrait()
    patient, breakdown = _patient(), _cost_breakdown()
    docwiz.records.put("patient", patient)
    docwiz.records.put("cost_breakdown", breakdown)
    return SampleCase(
        patient=patient,
        procedure=find_procedure(docwiz.records, breakdown.procedure_id),
        cost_breakdown=breakdown,
        photo=photo,
        image_id=docwiz.add_image(photo),
    )


def _patient() -> Patient:
    return Patient(
        id="sample-patient",
        name="Łucja Żółkiewska-Ångström",
        date_of_birth=date(1991, 4, 23),
        sex="female",
        email="lucja@example.invalid",
        phone="+48 000 000 000",
        insurance=Insurance(provider="Example Health", policy_number="EX-000000"),
        medical_record_number="MRN-0001",
        locale="en",
    )


def _cost_breakdown() -> CostBreakdown:
    return CostBreakdown(
        id="sample-costs",
        patient_id="sample-patient",
        procedure_id="rhinoplasty",
        currency="USD",
        surgeon_fee=Decimal("7400.00"),
        facility_fee=Decimal("2300.00"),
        anesthesia_fee=Decimal("1100.00"),
        post_op_care=Decimal("400.00"),
        total_cost=Decimal("11200.00"),
        insurance_coverage=Decimal("4000.00"),
        patient_responsibility=Decimal("7200.00"),
        deductible=Decimal("1500.00"),
        copay=Decimal("250.00"),
        out_of_pocket_max=Decimal("8000.00"),
        payment_plans=(
            PaymentPlan(
                name="12 months, no interest",
                monthly_payment=Decimal("600.00"),
                duration_months=12,
                interest_rate=Decimal("0"),
                total_paid=Decimal("7200.00"),
            ),
            PaymentPlan(
                name="24 months",
                monthly_payment=Decimal("322.00"),
                duration_months=24,
                interest_rate=Decimal("6.9"),
                total_paid=Decimal("7728.00"),
            ),
        ),
        data_sources=("Example price list",),
        region="Example City",
        insurance_provider="Example Health",
        calculated_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    )
