"""What every AI provider has to do."""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

import pytest

from docwiz_tasks.contracts import AIProvider, EditRequest, EmbeddingProvider, GeneratedImage
from docwiz_tasks.imaging.photos import media_type_of
from docwiz_tasks.testing.contracts.calling import answer, answers, failure, opened, photo

__all__ = ["AIProviderContract"]

_COLOURS = [(210, 60, 60), (60, 200, 60), (60, 60, 210), (200, 200, 60)]


def _apart(a: Any, b: Any) -> float:
    return math.dist(a, b)


class AIProviderContract:
    """Inherit this and give the fixture `provider`; `region` too, if it knows no nose."""

    @pytest.fixture
    def provider(self) -> AIProvider:
        """Give the provider that is tested."""
        raise NotImplementedError("override the fixture 'provider'")

    @pytest.fixture
    def region(self) -> str:
        """Give the region that edits are asked for."""
        return "nose"

    def edit(self, data: bytes, region: str, prompt: str = "Narrow the bridge.") -> EditRequest:
        """Return a request to edit a photo."""
        media_type = media_type_of(data) or "image/jpeg"
        return EditRequest(data, media_type, prompt, region, seed=7, timeout_seconds=60)

    def test_it_is_an_ai_provider(self, provider: AIProvider) -> None:
        """It has what the protocol names."""
        assert isinstance(provider, AIProvider)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_it_answers_each_kind_of_photo_with_a_picture(
        self, provider: AIProvider, region: str, kind: str
    ) -> None:
        """JPEG, PNG and WebP are what the library sends."""
        image = answer(provider.edit_image, self.edit(photo(_COLOURS[0], kind=kind), region))
        assert isinstance(image, GeneratedImage)
        assert opened(image.data)
        assert image.media_type == media_type_of(image.data)
        assert image.model

    @pytest.mark.parametrize("size", [(480, 640), (640, 480), (500, 500)])
    def test_the_picture_has_the_photos_shape(
        self, provider: AIProvider, region: str, size: tuple[int, int]
    ) -> None:
        """Before and after are laid over each other."""
        image = answer(provider.edit_image, self.edit(photo(_COLOURS[0], size), region))
        width, height = opened(image.data).size
        assert width / height == pytest.approx(size[0] / size[1], rel=0.03)

    def test_calls_at_once_are_not_mixed_up(self, provider: AIProvider, region: str) -> None:
        """A comparison makes all its previews at once."""
        requests = [self.edit(photo(colour), region) for colour in _COLOURS]
        for image, colour in zip(answers(provider.edit_image, requests), _COLOURS, strict=True):
            picture = opened(image.data)
            seen = picture.getpixel((picture.width - 12, picture.height // 2))
            assert isinstance(seen, tuple)
            assert min(_COLOURS, key=partial(_apart, seen)) == colour

    def test_it_works_again_in_another_event_loop(self, provider: AIProvider, region: str) -> None:
        """Each job has a loop of its own."""
        request = self.edit(photo(_COLOURS[0]), region)
        for _ in range(2):
            assert opened(answer(provider.edit_image, request).data)

    @pytest.mark.parametrize("data", [b"", b"no photo", photo(_COLOURS[0])[:200]])
    def test_a_broken_photo_is_an_error_of_a_providers(
        self, provider: AIProvider, region: str, data: bytes
    ) -> None:
        """Anything else counts as a defect of the provider's."""
        failure(provider.edit_image, self.edit(data, region))

    def test_its_repr_shows_no_settings(self, provider: AIProvider) -> None:
        """A log may show it; its key must not be there."""
        assert "key" not in repr(provider).lower()

    def test_it_embeds_images_as_finite_vectors_of_one_length(self, provider: AIProvider) -> None:
        """What can't embed has no ``embed_image`` at all."""
        if not isinstance(provider, EmbeddingProvider):
            assert not hasattr(provider, "embed_image")
            return
        made = [answer(provider.embed_image, photo(c), "image/jpeg") for c in _COLOURS[:2]]
        assert len({len(embedding.vector) for embedding in made}) == 1
        assert all(math.isfinite(x) for embedding in made for x in embedding.vector)
        assert made[0].model == made[1].model
        assert list(made[0].vector) != list(made[1].vector)

    def test_its_methods_take_what_a_job_gives(self, provider: AIProvider) -> None:
        """One request, and nothing else that is required."""
        inspect.signature(provider.edit_image).bind(object())
