"""The AI edit of a photo: asked for, measured, marked and stored."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import EditRequest, GeneratedImage
from docwiz_tasks.errors import EditUnfaithful
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.fidelity import changed_outside
from docwiz_tasks.imaging.photos import encoded
from docwiz_tasks.imaging.regions import REGIONS
from docwiz_tasks.imaging.signing import Signer, signer_of
from docwiz_tasks.jobs.calls import checked_picture, decoded_picture
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.ledger import digest
from docwiz_tasks.jobs.marking import marked
from docwiz_tasks.jobs.original import Original
from docwiz_tasks.jobs.paid import PaidCall, make
from docwiz_tasks.jobs.pictures import keep_picture
from docwiz_tasks.jobs.prompts import firmer
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.jobs.subject import NOTICE, Subject
from docwiz_tasks.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["edit_photo"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Edit:
    """An edited picture, and what share of the photo outside the region it changed."""

    image: GeneratedImage
    shown: Image
    prompt: str
    changed: float | None


async def edit_photo(
    run: Run,
    subject: Subject,
    photo: Document,
    original: Original,
    resources: Resources,
    call_name: str,
) -> Document:
    """Have the AI provider change the photo, and store the marked result as the after picture.

    An edit that changes too much outside the region is asked for once more, firmly; the
    better one is taken.

    Raises:
        EditUnfaithful: both changed too much, and such edits are not wanted.
        SettingsError: the picture is to be signed, and the certificate won't do.
    """
    settings = resources.settings
    # Before anything is paid for: a certificate that has expired costs nothing.
    signer = signer_of(settings)
    edit = await _edited(run, subject, photo, photo["prompt"], original, resources, call_name)
    if _too_much(edit, settings):
        prompt, name = firmer(photo["prompt"]), f"{call_name}-again"
        again = await _edited(run, subject, photo, prompt, original, resources, name)
        edit = min(edit, again, key=lambda one: one.changed or 0.0)
    if _too_much(edit, settings) and settings.fidelity_policy == "fail":
        raise EditUnfaithful(
            f"The edit changed {edit.changed:.0%} of the photo outside the treated region;"
            f" at most {settings.fidelity_threshold:.0%} is allowed. Try another photo."
        )
    picture = await run.aside(_keep_finished, edit, subject, original, resources, signer)
    return {
        **picture,
        "prompt": edit.prompt,
        "provider": settings.ai_provider,
        "model": edit.image.model,
        "provider_id": edit.image.provider_id,
        "usage": dict(edit.image.usage),
        "seed": _seed(subject),
        "fidelity": _fidelity(edit, settings),
    }


async def _edited(
    run: Run,
    subject: Subject,
    photo: Document,
    prompt: str,
    original: Original,
    resources: Resources,
    call_name: str,
) -> _Edit:
    settings = resources.settings
    provider = resources.plugins.ai_provider(settings)
    seed = _seed(subject)
    before = original.reduced if photo["region"] in REGIONS else None

    def arguments(seconds: float) -> tuple[EditRequest]:
        request = EditRequest(
            image=original.data,
            media_type=original.media_type,
            prompt=prompt,
            region=photo["region"],
            seed=seed,
            timeout_seconds=seconds,
            idempotency_key=subject.visualization_id,
        )
        return (request,)

    def shown(image: GeneratedImage) -> _Edit:
        picture = decoded_picture(settings.ai_provider, image).convert("RGB")
        changed = None if before is None else changed_outside(before, picture, photo["region"])
        return _Edit(image, picture, prompt, changed)

    paid = PaidCall(
        name=call_name,
        provider=settings.ai_provider,
        method=provider.edit_image,
        arguments=arguments,
        input_digest=digest(original.data, prompt, photo["region"], seed),
        accept=lambda image: checked_picture(settings.ai_provider, image),
        use=shown,
    )
    return await make(run, paid, resources)


def _too_much(edit: _Edit, settings: Settings) -> bool:
    return edit.changed is not None and edit.changed > settings.fidelity_threshold


def _fidelity(edit: _Edit, settings: Settings) -> Document | None:
    if edit.changed is None:
        return None
    return {
        "changed_outside": round(edit.changed, 4),
        "threshold": settings.fidelity_threshold,
        "faithful": not _too_much(edit, settings),
    }


def _keep_finished(
    edit: _Edit, subject: Subject, original: Original, resources: Resources, signer: Signer | None
) -> Document:
    settings = resources.settings
    picture, media_type = edit.image.data, edit.image.media_type
    if settings.visible_mark:
        marks.print_label(edit.shown, NOTICE)
        picture = encoded(edit.shown, media_type)
    note = f"SIMULATION. {NOTICE}"
    picture = marked(picture, marks.EDITED, note, signer, original=original.data)
    path = f"visualizations/{subject.visualization_id}-after"
    return {
        "url": keep_picture(resources.store, path, picture, media_type),
        "media_type": media_type,
    }


def _seed(subject: Subject) -> int:
    return zlib.crc32(f"{subject.image_id}/{subject.procedure_id}".encode())
