"""Drawing a cost breakdown: every figure set as it was given."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from docwiz_tasks.imaging.photos import decoded
from docwiz_tasks.typography import fitted, font, shortened

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["Infographic", "Plan", "draw"]

_INK, _QUIET, _LINE, _PAPER = (26, 38, 46), (88, 104, 112), (220, 230, 232), (255, 255, 255)
_ACCENT, _ACCENT_SOFT = (18, 112, 124), (226, 241, 242)
_PARTS = ((18, 112, 124), (66, 160, 160), (134, 196, 188), (232, 170, 92))
_INSURANCE, _PATIENT = (66, 160, 160), (232, 170, 92)
_LEFT, _RIGHT, _MIDDLE, _TOP = "lm", "rm", "mm", "la"


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to pay by the month; `interest_rate` is in percent a year."""

    name: str
    monthly: Decimal
    months: int
    interest_rate: Decimal
    total_paid: Decimal


@dataclass(frozen=True, slots=True)
class Infographic:
    """What an infographic shows; amounts are in `currency`."""

    title: str
    subtitle: str
    currency: str
    fees: tuple[tuple[str, Decimal], ...]
    total: Decimal
    insurance_coverage: Decimal
    patient_share: Decimal
    deductible: Decimal | None
    copay: Decimal | None
    out_of_pocket_max: Decimal | None
    payment_plans: tuple[Plan, ...]
    notes: tuple[str, ...]


def draw(
    infographic: Infographic, *, artwork: bytes, format: str, width: int = 1200, height: int = 800
) -> bytes:
    """Return the picture.

    Args:
        infographic: what it shows; up to four payment plans are shown.
        artwork: a decorative picture, shown at the edges and dimmed.
        format: ``png`` or ``jpeg``.
        width: in pixels; the layout is made for 1200 by 800 and scaled.
        height: in pixels.

    Raises:
        InvalidPhoto: the artwork can't be read.
    """
    from PIL import ImageDraw

    image = _background(artwork, 1200, 800)
    canvas = ImageDraw.Draw(image)
    _card(canvas, (36, 32, 1164, 768))
    _head(canvas, infographic)
    _fees(canvas, infographic)
    _shares(canvas, infographic)
    _tiles(canvas, infographic)
    _plans(canvas, infographic)
    notes = "  ·  ".join(infographic.notes)
    canvas.text((72, 744), notes, fill=_QUIET, font=fitted(notes, 15, 1056), anchor=_LEFT)
    if (width, height) != image.size:
        image = image.resize((width, height))
    file = io.BytesIO()
    if format == "jpeg":
        image.save(file, "JPEG", quality=92, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def amount(value: Decimal) -> str:
    """Return an amount to the cent."""
    return f"{value:,.2f}"


def _background(artwork: bytes, width: int, height: int) -> Image:
    from PIL import Image as Images
    from PIL import ImageOps

    art = ImageOps.fit(decoded(artwork).convert("RGB"), (width, height))
    return Images.blend(art, Images.new("RGB", art.size, "white"), 0.25)


def _card(canvas: ImageDraw, box: tuple[int, int, int, int]) -> None:
    canvas.rounded_rectangle(box, radius=22, fill=_PAPER, outline=_LINE, width=2)


def _head(canvas: ImageDraw, shown: Infographic) -> None:
    canvas.text((72, 82), shown.title, fill=_INK, font=font(40, bold=True), anchor=_LEFT)
    subtitle = shortened(shown.subtitle, font(22), 560)
    canvas.text((72, 128), subtitle, fill=_QUIET, font=font(22), anchor=_LEFT)
    total = f"{shown.currency} {amount(shown.total)}"
    canvas.text((1128, 76), "Total", fill=_QUIET, font=font(20), anchor=_RIGHT)
    face = fitted(total, 44, 460, bold=True)
    canvas.text((1128, 118), total, fill=_ACCENT, font=face, anchor=_RIGHT)
    canvas.line((72, 160, 1128, 160), fill=_LINE, width=2)


def _fees(canvas: ImageDraw, shown: Infographic) -> None:
    _bar(canvas, (72, 184, 1128, 212), [value for _, value in shown.fees], _PARTS)
    for number, (label, value) in enumerate(shown.fees):
        y = 246 + 36 * number
        canvas.rounded_rectangle((72, y - 9, 90, y + 9), radius=5, fill=_PARTS[number % 4])
        canvas.text(
            (104, y), shortened(label, font(20), 260), fill=_INK, font=font(20), anchor=_LEFT
        )
        text = amount(value)
        face = fitted(text, 20, 170, bold=True)
        canvas.text((548, y), text, fill=_INK, font=face, anchor=_RIGHT)


def _shares(canvas: ImageDraw, shown: Infographic) -> None:
    canvas.text((612, 246), "Who pays", fill=_INK, font=font(22, bold=True), anchor=_LEFT)
    parts = (
        ("Insurance covers", shown.insurance_coverage, _INSURANCE),
        ("Patient's share", shown.patient_share, _PATIENT),
    )
    _bar(canvas, (612, 270, 1128, 296), [part[1] for part in parts], (_INSURANCE, _PATIENT))
    for number, (label, value, colour) in enumerate(parts):
        y = 322 + 36 * number
        canvas.rounded_rectangle((612, y - 9, 630, y + 9), radius=5, fill=colour)
        canvas.text((644, y), label, fill=_INK, font=font(20), anchor=_LEFT)
        text = amount(value)
        face = fitted(text, 20, 200, bold=True)
        canvas.text((1128, y), text, fill=_INK, font=face, anchor=_RIGHT)


def _tiles(canvas: ImageDraw, shown: Infographic) -> None:
    tiles = [
        (label, value)
        for label, value in (
            ("Deductible", shown.deductible),
            ("Copay", shown.copay),
            ("Out-of-pocket maximum", shown.out_of_pocket_max),
        )
        if value is not None
    ]
    for number, (label, value) in enumerate(tiles):
        left = 72 + number * 358
        canvas.rounded_rectangle((left, 398, left + 340, 480), radius=14, fill=_ACCENT_SOFT)
        canvas.text((left + 20, 424), label, fill=_QUIET, font=font(17), anchor=_LEFT)
        text = f"{shown.currency} {amount(value)}"
        face = fitted(text, 25, 300, bold=True)
        canvas.text((left + 20, 456), text, fill=_INK, font=face, anchor=_LEFT)


def _plans(canvas: ImageDraw, shown: Infographic) -> None:
    plans = shown.payment_plans[:4]
    if not plans:
        return
    more = len(shown.payment_plans) - len(plans)
    heading = f"Payment plans (and {more} more)" if more else "Payment plans"
    canvas.text((72, 518), heading, fill=_INK, font=font(22, bold=True), anchor=_LEFT)
    gap = 18
    width = min(519, (1056 - gap * (len(plans) - 1)) // len(plans))
    for number, plan in enumerate(plans):
        left = 72 + number * (width + gap)
        inner = width - 40
        canvas.rounded_rectangle(
            (left, 544, left + width, 718), radius=14, fill=_PAPER, outline=_LINE, width=2
        )
        name = shortened(plan.name, font(19, bold=True), inner)
        canvas.text((left + 20, 572), name, fill=_ACCENT, font=font(19, bold=True), anchor=_LEFT)
        monthly = f"{shown.currency} {amount(plan.monthly)}"
        face = fitted(monthly, 27, inner, bold=True)
        canvas.text((left + 20, 612), monthly, fill=_INK, font=face, anchor=_LEFT)
        for line, text in enumerate(
            (
                f"a month, for {plan.months} months",
                f"interest {plan.interest_rate:f} % a year",
                f"{amount(plan.total_paid)} in all",
            )
        ):
            face = fitted(text, 16, inner)
            canvas.text((left + 20, 646 + 24 * line), text, fill=_QUIET, font=face, anchor=_LEFT)


def _bar(
    canvas: ImageDraw,
    box: tuple[int, int, int, int],
    values: list[Decimal],
    colours: tuple[tuple[int, int, int], ...],
) -> None:
    left, top, right, bottom = box
    canvas.rounded_rectangle(box, radius=8, fill=_LINE)
    whole = sum(values, Decimal(0))
    at = Decimal(left)
    for value, colour in zip(values, colours, strict=False):
        if whole and value:
            end = at + (right - left) * value / whole
            edge = max(round(at), round(end) - 2)
            canvas.rectangle((round(at), top, edge, bottom), fill=colour)
            at = end
