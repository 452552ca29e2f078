"""An edit that changes more than the treated region is noticed, tried again, and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import opened
from PIL import Image, ImageChops, ImageFilter

from docwiz_tasks import (
    DocWiz,
    EditRequest,
    EditUnfaithful,
    GeneratedImage,
    Settings,
)
from docwiz_tasks.imaging.fidelity import MEASURED_SIZE, changed_outside, reduced
from docwiz_tasks.imaging.photos import decoded, encoded
from docwiz_tasks.providers import offline
from docwiz_tasks.providers.offline import OfflineAIProvider
from docwiz_tasks.testing.portrait import portrait
from docwiz_tasks.testing.sample import SampleCase

PHOTO = portrait()
Change = Callable[[Image.Image], Image.Image]


def changed(change: Change, media_type: str = "image/png") -> Image.Image:
    return decoded(encoded(change(opened(PHOTO).convert("RGB")), media_type))


def share(after: Image.Image, region: str = "nose") -> float:
    return changed_outside(opened(PHOTO), after, region)


def other_background(image: Image.Image) -> Image.Image:
    beach = Image.effect_noise(image.size, 90).convert("RGB")
    beach.paste(image.crop((200, 0, image.width - 200, image.height)), (200, 0))
    return beach


FAITHFUL: list[Change] = [
    lambda image: image,
    lambda image: image.resize((image.width // 2, image.height // 2)),
    lambda image: ImageChops.add(image, Image.new("RGB", image.size, (8, 4, 0))),
    lambda image: ImageChops.offset(image, image.width // 150, 0),
]
UNFAITHFUL: list[Change] = [
    other_background,
    lambda image: image.rotate(5),
    lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 40)),
    lambda image: image.convert("L").convert("RGB"),
]


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
@pytest.mark.parametrize("change", FAITHFUL)
def test_encoding_size_tone_and_a_small_shift_change_nothing(
    change: Change, media_type: str
) -> None:
    assert share(changed(change, media_type)) < 0.02


@pytest.mark.parametrize("change", UNFAITHFUL)
def test_what_changes_the_rest_of_the_photo_shows(change: Change) -> None:
    assert share(changed(change)) > 0.1


@pytest.mark.parametrize("change", [*FAITHFUL, *UNFAITHFUL])
def test_a_photo_that_was_reduced_before_is_measured_alike(change: Change) -> None:
    small = reduced(decoded(PHOTO, at_least=MEASURED_SIZE))
    after = changed(change)
    assert changed_outside(small, after, "nose") == pytest.approx(share(after), abs=0.01)


@pytest.mark.parametrize("region", sorted(offline._CHANGES))
def test_a_change_of_the_region_alone_counts_for_nothing(region: str) -> None:
    request = EditRequest(PHOTO, "image/png", "a change", region)
    edited = OfflineAIProvider(Settings(plugins="none")).edit_image(request).data
    assert share(opened(edited), region) < 0.02


class TestPreviews:
    """A preview as it is made, marked and told."""

    @pytest.fixture
    def docwiz_settings(self, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
        return Settings(
            store_url=(tmp_path / "store").as_uri(),
            ai_provider="offline",
            image_provider="offline",
            plugins="none",
            **getattr(request, "param", {}),
        )

    @pytest.fixture
    def prompts(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Have the first two edits repaint the background."""
        asked: list[str] = []
        real = OfflineAIProvider.edit_image

        def edit_image(self: OfflineAIProvider, request: EditRequest) -> GeneratedImage:
            asked.append(request.prompt)
            if len(asked) > 2:
                return real(self, request)
            data = encoded(other_background(opened(request.image).convert("RGB")), "image/png")
            return GeneratedImage(data, "image/png", "painter")

        monkeypatch.setattr(OfflineAIProvider, "edit_image", edit_image)
        return asked

    def made(self, docwiz: DocWiz, case: SampleCase) -> dict[str, Any]:
        return docwiz.visualize(case.image_id, "rhinoplasty").result(60)

    def test_a_faithful_edit_says_so(
        self, docwiz: DocWiz, docwiz_worker: object, docwiz_case: SampleCase
    ) -> None:
        fidelity = self.made(docwiz, docwiz_case)["metadata"]["fidelity"]
        assert fidelity["faithful"]
        assert fidelity["changed_outside"] < fidelity["threshold"] == 0.1

    def test_one_that_is_not_is_asked_for_once_more_firmly_and_told(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        prompts: list[str],
    ) -> None:
        result = self.made(docwiz, docwiz_case)
        assert len(prompts) == 2
        assert prompts[1].startswith(prompts[0])
        assert len(prompts[1]) > len(prompts[0])
        assert not result["metadata"]["fidelity"]["faithful"]
        assert result["paid_calls"]["made"] == 4

    @pytest.mark.parametrize("docwiz_settings", [{"fidelity_policy": "fail"}], indirect=True)
    def test_the_job_fails_where_such_edits_are_not_wanted(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        prompts: list[str],
    ) -> None:
        with pytest.raises(EditUnfaithful, match="outside the treated region"):
            self.made(docwiz, docwiz_case)
        assert len(prompts) == 2

    @pytest.mark.parametrize("docwiz_settings", [{"fidelity_policy": "off"}], indirect=True)
    def test_nothing_is_measured_if_it_is_off(
        self,
        docwiz: DocWiz,
        docwiz_worker: object,
        docwiz_case: SampleCase,
        prompts: list[str],
    ) -> None:
        assert self.made(docwiz, docwiz_case)["metadata"]["fidelity"] is None
        assert len(prompts) == 1

    @pytest.mark.parametrize("visible", [True, False])
    @pytest.mark.parametrize("docwiz_settings", [{}], indirect=True)
    def test_the_picture_says_that_it_is_a_simulation_unless_that_is_off(
        self,
        docwiz_app: Any,
        docwiz_settings: Settings,
        visible: bool,
    ) -> None:
        from docwiz_tasks import register
        from docwiz_tasks.celery_app.embedded import embedded_worker

        docwiz = register(docwiz_app, docwiz_settings.model_copy(update={"visible_mark": visible}))
        image_id = docwiz.add_image(PHOTO)
        with embedded_worker(docwiz.app):
            result = docwiz.visualize(image_id, "rhinoplasty").result(60)
        after = opened(docwiz.open(result["after_image_url"]).read()).convert("RGB")
        # Right of the offline provider's own word, in the lower left corner.
        at = (after.width * 2 // 5, after.height - 8)
        before = opened(PHOTO).convert("RGB").resize(after.size)
        assert (after.getpixel(at) != before.getpixel(at)) == visible
