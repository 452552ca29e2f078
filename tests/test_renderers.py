"""What the built-in renderers promise, whatever a report says."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
from PIL import Image

from docwiz_tasks import DocWizError, Settings
from docwiz_tasks.contracts import (
    Renderer,
    ReportDocument,
    ReportPicture,
    ReportSection,
    ReportTable,
)
from docwiz_tasks.errors import RenderFailed, SettingsError
from docwiz_tasks.imaging import marks
from docwiz_tasks.renderers.json_document import JsonRenderer
from docwiz_tasks.renderers.pdf import PdfRenderer
from docwiz_tasks.renderers.raster import JpegRenderer, PngRenderer
from docwiz_tasks.typography import FONTS
from docwiz_tasks.typography.coverage import characters_of

SETTINGS = Settings(font_path=None)
RENDERERS = (PdfRenderer, PngRenderer, JpegRenderer, JsonRenderer)
NOTICE = "Simulated pictures are no promise of a result."
HAN = "\u540d\u524d"


@cache
def photo(size: tuple[int, int] = (400, 500), kind: str = "JPEG", seed: int = 0) -> bytes:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste(
        (20 * seed % 255, 90, 120), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2)
    )
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def shown(caption: str = "Before", *, simulated: bool = False, data: bytes | None = None) -> Any:
    return ReportPicture(data or photo(), "image/jpeg", caption, simulated)


def report(*sections: ReportSection, **changed: Any) -> ReportDocument:
    values: dict[str, Any] = {
        "id": "report-17",
        "title": "Consultation report",
        "generated_at": datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
        "locale": "en",
        "shareable": False,
        "patient": (("Patient", "Ada Example"), ("Date of birth", "23 April 1991")),
        "sections": sections or (ReportSection("Rhinoplasty", ("A paragraph.",)),),
        "notice": NOTICE,
    }
    return ReportDocument(**{**values, **changed})


def full_report() -> ReportDocument:
    costs = ReportTable(
        ("Item", "Amount"),
        (("Surgeon's fee", "USD 7,400.00"), ("Total", "USD 11,200.00")),
        frozenset({1}),
    )
    pictures = (shown("Seen before"), shown("Seen after", simulated=True))
    section = ReportSection("Rhinoplasty", ("One paragraph.", "Another."), pictures, (costs,))
    return report(section)


TEXTS_OF_THE_FULL_REPORT = (
    "Consultation report", "report-17", "Ada Example", "23 April 1991", NOTICE, "Rhinoplasty",
    "One paragraph.", "Another.", "Seen before", "Seen after", "Item", "Amount",
    "Surgeon's fee", "USD 7,400.00", "Total", "USD 11,200.00",
)  # fmt: skip


def pages_of(pdf: bytes) -> list[str]:
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def text_of(document: ReportDocument) -> str:
    return " ".join(" ".join(pages_of(PdfRenderer(SETTINGS).render(document))).split())


def failure_of(document: ReportDocument, renderer: Any = PdfRenderer) -> DocWizError:
    with pytest.raises(DocWizError) as failure:
        renderer(SETTINGS).render(document)
    return failure.value


@pytest.fixture
def everything_logged() -> Iterator[Callable[[], str]]:
    """Collect each record of each logger, however a host has set it up."""
    records: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage() + str(record.exc_info))

    loggers = [logging.getLogger(name) for name in ("", "xhtml2pdf", "xhtml2pdf.context")]
    before = [logger.level for logger in loggers]
    collector = Collector()
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(collector)
    yield lambda: "\n".join(records)
    loggers[0].removeHandler(collector)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("kind", RENDERERS)
def test_a_built_in_renderer_is_a_renderer(kind: Any) -> None:
    assert isinstance(kind(SETTINGS), Renderer)


def test_importing_the_renderers_imports_nothing_heavy() -> None:
    code = (
        "import sys, docwiz_tasks.renderers.pdf, docwiz_tasks.renderers.raster,"
        " docwiz_tasks.renderers.json_document\n"
        "heavy = {'PIL', 'reportlab', 'xhtml2pdf', 'jinja2', 'pypdf', 'pypdfium2'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (PdfRenderer, "xhtml2pdf.pisa"),
        (PdfRenderer, "jinja2"),
        (PngRenderer, "pypdfium2"),
        (JpegRenderer, "xhtml2pdf.pisa"),
    ],
)
def test_a_missing_library_is_named_by_its_extra(
    kind: Any, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docwiz_tasks.renderers import layout

    layout._template.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    failure = failure_of(full_report(), kind)
    assert failure.code == "extra_missing"
    assert "docwiz-tasks[documents]" in str(failure)


@pytest.mark.parametrize("kind", RENDERERS)
def test_the_same_document_gives_the_same_bytes(kind: Any) -> None:
    assert kind(SETTINGS).render(full_report()) == kind(SETTINGS).render(full_report())


def test_the_pdf_has_the_whole_content() -> None:
    text = text_of(full_report())
    assert [part for part in TEXTS_OF_THE_FULL_REPORT if part not in text] == []
    assert "4 May 2026, 09:30 UTC" in text


def test_the_json_has_the_whole_content() -> None:
    text = JsonRenderer(SETTINGS).render(full_report()).decode()
    assert [part for part in TEXTS_OF_THE_FULL_REPORT if part not in text] == []
    content = json.loads(text)
    assert list(content) == [
        "version", "id", "title", "generated_at", "locale", "shareable", "simulated",
        "digital_source_type", "notice", "patient", "sections",
    ]  # fmt: skip
    assert content["generated_at"] == "2026-05-04T09:30:00+00:00"
    assert content["sections"][0]["tables"][0]["numeric"] == [1]


def test_the_jsons_pictures_can_be_checked() -> None:
    content = json.loads(JsonRenderer(SETTINGS).render(full_report()))
    before, after = content["sections"][0]["pictures"]
    for picture in (before, after):
        data = base64.b64decode(picture["data"])
        assert hashlib.sha256(data).hexdigest() == picture["sha256"]
        assert Image.open(io.BytesIO(data)).get_format_mimetype() == picture["media_type"]
    assert (before["simulated"], after["simulated"]) == (False, True)
    assert marks.read_source_type(base64.b64decode(after["data"])) == marks.EDITED
    assert marks.read_source_type(base64.b64decode(before["data"])) is None


def test_the_json_writes_letters_as_they_are() -> None:
    assert "Łucja".encode() in JsonRenderer(SETTINGS).render(report(title="Łucja"))


@pytest.mark.parametrize("kind", [PngRenderer, JpegRenderer])
def test_a_picture_of_the_report_has_all_pages_below_each_other(kind: Any) -> None:
    rows = tuple((f"Row {n}", f"{n}.00") for n in range(70))
    document = report(ReportSection("Long", (), (), (ReportTable(("Item", "Amount"), rows),)))
    pages = len(pages_of(PdfRenderer(SETTINGS).render(document)))
    data = kind(SETTINGS).render(document)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.get_format_mimetype() == kind.media_type
        assert image.height / image.width == pytest.approx(pages * 297 / 210, rel=0.01)
    assert pages > 1
    assert kind(SETTINGS).count_pages(data) == pages


def test_png_and_jpeg_show_the_same() -> None:
    sheets = [
        Image.open(io.BytesIO(kind(SETTINGS).render(full_report()))).resize((124, 175))
        for kind in (PngRenderer, JpegRenderer)
    ]
    colours = [sheet.convert("RGB").tobytes() for sheet in sheets]
    differences = [abs(a - b) for a, b in zip(*colours, strict=True)]
    assert max(differences) < 16


def test_a_report_too_long_for_one_picture_is_refused_not_made_unreadable() -> None:
    tall = shown(data=photo((300, 900)))
    document = report(ReportSection("Many", (), (tall,) * 2 * 2 * 74))
    failure = failure_of(document, JpegRenderer)
    assert failure.code == "render_failed"
    assert "export it as a PDF" in str(failure)


@pytest.mark.parametrize("kind", [PngRenderer, JpegRenderer])
def test_a_picture_of_a_report_with_simulations_is_marked_for_machines(kind: Any) -> None:
    assert marks.read_source_type(kind(SETTINGS).render(full_report())) == marks.EDITED
    assert marks.read_source_type(kind(SETTINGS).render(report())) is None


def test_a_simulated_picture_is_captioned_as_one() -> None:
    assert text_of(full_report()).count("AI simulation") == 1
    assert "AI simulation" not in text_of(report(ReportSection("One", (), (shown(),))))


def test_the_pdf_says_for_machines_that_it_has_simulations() -> None:
    with closing(pypdfium2.PdfDocument(PdfRenderer(SETTINGS).render(full_report()))) as document:
        facts = document.get_metadata_dict()
    assert facts["Keywords"] == "AI simulation"
    assert facts["Title"] == "Consultation report"
    assert facts["CreationDate"].startswith("D:20260504093000")


def test_only_a_pdf_with_simulations_is_marked_as_a_whole() -> None:
    for document, expected in ((full_report(), marks.EDITED), (report(), None)):
        reader: Any = pypdf.PdfReader(io.BytesIO(PdfRenderer(SETTINGS).render(document)))
        packet = reader.trailer["/Root"].get("/Metadata")
        assert (packet and marks.read_source_type(packet.get_data())) == expected


def test_times_are_shown_in_utc() -> None:
    at = datetime(2026, 5, 5, 1, 30, tzinfo=timezone(timedelta(hours=5)))
    assert "4 May 2026, 20:30 UTC" in text_of(report(generated_at=at))


def test_a_shareable_report_has_no_patients_box() -> None:
    document = report(shareable=True, patient=())
    assert "Ada Example" not in text_of(document)
    assert json.loads(JsonRenderer(SETTINGS).render(document))["patient"] == []


def test_each_page_says_which_of_how_many_it_is() -> None:
    sections = [ReportSection(f"Part {n}", (), (shown(), shown(), shown())) for n in range(3)]
    pages = pages_of(PdfRenderer(SETTINGS).render(report(*sections)))
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Report report-17" in page


@pytest.mark.parametrize("name", ["Łucja Żółć-Ångström", "Юлия", "Ελένη"])
def test_a_name_shows_as_it_is_written(name: str) -> None:
    assert name in text_of(report(patient=(("Patient", name),)))


def test_an_arabic_name_is_joined_and_written_from_the_right() -> None:
    pdf = PdfRenderer(SETTINGS).render(report(title="\u0644\u064a\u0644\u0649"))
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        page = document[0].get_textpage()
        glyphs = [
            (page.get_charbox(n)[0], page.get_text_range(n, 1)) for n in range(page.count_chars())
        ]
    arabic = [(left, c) for left, c in glyphs if "\u0600" <= c <= "\u06ff" or c >= "\ufe70"]
    lefts = [left for left, _ in arabic]
    assert len(set(lefts)) == 4
    # Read on the page from the right: lam, yeh, lam, alef maksura, in their joined forms.
    read = [c for _, c in sorted(arabic, reverse=True)]
    assert read[0] in "\u0644\ufedf"
    assert read[-1] in "\u0649\ufef0"


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src='http://127.0.0.1:9/x.png'>",
    "<pdf:nextpage>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "</style><style>@import url(file:///etc/passwd)",
    "&lt;b&gt;&amp;",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_text_and_loads_nothing(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    table = ReportTable((text,), ((text,),))
    section = ReportSection(text, (text,), (shown(text),), (table,))
    document = report(
        section, title=text, id=text, locale=text, notice=text, patient=((text, text),)
    )
    pages = pages_of(PdfRenderer(SETTINGS).render(document))
    seen = "".join("".join(pages).split())
    assert seen.count("".join(text.split())) >= 9
    assert len(pages) == 1


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize(
    "text", ["a\x00b\x07\x1bc", "a\ud800b\udfff", "\ufffe\uffff\ue000", "a\u2028b\u202ec\u200b"]
)
def test_characters_that_cannot_be_printed_do_no_harm(kind: Any, text: str) -> None:
    section = ReportSection(text, (text,), (), (ReportTable((text,), ((text,),)),))
    document = report(section, title=text, id=text, locale=text, notice=text)
    assert kind(SETTINGS).render(document)


def test_a_very_long_word_stays_on_the_page() -> None:
    word = "abcdefghij" * 60
    table = ReportTable(("Item", word), ((word, "1.00"),), frozenset({1}))
    pdf = PdfRenderer(SETTINGS).render(report(ReportSection("Long", (word,), (), (table,))))
    assert "".join("".join(pages_of(pdf)).split()).count(word) == 3
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        for page in document:
            text = page.get_textpage()
            rights = [text.get_charbox(n)[2] for n in range(text.count_chars())]
            assert max(rights) < page.get_width() - 50


def test_a_long_table_goes_on_with_its_head_on_each_page() -> None:
    rows = tuple((f"Row {n}", f"{n}.00") for n in range(120))
    table = ReportTable(("Item of the list", "Amount"), rows, frozenset({1}))
    pages = pages_of(PdfRenderer(SETTINGS).render(report(ReportSection("Long", (), (), (table,)))))
    assert len(pages) >= 3
    assert all("Item of the list" in page for page in pages)
    together = " ".join(" ".join(pages).split())
    assert all(f"Row {n} {n}.00" in together for n in range(120))


def test_a_cell_taller_than_a_page_goes_on_at_a_readable_size() -> None:
    text = " ".join(f"word{n}" for n in range(2500))
    table = ReportTable(("Text", "Amount"), ((text, "1.00"),), frozenset({1}))
    pages = pages_of(PdfRenderer(SETTINGS).render(report(ReportSection("Tall", (), (), (table,)))))
    assert len(pages) > 2
    assert "word2499" in pages[-1]


def test_numbers_stand_at_the_right_of_their_column() -> None:
    table = ReportTable(("Item", "Amount"), (("Fee", "1.00"), ("Fee", "10,000.00")), frozenset({1}))
    pdf = PdfRenderer(SETTINGS).render(report(ReportSection("Costs", (), (), (table,))))
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        page = document[0].get_textpage()
        text = page.get_text_range(0, page.count_chars())
        ends = [page.get_charbox(text.index(n) + len(n) - 1)[2] for n in ("1.00", "10,000.00")]
    assert ends[0] == pytest.approx(ends[1], abs=0.5)


def test_a_row_with_more_cells_than_its_head_is_refused() -> None:
    table = ReportTable(("One",), (("1", "2"),))
    assert failure_of(report(ReportSection("T", (), (), (table,)))).code == "render_failed"


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize(
    "damage", [b"", b"no picture", photo()[:900], photo()[: len(photo()) // 2]]
)
def test_a_picture_that_cannot_be_read_fails_the_report(kind: Any, damage: bytes) -> None:
    broken = ReportPicture(damage, "image/jpeg", "Secret caption", simulated=False)
    failure = failure_of(report(ReportSection("One", (), (broken,))), kind)
    assert type(failure) is RenderFailed
    assert "Secret" not in str(failure)


def test_a_picture_that_the_layout_leaves_out_fails_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from docwiz_tasks.renderers import layout, pdf

    def without_pictures(*arguments: Any, **options: Any) -> str:
        return layout.html_of(*arguments, **options).replace("<img", "<span")

    monkeypatch.setattr(pdf, "html_of", without_pictures)
    assert "missing" in str(failure_of(full_report()))


def test_a_foreign_file_fails_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from docwiz_tasks.renderers import layout, pdf

    def with_foreign_file(*arguments: Any, **options: Any) -> str:
        foreign = '<img src="/etc/passwd"></body>'
        return layout.html_of(*arguments, **options).replace("</body>", foreign)

    monkeypatch.setattr(pdf, "html_of", with_foreign_file)
    assert "isn't the report's own" in str(failure_of(full_report()))


def test_photos_are_printed_upright_without_metadata_and_on_white() -> None:
    sideways = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Ada Example"
    file = io.BytesIO()
    sideways.save(file, "JPEG", exif=exif)
    clear = io.BytesIO()
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(clear, "PNG")
    pictures = (shown(data=file.getvalue()), shown(data=clear.getvalue()))
    content = json.loads(JsonRenderer(SETTINGS).render(report(ReportSection("P", (), pictures))))
    turned, white = (base64.b64decode(p["data"]) for p in content["sections"][0]["pictures"])
    with Image.open(io.BytesIO(turned)) as image:
        assert image.height == 2 * image.width
    assert b"Ada" not in turned
    assert b"Exif" not in turned
    with Image.open(io.BytesIO(white)) as image:
        assert image.getpixel((50, 50)) == (255, 255, 255)


def test_a_missing_script_says_which_setting_to_set_and_shows_no_text(
    everything_logged: Callable[[], str],
) -> None:
    failure = failure_of(report(patient=(("Patient", f"Ada {HAN}"),)))
    assert failure.code == "render_failed"
    assert "DOCWIZ_FONT_PATH" in str(failure)
    for secret in (HAN, "Ada"):
        assert secret not in str(failure)
        assert secret not in everything_logged()


def test_the_font_that_was_set_is_used_for_what_the_own_font_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docwiz_tasks.renderers import text

    # A font that has them is large: here the own font is told to lack what it has.
    other = tmp_path / "Other.ttf"
    other.write_bytes((FONTS / "DejaVuSans.ttf").read_bytes())
    greek = frozenset(map(ord, "Ελένη"))
    has = characters_of
    monkeypatch.setattr(text, "characters_of", lambda f: has(f) - greek if f != other else has(f))
    document = report(title="Ελένη", patient=(("Ελένη", "Ελένη"),))
    with pytest.raises(RenderFailed):
        PdfRenderer(SETTINGS).render(document)
    pages = pages_of(PdfRenderer(Settings(font_path=str(other))).render(document))
    assert pages[0].count("Ελένη") == 3


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x00\x00no font at all" * 50])
def test_a_font_that_cannot_be_read_is_a_wrong_setting(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "Other.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="DOCWIZ_FONT_PATH"):
        PdfRenderer(Settings(font_path=str(path))).render(report(title=HAN))


def test_a_layout_that_fails_tells_nothing_of_the_document(
    everything_logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xhtml2pdf import pisa

    def broken(html: str, **_: Any) -> None:
        logging.getLogger("xhtml2pdf.context").warning("No font can draw %s", html)
        raise ValueError(html)

    monkeypatch.setattr(pisa, "CreatePDF", broken)
    failure = failure_of(full_report())
    assert str(failure) == "The report can't be laid out: ValueError."
    assert failure.__cause__ is None
    assert failure.__suppress_context__
    assert "Ada" not in everything_logged()


def test_nothing_of_a_report_is_logged(everything_logged: Callable[[], str]) -> None:
    section = ReportSection("Ada's section", ("Ada " * 40 + "x" * 300,), (shown("Ada"),))
    PdfRenderer(SETTINGS).render(report(section, title="Ada"))
    JsonRenderer(SETTINGS).render(report(section))
    assert "Ada" not in everything_logged()


def test_the_hosts_reportlab_and_logging_are_left_as_they_were() -> None:
    from reportlab import rl_config

    logger = logging.getLogger("xhtml2pdf.context")
    before = rl_config.invariant, rl_config.useA85, logger.level
    PdfRenderer(SETTINGS).render(report())
    failure_of(report(title=HAN))
    assert (rl_config.invariant, rl_config.useA85, logger.level) == before


def test_threads_can_render_at_once() -> None:
    expected = PngRenderer(SETTINGS).render(full_report())
    made: list[bytes] = []

    def render() -> None:
        made.append(PngRenderer(SETTINGS).render(full_report()))

    threads = [threading.Thread(target=render) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


def test_the_report_of_twelve_large_photos_stays_small() -> None:
    grain = Image.effect_noise((512, 512), 24).convert("RGB").resize((2048, 2048))
    pictures = []
    for seed in range(12):
        image = Image.blend(Image.open(io.BytesIO(photo((2048, 2048), seed=seed))), grain, 0.4)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        pictures.append(shown(f"Picture {seed}", simulated=bool(seed % 2), data=file.getvalue()))
    pdf = PdfRenderer(SETTINGS).render(report(ReportSection("Photos", (), tuple(pictures))))
    assert len(pdf) < 1_000_000
    assert pdf.count(b"/DCTDecode") == 12
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        images = [o for page in document for o in page.get_objects(filter=[3], max_depth=4)]
        assert len(images) == 12
        # 80 mm wide at 200 dpi.
        assert all(image.get_metadata().width == 630 for image in images)


def test_a_report_with_nothing_in_it_has_one_page() -> None:
    renderer = PdfRenderer(SETTINGS)
    empty = report(patient=(), sections=(), notice="")
    assert renderer.count_pages(renderer.render(ReportDocument(**_with_no_sections(empty)))) == 1


def _with_no_sections(document: ReportDocument) -> dict[str, Any]:
    return {name: getattr(document, name) for name in document.__slots__} | {"sections": ()}
