"""The project's tables are a source of records as docwiz-tasks needs one."""

import asyncio

import pytest
from consultations.models import CostBreakdown, Patient
from consultations.records import DjangoRecords
from django.core.management import call_command
from proj.celery import docwiz

from docwiz_tasks.testing import RecordsContract


@pytest.mark.django_db
class TestDjangoRecords(RecordsContract):
    @pytest.fixture
    def records(self):
        return DjangoRecords()


@pytest.mark.django_db
def test_docwiz_reads_what_the_clinic_wrote():
    patient = Patient.objects.create(name="Zoë", date_of_birth="1990-01-31")
    fees = ("surgeon_fee", "facility_fee", "anesthesia_fee", "post_op_care")
    CostBreakdown.objects.create(
        patient=patient,
        procedure_id="rhinoplasty",
        total_cost=400,
        patient_responsibility=400,
        **dict.fromkeys(fees, 100),
    )
    assert docwiz.records.get("patient", patient.id).name == "Zoë"
    [costs] = docwiz.records.find("cost_breakdown", patient.id)
    assert costs.total_cost == 400


@pytest.mark.django_db(transaction=True)
def test_records_are_read_while_a_job_runs_its_event_loop():
    patient = Patient.objects.create(name="Zoë", date_of_birth="1990-01-31")

    async def job():
        return DjangoRecords().get("patient", patient.id)

    assert asyncio.run(job()).name == "Zoë"


@pytest.mark.django_db
def test_the_migrations_are_up_to_date():
    call_command("makemigrations", "--check", "--dry-run")
