"""Freepik on the wire: httpx against the emulator."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pictures import opened

from docwiz_tasks import (
    ArtworkRequest,
    DocWiz,
    GeneratedImage,
    ImageProvider,
    ProviderError,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
    Settings,
    SettingsError,
)
from docwiz_tasks.providers.freepik import freepik_provider
from docwiz_tasks.testing.emulator import Emulator, Fault, freepik
from docwiz_tasks.testing.sample import SampleCase

KEY = "FPSXcanary0123456789"
MODELS = ("classic", "mystic")


def settings(emulator: Emulator, **more: Any) -> Settings:
    usual = {"freepik_api_key": KEY, "freepik_base_url": emulator.url, "freepik_poll_seconds": 0.02}
    return Settings(**{**usual, "plugins": "none", **more})


def made(provider: ImageProvider, width: int = 1200, height: int = 800) -> GeneratedImage:
    return asyncio.run(provider.create_artwork(ArtworkRequest("Calm waves.", width, height, 3)))


def failure(emulator: Emulator, model: str, fault: Fault) -> ProviderError:
    emulator.plan(fault)
    with pytest.raises(ProviderError) as caught:
        made(freepik_provider(settings(emulator, freepik_model=model)))
    return caught.value


def test_the_classic_model_is_asked_as_the_api_wants_it(docwiz_emulator: Emulator) -> None:
    image = made(freepik_provider(settings(docwiz_emulator)))
    (received,) = docwiz_emulator.received
    assert received.path == "/v1/ai/text-to-image"
    assert received.headers["x-freepik-api-key"] == KEY
    assert received.body == {
        "prompt": "Calm waves.",
        "seed": 3,
        "num_images": 1,
        "image": {"size": "standard_3_2"},
        "filter_nsfw": True,
    }
    assert opened(image.data).size == (1216, 832)
    assert image.media_type == "image/png"


def test_mystic_is_ordered_polled_and_collected(docwiz_emulator: Emulator) -> None:
    image = made(freepik_provider(settings(docwiz_emulator, freepik_model="mystic")), 800, 1200)
    order, *polls = docwiz_emulator.received
    assert order.path == "/v1/ai/mystic"
    assert order.body == {"prompt": "Calm waves.", "aspect_ratio": "portrait_2_3"}
    assert {poll.path for poll in polls} == {f"/v1/ai/mystic/{image.provider_id}"}
    assert len(polls) == 2
    assert opened(image.data).size == (832, 1216)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (403, ProviderRejected),
        (404, ProviderRejected),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_each_error_is_told_as_one_of_ours(
    docwiz_emulator: Emulator, model: str, status: int, kind: type[ProviderError]
) -> None:
    error = failure(docwiz_emulator, model, freepik.error(status, message="Not today"))
    assert type(error) is kind
    assert f"{status}: Not today" in str(error)


def test_the_delay_that_freepik_asks_for_is_kept(docwiz_emulator: Emulator) -> None:
    error = failure(docwiz_emulator, "classic", freepik.error(429, retry_after="11"))
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after_seconds == 11


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "fault",
    [Fault(reset=True), Fault(cut=0.5), Fault(cut=0.5, unfinished=True)],
    ids=["reset", "cut", "half an answer"],
)
def test_a_connection_that_breaks_may_be_tried_again(
    docwiz_emulator: Emulator, model: str, fault: Fault
) -> None:
    assert isinstance(failure(docwiz_emulator, model, fault), ProviderUnavailable)


def unwrapped(body: dict[str, Any]) -> object:
    data = body["data"]
    return {**data, "task_status": data.pop("status")}


def test_mystics_answers_are_read_without_their_wrapper_too(docwiz_emulator: Emulator) -> None:
    docwiz_emulator.plan(*(freepik.changed(unwrapped) for _ in range(3)))
    made(freepik_provider(settings(docwiz_emulator, freepik_model="mystic")))
    assert [r.operation for r in docwiz_emulator.received] == [
        "mystic",
        "mystic-poll",
        "mystic-poll",
    ]


def test_mystic_is_asked_for_until_it_is_done(docwiz_emulator: Emulator) -> None:
    def created(body: dict[str, Any]) -> object:
        return {"data": {**body["data"], "status": "CREATED", "generated": []}}

    docwiz_emulator.plan(*[freepik.changed(created)] * 3, operation="mystic-poll")
    made(freepik_provider(settings(docwiz_emulator, freepik_model="mystic")))
    assert len(docwiz_emulator.requests("mystic-poll")) == 4
    assert len(docwiz_emulator.requests("mystic")) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, ProviderRejected),
        (404, ProviderRejected),
        (429, ProviderUnavailable),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_an_order_that_cannot_be_asked_for_is_told_likewise(
    docwiz_emulator: Emulator, status: int, kind: type[ProviderError]
) -> None:
    docwiz_emulator.plan(freepik.error(status), operation="mystic-poll")
    with pytest.raises(kind, match=str(status)):
        made(freepik_provider(settings(docwiz_emulator, freepik_model="mystic")))


def failed(body: dict[str, Any]) -> object:
    return {"data": {**body["data"], "status": "FAILED"}}


def unsafe(body: dict[str, Any]) -> object:
    if isinstance(body["data"], list):
        return {"data": [{**body["data"][0], "has_nsfw": True}]}
    return {"data": {**body["data"], "status": "COMPLETED", "has_nsfw": [True]}}


@pytest.mark.parametrize(
    ("operation", "model", "change"),
    [
        ("text-to-image", "classic", unsafe),
        ("mystic-poll", "mystic", unsafe),
        ("mystic-poll", "mystic", failed),
    ],
)
def test_a_picture_taken_away_is_a_refusal_of_this_one_only(
    docwiz_emulator: Emulator, operation: str, model: str, change: Any
) -> None:
    docwiz_emulator.plan(freepik.changed(change), operation=operation)
    with pytest.raises(ProviderRefused) as caught:
        made(freepik_provider(settings(docwiz_emulator, freepik_model=model)))
    assert caught.value.retryable


@pytest.mark.parametrize(
    "body",
    [[], {}, {"data": []}, {"data": [None]}, {"data": [{"base64": 3}]}, {"data": {}}],
    ids=repr,
)
@pytest.mark.parametrize("operation", ["text-to-image", "mystic"])
def test_an_answer_of_an_unknown_form_is_an_error(
    docwiz_emulator: Emulator, operation: str, body: object
) -> None:
    docwiz_emulator.plan(freepik.changed(lambda _right: body), operation=operation)
    model = "mystic" if operation == "mystic" else "classic"
    with pytest.raises(ProviderError):
        made(freepik_provider(settings(docwiz_emulator, freepik_model=model)))


@pytest.mark.parametrize(
    "link",
    [
        "http://cdn.freepik.com/a.png",
        "https://freepik.com.attacker.example/a.png",
        "https://notfreepik.com/a.png",
        "https://freepik.com@127.0.0.1/a.png",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_link_that_is_not_freepiks_own_https_is_not_followed(
    docwiz_emulator: Emulator, link: str
) -> None:
    def elsewhere(body: dict[str, Any]) -> object:
        return {"data": {**body["data"], "status": "COMPLETED", "generated": [link]}}

    docwiz_emulator.plan(freepik.changed(elsewhere), operation="mystic-poll")
    with pytest.raises(ProviderError, match="DOCWIZ_FREEPIK_DOWNLOAD_HOSTS"):
        made(freepik_provider(settings(docwiz_emulator, freepik_model="mystic")))


COLLECT = """
import asyncio, json, sys
from docwiz_tasks import ArtworkRequest, DocWizError, Settings
from docwiz_tasks.providers.freepik import freepik_provider

settings = Settings(**json.loads(sys.argv[1]))
try:
    image = asyncio.run(freepik_provider(settings).create_artwork(ArtworkRequest("x", 300, 200)))
except DocWizError as error:
    print(error.code, error)
else:
    print(image.media_type, len(image.data))
"""


@pytest.fixture
def secure_emulator(tmp_path: Path) -> Iterator[tuple[Emulator, Path]]:
    """An emulator on https, and the file of the authority that a client has to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    with Emulator(tls=context) as emulator:
        yield emulator, trusted


def collected(emulator: Emulator, trusted: Path, *hosts: str) -> str:
    # In a process of its own, since what is trusted is read once.
    chosen = {
        "freepik_api_key": KEY,
        "freepik_base_url": emulator.url,
        "freepik_model": "mystic",
        "freepik_poll_seconds": 0.02,
        "freepik_download_hosts": hosts,
    }
    return subprocess.run(
        [sys.executable, "-c", COLLECT, json.dumps(chosen)],
        env={**os.environ, "SSL_CERT_FILE": str(trusted)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_a_picture_is_fetched_over_https_from_a_host_on_the_list(
    secure_emulator: tuple[Emulator, Path],
) -> None:
    emulator, trusted = secure_emulator
    assert collected(emulator, trusted, "localhost").startswith("image/png")
    (download,) = emulator.requests("download")
    assert "x-freepik-api-key" not in download.headers


def test_a_picture_from_a_host_that_is_not_on_the_list_is_not_fetched(
    secure_emulator: tuple[Emulator, Path],
) -> None:
    emulator, trusted = secure_emulator
    assert collected(emulator, trusted, "freepik.com").startswith("provider_failed")
    assert not emulator.requests("download")


def test_a_picture_without_end_is_given_up(secure_emulator: tuple[Emulator, Path]) -> None:
    emulator, trusted = secure_emulator
    emulator.plan(freepik.sized(31 * 1024 * 1024), operation="download")
    assert "too large" in collected(emulator, trusted, "localhost")


@pytest.mark.parametrize(
    ("chosen", "host", "header"),
    [
        ({}, "api.freepik.com", "x-freepik-api-key"),
        (
            {"freepik_base_url": "https://api.magnific.com/"},
            "api.magnific.com",
            "x-magnific-api-key",
        ),
    ],
    ids=["freepik", "magnific"],
)
def test_each_of_its_names_has_a_header_of_its_own(
    monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], host: str, header: str
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(429, json={"message": "Later"})

    # The client's last layer only: nothing of this may reach Freepik.
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    monkeypatch.setattr("docwiz_tasks.providers.freepik.async_client", lambda: client)
    provider = freepik_provider(Settings(freepik_api_key=KEY, plugins="none", **chosen))
    with pytest.raises(ProviderUnavailable):
        made(provider)
    (request,) = seen
    assert (request.url.scheme, request.url.host) == ("https", host)
    assert {name for name, value in request.headers.items() if value == KEY} == {header}


def test_a_missing_key_says_which_variable_to_set() -> None:
    with pytest.raises(SettingsError, match="DOCWIZ_FREEPIK_API_KEY"):
        freepik_provider(Settings(freepik_api_key=None, plugins="none"))


@pytest.mark.parametrize("key", [KEY, "a-key-of-another-form"])
def test_the_key_shows_in_no_error_repr_or_log(
    docwiz_emulator: Emulator, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = freepik_provider(settings(docwiz_emulator, freepik_api_key=key))
    docwiz_emulator.plan(freepik.error(401, message=f"Bad key {key}"))
    with pytest.raises(ProviderRejected, match=r"Bad key \[redacted\]") as caught:
        made(provider)
    assert key not in "".join(traceback.format_exception(caught.value))
    assert key not in repr(vars(provider)) + caplog.text


class TestInfographics:
    """A cost infographic whose artwork is Freepik's."""

    @pytest.fixture
    def docwiz_settings(
        self, docwiz_emulator: Emulator, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Settings:
        return settings(
            docwiz_emulator,
            store_url=(tmp_path / "store").as_uri(),
            ai_provider="offline",
            image_provider="freepik",
            retry_base_seconds=0.01,
            **getattr(request, "param", {}),
        )

    def test_its_artwork_is_freepiks(
        self, docwiz: DocWiz, docwiz_worker: object, docwiz_case: SampleCase
    ) -> None:
        result = docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        assert result["artwork_provider"] == "freepik"

    def test_no_figure_and_no_name_is_sent(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        docwiz_emulator: Emulator,
    ) -> None:
        docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        (received,) = docwiz_emulator.received
        assert not any(character.isdigit() for character in received.body["prompt"])

    def test_it_fails_when_its_artwork_does(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        docwiz_emulator: Emulator,
    ) -> None:
        docwiz_emulator.plan(*(freepik.error(503) for _ in range(4)))
        with pytest.raises(ProviderUnavailable):
            docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        assert len(docwiz_emulator.received) == 4

    @pytest.mark.parametrize("docwiz_settings", [{"artwork_fallback": True}], indirect=True)
    def test_it_goes_on_with_our_own_background_if_it_may_and_says_so(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        docwiz_emulator: Emulator,
    ) -> None:
        docwiz_emulator.plan(freepik.error(401))
        result = docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        assert result["artwork_provider"] == "offline"

    @pytest.mark.parametrize("docwiz_settings", [{"freepik_model": "mystic"}], indirect=True)
    def test_an_order_that_could_not_be_asked_for_is_asked_for_again_not_ordered_again(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        docwiz_emulator: Emulator,
    ) -> None:
        docwiz_emulator.plan(freepik.error(503), Fault(reset=True), operation="mystic-poll")
        result = docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        assert len(docwiz_emulator.requests("mystic")) == 1
        assert len(docwiz_emulator.requests("mystic-poll")) == 3
        assert result["paid_calls"]["made"] == 1

    @pytest.mark.parametrize("docwiz_settings", [{"freepik_model": "mystic"}], indirect=True)
    def test_an_order_that_came_to_nothing_is_followed_by_another(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        docwiz_emulator: Emulator,
    ) -> None:
        docwiz_emulator.plan(freepik.changed(failed), operation="mystic-poll")
        docwiz.infographic(docwiz_case.cost_breakdown_id).result(30)
        assert len(docwiz_emulator.requests("mystic")) == 2
