"""Figures and dates as people read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from docwiz_tasks.models import Procedure

__all__ = ["calendar_date", "cost_range", "days", "money"]


def money(amount: Decimal, currency: str) -> str:
    """Return an amount to the cent with its currency, for example ``USD 12,500.00``."""
    return f"{currency} {amount:,.2f}"


def cost_range(procedure: Procedure) -> str:
    """Return a procedure's typical cost, for example ``USD 5,000 to 15,000``."""
    low, high = procedure.typical_cost_min, procedure.typical_cost_max
    digits = 0 if low == low.to_integral() and high == high.to_integral() else 2
    return f"{procedure.currency} {low:,.{digits}f} to {high:,.{digits}f}"


def days(count: int) -> str:
    """Return a number of days in words."""
    return "1 day" if count == 1 else f"{count} days"


def calendar_date(day: date) -> str:
    """Return a date that reads the same everywhere, for example ``24 November 2026``."""
    return f"{day.day} {day:%B %Y}"
