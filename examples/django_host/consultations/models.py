"""The clinic's tables. Fields that docwiz-tasks reads are named as its records' are."""

import uuid

from django.conf import settings
from django.db import models


def new_id():
    return uuid.uuid4().hex


class RecordModel(models.Model):
    """Base of what docwiz-tasks knows by an id: letters, digits, nothing that says who it is."""

    id = models.CharField(primary_key=True, max_length=128, default=new_id, editable=False)

    class Meta:
        abstract = True


class Patient(RecordModel):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    name = models.CharField(max_length=200)
    date_of_birth = models.DateField()
    sex = models.CharField(max_length=40, null=True, blank=True)
    email = models.EmailField(null=True, blank=True)
    phone = models.CharField(max_length=40, null=True, blank=True)
    address = models.JSONField(null=True, blank=True)
    insurance = models.JSONField(null=True, blank=True)
    medical_record_number = models.CharField(max_length=64, null=True, blank=True)
    medical_history = models.JSONField(null=True, blank=True)
    locale = models.CharField(max_length=20, null=True, blank=True)

    def __str__(self):
        return self.name


class Procedure(RecordModel):
    """A procedure of the clinic's own, beside those of the built-in catalogue."""

    id = models.SlugField(primary_key=True, max_length=128)
    name = models.CharField(max_length=200)
    category = models.CharField(max_length=100)
    description = models.TextField()
    prompt_template = models.TextField()
    region = models.CharField(max_length=40)
    typical_cost_min = models.DecimalField(max_digits=14, decimal_places=2)
    typical_cost_max = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="USD")
    recovery_days = models.PositiveIntegerField()
    risk_level = models.CharField(
        max_length=6, choices=[("low", "low"), ("medium", "medium"), ("high", "high")]
    )
    cpt_codes = models.JSONField(default=list, blank=True)
    icd10_codes = models.JSONField(default=list, blank=True)

    def __str__(self):
        return self.name


def amount(**options):
    return models.DecimalField(max_digits=14, decimal_places=2, **options)


class CostBreakdown(RecordModel):
    # No constraint: a record's patient may be another system's.
    patient = models.ForeignKey(Patient, models.CASCADE, db_constraint=False)
    procedure_id = models.CharField(max_length=128)
    currency = models.CharField(max_length=3, default="USD")
    surgeon_fee = amount()
    facility_fee = amount()
    anesthesia_fee = amount()
    post_op_care = amount()
    total_cost = amount()
    insurance_coverage = amount(default=0)
    patient_responsibility = amount()
    deductible = amount(null=True, blank=True)
    copay = amount(null=True, blank=True)
    out_of_pocket_max = amount(null=True, blank=True)
    payment_plans = models.JSONField(default=list, blank=True)
    data_sources = models.JSONField(default=list, blank=True)
    region = models.CharField(max_length=100, null=True, blank=True)
    insurance_provider = models.CharField(max_length=100, null=True, blank=True)
    calculated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-calculated_at"]

    def __str__(self):
        return f"{self.procedure_id}: {self.total_cost} {self.currency}"


class Result(models.Model):
    """What a job made: a visualization, a comparison or an export, as docwiz-tasks gives it."""

    kind = models.CharField(max_length=20)
    record_id = models.CharField(max_length=128)
    patient_id = models.CharField(max_length=128, null=True, db_index=True)
    made_at = models.DateTimeField()
    document = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "record_id"], name="one_result")]
        ordering = ["-made_at"]


class Photo(models.Model):
    id = models.CharField(primary_key=True, max_length=64)  # docwiz-tasks' image_id
    patient = models.ForeignKey(Patient, models.CASCADE, related_name="photos")
    added_at = models.DateTimeField(auto_now_add=True)


class Job(models.Model):
    """A job somebody submitted: whose patient it is about says who may see it."""

    id = models.CharField(primary_key=True, max_length=64)  # Celery's task id
    patient = models.ForeignKey(Patient, models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=200)
    submitted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-submitted_at"]
