"""The simulation that needs no network, and the drawn artwork."""

from __future__ import annotations

import io
import math

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from docwiz_tasks import ArtworkRequest, EditRequest, ProviderRejected, Settings
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.regions import REGIONS, region_mask
from docwiz_tasks.providers.offline import OfflineAIProvider, OfflineImageProvider
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.testing.portrait import portrait

SETTINGS = Settings(ai_provider="offline", image_provider="offline")
AI, ARTIST = OfflineAIProvider(SETTINGS), OfflineImageProvider(SETTINGS)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def edited(region: str, photo: bytes | None = None, prompt: str = "Change it.") -> bytes:
    request = EditRequest(photo or portrait(), "image/jpeg", prompt, region)
    return AI.edit_image(request).data


def without_label(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.paste("black", (0, round(image.height * 0.95), round(image.width * 0.4), image.height))
    return image


def likeness(one: bytes, other: bytes) -> float:
    a, b = (AI.embed_image(data, "image/png").vector for data in (one, other))
    return sum(left * right for left, right in zip(a, b, strict=True))


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_only_the_region_and_the_label_change(region: str) -> None:
    before, after = opened(portrait()), opened(edited(region))
    assert after.size == before.size
    change = ImageChops.difference(without_label(before), without_label(after))
    outside = region_mask(region, *before.size).point(lambda value: 0 if value else 255)
    change.paste("black", mask=ImageChops.invert(outside))
    assert change.getbbox() is None


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_the_change_can_be_seen(region: str) -> None:
    before, after = opened(portrait()), opened(edited(region))
    change = ImageChops.difference(without_label(before), without_label(after)).convert("L")
    # The change of tone is 12 at most; what exceeds it are shapes that moved.
    highest = change.filter(ImageFilter.MedianFilter(3)).getextrema()[1]
    assert isinstance(highest, (int, float))
    assert highest > 15


def test_each_procedure_of_the_catalogue_has_a_known_region() -> None:
    assert {procedure.region for procedure in catalogue().values()} <= set(REGIONS)


def test_two_procedures_on_one_region_look_different() -> None:
    larger = edited("breasts", prompt="a conservative breast augmentation")
    assert larger != edited("breasts", prompt="a conservative breast reduction")


def test_an_edit_is_marked_for_eyes_and_for_machines() -> None:
    data = edited("nose")
    assert marks.read_source_type(data) == marks.EDITED
    assert b"SIMULATION" in data
    plain = opened(portrait())
    band = (0, round(plain.height * 0.965), round(plain.width * 0.2), plain.height)
    before, after = plain.crop(band), opened(data).crop(band)
    assert (
        ImageStat.Stat(after.convert("L")).stddev[0] > ImageStat.Stat(before.convert("L")).stddev[0]
    )


def test_the_same_request_gives_the_same_bytes() -> None:
    assert edited("lips") == edited("lips")


def test_an_unknown_region_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(ProviderRejected, match=r"chin.*nose"):
        edited("elbow")


def test_an_unreadable_photo_is_rejected() -> None:
    for call in (lambda: edited("nose", b"no photo"), lambda: AI.embed_image(b"", "image/png")):
        with pytest.raises(ProviderRejected):
            call()


@pytest.mark.parametrize("size", [(100, 100), (100, 900), (900, 100)])
@pytest.mark.parametrize("region", sorted(REGIONS))
def test_any_size_of_photo_can_be_edited(size: tuple[int, int], region: str) -> None:
    assert opened(edited(region, file_of(Image.new("RGB", size, "tan")))).size == size


def test_embeddings_are_near_for_alike_pictures_and_far_for_others() -> None:
    photo = portrait()
    smaller = file_of(opened(photo).resize((300, 375)), "JPEG")
    other = file_of(Image.linear_gradient("L").rotate(90).resize((300, 375)).convert("RGB"))
    assert likeness(photo, photo) == pytest.approx(1, abs=1e-4)
    assert likeness(photo, smaller) > 0.99
    assert likeness(photo, edited("nose")) > 0.95
    assert likeness(photo, other) < 0.8


@pytest.mark.parametrize("colour", ["black", "grey", "white", (128, 128, 128)])
def test_a_plain_picture_has_a_finite_embedding(colour: str) -> None:
    vector = AI.embed_image(file_of(Image.new("RGB", (100, 100), colour)), "image/png").vector
    assert all(math.isfinite(value) for value in vector)


def test_artwork_has_the_size_and_the_mark_of_what_it_is() -> None:
    made = ARTIST.create_artwork(ArtworkRequest("calm teal waves", 600, 400))
    assert opened(made.data).size == (600, 400)
    assert made.media_type == "image/png"
    assert marks.read_source_type(made.data) == marks.ALGORITHMIC


def test_artwork_depends_on_prompt_and_seed_alone() -> None:
    def art(prompt: str, seed: int) -> bytes:
        return ARTIST.create_artwork(ArtworkRequest(prompt, 300, 200, seed=seed)).data

    assert art("calm", 1) == art("calm", 1)
    assert len({art("calm", 1), art("calm", 2), art("waves", 1)}) == 3


@pytest.mark.parametrize("size", [(1, 1), (100_000, 64)])
def test_artwork_of_an_absurd_size_becomes_a_sensible_one(size: tuple[int, int]) -> None:
    made = opened(ARTIST.create_artwork(ArtworkRequest("calm", *size)).data)
    assert 64 <= min(made.size) <= max(made.size) <= 4096


def test_the_portrait_is_the_same_each_time() -> None:
    assert portrait() == portrait.__wrapped__()
    assert opened(portrait()).size == (1024, 1280)
