"""A host's workers and Gemini: a hundred previews, while a tenth of Gemini's answers go wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from pictures import opened
from PIL import Image, ImageDraw
from workers import environment, worker

import docwiz_tasks
from docwiz_tasks import DocWiz, DocWizError
from docwiz_tasks.testing.emulator import Emulator, Fault, gemini
from docwiz_tasks.testing.emulator.faults import Received
from docwiz_tasks.testing.emulator.pictures import decoded, thumbnail_vector

PREVIEWS, SECONDS = 100, 120
WIDTH, HEIGHT, BLOCK = 320, 400, 40
BITS = 7
SETTINGS = {
    "ai_provider": "gemini",
    "image_provider": "offline",
    "gemini_api_key": "emulated",
    "provider_timeout_seconds": "5",
    "retry_base_seconds": "0.1",
    "retry_in_place_seconds": "0.5",
    "store_fsync": "false",
}

Parts = list[dict[str, Any]]


def half_a_picture(parts: Parts) -> Parts:
    return [{"inlineData": {"mimeType": "image/png", "data": "A"}}]


WIRE = [
    Fault(reset=True),
    Fault(delay_seconds=60),
    Fault(cut=0.5),
    Fault(cut=0.5, unfinished=True),
    *(gemini.error(status) for status in (408, 500, 503, 504)),
    gemini.error(429, retry_delay="0.2s"),
    # Longer than a worker is kept waiting: a later delivery tries it again.
    gemini.error(429, retry_after="1"),
]
NO_PICTURE = [
    gemini.reshaped(half_a_picture),
    *(gemini.refused(reason) for reason in ("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS")),
]
LASTING = [
    (gemini.blocked("PROHIBITED_CONTENT"), "provider_refused", "PROHIBITED_CONTENT"),
    (gemini.blocked("OTHER"), "provider_refused", "OTHER"),
    (gemini.refused("IMAGE_SAFETY", message="Unsafe."), "provider_refused", "IMAGE_SAFETY: Unsafe"),
    (gemini.refused("RECITATION"), "provider_refused", "RECITATION"),
    *((gemini.error(status), "provider_rejected", f"{status}") for status in (400, 402, 403, 404)),
]


def coded(number: int) -> bytes:
    """Return a photo that says its number twice, in blocks of black or white and the reverse."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (150, 120, 100))
    draw = ImageDraw.Draw(image)
    for row, code in enumerate((number, ~number)):
        for bit in range(BITS):
            at = (20 + bit * BLOCK, 40 + row * BLOCK)
            end = (at[0] + BLOCK - 1, at[1] + BLOCK - 1)
            draw.rectangle((at, end), "white" if code >> bit & 1 else "black")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def number_in(picture: bytes) -> int:
    """Return the number that a photo, or a preview of it, says."""
    image = opened(picture).convert("L").resize((WIDTH, HEIGHT))
    pixels = image.tobytes()

    def code(row: int) -> int:
        start = (40 + row * BLOCK + BLOCK // 2) * WIDTH + 20 + BLOCK // 2
        return sum((pixels[start + bit * BLOCK] > 128) << bit for bit in range(BITS))

    assert code(0) ^ code(1) == (1 << BITS) - 1
    return code(0)


class Numbers:
    """Tells which photo a request is about."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def __call__(self, received: Received) -> int:
        key = id(received)
        if key not in self._known:
            (data,) = _texts(received.body, "data")
            self._known[key] = number_in(decoded(data))
        return self._known[key]


def _texts(body: Any, name: str) -> Iterator[str]:
    if isinstance(body, dict):
        if isinstance(body.get(name), str):
            yield body[name]
        body = list(body.values())
    for value in body if isinstance(body, list) else ():
        yield from _texts(value, name)


def vectors(docwiz: DocWiz, visualization_id: str) -> dict[str, list[float]]:
    stored = json.loads(docwiz.store.get(f"embeddings/{visualization_id}.json") or b"{}")
    return {name: stored[name] for name in ("before", "after")}


@pytest.mark.timeout(240)
def test_a_hundred_previews_with_a_tenth_of_faults_end_right_each_with_its_own_pictures(
    redis_url: str, tmp_path: Path
) -> None:
    numbers = Numbers()
    faults = [(fault, "generateContent") for fault in [*WIRE, *NO_PICTURE]]
    faults += [(fault, "batchEmbedContents") for fault in WIRE]
    # Spread over all: a photo of every third number meets one that passes.
    passing = dict(zip(range(0, PREVIEWS, 3), faults, strict=False))
    lasting = dict(zip(range(1, PREVIEWS, 12), LASTING, strict=False))
    assert (len(passing), len(lasting)) == (len(faults), len(LASTING))
    with Emulator(long_side=HEIGHT) as emulator:
        for number, (fault, operation) in passing.items():
            emulator.plan(fault, operation=operation, when=lambda r, n=number: numbers(r) == n)  # type: ignore[misc]
        for number, (fault, _, _) in lasting.items():
            emulator.plan(fault, fault, when=lambda r, n=number: numbers(r) == n)  # type: ignore[misc]
        values = {
            **SETTINGS,
            "gemini_base_url": emulator.url,
            "store_url": (tmp_path / "store").as_uri(),
        }
        env = {f"DOCWIZ_{name.upper()}": value for name, value in values.items()}
        app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
        docwiz = docwiz_tasks.register(app, docwiz_tasks.Settings(**values))
        with worker(
            environment(redis_url, redis_url, tmp_path / "store", **env),
            tmp_path / "log",
            *("--pool=prefork", "--concurrency=4", "--without-mingle", "--without-gossip"),
        ):
            ids = [docwiz.add_image(coded(number)) for number in range(PREVIEWS)]
            jobs = [docwiz.visualize(image_id, "rhinoplasty") for image_id in ids]
            for number, job in enumerate(jobs):
                if number in lasting:
                    with pytest.raises(DocWizError):
                        job.result(SECONDS)
                    continue
                result = job.result(SECONDS)
                before = docwiz.open(result["before_image_url"]).read()
                after = docwiz.open(result["after_image_url"]).read()
                assert (number_in(before), number_in(after)) == (number, number)
                assert vectors(docwiz, result["id"]) == {
                    "before": thumbnail_vector(before, 768),
                    "after": thumbnail_vector(after, 768),
                }
                assert result["paid_calls"]["made"] == 3 + (number in passing)
        for number, (_, code, reason) in lasting.items():
            error = jobs[number].status().error or {}
            assert error["code"] == code
            assert reason in error["message"]
            assert not error["retryable"]
        asked = [numbers(received) for received in emulator.received]
    # A refusal and an error that stays were not asked for again.
    assert [asked.count(number) for number in lasting] == [1] * len(lasting)
    assert len(passing) + len(lasting) >= len(asked) / 10
