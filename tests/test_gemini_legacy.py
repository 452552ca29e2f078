"""Gemini on the wire: google-generativeai against the emulator, in an environment of its own."""

from __future__ import annotations

import importlib.util
import logging
import time
import traceback
from typing import Any

import pytest
from pictures import opened, photo

from docwiz_tasks import (
    EditRequest,
    GeneratedImage,
    ProviderError,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
    Settings,
    SettingsError,
)
from docwiz_tasks.providers.gemini_legacy import LegacyGeminiProvider
from docwiz_tasks.testing.emulator import Emulator, Fault, gemini
from docwiz_tasks.testing.emulator.pictures import decoded, in_base64

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("google.ai"), reason="runs in tox's environment legacy"
)

KEY = "AIzaSyCanary-0123456789"


def provider(emulator: Emulator, key: str = KEY) -> LegacyGeminiProvider:
    return LegacyGeminiProvider(
        Settings(gemini_api_key=key, gemini_base_url=emulator.url, plugins="none")
    )


def edited(emulator: Emulator, data: bytes, seconds: float = 30) -> GeneratedImage:
    request = EditRequest(data, "image/jpeg", "Change it.", "nose", timeout_seconds=seconds)
    return provider(emulator).edit_image(request)


def failure(emulator: Emulator, fault: Fault) -> ProviderError:
    emulator.plan(fault)
    with pytest.raises(ProviderError) as caught:
        edited(emulator, photo())
    return caught.value


def test_a_photo_is_sent_and_a_picture_of_its_shape_comes_back(docwiz_emulator: Emulator) -> None:
    image = edited(docwiz_emulator, photo(size=(900, 1100)))
    width, height = opened(image.data).size
    assert width / height == pytest.approx(900 / 1100, rel=0.005)
    (received,) = docwiz_emulator.received
    assert received.headers["x-goog-api-key"] == KEY
    inline, text = received.body["contents"][0]["parts"]
    assert inline["inlineData"]["mimeType"] == "image/jpeg"
    # The bytes as they were: the library would make a WebP of a picture.
    assert decoded(inline["inlineData"]["data"]) == photo(size=(900, 1100))
    assert text == {"text": "Change it."}
    assert received.body["generationConfig"]["responseModalities"] in (["TEXT", "IMAGE"], [1, 2])


def test_the_answer_tells_type_model_id_and_usage(docwiz_emulator: Emulator) -> None:
    image = edited(docwiz_emulator, photo())
    assert (image.media_type, image.model) == ("image/jpeg", "gemini-nano-banana-2.1")
    assert opened(image.data).format == "JPEG"
    assert image.provider_id
    assert image.usage["totalTokenCount"] == 1388


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: list(reversed(parts)),
        lambda parts: [*parts, {"inlineData": black(), "thought": True}],
        lambda parts: [{"inlineData": black()}, *parts],
        lambda parts: [{"inlineData": {**parts[1]["inlineData"], "mimeType": "image/jpeg"}}],
    ],
    ids=["image first", "thought last", "several", "another type"],
)
def test_the_last_image_that_is_no_thought_is_taken_wherever_it_stands(
    docwiz_emulator: Emulator, change: Any
) -> None:
    usual = edited(docwiz_emulator, photo())
    docwiz_emulator.plan(gemini.reshaped(change))
    changed = edited(docwiz_emulator, photo())
    assert (changed.data, changed.media_type) == (usual.data, usual.media_type)


def black() -> dict[str, str]:
    return {"mimeType": "image/jpeg", "data": in_base64(photo((0, 0, 0)))}


@pytest.mark.parametrize(
    "reason", ["PROHIBITED_CONTENT", "SAFETY", "OTHER", "BLOCKLIST", "IMAGE_SAFETY"]
)
def test_a_blocked_prompt_is_a_refusal(docwiz_emulator: Emulator, reason: str) -> None:
    error = failure(docwiz_emulator, gemini.blocked(reason))
    assert isinstance(error, ProviderRefused)
    assert (error.reason, error.retryable) == (reason, False)


NEVER = [
    "IMAGE_SAFETY",
    "SAFETY",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "RECITATION",
    "A_WORD_OF_TOMORROW",
]
PERHAPS = ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS"]


@pytest.mark.parametrize(
    ("reason", "word", "content"),
    [
        *((word, word, ...) for word in NEVER + PERHAPS),
        *(("IMAGE_SAFETY", "IMAGE_SAFETY", content) for content in ({}, {"parts": None}, None)),
        (3, "SAFETY", ...),
        (99, "99", ...),
    ],
)
def test_an_answer_without_image_is_a_refusal_with_its_reason_and_message(
    docwiz_emulator: Emulator, reason: Any, word: str, content: object
) -> None:
    fault = gemini.refused(reason, message="Unable to show it.", content=content)
    error = failure(docwiz_emulator, fault)
    assert isinstance(error, ProviderRefused)
    assert error.reason == f"{word}: Unable to show it."
    assert error.retryable == (word in PERHAPS)


@pytest.mark.parametrize("in_list", [False, True], ids=["plain", "in a list"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (402, ProviderRejected),
        (403, ProviderRejected),
        (404, ProviderRejected),
        (408, ProviderUnavailable),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
    ],
)
def test_each_error_is_told_as_one_of_ours(
    docwiz_emulator: Emulator, status: int, kind: type[Exception], in_list: bool
) -> None:
    error = failure(docwiz_emulator, gemini.error(status, in_list=in_list))
    assert type(error) is kind
    assert str(status) in str(error)


@pytest.mark.parametrize("word", ["INVALID_ARGUMENT", "FAILED_PRECONDITION"])
def test_a_request_that_is_wrong_is_rejected_by_its_own_word(
    docwiz_emulator: Emulator, word: str
) -> None:
    error = failure(docwiz_emulator, gemini.error(400, word=word))
    assert type(error) is ProviderRejected
    assert f"400 ({word})" in str(error)


def test_a_bad_key_says_what_to_set(docwiz_emulator: Emulator) -> None:
    error = failure(docwiz_emulator, gemini.error(400, reason="API_KEY_INVALID"))
    assert "DOCWIZ_GEMINI_API_KEY" in str(error)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (gemini.error(429, retry_delay="17s"), 17),
        (gemini.error(408, retry_delay="17s"), 17),
        (gemini.error(429, retry_after="9"), 9),
        (gemini.error(429), None),
    ],
)
def test_the_delay_that_gemini_asks_for_is_kept(
    docwiz_emulator: Emulator, fault: Fault, seconds: float | None
) -> None:
    error = failure(docwiz_emulator, fault)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "fault",
    [Fault(reset=True), Fault(cut=0.5), Fault(cut=0.5, unfinished=True)],
    ids=["reset", "cut", "half an answer"],
)
def test_a_connection_that_breaks_may_be_tried_again(
    docwiz_emulator: Emulator, fault: Fault
) -> None:
    assert isinstance(failure(docwiz_emulator, fault), ProviderUnavailable)


def test_the_library_retries_nothing_by_itself_and_keeps_to_the_time(
    docwiz_emulator: Emulator,
) -> None:
    docwiz_emulator.plan(gemini.error(503), Fault(delay_seconds=60))
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            edited(docwiz_emulator, photo(), seconds=1)
        assert time.monotonic() - began < 5
    assert len(docwiz_emulator.received) == 2


def test_a_missing_key_says_which_variable_to_set() -> None:
    with pytest.raises(SettingsError, match="DOCWIZ_GEMINI_API_KEY"):
        LegacyGeminiProvider(Settings(gemini_api_key=None, plugins="none"))


@pytest.mark.parametrize("key", [KEY, "AQ.Ab8Canary-0123456789"])
def test_a_key_shows_in_no_error_repr_or_log(
    docwiz_emulator: Emulator, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = provider(docwiz_emulator, key)
    message = f"API key {key} not valid. Please pass a valid API key."
    docwiz_emulator.plan(
        gemini.error(400, message=message, reason="API_KEY_INVALID"),
        gemini.refused("SAFETY", message=message),
    )
    for _ in range(2):
        with pytest.raises((ProviderRejected, ProviderRefused), match="not valid") as caught:
            asked.edit_image(EditRequest(photo(), "image/jpeg", "Change it.", "nose"))
        assert key not in "".join(traceback.format_exception(caught.value))
    assert [received.headers["x-goog-api-key"] for received in docwiz_emulator.received] == [
        key
    ] * 2
    assert key not in repr(vars(asked)) + caplog.text
