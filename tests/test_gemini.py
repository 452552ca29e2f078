"""Gemini on the wire: google-genai against the emulator."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pictures import opened, photo
from PIL import Image

from docwiz_tasks import (
    AIProvider,
    DocWiz,
    EditRequest,
    GeneratedImage,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
    Settings,
    SettingsError,
)
from docwiz_tasks.providers.gemini import EmbeddingGeminiProvider, gemini_provider
from docwiz_tasks.testing.emulator import Emulator, Fault, gemini
from docwiz_tasks.testing.emulator.pictures import decoded, in_base64

KEY = "AIzaSyCanary-0123456789"
Parts = list[dict[str, Any]]


def settings(emulator: Emulator, **more: Any) -> Settings:
    return Settings(
        **{"gemini_api_key": KEY, "gemini_base_url": emulator.url, "plugins": "none", **more}
    )


def edited(provider: AIProvider, data: bytes, prompt: str = "Change the nose.") -> GeneratedImage:
    request = EditRequest(data, "image/jpeg", prompt, "nose", seed=7)
    return asyncio.run(provider.edit_image(request))


def failure(emulator: Emulator, fault: Fault) -> Exception:
    emulator.plan(fault)
    with pytest.raises((ProviderUnavailable, ProviderRefused, ProviderRejected)) as caught:
        edited(gemini_provider(settings(emulator)), photo())
    return caught.value


def test_a_photo_is_sent_as_the_api_wants_it(docwiz_emulator: Emulator) -> None:
    chosen = settings(docwiz_emulator, gemini_image_size="2K")
    edited(gemini_provider(chosen), photo(), prompt="Narrow the bridge.")
    (received,) = docwiz_emulator.received
    assert received.path == "/v1beta/models/gemini-nano-banana-2.1:generateContent"
    assert received.headers["x-goog-api-key"] == KEY
    (content,) = received.body["contents"]
    assert content["role"] == "user"
    image, text = content["parts"]
    (inline,) = image.values()
    assert opened(decoded(inline["data"])).format == "JPEG"
    assert set(inline.values()) >= {"image/jpeg"}
    assert text == {"text": "Narrow the bridge."}
    config = received.body["generationConfig"]
    assert config["responseModalities"] == ["TEXT", "IMAGE"]
    assert config["imageConfig"] == {"aspectRatio": "3:4", "imageSize": "2K"}
    assert {
        "category": "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "threshold": "BLOCK_ONLY_HIGH",
    } in received.body["safetySettings"]


@pytest.mark.parametrize(
    ("chosen", "path"),
    [
        ({"gemini_model": "gemini-3-pro-image"}, "/v1beta/models/gemini-3-pro-image"),
        (
            {"gemini_model": "gemini-3.1-flash-lite-image", "gemini_api_version": "v1"},
            "/v1/models/gemini-3.1-flash-lite-image",
        ),
    ],
    ids=["model", "model and version"],
)
def test_model_and_version_are_the_settings(
    docwiz_emulator: Emulator, chosen: dict[str, str], path: str
) -> None:
    edited(gemini_provider(settings(docwiz_emulator, **chosen)), photo())
    assert docwiz_emulator.received[0].path == f"{path}:generateContent"


@pytest.mark.parametrize(
    ("project", "asked"),
    [
        (None, "https://generativelanguage.googleapis.com/v1beta/models/"),
        ("clinic", "https://europe-west4-aiplatform.googleapis.com/v1beta1/projects/clinic/"),
    ],
    ids=["key", "project"],
)
def test_googles_own_addresses_are_asked_unless_another_is_set(
    docwiz_emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    project: str | None,
    asked: str,
) -> None:
    account = service_account(tmp_path, f"{docwiz_emulator.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"promptFeedback": {"blockReason": "OTHER"}})

    # The client's last layer only: nothing of this may reach Google.
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    monkeypatch.setattr("docwiz_tasks.providers.gemini.async_client", lambda: client)
    chosen = settings(
        docwiz_emulator, gemini_base_url=None, gemini_project=project,
        gemini_location="europe-west4", gemini_embedding_model="none",
    )  # fmt: skip
    with pytest.raises(ProviderRefused):
        edited(gemini_provider(chosen), photo())
    assert str(seen[0].url).startswith(asked)
    assert ("x-goog-api-key" in seen[0].headers) == (project is None)


def test_the_answer_tells_model_id_and_usage(docwiz_emulator: Emulator) -> None:
    image = edited(gemini_provider(settings(docwiz_emulator)), photo())
    assert image.model == "gemini-nano-banana-2.1"
    assert image.provider_id
    assert image.usage["totalTokenCount"] == 1388


@pytest.mark.parametrize(
    "size", [(600, 800), (800, 600), (900, 1100), (1000, 1000), (333, 1000), (1000, 321)]
)
def test_the_result_keeps_the_photos_shape(
    docwiz_emulator: Emulator, size: tuple[int, int]
) -> None:
    image = edited(gemini_provider(settings(docwiz_emulator)), photo(size=size))
    width, height = opened(image.data).size
    assert width / height == pytest.approx(size[0] / size[1], rel=0.005)


@pytest.mark.parametrize(("size", "kind"), [((600, 800), "JPEG"), ((1000, 1000), "PNG")])
def test_a_picture_that_is_reshaped_has_the_photos_type_and_another_stays_as_it_is(
    docwiz_emulator: Emulator, size: tuple[int, int], kind: str
) -> None:
    image = edited(gemini_provider(settings(docwiz_emulator)), photo(size=size))
    assert opened(image.data).format == kind
    assert image.media_type == f"image/{kind.lower()}"


def test_a_shape_that_is_set_is_asked_for(docwiz_emulator: Emulator) -> None:
    provider = gemini_provider(settings(docwiz_emulator, gemini_aspect_ratio="1:1"))
    image = edited(provider, photo(size=(600, 800)))
    config = docwiz_emulator.received[0].body["generationConfig"]["imageConfig"]
    assert config["aspectRatio"] == "1:1"
    width, height = opened(image.data).size
    assert width / height == pytest.approx(0.75, rel=0.005)


@pytest.mark.parametrize("made", [(320, 384), (384, 320), (333, 1000), (1000, 10)])
def test_a_picture_of_any_other_shape_is_cut_to_the_photos(
    docwiz_emulator: Emulator, made: tuple[int, int]
) -> None:
    file = io.BytesIO()
    Image.new("RGB", made).save(file, "PNG")
    inline = {"mimeType": "image/png", "data": in_base64(file.getvalue())}
    docwiz_emulator.plan(gemini.reshaped(lambda parts: [{"inlineData": inline}]))
    image = edited(gemini_provider(settings(docwiz_emulator)), photo(size=(320, 400)))
    width, height = opened(image.data).size
    assert width / height == pytest.approx(0.8, rel=0.03 if min(made) > 10 else 0.1)


def as_jpeg(parts: Parts) -> Parts:
    file = io.BytesIO()
    Image.new("RGB", (896, 1184), (1, 2, 3)).save(file, "JPEG")
    inline = {"mimeType": "image/png", "data": in_base64(file.getvalue())}
    return [{"inlineData": inline}]


def coloured(colour: tuple[int, int, int]) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (896, 1184), colour).save(file, "PNG")
    return {"mimeType": "image/png", "data": in_base64(file.getvalue())}


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: list(reversed(parts)),
        lambda parts: [{"inlineData": coloured((0, 0, 0)), "thought": True}, *parts],
        lambda parts: [*parts, {"inlineData": coloured((0, 0, 0)), "thought": True}],
        lambda parts: [{"inlineData": coloured((0, 0, 0))}, *parts],
        lambda parts: [{"text": "One."}, *parts, {"text": "Two."}],
        lambda parts: [{"inline_data": {**parts[1]["inlineData"]}}],
    ],
    ids=["image first", "thought first", "thought last", "several", "text around", "snake case"],
)
def test_the_last_image_that_is_no_thought_is_taken_wherever_it_stands(
    docwiz_emulator: Emulator, change: Any
) -> None:
    provider = gemini_provider(settings(docwiz_emulator))
    usual = edited(provider, photo())
    docwiz_emulator.plan(gemini.reshaped(change))
    assert edited(provider, photo()).data == usual.data


def test_the_type_is_that_of_the_bytes(docwiz_emulator: Emulator) -> None:
    docwiz_emulator.plan(gemini.reshaped(as_jpeg))
    image = edited(gemini_provider(settings(docwiz_emulator)), photo())
    assert image.media_type == "image/jpeg"
    assert opened(image.data).format == "JPEG"


def test_both_alphabets_of_base64_are_read(docwiz_emulator: Emulator) -> None:
    provider = gemini_provider(settings(docwiz_emulator))
    usual = edited(provider, photo())

    def url_safe(parts: Parts) -> Parts:
        data = parts[1]["inlineData"]["data"].translate(str.maketrans("+/", "-_")).rstrip("=")
        return [{"inlineData": {"mimeType": "image/png", "data": data}}]

    docwiz_emulator.plan(gemini.reshaped(url_safe))
    assert edited(provider, photo()).data == usual.data


@pytest.mark.parametrize(
    "reason", ["PROHIBITED_CONTENT", "SAFETY", "OTHER", "BLOCKLIST", "IMAGE_SAFETY"]
)
def test_a_blocked_prompt_is_a_refusal_that_stays(docwiz_emulator: Emulator, reason: str) -> None:
    error = failure(docwiz_emulator, gemini.blocked(reason))
    assert isinstance(error, ProviderRefused)
    assert reason in error.reason
    assert not error.retryable


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


@pytest.mark.parametrize("content", [..., {}, {"parts": None}, None], ids=repr)
@pytest.mark.parametrize("reason", NEVER + PERHAPS)
def test_an_answer_without_image_is_a_refusal_with_its_reason_and_message(
    docwiz_emulator: Emulator, reason: str, content: object
) -> None:
    fault = gemini.refused(reason, message="Unable to show the image.", content=content)
    error = failure(docwiz_emulator, fault)
    assert isinstance(error, ProviderRefused)
    assert error.reason == f"{reason}: Unable to show the image."
    assert error.retryable == (reason in PERHAPS)


def test_what_the_model_writes_instead_of_a_picture_is_not_repeated(
    docwiz_emulator: Emulator,
) -> None:
    said = [{"text": "I see Jane Roe's badge."}]
    error = failure(docwiz_emulator, gemini.reshaped(lambda parts: said))
    assert isinstance(error, ProviderRefused)
    assert error.retryable
    assert "Jane" not in str(error)


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
    assert "The emulator was told to fail." in str(error)


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
        (gemini.error(429, retry_delay="17s", in_list=True), 17),
        (gemini.error(429, retry_delay="0.5s", retry_after="9"), 0.5),
        (gemini.error(429, retry_after="9"), 9),
        (gemini.error(503, retry_after="3"), 3),
        (gemini.error(429), None),
        (gemini.error(429, retry_delay="soon", retry_after="later"), None),
        (gemini.error(429, retry_delay="-4s"), None),
        (gemini.error(429, retry_delay="99999999s"), None),
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
    [
        Fault(reset=True),
        Fault(cut=0.5),
        Fault(cut=0.5, unfinished=True),
        Fault(cut=0.0, unfinished=True),
        gemini.reshaped(lambda parts: [{"inlineData": {"mimeType": "image/png", "data": "A"}}]),
    ],
    ids=["reset", "cut", "half an answer", "no answer", "half a picture"],
)
def test_a_connection_that_breaks_may_be_tried_again(
    docwiz_emulator: Emulator, fault: Fault
) -> None:
    assert isinstance(failure(docwiz_emulator, fault), ProviderUnavailable)


def test_nobody_listening_may_be_tried_again() -> None:
    provider = gemini_provider(
        Settings(gemini_api_key=KEY, gemini_base_url="http://127.0.0.1:9", plugins="none")
    )
    with pytest.raises(ProviderUnavailable):
        edited(provider, photo())


def test_the_library_retries_nothing_by_itself(docwiz_emulator: Emulator) -> None:
    failure(docwiz_emulator, gemini.error(503))
    failure(docwiz_emulator, Fault(reset=True))
    assert len(docwiz_emulator.received) == 2


def test_a_call_that_is_dropped_closes_its_connection(docwiz_emulator: Emulator) -> None:
    docwiz_emulator.plan(Fault(delay_seconds=60))
    provider = gemini_provider(settings(docwiz_emulator))

    async def dropped() -> None:
        request = EditRequest(photo(), "image/jpeg", "Change the nose.", "nose")
        async with asyncio.timeout(0.5):
            await provider.edit_image(request)

    with pytest.raises(TimeoutError):
        asyncio.run(dropped())
    assert docwiz_emulator.received[0].dropped.wait(5)


def test_an_image_is_embedded(docwiz_emulator: Emulator) -> None:
    provider = gemini_provider(settings(docwiz_emulator))
    assert isinstance(provider, EmbeddingGeminiProvider)
    embedding = asyncio.run(provider.embed_image(photo(), "image/jpeg"))
    assert embedding.model == "gemini-embedding-2"
    assert len(embedding.vector) == 768
    (received,) = docwiz_emulator.received
    assert received.path == "/v1/models/gemini-embedding-2:batchEmbedContents"
    (request,) = received.body["requests"]
    assert request["model"] == "models/gemini-embedding-2"
    assert request["outputDimensionality"] == 768
    (part,) = request["content"]["parts"]
    (inline,) = part.values()
    assert decoded(inline["data"]) == photo()


def test_an_embedding_has_as_many_numbers_as_are_set(docwiz_emulator: Emulator) -> None:
    provider = gemini_provider(settings(docwiz_emulator, gemini_embedding_dimensions=3072))
    assert isinstance(provider, EmbeddingGeminiProvider)
    assert len(asyncio.run(provider.embed_image(photo(), "image/jpeg")).vector) == 3072


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (gemini.error(400, reason="API_KEY_INVALID"), ProviderRejected),
        (gemini.error(404), ProviderRejected),
        (gemini.error(429, retry_delay="17s"), ProviderUnavailable),
        (gemini.error(503), ProviderUnavailable),
        (Fault(reset=True), ProviderUnavailable),
        (Fault(cut=0.5, unfinished=True), ProviderUnavailable),
    ],
    ids=["bad key", "404", "429", "503", "reset", "half an answer"],
)
def test_an_embedding_fails_as_an_edit_does(
    docwiz_emulator: Emulator, fault: Fault, kind: type[Exception]
) -> None:
    provider = gemini_provider(settings(docwiz_emulator))
    assert isinstance(provider, EmbeddingGeminiProvider)
    docwiz_emulator.plan(fault, operation="batchEmbedContents")
    with pytest.raises(kind):
        asyncio.run(provider.embed_image(photo(), "image/jpeg"))


def test_embedding_can_be_turned_off(docwiz_emulator: Emulator) -> None:
    provider = gemini_provider(settings(docwiz_emulator, gemini_embedding_model="none"))
    assert not hasattr(provider, "embed_image")


def service_account(folder: Path, token_url: str) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    document = {
        "type": "service_account",
        "project_id": "clinic",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "worker@clinic.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_url,
    }
    path = folder / "account.json"
    path.write_text(json.dumps(document))
    return path


def test_vertex_is_asked_with_the_environments_credentials(
    docwiz_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = service_account(tmp_path, f"{docwiz_emulator.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    chosen = settings(
        docwiz_emulator,
        gemini_api_key=None,
        gemini_project="clinic",
        gemini_location="europe-west1",
    )
    image = edited(gemini_provider(chosen), photo())
    assert opened(image.data).size == (888, 1184)
    (received,) = docwiz_emulator.requests("generateContent")
    assert received.path == (
        "/v1beta1/projects/clinic/locations/europe-west1/publishers/google/models/"
        "gemini-nano-banana-2.1:generateContent"
    )
    assert received.headers["authorization"] == "Bearer ya29.emulated"
    assert "x-goog-api-key" not in received.headers
    provider = gemini_provider(chosen)
    assert isinstance(provider, EmbeddingGeminiProvider)
    assert len(asyncio.run(provider.embed_image(photo(), "image/jpeg")).vector) == 768
    (received,) = docwiz_emulator.requests("embedContent")
    assert received.headers["authorization"] == "Bearer ya29.emulated"


def test_vertex_without_credentials_says_what_to_set(
    docwiz_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    chosen = settings(docwiz_emulator, gemini_api_key=None, gemini_project="clinic")
    with pytest.raises(ProviderRejected, match="GOOGLE_APPLICATION_CREDENTIALS"):
        edited(gemini_provider(chosen), photo())


def test_a_missing_key_says_which_variable_to_set() -> None:
    with pytest.raises(SettingsError, match="DOCWIZ_GEMINI_API_KEY"):
        gemini_provider(Settings(gemini_api_key=None, plugins="none"))


@pytest.mark.parametrize("key", [KEY, "AQ.Ab8Canary-0123456789"])
def test_a_key_shows_in_no_error_repr_or_log(
    docwiz_emulator: Emulator, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = gemini_provider(settings(docwiz_emulator, gemini_api_key=key))
    message = f"API key {key} not valid. Please pass a valid API key."
    docwiz_emulator.plan(gemini.error(400, message=message, reason="API_KEY_INVALID"))
    docwiz_emulator.plan(gemini.refused("SAFETY", message=message))
    for _ in range(2):
        with pytest.raises((ProviderRejected, ProviderRefused)) as caught:
            edited(provider, photo())
        assert key not in "".join(traceback.format_exception(caught.value))
        assert "not valid" in str(caught.value)
    edited(provider, photo())
    assert key not in repr(vars(provider)) + caplog.text


FORKING = """
import asyncio, os, sys
from pictures import colour_of, photo
from docwiz_tasks import EditRequest, Settings
from docwiz_tasks.providers.gemini import gemini_provider

provider = gemini_provider(Settings(plugins="none"))

def right(colour):
    request = EditRequest(photo(colour, (300, 400)), "image/jpeg", "Change it.", "nose")
    got = colour_of(asyncio.run(provider.edit_image(request)).data)
    return max(abs(a - b) for a, b in zip(got, colour)) < 8

assert right((40, 40, 40))
children = []
for number in range(4):
    if not (child := os.fork()):
        own = [right((60 + 40 * number, 20 * turn, 90)) for turn in range(5)]
        os._exit(not all(own))
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_children_of_a_process_that_used_it_get_their_own_pictures(
    docwiz_emulator: Emulator,
) -> None:
    env = {
        **os.environ,
        "GEMINI_API_KEY": KEY,
        "DOCWIZ_GEMINI_BASE_URL": docwiz_emulator.url,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    run = subprocess.run([sys.executable, "-c", FORKING], env=env, check=False, timeout=60)
    assert run.returncode == 0
    assert len(docwiz_emulator.received) == 21


class TestPreviews:
    """What a job makes of what Gemini says."""

    @pytest.fixture
    def docwiz_settings(self, docwiz_emulator: Emulator, tmp_path: Path) -> Settings:
        return settings(
            docwiz_emulator, store_url=(tmp_path / "store").as_uri(), image_provider="offline",
            gemini_embedding_model="none", fidelity_policy="off", provider_timeout_seconds=2,
            retry_base_seconds=0.01, retry_in_place_seconds=0.5,
        )  # fmt: skip

    @pytest.fixture
    def image_id(self, docwiz: DocWiz, docwiz_worker: object) -> str:
        return docwiz.add_image(photo(size=(300, 400)))

    def test_a_refusal_that_may_pass_is_asked_for_twice_more(
        self, docwiz: DocWiz, docwiz_emulator: Emulator, image_id: str
    ) -> None:
        for reason in PERHAPS:
            docwiz_emulator.plan(*[gemini.refused(reason)] * 3)
            *_, end = docwiz.visualize(image_id, "rhinoplasty").watch(30)
            assert end.error is not None
            assert end.error["code"] == "provider_refused"
            assert reason in end.error["message"]
        assert len(docwiz_emulator.received) == 3 * len(PERHAPS)

    def test_no_other_refusal_and_no_rejection_is_asked_for_again(
        self, docwiz: DocWiz, docwiz_emulator: Emulator, image_id: str
    ) -> None:
        refused = {reason: gemini.refused(reason) for reason in NEVER}
        blocked = {reason: gemini.blocked(reason) for reason in ("OTHER", "PROHIBITED_CONTENT")}
        rejected = {str(status): gemini.error(status) for status in (400, 401, 402, 403, 404)}
        faults = [*refused.items(), *blocked.items(), *rejected.items()]
        for said, fault in faults:
            docwiz_emulator.plan(fault)
            *_, end = docwiz.visualize(image_id, "rhinoplasty").watch(30)
            assert end.error is not None
            assert end.error["code"] in ("provider_refused", "provider_rejected")
            assert said in end.error["message"]
        assert len(docwiz_emulator.received) == len(faults)

    def test_what_passes_is_tried_again(
        self, docwiz: DocWiz, docwiz_emulator: Emulator, image_id: str
    ) -> None:
        errors = [gemini.error(status) for status in (408, 429, 500, 503, 504)]
        for fault in (*errors, Fault(reset=True), Fault(cut=0.5), Fault(delay_seconds=60)):
            docwiz_emulator.plan(fault)
            result = docwiz.visualize(image_id, "rhinoplasty").result(30)
            assert result["paid_calls"]["made"] == 2, fault
        assert len(docwiz_emulator.received) == 16

    def test_the_next_try_comes_when_gemini_said_here_or_in_a_later_delivery(
        self, docwiz: DocWiz, docwiz_emulator: Emulator, image_id: str
    ) -> None:
        for seconds in (0.3, 1.0):
            docwiz_emulator.plan(gemini.error(429, retry_delay=f"{seconds}s"))
            began = time.monotonic()
            docwiz.visualize(image_id, "rhinoplasty").result(30)
            assert time.monotonic() - began >= seconds
        assert len(docwiz_emulator.received) == 4
        # Celery's retry leaves a result in a cycle; it looks for Redis when it is collected.
        gc.collect()
