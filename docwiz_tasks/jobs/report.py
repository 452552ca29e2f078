"""From a patient's records to the report document that renderers set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from docwiz_tasks.contracts import ReportDocument, ReportPicture, ReportSection, ReportTable
from docwiz_tasks.imaging.photos import media_type_of
from docwiz_tasks.jobs.amounts import fees
from docwiz_tasks.jobs.subject import NOTICE
from docwiz_tasks.jobs.wording import calendar_date, cost_range, days, money
from docwiz_tasks.models import Comparison, CostBreakdown, Patient, Procedure, Visualization

__all__ = ["ReportContent", "build_report", "identifiers"]

ReadPicture = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class ReportContent:
    """The records that a report shows, as they were when it was asked for."""

    patient: Patient
    visualizations: Sequence[Visualization]
    cost_breakdowns: Sequence[CostBreakdown]
    comparisons: Sequence[Comparison]
    procedures: dict[str, Procedure]


def build_report(
    id: str,
    content: ReportContent,
    created_at: datetime,
    read_picture: ReadPicture,
    *,
    shareable: bool,
) -> ReportDocument:
    """Return the report.

    Args:
        id: the report's id.
        content: the records that it shows.
        created_at: its time stamp.
        read_picture: returns the bytes behind a ``docwiz:///`` URL.
        shareable: whether to leave out whatever identifies the patient.
    """
    return ReportDocument(
        id=id,
        title="Consultation report",
        generated_at=created_at,
        locale=content.patient.locale or "en",
        shareable=shareable,
        patient=() if shareable else tuple(_facts(content.patient)),
        sections=tuple(_sections(content, read_picture, shareable=shareable)),
        notice=f"{NOTICE} Costs are estimates, not offers.",
    )


def identifiers(content: ReportContent) -> tuple[str, ...]:
    """Return the classes of identifiers that a shareable report leaves out, of those there are."""
    patient = content.patient
    there = {
        "patient_id": True,
        "name": True,
        "date_of_birth": True,
        "sex": bool(patient.sex),
        "contact": bool(patient.email or patient.phone),
        "address": patient.address is not None,
        "insurance": patient.insurance is not None
        or any(b.insurance_provider for b in content.cost_breakdowns),
        "medical_record_number": bool(patient.medical_record_number),
        "medical_history": bool(patient.medical_history),
        "region": any(b.region for b in content.cost_breakdowns),
        "record_ids": True,
    }
    return tuple(name for name, present in there.items() if present)


def _facts(patient: Patient) -> Iterator[tuple[str, str]]:
    yield "Patient", patient.name
    yield "Date of birth", calendar_date(patient.date_of_birth)
    if patient.sex:
        yield "Sex", patient.sex
    if patient.medical_record_number:
        yield "Medical record number", patient.medical_record_number
    if patient.insurance and patient.insurance.provider:
        yield "Insurance", patient.insurance.provider


def _sections(
    content: ReportContent, read_picture: ReadPicture, *, shareable: bool
) -> Iterator[ReportSection]:
    for visualization in content.visualizations:
        yield _preview(visualization, content.procedures, read_picture)
    for comparison in content.comparisons:
        yield _comparison(comparison, read_picture)
    for breakdown in content.cost_breakdowns:
        yield _cost(breakdown, content.procedures, shareable=shareable)
    if not (content.visualizations or content.comparisons or content.cost_breakdowns):
        yield ReportSection("Nothing to show", ("No previews, comparisons or costs were chosen.",))


def _preview(
    shown: Visualization, procedures: dict[str, Procedure], read_picture: ReadPicture
) -> ReportSection:
    procedure = procedures.get(shown.procedure_id)
    paragraphs = (procedure.description,) if procedure else ()
    made = f"Simulated on {calendar_date(shown.generated_at)} with {shown.provider}, {shown.model}."
    tables: tuple[ReportTable, ...] = ()
    if procedure:
        tables = (
            ReportTable(
                ("Typical cost", "Recovery", "Risk"),
                (
                    (
                        cost_range(procedure),
                        f"about {days(procedure.recovery_days)}",
                        procedure.risk_level,
                    ),
                ),
            ),
        )
    return ReportSection(
        shown.procedure_name,
        (*paragraphs, made),
        (
            _picture(read_picture(shown.before_image_url), "Before", simulated=False),
            _picture(read_picture(shown.after_image_url), "After (simulation)", simulated=True),
        ),
        tables,
    )


def _comparison(comparison: Comparison, read_picture: ReadPicture) -> ReportSection:
    first = comparison.procedures[0]
    after = [
        _picture(
            read_picture(p.after_image_url), f"{p.procedure_name} (simulation)", simulated=True
        )
        for p in comparison.procedures
    ]
    rows = tuple(
        (
            p.procedure_name,
            f"{p.cost.currency} {p.cost.min:,.0f} to {p.cost.max:,.0f}",
            days(p.recovery_days),
            p.risk_level,
        )
        for p in comparison.procedures
    )
    return ReportSection(
        "Comparison of procedures",
        (f"Compared on {calendar_date(comparison.created_at)}.",),
        (_picture(read_picture(first.before_image_url), "Before", simulated=False), *after),
        (ReportTable(("Procedure", "Typical cost", "Recovery", "Risk"), rows),),
    )


def _cost(
    breakdown: CostBreakdown, procedures: dict[str, Procedure], *, shareable: bool
) -> ReportSection:
    procedure = procedures.get(breakdown.procedure_id)
    title = f"Costs: {procedure.name}" if procedure else "Costs"
    currency = breakdown.currency
    lines = [
        *fees(breakdown),
        ("Total", breakdown.total_cost),
        ("Insurance covers", breakdown.insurance_coverage),
        ("Patient's share", breakdown.patient_responsibility),
        ("Deductible", breakdown.deductible),
        ("Copay", breakdown.copay),
        ("Out-of-pocket maximum", breakdown.out_of_pocket_max),
    ]
    rows = tuple((label, money(amount, currency)) for label, amount in lines if amount is not None)
    tables = [ReportTable(("Item", "Amount"), rows, frozenset({1}))]
    if breakdown.payment_plans:
        tables.append(_plans(breakdown))
    paragraphs = []
    if breakdown.calculated_at:
        paragraphs.append(f"Calculated on {calendar_date(breakdown.calculated_at)}.")
    if breakdown.insurance_provider and not shareable:
        paragraphs.append(f"Insurance: {breakdown.insurance_provider}.")
    return ReportSection(title, tuple(paragraphs), (), tuple(tables))


def _plans(breakdown: CostBreakdown) -> ReportTable:
    return ReportTable(
        ("Payment plan", "Monthly", "Months", "Interest a year", "Total paid"),
        tuple(
            (
                plan.name,
                money(plan.monthly_payment, breakdown.currency),
                str(plan.duration_months),
                f"{plan.interest_rate:f} %",
                money(plan.total_paid, breakdown.currency),
            )
            for plan in breakdown.payment_plans
        ),
        frozenset({1, 2, 3, 4}),
    )


def _picture(data: bytes, caption: str, *, simulated: bool) -> ReportPicture:
    media_type = media_type_of(data) or "application/octet-stream"
    return ReportPicture(data, media_type, caption, simulated)
