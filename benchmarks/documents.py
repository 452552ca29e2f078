"""How long documents take, beside other ways to make the same ones.

A report with 12 photos of 2048 by 2048 pixels, and one of 100 pages of tables, as a PDF: by
our renderer, by xhtml2pdf as it comes with the photos as they are, and by WeasyPrint with
the photos made as small as ours by Pillow, one after the other; the report as PNG and as
JPEG beside its own PDF. All lay out the same HTML. Each is made once to warm up, then in
turns; prints medians, and exits with 1 where a limit isn't held.

Needs the dependency group ``benchmarks``, and Debian's libpangoft2-1.0-0 for WeasyPrint:
``pip install --group benchmarks && python benchmarks/documents.py``.
"""

from __future__ import annotations

import base64
import io
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import psutil
from PIL import Image, ImageChops

from docwiz_tasks import ReportDocument, ReportPicture, ReportSection, ReportTable, Settings
from docwiz_tasks.renderers.layout import html_of
from docwiz_tasks.renderers.pdf import PdfRenderer
from docwiz_tasks.renderers.pictures import PrintedPicture, printed
from docwiz_tasks.renderers.raster import JpegRenderer, PngRenderer
from docwiz_tasks.renderers.text import Setter
from docwiz_tasks.testing.portrait import portrait
from docwiz_tasks.typography import FONTS

PHOTOS, SIDE, PAGES = 12, 2048, 100
WIDTH_MM, PIXELS = 80, round(80 / 25.4 * 200)
ROUNDS = int(os.environ.get("DOCUMENTS_ROUNDS", "5"))
RENDERS = 50
LIMITS = {
    "PDF by WeasyPrint": 0.70,
    "PDF by xhtml2pdf as it comes": 0.05,
    "100 pages by WeasyPrint": 0.6,
    "PNG": 1.5,
    "JPEG": 1.5,
}
MOST_BYTES, MOST_GROWTH = 1_000_000, 0.05

SETTINGS = Settings(plugins="none", render_timeout_seconds=600)
PAGE = "@page { size: a4; margin: 16mm 20mm 24mm 20mm }"

Make = Callable[[ReportDocument], bytes]


def photo(number: int) -> bytes:
    """Return a portrait with the noise of a camera, as a JPEG; each is another one."""
    drawn = Image.open(io.BytesIO(portrait(SIDE // 2, SIDE // 2))).convert("RGB")
    drawn = drawn.rotate(number).resize((SIDE, SIDE))
    noise = Image.merge("RGB", [Image.effect_noise(drawn.size, 12) for _ in range(3)])
    file = io.BytesIO()
    ImageChops.add(drawn, noise, offset=-128).save(file, "JPEG", quality=92)
    return file.getvalue()


def report(*sections: ReportSection) -> ReportDocument:
    return ReportDocument(
        id="benchmark",
        title="Consultation report",
        generated_at=datetime(2026, 1, 1, tzinfo=UTC),
        locale="en",
        shareable=False,
        patient=(("Name", "Nobody"), ("Date of birth", "1 January 1990")),
        sections=sections,
        notice="Simulated pictures are no promise of a result.",
    )


def with_photos() -> ReportDocument:
    pictures = [
        ReportPicture(photo(number), "image/jpeg", f"Picture {number}", bool(number % 2))
        for number in range(PHOTOS)
    ]
    pairs = zip(pictures[::2], pictures[1::2], strict=True)
    return report(*(ReportSection("Rhinoplasty", ("Before and after.",), pair) for pair in pairs))


def of_tables() -> ReportDocument:
    text = "A sentence of a report is about as long as this one, which nobody has to read. " * 6
    rows = tuple(("Surgeon's fee", f"{number}", "1,500.00", "USD") for number in range(24))
    table = ReportTable(("What", "Number", "Amount", "Currency"), rows, frozenset({1, 2}))
    section = ReportSection("Costs", (text, text), (), (table,))
    return report(*[section] * PAGES)


def html(document: ReportDocument, pictures: Mapping[ReportPicture, PrintedPicture]) -> str:
    """Return our own HTML with all that it loads in it, and the fonts by their paths."""

    def source(picture: ReportPicture) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(pictures[picture].data).decode()}"

    text = html_of(document, Setter(None), dict(pictures), source, fallback=False)
    for name, file in (("regular", "DejaVuSans.ttf"), ("bold", "DejaVuSans-Bold.ttf")):
        text = text.replace(f"font:{name}", (FONTS / file).as_uri())
    return text


def by_weasyprint(document: ReportDocument) -> bytes:
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    page = CSS(string=PAGE, font_config=fonts)
    pictures = [picture for section in document.sections for picture in section.pictures]
    whole = HTML(string=html(document, {picture: reduced(picture) for picture in pictures}))
    return bytes(whole.write_pdf(stylesheets=[page], font_config=fonts))


def reduced(picture: ReportPicture) -> PrintedPicture:
    """Return a picture as it is printed, in the way that Pillow's manual shows."""
    image = Image.open(io.BytesIO(picture.data))
    image.thumbnail((PIXELS, PIXELS))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return PrintedPicture(file.getvalue(), WIDTH_MM, WIDTH_MM * image.height / image.width)


def by_xhtml2pdf(document: ReportDocument) -> bytes:
    from xhtml2pdf import pisa

    small = printed(document)
    as_they_are = {photo: replace(small[photo], data=photo.data) for photo in small}
    file = io.BytesIO()
    pisa.CreatePDF(html(document, as_they_are), dest=file)
    return file.getvalue()


def seconds(make: Make, document: ReportDocument) -> float:
    start = time.perf_counter()
    make(document)
    return time.perf_counter() - start


def medians(document: ReportDocument, rounds: int, **ways: Make) -> dict[str, float]:
    for make in ways.values():
        make(document)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, make in ways.items():
            times[name].append(seconds(make, document))
    return {name: statistics.median(taken) for name, taken in times.items()}


def growth() -> float:
    """Return by what share this process grows over `RENDERS` renders, after the first five."""
    render, document = PdfRenderer(SETTINGS).render, with_photos()
    process, sizes = psutil.Process(), []
    for renders in (5, RENDERS):
        for _ in range(renders):
            render(document)
        sizes.append(process.memory_info().rss)
    return sizes[1] / sizes[0] - 1


def main() -> int:
    logging.disable(logging.CRITICAL)
    pdf, png, jpeg = (kind(SETTINGS).render for kind in (PdfRenderer, PngRenderer, JpegRenderer))
    photos, tables = with_photos(), of_tables()
    times = medians(photos, ROUNDS, pdf=pdf, png=png, jpeg=jpeg, weasyprint=by_weasyprint)
    naive = seconds(by_xhtml2pdf, photos)
    long = medians(tables, 1, pdf=pdf, weasyprint=by_weasyprint)
    reached = {
        "PDF by WeasyPrint": times["pdf"] / times["weasyprint"],
        "PDF by xhtml2pdf as it comes": times["pdf"] / naive,
        "100 pages by WeasyPrint": long["pdf"] / long["weasyprint"],
        "PNG": times["png"] / times["pdf"],
        "JPEG": times["jpeg"] / times["pdf"],
    }
    print("12 photos:", ", ".join(f"{name} {1000 * taken:.0f} ms" for name, taken in times.items()))
    print(f"xhtml2pdf as it comes {naive:.1f} s")
    print("100 pages:", ", ".join(f"{name} {taken:.1f} s" for name, taken in long.items()))
    for name, ratio in reached.items():
        print(f"{name}: {ratio:.3g} times, limit {LIMITS[name]}")
    grown, made = float(run_alone("growth")), len(pdf(photos))
    print(f"memory after {RENDERS} more renders: {grown:+.1%}, limit {MOST_GROWTH:+.0%}")
    print(f"the PDF has {made / 1e6:.2f} MB, limit {MOST_BYTES / 1e6:.0f}")
    over = [name for name, ratio in reached.items() if ratio > LIMITS[name]]
    return int(bool(over) or grown > MOST_GROWTH or made > MOST_BYTES)


def run_alone(part: str) -> str:
    command = [sys.executable, __file__, part]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    if sys.argv[1:] == ["growth"]:
        logging.disable(logging.CRITICAL)
        print(growth())
    else:
        raise SystemExit(main())
