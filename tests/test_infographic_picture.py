"""What the cost picture promises: exact figures, nothing cut off, always the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from PIL import Image, ImageDraw

from docwiz_tasks.errors import InvalidPhoto, RenderFailed, SettingsError
from docwiz_tasks.imaging.infographic import Infographic, Plan, draw
from docwiz_tasks.typography import FONTS

LARGEST = Decimal("99999999.99")
NOTHING = Decimal(0)
CARD = (36, 32, 1164, 768)


def plan(number: int = 1, amount: Decimal = Decimal("600.00"), name: str = "") -> Plan:
    return Plan(name or f"{12 * number} months", amount, 12 * number, Decimal("6.9"), amount * 12)


USUAL = Infographic(
    title="What it costs",
    subtitle="Rhinoplasty",
    currency="USD",
    fees=(
        ("Surgeon's fee", Decimal("7400.50")),
        ("Facility", Decimal("2300")),
        ("Anesthesia", Decimal("1100")),
        ("Care afterwards", Decimal("400")),
    ),
    total=Decimal("11200.50"),
    insurance_coverage=Decimal("4000"),
    patient_share=Decimal("7200.5"),
    deductible=Decimal("1500"),
    copay=Decimal("250"),
    out_of_pocket_max=Decimal("8000"),
    payment_plans=(plan(1), plan(2)),
    notes=("Calculated on 2 November 2026.", "An estimate, not an offer."),
)
EXTREMES = {
    "usual": USUAL,
    "largest": replace(
        USUAL,
        title="What it costs, with a title that goes on and on for longer than fits",
        subtitle="Rhinoplasty with septoplasty, turbinate reduction, revision and all the rest",
        fees=tuple((f"{label} with a long name of its own", LARGEST) for label, _ in USUAL.fees),
        total=LARGEST,
        insurance_coverage=LARGEST,
        patient_share=LARGEST,
        deductible=LARGEST,
        copay=LARGEST,
        out_of_pocket_max=LARGEST,
        payment_plans=tuple(
            Plan("A plan with a name that goes on", LARGEST, 120, Decimal("19.999"), LARGEST)
            for _ in range(4)
        ),
        notes=("One note.", "W" * 200),
    ),
    "nothing": replace(
        USUAL,
        fees=tuple((label, NOTHING) for label, _ in USUAL.fees),
        total=NOTHING,
        insurance_coverage=NOTHING,
        patient_share=NOTHING,
        deductible=None,
        copay=None,
        out_of_pocket_max=None,
        payment_plans=(),
        notes=(),
    ),
    "one long word": replace(USUAL, title="W" * 80, subtitle="W" * 80, payment_plans=()),
    "one tile": replace(USUAL, deductible=None, copay=None, payment_plans=(plan(),)),
    "three plans": replace(USUAL, payment_plans=tuple(plan(n, name="W" * 50) for n in (1, 2, 3))),
    "one fee": replace(USUAL, fees=USUAL.fees[:1]),
    "six fees": replace(USUAL, fees=(*USUAL.fees, ("Garment", Decimal(1)), ("Scan", Decimal(2)))),
    "tiny share": replace(USUAL, insurance_coverage=Decimal("0.01"), patient_share=LARGEST),
}


@dataclass(frozen=True)
class Written:
    text: str
    box: tuple[float, float, float, float]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Written]:
    """Note each text that is written, and where."""
    seen: list[Written] = []
    write = ImageDraw.ImageDraw.text

    def noted(canvas: ImageDraw.ImageDraw, xy: Any, text: str, *args: Any, **options: Any) -> None:
        box = canvas.textbbox(xy, text, font=options["font"], anchor=options["anchor"])
        seen.append(Written(text, box))
        write(canvas, xy, text, *args, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noted)
    return seen


def artwork(size: tuple[int, int] = (640, 640), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(file, kind)
    return file.getvalue()


def picture(infographic: Infographic = USUAL, **options: Any) -> Image.Image:
    data = draw(infographic, **{"artwork": artwork(), "format": "png", **options})
    return Image.open(io.BytesIO(data))


def figures(shown: Infographic) -> Iterator[str]:
    yield f"{shown.currency} {shown.total:,.2f}"
    for amount in (*(value for _, value in shown.fees), shown.insurance_coverage,
                   shown.patient_share):  # fmt: skip
        yield f"{amount:,.2f}"
    for tile in (shown.deductible, shown.copay, shown.out_of_pocket_max):
        if tile is not None:
            yield f"{shown.currency} {tile:,.2f}"
    for each in shown.payment_plans:
        yield f"{shown.currency} {each.monthly:,.2f}"
        yield f"{shown.currency} {each.total_paid:,.2f} in all"
        yield f"a month, for {each.months} months"
        yield f"{each.interest_rate:f} % interest a year"


@pytest.mark.parametrize("name", EXTREMES)
def test_every_figure_is_written_as_it_was_given(name: str, written: list[Written]) -> None:
    picture(EXTREMES[name])
    texts = [each.text for each in written]
    for figure in figures(EXTREMES[name]):
        assert figure in texts
        texts.remove(figure)


@pytest.mark.parametrize("name", EXTREMES)
def test_no_text_touches_another(name: str, written: list[Written]) -> None:
    picture(EXTREMES[name])
    for one, other in combinations([each for each in written if each.text], 2):
        apart = (
            one.box[2] <= other.box[0]
            or other.box[2] <= one.box[0]
            or one.box[3] <= other.box[1]
            or other.box[3] <= one.box[1]
        )
        assert apart, f"{one} and {other}"


@pytest.mark.parametrize("name", EXTREMES)
def test_no_text_leaves_the_card(name: str, written: list[Written]) -> None:
    picture(EXTREMES[name])
    left, top, right, bottom = CARD
    for each in written:
        assert each.box[0] >= left + 20
        assert each.box[1] >= top + 10
        assert each.box[2] <= right - 20
        assert each.box[3] <= bottom - 8


def test_a_name_that_is_too_long_ends_in_an_ellipsis(written: list[Written]) -> None:
    picture(EXTREMES["largest"])
    names = [each.text for each in written if each.text.startswith("A plan")]
    assert len(names) == 4
    assert all(name.endswith("…") for name in names)


@pytest.mark.parametrize("count", range(5))
def test_up_to_four_plans_are_shown(count: int, written: list[Written]) -> None:
    picture(replace(USUAL, payment_plans=tuple(plan(n + 1) for n in range(count))))
    assert sum(each.text.startswith("a month, for") for each in written) == count
    assert any(each.text == "Payment plans" for each in written) == bool(count)


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_the_picture_has_its_size_and_format(format: str) -> None:
    image = picture(format=format)
    assert (image.size, image.format) == ((1200, 800), format.upper())
    assert picture(format=format, width=600, height=400).size == (600, 400)


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_the_same_figures_give_the_same_bytes(format: str) -> None:
    one, two = (draw(USUAL, artwork=artwork(), format=format) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("art", [artwork((90, 900)), artwork((3000, 200), "JPEG"), None])
def test_the_artwork_fills_the_edges_and_never_the_card(art: bytes | None) -> None:
    image = picture(artwork=art).convert("RGB")
    assert image.getpixel((600, 50)) == (255, 255, 255)
    assert image.getpixel((600, 760)) == (255, 255, 255)
    edges = [image.crop(box) for box in ((0, 0, 30, 800), (1170, 0, 1200, 800))]
    assert all(edge.getcolors(1) is None for edge in edges)
    darkest = min(low for edge in edges for low, _ in edge.getextrema())  # type: ignore[misc]
    assert darkest >= 70


def test_broken_artwork_is_refused() -> None:
    with pytest.raises(InvalidPhoto):
        picture(artwork=artwork()[:200])


def test_parts_of_a_bar_are_as_long_as_their_amounts() -> None:
    halves = replace(USUAL, fees=(("One", Decimal(50)), ("Two", Decimal(50))))
    image = picture(halves).convert("RGB")
    row = [image.getpixel((x, 195)) for x in range(76, 1124)]
    first, last = row.count(row[0]), row.count(row[-1])
    assert abs(first - last) <= 2
    assert first + last > 1030


def test_an_amount_above_zero_is_always_seen_in_its_bar() -> None:
    fees = (("One", LARGEST), ("Two", Decimal("0.01")), ("Three", NOTHING))
    image = picture(replace(USUAL, fees=fees)).convert("RGB")
    colours = {image.getpixel((x, 195)) for x in range(76, 1128)}
    assert {(18, 112, 124), (66, 160, 160)} <= colours
    assert (140, 200, 192) not in colours


def test_a_script_that_the_font_lacks_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(RenderFailed, match="DOCWIZ_FONT_PATH") as failure:
        picture(replace(USUAL, subtitle="\u540d\u524d"))
    assert "\u540d" not in str(failure.value)


def test_a_font_that_cannot_be_read_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="DOCWIZ_FONT_PATH"):
        picture(replace(USUAL, subtitle="\u540d"), font_path="no/such/font.ttf")


def test_a_font_that_lacks_the_script_too_is_an_error() -> None:
    with pytest.raises(RenderFailed):
        picture(replace(USUAL, subtitle="\u540d"), font_path=str(FONTS / "DejaVuSans.ttf"))


def test_control_characters_are_left_out(written: list[Written]) -> None:
    picture(replace(USUAL, title="What\x00 it\ncosts\ud800"))
    assert written[2].text == "What it costs"
