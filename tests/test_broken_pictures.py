"""A provider's picture that begins well and is broken: paid for, of no use, not taken again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from celery import Celery
from plugin_packages import Packages, working_host

from docwiz_tasks import (
    ArtworkRequest,
    EditRequest,
    GeneratedImage,
    ProviderError,
    Settings,
    hookimpl,
)
from docwiz_tasks.providers.offline import OfflineAIProvider, OfflineImageProvider

SECONDS = 60


class Careless:
    """Cuts its first picture short."""

    def __init__(self) -> None:
        self.calls = 0

    def edit_image(self, request: EditRequest) -> GeneratedImage:
        return self._sent(OfflineAIProvider(Settings()).edit_image(request))

    def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        return self._sent(OfflineImageProvider(Settings()).create_artwork(request))

    def _sent(self, image: GeneratedImage) -> GeneratedImage:
        self.calls += 1
        size = len(image.data) // 2 if self.calls == 1 else len(image.data)
        return GeneratedImage(image.data[:size], image.media_type, "careless-1")

    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Callable[[Settings], object]]:
        return {"careless": lambda _settings: self}

    @hookimpl
    def docwiz_image_providers(self) -> Mapping[str, Callable[[Settings], object]]:
        return {"careless": lambda _settings: self}


@pytest.fixture
def careless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Careless:
    careless = Careless()
    Packages(tmp_path, monkeypatch).install(careless, name="careless")
    return careless


@pytest.mark.parametrize("kind", ["preview", "infographic"])
def test_a_job_that_is_run_again_asks_again_and_counts_both_calls(
    docwiz_app: Celery, careless: Careless, kind: str
) -> None:
    chosen = {"ai_provider": "careless", "image_provider": "careless"}
    with working_host(docwiz_app, **chosen) as (docwiz, case):
        job = (
            docwiz.visualize(case.image_id, "rhinoplasty")
            if kind == "preview"
            else docwiz.infographic(case.cost_breakdown_id)
        )
        with pytest.raises(ProviderError, match="'careless' answered with no usable picture"):
            job.result(SECONDS)
        job.retry()
        assert job.result(SECONDS)["paid_calls"] == {"made": 2, "saved": 0}
    assert careless.calls == 2


def test_an_infographic_takes_our_own_background_if_it_may(
    docwiz_app: Celery, careless: Careless
) -> None:
    chosen = {"image_provider": "careless", "artwork_fallback": True}
    with working_host(docwiz_app, **chosen) as (docwiz, case):
        result = docwiz.infographic(case.cost_breakdown_id).result(SECONDS)
    assert result["artwork_provider"] == "offline"
