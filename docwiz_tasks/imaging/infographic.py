"""Drawing a cost breakdown: every figure set as it was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING

from docwiz_tasks.errors import ExtraMissing
from docwiz_tasks.imaging.photos import decoded
from docwiz_tasks.imaging.sheet import Colour, Sheet, gradient

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Infographic", "Plan", "draw"]

_WIDTH, _HEIGHT = 1200, 800
_LEFT, _RIGHT = 72, 1128
_TOP, _BOTTOM = 182, 718
_GAP = 22
_FEES_HEIGHT, _TALLEST_FEES, _TILES_HEIGHT, _PLANS_HEIGHT = 196, 400, 82, 196
_MAX_PLANS = 4

_INK: Colour = (26, 38, 46)
_QUIET: Colour = (82, 98, 106)
_LINE: Colour = (214, 226, 229)
_PAPER: Colour = (255, 255, 255)
_ACCENT: Colour = (18, 112, 124)
_SOFT: Colour = (229, 242, 243)
_PARTS: tuple[Colour, ...] = (
    (18, 112, 124),
    (66, 160, 160),
    (140, 200, 192),
    (232, 170, 92),
    (198, 124, 88),
    (126, 142, 150),
)
_INSURANCE, _PATIENT = _PARTS[1], _PARTS[3]


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
    """What an infographic shows; amounts are in `currency`, up to four payment plans are shown."""

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

    def money(self, amount: Decimal) -> str:
        """Return an amount with its currency, for example ``USD 1,500.00``."""
        return f"{self.currency} {_amount(amount)}"


def draw(
    infographic: Infographic,
    *,
    artwork: bytes | None,
    format: str,
    width: int = _WIDTH,
    height: int = _HEIGHT,
    font_path: str | None = None,
) -> bytes:
    """Return the picture; the same bytes for the same input.

    Args:
        infographic: what it shows.
        artwork: a decorative picture, shown dimmed around the figures; a plain
            background is drawn where there is none.
        format: ``png`` or ``jpeg``.
        width: in pixels; the layout is made for 1200 by 800 and scaled.
        height: in pixels.
        font_path: a TrueType font for texts in a script that the built-in one lacks.

    Raises:
        ExtraMissing: Pillow isn't installed.
        InvalidPhoto: the artwork can't be read.
        RenderFailed: no font has a text's characters.
    """
    image = _background(artwork)
    sheet = Sheet(image, font_path)
    sheet.box((36, 32, 1164, 768), 22, _PAPER, _LINE)
    _head(sheet, infographic)
    tiles, plans = _tiles_of(infographic), infographic.payment_plans[:_MAX_PLANS]
    below = [_TILES_HEIGHT] * bool(tiles) + [_PLANS_HEIGHT] * bool(plans)
    room = min(_BOTTOM - _TOP - sum(below) - _GAP * len(below), _TALLEST_FEES)
    _fees(sheet, infographic, _TOP, room)
    top = _TOP + room + _GAP
    if tiles:
        _tiles(sheet, tiles, top)
        top += _TILES_HEIGHT + _GAP
    if plans:
        _plans(sheet, infographic, plans, top)
    sheet.text((_LEFT, 743), "  ·  ".join(infographic.notes), 15, _QUIET, _RIGHT - _LEFT)
    if (width, height) != image.size:
        image = image.resize((width, height))
    file = BytesIO()
    if format == "jpeg":
        image.save(file, "JPEG", quality=92, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _amount(value: Decimal) -> str:
    return f"{value:,.2f}"


def _background(artwork: bytes | None) -> Image:
    try:
        from PIL import Image as images
        from PIL import ImageOps
    except ImportError:
        raise ExtraMissing.for_extra("images", "Drawing an infographic") from None
    size = _WIDTH, _HEIGHT
    if not artwork:
        return gradient(size, (236, 246, 246), (150, 198, 203))
    picture = decoded(artwork, at_least=size).convert("RGB")
    fit = ImageOps.fit(picture, size, images.Resampling.BILINEAR)
    return images.blend(fit, images.new("RGB", size, "white"), 0.3)


def _head(sheet: Sheet, shown: Infographic) -> None:
    total = shown.money(shown.total)
    left = sheet.text((_RIGHT, 116), total, 44, _ACCENT, 560, bold=True, right=True)
    sheet.text((_RIGHT, 76), "Total", 20, _QUIET, 200, right=True)
    room = left - 40 - _LEFT
    sheet.text((_LEFT, 82), shown.title, 40, _INK, room, bold=True, least=24)
    sheet.text((_LEFT, 128), shown.subtitle, 22, _QUIET, room, least=17)
    sheet.line((_LEFT, 160, _RIGHT, 160), _LINE)


def _fees(sheet: Sheet, shown: Infographic, top: int, height: int) -> None:
    stretch = height / _FEES_HEIGHT
    bar = min(round(28 * stretch), 44)
    rows = top + bar + round(14 * stretch)
    pitch = (top + height - rows) / max(4, len(shown.fees))
    size = min(24, round(pitch * 0.54))
    sheet.bar((_LEFT, top, _RIGHT, top + bar), [value for _, value in shown.fees], _PARTS, _LINE)
    entries = [
        (label, value, _PARTS[number % len(_PARTS)])
        for number, (label, value) in enumerate(shown.fees)
    ]
    _legend(sheet, entries, (_LEFT, 548), rows + pitch / 2, pitch, size)
    payers = [
        ("Insurance covers", shown.insurance_coverage, _INSURANCE),
        ("Patient's share", shown.patient_share, _PATIENT),
    ]
    left, pitch, size = 612, (top + height - rows) / 4, max(size, 16)
    sheet.text((left, rows + pitch / 2), "Who pays", min(24, size + 2), _INK, 300, bold=True)
    middle, half = rows + pitch * 1.5, bar * 0.45
    box = (left, round(middle - half), _RIGHT, round(middle + half))
    sheet.bar(box, [value for _, value, _ in payers], (_INSURANCE, _PATIENT), _LINE)
    _legend(sheet, payers, (left, _RIGHT), rows + pitch * 2.5, pitch, size)


def _legend(
    sheet: Sheet,
    entries: Sequence[tuple[str, Decimal, Colour]],
    sides: tuple[int, int],
    first: float,
    pitch: float,
    size: int,
) -> None:
    left, right = sides
    half = max(4, round(size * 0.45))
    for number, (label, value, colour) in enumerate(entries):
        y = round(first + pitch * number)
        sheet.box((left, y - half, left + 2 * half, y + half), half // 2, colour)
        end = sheet.text((right, y), _amount(value), size, _INK, 220, bold=True, right=True)
        start = left + 2 * half + 14
        sheet.text((start, y), label, size, _INK, end - 16 - start, least=size - 3)


def _tiles_of(shown: Infographic) -> list[tuple[str, str]]:
    amounts = (
        ("Deductible", shown.deductible),
        ("Copay", shown.copay),
        ("Out-of-pocket maximum", shown.out_of_pocket_max),
    )
    return [(label, shown.money(value)) for label, value in amounts if value is not None]


def _tiles(sheet: Sheet, tiles: Sequence[tuple[str, str]], top: int) -> None:
    for (left, right), (label, value) in zip(_columns(len(tiles)), tiles, strict=True):
        sheet.box((left, top, right, top + _TILES_HEIGHT), 14, _SOFT)
        sheet.text((left + 20, top + 26), label, 17, _QUIET, right - left - 40)
        sheet.text((left + 20, top + 57), value, 25, _INK, right - left - 40, bold=True)


def _plans(sheet: Sheet, shown: Infographic, plans: Sequence[Plan], top: int) -> None:
    sheet.text((_LEFT, top + 10), "Payment plans", 21, _INK, 500, bold=True)
    top += 32
    for (left, right), plan in zip(_columns(len(plans)), plans, strict=True):
        sheet.box((left, top, right, top + 164), 14, _PAPER, _LINE)
        start, room = left + 20, right - left - 40
        sheet.text((start, top + 27), plan.name, 19, _ACCENT, room, bold=True, least=15)
        sheet.text((start, top + 64), shown.money(plan.monthly), 27, _INK, room, bold=True)
        months = "1 month" if plan.months == 1 else f"{plan.months} months"
        lines = (
            f"a month, for {months}",
            f"{plan.interest_rate:f} % interest a year",
            f"{shown.money(plan.total_paid)} in all",
        )
        for number, line in enumerate(lines):
            sheet.text((start, top + 96 + 23 * number), line, 16, _QUIET, room)


def _columns(count: int) -> list[tuple[int, int]]:
    gap = 18
    width = (_RIGHT - _LEFT - gap * (count - 1)) / count
    lefts = [_LEFT + number * (width + gap) for number in range(count)]
    return [(round(left), round(left + width)) for left in lefts]
