"""What every image provider has to do."""

from __future__ import annotations

import pytest

from docwiz_tasks.contracts import ArtworkRequest, ImageProvider, OrderingImageProvider
from docwiz_tasks.imaging.photos import media_type_of
from docwiz_tasks.testing.contracts.calling import answer, answers, opened

__all__ = ["ImageProviderContract"]


class ImageProviderContract:
    """Inherit this and give the fixture `provider`."""

    @pytest.fixture
    def provider(self) -> ImageProvider:
        """Give the provider that is tested."""
        raise NotImplementedError("override the fixture 'provider'")

    def artwork(self, width: int = 1200, height: int = 800) -> ArtworkRequest:
        """Return a request for artwork."""
        return ArtworkRequest("Calm waves, no text.", width, height, seed=7, timeout_seconds=60)

    def test_it_is_an_image_provider(self, provider: ImageProvider) -> None:
        """It has what the protocol names."""
        assert isinstance(provider, ImageProvider)

    @pytest.mark.parametrize("size", [(1200, 800), (800, 1200), (800, 800)])
    def test_it_answers_with_a_picture_of_about_the_shape(
        self, provider: ImageProvider, size: tuple[int, int]
    ) -> None:
        """The nearest shape that it has will do."""
        image = answer(provider.create_artwork, self.artwork(*size))
        width, height = opened(image.data).size
        assert width / height == pytest.approx(size[0] / size[1], rel=0.4)
        assert image.media_type == media_type_of(image.data)
        assert image.model

    def test_calls_at_once_are_all_answered(self, provider: ImageProvider) -> None:
        """Workers make several infographics at once."""
        made = answers(provider.create_artwork, [self.artwork() for _ in range(4)])
        assert all(opened(image.data) for image in made)

    def test_it_works_again_in_another_event_loop(self, provider: ImageProvider) -> None:
        """Each job has a loop of its own."""
        for _ in range(2):
            assert opened(answer(provider.create_artwork, self.artwork()).data)

    def test_an_order_can_be_collected_twice(self, provider: ImageProvider) -> None:
        """A job that lost its worker asks for its order again."""
        if not isinstance(provider, OrderingImageProvider):
            assert not hasattr(provider, "order_artwork")
            return
        request = self.artwork()
        order = answer(provider.order_artwork, request)
        assert isinstance(order, str)
        assert order
        first, second = (answer(provider.collect_artwork, order, request) for _ in range(2))
        assert first.data == second.data

    def test_its_repr_shows_no_settings(self, provider: ImageProvider) -> None:
        """A log may show it; its key must not be there."""
        assert "key" not in repr(provider).lower()
