"""The example's providers and renderer pass the contracts of docwiz-tasks."""

from __future__ import annotations

import pytest
from docwiz_tasks_example_provider.pictures import BlurProvider, StripesProvider
from docwiz_tasks_example_provider.text import TextRenderer

from docwiz_tasks.testing import AIProviderContract, ImageProviderContract, RendererContract


class TestBlur(AIProviderContract):
    @pytest.fixture
    def provider(self) -> BlurProvider:
        return BlurProvider()


class TestStripes(ImageProviderContract):
    @pytest.fixture
    def provider(self) -> StripesProvider:
        return StripesProvider()


class TestText(RendererContract):
    @pytest.fixture
    def renderer(self) -> TextRenderer:
        return TextRenderer()


def test_a_host_runs_its_jobs_with_them(docwiz, docwiz_worker, docwiz_case) -> None:
    shown = docwiz.visualize(docwiz_case.image_id, "rhinoplasty", docwiz_case.patient_id)
    assert shown.result(60)["model"] == "example-blur-1"
    drawn = docwiz.infographic(docwiz_case.cost_breakdown_id).result(60)
    assert drawn["artwork_provider"] == "example-stripes"
    report = docwiz.export(docwiz_case.patient_id, format="txt").result(60)
    assert docwiz_case.patient.name in docwiz.open(report["file_url"]).read().decode()


@pytest.fixture
def docwiz_settings(tmp_path):
    from docwiz_tasks import Settings

    return Settings(
        store_url=(tmp_path / "store").as_uri(),
        ai_provider="example-blur",
        image_provider="example-stripes",
    )
