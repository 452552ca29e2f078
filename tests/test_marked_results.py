"""The marks of what jobs make, in the files that are handed out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypdf
import pytest
from celery import Celery
from certificates import identity, read
from PIL import Image

import docwiz_tasks
from docwiz_tasks import EditRequest, GeneratedImage
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.imaging import marks
from docwiz_tasks.testing.portrait import portrait
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 60
KINDS = ("JPEG", "PNG", "WEBP")
FORMATS = ("pdf", "png", "jpeg", "json")
PROPERTY = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


class EchoingProvider:
    """Answers with the photo, darker for each procedure in another way, in its own format."""

    def edit_image(self, request: EditRequest) -> GeneratedImage:
        image = Image.open(io.BytesIO(request.image))
        file = io.BytesIO()
        share = 128 + request.seed % 100
        image.point(lambda value: value * share // 256).save(file, image.format)
        return GeneratedImage(file.getvalue(), request.media_type, "echo-1")


class EchoingPlugin:
    @docwiz_tasks.hookimpl
    def docwiz_ai_providers(self) -> dict[str, Callable[[object], object]]:
        return {"echo": lambda _settings: EchoingProvider()}


def photo(kind: str) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(portrait())).resize((480, 600)).save(file, kind)
    return file.getvalue()


@dataclass(frozen=True)
class Made:
    """The files of one clinic, by what they are, and their authority."""

    files: dict[str, bytes]
    exports: dict[str, dict[str, Any]]
    store: Path
    authority: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All that jobs can make of a case, signed."""
    folder, signed_by = tmp_path_factory.mktemp("clinic"), identity()
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(), plugins="none", ai_provider="echo",
        image_provider="offline", fidelity_policy="off",
        **signed_by.files(folder),
    )  # fmt: skip
    docwiz = docwiz_tasks.register(app, settings)
    docwiz.plugins.manager.register(EchoingPlugin())
    case = add_sample_case(docwiz)
    images = {kind: docwiz.add_image(photo(kind)) for kind in KINDS}
    with embedded_worker(app):
        previews = {
            kind: docwiz.visualize(image, "rhinoplasty", case.patient_id)
            for kind, image in images.items()
        }
        comparison = docwiz.compare(images["JPEG"], ["otoplasty", "facelift"], case.patient_id)
        costs = {
            format: docwiz.infographic(case.cost_breakdown_id, format) for format in ("png", "jpeg")
        }
        urls = {f"after-{kind}": job.result(SECONDS)["after_image_url"]
                for kind, job in previews.items()}  # fmt: skip
        urls["comparison"] = comparison.result(SECONDS)["comparison_image_url"]
        urls |= {f"costs-{name}": job.result(SECONDS)["image_url"] for name, job in costs.items()}
        reports = {format: docwiz.export(case.patient_id, format=format) for format in FORMATS}
        exports = {format: job.result(SECONDS) for format, job in reports.items()}
    urls |= {f"report-{format}": result["file_url"] for format, result in exports.items()}
    files = {name: docwiz.open(url).read() for name, url in urls.items()}
    return Made(files, exports, folder / "store", signed_by.authority)


PICTURES = ("after-JPEG", "after-PNG", "after-WEBP", "comparison", "costs-png", "costs-jpeg",
            "report-png", "report-jpeg")  # fmt: skip
EXPECTED = {"costs-png": marks.ALGORITHMIC, "costs-jpeg": marks.ALGORITHMIC}


def source_types(packet: bytes) -> list[str | None]:
    root = ElementTree.fromstring(packet.decode().lstrip("\ufeff"))
    return [element.text for element in root.iter(PROPERTY)]


def packet_in(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        packet = image.info.get("xmp", b"")
    assert isinstance(packet, bytes)
    return packet


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_says_for_machines_what_it_is(made: Made, name: str) -> None:
    packet = packet_in(made.files[name])
    assert source_types(packet) == [EXPECTED.get(name, marks.EDITED)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_keeps_its_photos_format(made: Made, kind: str) -> None:
    with Image.open(io.BytesIO(made.files[f"after-{kind}"])) as image:
        assert image.format == kind


def test_artwork_is_marked_before_it_is_drawn_upon(made: Made) -> None:
    artworks = list(made.store.glob("infographics/*/artwork.*"))
    assert len(artworks) == 2
    for artwork in artworks:
        assert marks.read_source_type(artwork.read_bytes()) == marks.ALGORITHMIC


def test_each_simulated_picture_in_a_pdf_is_marked_and_so_is_the_pdf(made: Made) -> None:
    reader: Any = pypdf.PdfReader(io.BytesIO(made.files["report-pdf"]))
    # As they lie in the file, for whoever takes them out of it.
    streams = [
        image.indirect_reference.get_object()._data
        for page in reader.pages
        for image in page.images
    ]
    found = [marks.read_source_type(stream) for stream in streams]
    # Three photos before; a preview of each, and two of the comparison.
    assert sorted(found, key=str) == [None] * found.count(None) + [marks.EDITED] * 5
    metadata = reader.trailer["/Root"]["/Metadata"]
    assert (metadata["/Type"], metadata["/Subtype"]) == ("/Metadata", "/XML")
    assert source_types(metadata.get_data()) == [marks.EDITED]
    assert reader.metadata["/Keywords"] == "AI simulation"
    assert "Page 1 of" in reader.pages[0].extract_text()


def test_the_json_says_so_of_itself_and_of_each_picture(made: Made) -> None:
    report = json.loads(made.files["report-json"])
    assert report["digital_source_type"] == marks.EDITED
    pictures = [picture for section in report["sections"] for picture in section["pictures"]]
    assert {picture["simulated"] for picture in pictures} == {True, False}
    for picture in pictures:
        expected = marks.EDITED if picture["simulated"] else None
        assert picture["digital_source_type"] == expected
        assert marks.read_source_type(base64.b64decode(picture["data"])) == expected


MEDIA_TYPES = {
    **{f"after-{kind}": f"image/{kind.lower()}" for kind in KINDS},
    "comparison": "image/png",
    "costs-png": "image/png",
    "costs-jpeg": "image/jpeg",
    "report-png": "image/png",
    "report-jpeg": "image/jpeg",
    "report-pdf": "application/pdf",
}


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_each_file_is_signed_by_the_host_and_says_how_it_was_made(made: Made, name: str) -> None:
    found = read(made.files[name], MEDIA_TYPES[name], made.authority)
    assert found["validation_state"] == "Trusted"
    manifest = found["manifests"][found["active_manifest"]]
    assert manifest["signature_info"]["alg"] == "Es256"
    assert manifest["signature_info"]["issuer"] == "A clinic"
    assert manifest["claim_generator_info"][0]["name"] == "docwiz-tasks"
    assert "time" not in manifest["signature_info"]
    (assertion,) = (a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    *before, last = assertion["data"]["actions"]
    assert last["digitalSourceType"] == EXPECTED.get(name, marks.EDITED)
    if name.startswith("after"):
        assert [action["action"] for action in before] == ["c2pa.opened"]
        assert last["action"] == "c2pa.edited"
    else:
        assert not before
        assert last["action"] == "c2pa.created"


@pytest.mark.parametrize("name", ["after-JPEG", "after-PNG", "after-WEBP", "report-pdf"])
def test_a_changed_byte_is_noticed(made: Made, name: str) -> None:
    data = made.files[name]
    at = len(data) // 2
    changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    found = read(changed, MEDIA_TYPES[name], made.authority)
    assert found["validation_state"] == "Invalid"
    codes = [status["code"] for status in found["validation_status"]]
    assert "assertion.dataHash.mismatch" in codes


def test_a_changed_mark_is_noticed(made: Made) -> None:
    data = marks.embed_source_type(made.files["after-JPEG"], marks.GENERATED)
    assert read(data, "image/jpeg", made.authority)["validation_state"] == "Invalid"


def test_the_photo_before_the_edit_does_not_travel_along(made: Made) -> None:
    found = read(made.files["after-PNG"], "image/png", made.authority)
    manifest = found["manifests"][found["active_manifest"]]
    (before,) = manifest["ingredients"]
    assert before["relationship"] == "parentOf"
    assert not {"thumbnail", "data"} & before.keys()
    assert "thumbnail" not in manifest


@pytest.mark.parametrize("format", FORMATS)
def test_an_exports_size_and_sum_are_those_of_the_signed_file(made: Made, format: str) -> None:
    data, result = made.files[f"report-{format}"], made.exports[format]
    assert result["size_bytes"] == len(data)
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["pages"] == (None if format == "json" else made.exports["pdf"]["pages"])
