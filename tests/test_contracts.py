"""What is built in passes the contracts that plugins' authors are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docwiz_tasks import AIProvider, ImageProvider, Records, Renderer, Settings
from docwiz_tasks.providers.freepik import freepik_provider
from docwiz_tasks.providers.gemini import gemini_provider
from docwiz_tasks.providers.offline import OfflineAIProvider, OfflineImageProvider
from docwiz_tasks.records import StoredRecords
from docwiz_tasks.renderers.json_document import JsonRenderer
from docwiz_tasks.renderers.pdf import PdfRenderer
from docwiz_tasks.renderers.raster import JpegRenderer, PngRenderer
from docwiz_tasks.store import open_store
from docwiz_tasks.testing import (
    AIProviderContract,
    ImageProviderContract,
    RecordsContract,
    RendererContract,
)
from docwiz_tasks.testing.emulator import Emulator

SETTINGS = Settings(plugins="none", font_path=None)


class TestOfflineAI(AIProviderContract):
    @pytest.fixture
    def provider(self) -> Any:
        return OfflineAIProvider(SETTINGS)


class TestGemini(AIProviderContract):
    @pytest.fixture
    def provider(self, docwiz_emulator: Emulator) -> AIProvider:
        url = docwiz_emulator.url
        return gemini_provider(
            Settings(gemini_api_key="AIzaX", gemini_base_url=url, plugins="none")
        )


class TestOfflineArtwork(ImageProviderContract):
    @pytest.fixture
    def provider(self) -> Any:
        return OfflineImageProvider(SETTINGS)


class TestFreepik(ImageProviderContract):
    @pytest.fixture(params=["classic", "mystic"])
    def provider(self, docwiz_emulator: Emulator, request: pytest.FixtureRequest) -> ImageProvider:
        return freepik_provider(
            Settings(
                freepik_api_key="x",
                freepik_base_url=docwiz_emulator.url,
                freepik_model=request.param,
                freepik_poll_seconds=0.01,
                plugins="none",
            )
        )


class TestRenderers(RendererContract):
    @pytest.fixture(params=[PdfRenderer, PngRenderer, JpegRenderer, JsonRenderer])
    def renderer(self, request: pytest.FixtureRequest) -> Renderer:
        made: Renderer = request.param(SETTINGS)
        return made


class TestStoredRecords(RecordsContract):
    @pytest.fixture(params=["memory", "folder"])
    def records(self, request: pytest.FixtureRequest, tmp_path: Path) -> Records:
        url = "memory://" if request.param == "memory" else (tmp_path / "store").as_uri()
        return StoredRecords(open_store(url))
