"""Checking that a cost breakdown adds up."""

from __future__ import annotations

from decimal import Decimal

from docwiz_tasks.errors import AmountsDiffer
from docwiz_tasks.jobs.wording import money
from docwiz_tasks.models import CostBreakdown

__all__ = ["check_amounts", "fees"]


def fees(breakdown: CostBreakdown) -> tuple[tuple[str, Decimal], ...]:
    """Return the parts of the total, labelled."""
    return (
        ("Surgeon's fee", breakdown.surgeon_fee),
        ("Facility fee", breakdown.facility_fee),
        ("Anesthesia fee", breakdown.anesthesia_fee),
        ("Care after the operation", breakdown.post_op_care),
    )


def check_amounts(breakdown: CostBreakdown) -> None:
    """Check that the fees make the total, and that insurance and patient together pay it.

    Raises:
        AmountsDiffer: they don't; it says by how much.
    """
    parts = sum((amount for _, amount in fees(breakdown)), Decimal(0))
    payers = breakdown.insurance_coverage + breakdown.patient_responsibility
    for what, amount in (("fees", parts), ("insurance coverage and patient's share", payers)):
        if amount != breakdown.total_cost:
            gap = amount - breakdown.total_cost
            raise AmountsDiffer(
                f"This cost breakdown does not add up: the {what} come to"
                f" {money(amount, breakdown.currency)}, the total is"
                f" {money(breakdown.total_cost, breakdown.currency)}; that is"
                f" {money(abs(gap), breakdown.currency)} too {'much' if gap > 0 else 'little'}."
            )
