"""The preview: one procedure on a photo, before and after."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

from docwiz_tasks.contracts import Embedding, EmbeddingProvider
from docwiz_tasks.errors import ProviderError
from docwiz_tasks.jobs.cases import file_case, keep_embeddings
from docwiz_tasks.jobs.editing import edit_photo
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.ledger import digest
from docwiz_tasks.jobs.lookup import check_request, find_procedure
from docwiz_tasks.jobs.original import Original
from docwiz_tasks.jobs.paid import PaidCall, make
from docwiz_tasks.jobs.pictures import keep_picture
from docwiz_tasks.jobs.prompts import build_prompt
from docwiz_tasks.jobs.requests import VisualizationRequest
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run, Work
from docwiz_tasks.jobs.subject import NOTICE, Subject
from docwiz_tasks.models import Visualization
from docwiz_tasks.store import path_of

__all__ = ["preview", "visualize"]

Milestones = Mapping[str, int | Callable[[], int]]


async def visualize(run: Run, request: VisualizationRequest, resources: Resources) -> Document:
    """Make a preview and return its record."""
    run.advance(0, "Starting the preview")
    check_request(request, resources)
    subject = Subject(run.job_id, request.image_id, request.procedure_id, request.patient_id)
    original = await run.aside(Original, resources, request.image_id)
    milestones = {"photo": 20, "edit": 80, "record": 100}
    return await preview(run, subject, original, resources, milestones)


async def preview(
    run: Run,
    subject: Subject,
    original: Original,
    resources: Resources,
    milestones: Milestones,
    prefix: str = "",
) -> Document:
    """Do the steps of one preview.

    Args:
        run: the job's run.
        subject: what to show.
        original: the photo to show it on.
        resources: what to work with.
        milestones: the job's progress with a step done, by the step's name.
        prefix: put before each step's name, where one job makes several previews.
    """

    async def step(name: str, work: Work, status: str) -> Document:
        return await run.step(
            prefix + name,
            work,
            status=status,
            progress=milestones.get(name),
        )

    photo = await step(
        "photo",
        lambda: take_photo(run, subject, original, resources),
        "The picture is being made",
    )
    edit = await step(
        "edit",
        lambda: edit_photo(run, subject, photo, original, resources, f"{prefix}edit"),
        "The picture is made",
    )
    embedding = await step(
        "embed",
        lambda: embed_pair(run, subject, original, edit, resources, f"{prefix}embed-after"),
        "The picture is kept",
    )
    await step(
        "index",
        lambda: file_case(run, subject, embedding, resources),
        "The record is being written",
    )
    return await step(
        "record",
        lambda: keep_record(subject, photo, edit, embedding, resources),
        f"{photo['procedure_name']}: the preview is ready",
    )


async def take_photo(
    run: Run, subject: Subject, original: Original, resources: Resources
) -> Document:
    """Store the photo as the before picture, and settle what is asked for."""
    procedure = find_procedure(resources.records, subject.procedure_id)
    path = f"visualizations/{subject.visualization_id}-before"
    picture = (original.data, original.media_type)
    return {
        "url": await run.aside(keep_picture, resources.store, path, *picture),
        "media_type": original.media_type,
        "width": original.width,
        "height": original.height,
        "procedure_name": procedure.name,
        "region": procedure.region,
        "prompt": build_prompt(procedure),
        "generated_at": run.began_at.isoformat(),
    }


async def embed_pair(
    run: Run,
    subject: Subject,
    original: Original,
    edit: Document,
    resources: Resources,
    call_name: str,
) -> Document:
    """Have both pictures embedded, if the AI provider can, and store the vectors."""
    settings = resources.settings
    provider = resources.plugins.ai_provider(settings)
    if not isinstance(provider, EmbeddingProvider):
        return {"embedding": None}
    embed = provider.embed_image

    def embedded(name: str, picture: bytes, media_type: str) -> Awaitable[Embedding]:
        paid = PaidCall(
            name=name,
            provider=settings.ai_provider,
            method=embed,
            arguments=lambda _seconds: (picture, media_type),
            input_digest=digest(picture, media_type),
            accept=lambda embedding: _checked_embedding(settings.ai_provider, embedding),
            use=lambda embedding: embedding,
        )
        return make(run, paid, resources)

    before = await original.embedded(
        lambda: embedded("embed-before", original.data, original.media_type)
    )
    picture = resources.store.get(path_of(edit["url"])) or b""
    after = await embedded(call_name, picture, edit["media_type"])
    pair = {"before": before, "after": after}
    if len(before.vector) != len(after.vector):
        raise ProviderError(f"The provider {settings.ai_provider!r} gave unequal embeddings.")
    vectors = {name: [float(x) for x in one.vector] for name, one in pair.items()}
    await run.aside(keep_embeddings, resources.store, subject, after.model, vectors)
    return {
        "embedding": {
            "id": subject.visualization_id,
            "model": after.model,
            "dimensions": len(after.vector),
        }
    }


def keep_record(
    subject: Subject, photo: Document, edit: Document, embedding: Document, resources: Resources
) -> Document:
    """Save the visualization's record and return it as plain data."""
    record = Visualization.model_validate(
        {
            "id": subject.visualization_id,
            "patient_id": subject.patient_id,
            "procedure_id": subject.procedure_id,
            "procedure_name": photo["procedure_name"],
            "before_image_url": photo["url"],
            "after_image_url": edit["url"],
            "prompt_used": edit["prompt"],
            "generated_at": photo["generated_at"],
            "embedding": embedding["embedding"],
            "provider": edit["provider"],
            "model": edit["model"],
            "metadata": {
                "image_id": subject.image_id,
                "region": photo["region"],
                "width": photo["width"],
                "height": photo["height"],
                "seed": edit["seed"],
                "provider_id": edit["provider_id"],
                "usage": edit["usage"],
                "fidelity": edit["fidelity"],
                "notice": NOTICE,
            },
        }
    )
    resources.records.put("visualization", record)
    return record.model_dump(mode="json")


def _checked_embedding(provider: str, embedding: object) -> Embedding:
    if isinstance(embedding, Embedding):
        vector = embedding.vector
        if vector and all(map(math.isfinite, vector)):
            return embedding
    raise ProviderError(f"The provider {provider!r} answered with no usable embedding.")
