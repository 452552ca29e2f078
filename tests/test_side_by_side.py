"""The comparison's picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from docwiz_tasks import InvalidPhoto
from docwiz_tasks.imaging.side_by_side import Panel, compose

LINES = ("Typical cost USD 5,000 to 15,000", "Recovery about 14 days", "Risk: medium")
COLOURS = [(200, 20 + 25 * number, 40) for number in range(9)]


def picture(colour: tuple[int, int, int], width: int = 200, height: int = 250) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def panels(count: int, name: str = "Rhinoplasty (nose reshaping)") -> list[Panel]:
    shown = [Panel(picture(COLOURS[0]), "Before", (), simulated=False)]
    shown += [Panel(picture(colour), name, LINES, simulated=True) for colour in COLOURS[1:count]]
    return shown


def sheet(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def drawn(shown: list[Panel], *, title: str = "Comparison", notice: str = "A simulation.") -> bytes:
    return compose(shown, title=title, notice=notice)


@pytest.mark.parametrize("count", range(3, 10))
def test_every_panel_shows_its_picture_whole(count: int) -> None:
    counted = sheet(drawn(panels(count))).getcolors(1 << 24) or []
    areas = [sum(area for area, seen in counted if seen == one) for one in COLOURS[:count]]
    assert min(areas) > 100_000
    assert max(areas) == min(areas)


@pytest.mark.parametrize("size", [(400, 150), (150, 400)])
def test_a_picture_keeps_its_shape(size: tuple[int, int]) -> None:
    shown = panels(3)
    shown[1] = Panel(picture((1, 2, 250), *size), "Wide or tall", LINES, simulated=True)
    image = sheet(drawn(shown))
    box = ImageChops.difference(image, Image.new("RGB", image.size, (1, 2, 250)))
    found = box.convert("L").point(lambda value: 255 if value == 0 else 0).getbbox()
    assert found is not None
    ratio = (found[2] - found[0]) / (found[3] - found[1])
    assert ratio == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_very_long_name_stays_in_its_own_panel() -> None:
    plain, long = sheet(drawn(panels(3, "x"))), sheet(drawn(panels(3, "Very long name " * 20)))
    assert plain.size == long.size
    changed = ImageChops.difference(plain, long).getbbox()
    assert changed is not None
    assert changed[2] <= plain.width - 40


def test_the_notice_is_to_be_seen() -> None:
    one, other = sheet(drawn(panels(3))), sheet(drawn(panels(3), notice=" "))
    changed = ImageChops.difference(one, other).getbbox()
    assert changed is not None
    assert changed[1] > one.height * 0.85
    assert changed[2] - changed[0] > 100


def test_the_same_panels_give_the_same_bytes() -> None:
    assert drawn(panels(4)) == drawn(panels(4))


def test_an_unreadable_panel_is_refused() -> None:
    shown = [*panels(2), Panel(b"", "Missing", LINES, simulated=True)]
    with pytest.raises(InvalidPhoto):
        drawn(shown)
