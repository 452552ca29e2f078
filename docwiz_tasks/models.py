"""The records that jobs read and write, as pydantic models."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "KINDS",
    "Address",
    "Comparison",
    "CostBreakdown",
    "Export",
    "Id",
    "Insurance",
    "Patient",
    "PaymentPlan",
    "Procedure",
    "Record",
    "Visualization",
]

ID_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.[A-Za-z0-9_-])*$"

Id: TypeAlias = Annotated[str, StringConstraints(pattern=ID_PATTERN, max_length=128)]
Currency: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Money: TypeAlias = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class Model(BaseModel):
    """Base of the parts of records: no unknown fields, no values in error texts."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True
    )


class Record(Model):
    """Base of what has an id of its own; its repr shows that and nothing else."""

    id: Id

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [("id", self.id)]


class Address(Model):
    """A postal address."""

    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None


class Insurance(Model):
    """A patient's insurance."""

    provider: str | None = None
    policy_number: str | None = None
    group_number: str | None = None


class Patient(Record):
    """A patient of the host's."""

    name: str = Field(min_length=1)
    date_of_birth: date
    sex: str | None = None
    email: str | None = None
    phone: str | None = None
    address: Address | None = None
    insurance: Insurance | None = None
    medical_record_number: str | None = None
    medical_history: Any = None
    locale: str | None = None


class Procedure(Record):
    """A procedure: facts for people, and what the AI is asked for."""

    name: str = Field(min_length=1)
    category: str
    description: str
    prompt_template: str = Field(min_length=1)
    region: str
    typical_cost_min: Money
    typical_cost_max: Money
    currency: Currency = "USD"
    recovery_days: int = Field(ge=0)
    risk_level: Literal["low", "medium", "high"]
    cpt_codes: tuple[str, ...] = ()
    icd10_codes: tuple[str, ...] = ()


class PaymentPlan(Model):
    """A way to pay by the month; `interest_rate` is in percent a year."""

    name: str
    monthly_payment: Money
    duration_months: int = Field(gt=0)
    interest_rate: Decimal = Field(ge=0)
    total_paid: Money


class CostBreakdown(Record):
    """What a procedure costs one patient, and who pays what."""

    patient_id: Id
    procedure_id: Id
    currency: Currency = "USD"
    surgeon_fee: Money
    facility_fee: Money
    anesthesia_fee: Money
    post_op_care: Money
    total_cost: Money
    insurance_coverage: Money = Decimal(0)
    patient_responsibility: Money
    deductible: Money | None = None
    copay: Money | None = None
    out_of_pocket_max: Money | None = None
    payment_plans: tuple[PaymentPlan, ...] = ()
    data_sources: tuple[str, ...] = ()
    region: str | None = None
    insurance_provider: str | None = None
    calculated_at: datetime | None = None


class EmbeddingInfo(Model):
    """Where a visualization's embeddings are kept and what made them."""

    id: Id
    model: str
    dimensions: int


class Visualization(Record):
    """A before and after pair."""

    patient_id: Id | None
    procedure_id: Id
    procedure_name: str
    before_image_url: str
    after_image_url: str
    prompt_used: str
    generated_at: AwareDatetime
    embedding: EmbeddingInfo | None
    provider: str
    model: str
    metadata: dict[str, Any]


class CostRange(Model):
    """A procedure's typical cost."""

    min: float
    max: float
    currency: Currency


class ComparedProcedure(Model):
    """One procedure of a comparison."""

    procedure_id: Id
    procedure_name: str
    visualization_id: Id
    before_image_url: str
    after_image_url: str
    cost: CostRange
    recovery_days: int
    risk_level: Literal["low", "medium", "high"]


class Comparison(Record):
    """Several procedures on one photo, side by side.

    Differences are keyed ``"a vs b"`` by procedure id and say what `b` has more than `a`:
    cost (typical minimum and maximum), days of recovery, levels of risk.
    """

    source_image_id: Id
    patient_id: Id | None
    procedures: tuple[ComparedProcedure, ...]
    cost_differences: dict[str, CostRange | None]
    recovery_differences: dict[str, int]
    risk_differences: dict[str, int]
    comparison_image_url: str
    created_at: AwareDatetime


class Export(Record):
    """A patient's report."""

    patient_id: Id
    format: str
    shareable: bool
    file_url: str
    media_type: str
    size_bytes: int
    sha256: str
    pages: int | None
    created_at: AwareDatetime
    removed: tuple[str, ...]


KINDS: dict[str, type[Record]] = {
    "patient": Patient,
    "procedure": Procedure,
    "cost_breakdown": CostBreakdown,
    "visualization": Visualization,
    "comparison": Comparison,
    "export": Export,
}
