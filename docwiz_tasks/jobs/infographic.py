"""The cost infographic: a breakdown as a picture, every figure set by us."""

from __future__ import annotations

import logging

from docwiz_tasks.contracts import ArtworkRequest, GeneratedImage, OrderingImageProvider
from docwiz_tasks.errors import ProviderError
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.infographic import Infographic, Plan, draw
from docwiz_tasks.imaging.signing import signer_of
from docwiz_tasks.jobs.amounts import check_amounts, fees
from docwiz_tasks.jobs.calls import checked_picture, decoded_picture
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.ledger import digest
from docwiz_tasks.jobs.lookup import check_request, find_cost_breakdown, find_procedure
from docwiz_tasks.jobs.marking import marked
from docwiz_tasks.jobs.paid import Order, PaidCall, make
from docwiz_tasks.jobs.pictures import keep_picture
from docwiz_tasks.jobs.requests import InfographicRequest
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.jobs.wording import calendar_date
from docwiz_tasks.models import CostBreakdown
from docwiz_tasks.settings import Settings
from docwiz_tasks.store import path_of

__all__ = ["draw_infographic"]

logger = logging.getLogger(__name__)

WIDTH, HEIGHT = 1200, 800

_BUILTIN = "offline"

_ARTWORK_PROMPT = (
    "Abstract, calm background for a clinic's leaflet: soft gradients in teal and warm white,"
    " gentle curves, plenty of empty space. No people, no text, no letters, no numbers, no logos."
)


async def draw_infographic(run: Run, request: InfographicRequest, resources: Resources) -> Document:
    """Draw a cost breakdown and return where the picture is."""
    check_request(request, resources)
    breakdown = await run.step(
        "check", lambda: check(request, resources), status="The artwork is being made", progress=20
    )
    artwork = await run.step(
        "artwork",
        lambda: make_artwork(run, resources),
        status="The artwork is made",
        progress=60,
    )
    picture = await run.step(
        "draw",
        lambda: draw_figures(run, request, breakdown, artwork, resources),
        status="The figures are set",
        progress=90,
    )
    return await run.step(
        "finish",
        lambda: {
            "id": run.job_id,
            "cost_breakdown_id": request.cost_breakdown_id,
            "format": request.format,
            "image_url": picture["url"],
            "width": WIDTH,
            "height": HEIGHT,
            "artwork_provider": artwork["provider"],
            "created_at": picture["created_at"],
        },
        status="The infographic is ready",
        progress=100,
    )


def check(request: InfographicRequest, resources: Resources) -> Document:
    """Take the breakdown as it is now.

    Raises:
        AmountsDiffer: it does not add up.
    """
    breakdown = find_cost_breakdown(resources.records, request.cost_breakdown_id)
    check_amounts(breakdown)
    procedure = find_procedure(resources.records, breakdown.procedure_id)
    return {"breakdown": breakdown.model_dump(mode="json"), "procedure_name": procedure.name}


async def make_artwork(run: Run, resources: Resources) -> Document:
    """Have the image provider make the decoration; it is told no figure.

    Raises:
        ProviderError: it failed for good, and no other background is wanted.
        SettingsError: the picture is to be signed, and the certificate won't do.
    """
    settings = resources.settings
    # Before anything is paid for: a certificate that has expired costs nothing.
    signer_of(settings)
    try:
        image = await _ordered(run, settings, resources)
    except ProviderError as error:
        if not settings.artwork_fallback:
            raise
        logger.warning("The artwork failed with %s: the built-in one is taken", error.code)
        settings = settings.model_copy(update={"image_provider": _BUILTIN})
        image = await _ordered(run, settings, resources)
    source_type = marks.read_source_type(image.data) or marks.GENERATED
    data = marks.embed_source_type(image.data, source_type, note="Artwork")
    path = f"infographics/{run.job_id}/artwork"
    url = keep_picture(resources.store, path, data, image.media_type)
    return {"url": url, "provider": settings.image_provider, "model": image.model}


async def _ordered(run: Run, settings: Settings, resources: Resources) -> GeneratedImage:
    provider = resources.plugins.image_provider(settings)

    def arguments(seconds: float) -> tuple[ArtworkRequest]:
        request = ArtworkRequest(
            prompt=_ARTWORK_PROMPT,
            width=WIDTH,
            height=HEIGHT,
            timeout_seconds=seconds,
            idempotency_key=run.job_id,
        )
        return (request,)

    def whole(image: GeneratedImage) -> GeneratedImage:
        decoded_picture(settings.image_provider, image)
        return image

    order: Order[GeneratedImage] | None = None
    if isinstance(provider, OrderingImageProvider):
        order = Order(provider.order_artwork, provider.collect_artwork)
    paid = PaidCall(
        name=f"artwork-{settings.image_provider}",
        provider=settings.image_provider,
        method=provider.create_artwork,
        arguments=arguments,
        input_digest=digest(_ARTWORK_PROMPT, WIDTH, HEIGHT),
        accept=lambda image: checked_picture(settings.image_provider, image),
        use=whole,
        order=order,
    )
    return await make(run, paid, resources)


def draw_figures(
    run: Run,
    request: InfographicRequest,
    checked: Document,
    artwork: Document,
    resources: Resources,
) -> Document:
    """Set the figures over the artwork and store the picture, with the artwork's mark kept."""
    breakdown = CostBreakdown.model_validate(checked["breakdown"])
    background = resources.store.get(path_of(artwork["url"])) or b""
    picture = draw(
        _figures(breakdown, checked["procedure_name"]),
        artwork=background,
        format=request.format,
        width=WIDTH,
        height=HEIGHT,
        font_path=resources.settings.font_path,
    )
    source_type = marks.read_source_type(background) or marks.GENERATED
    note = "Artwork only; figures are set."
    picture = marked(picture, source_type, note, signer_of(resources.settings))
    media_type = f"image/{request.format}"
    path = f"infographics/{run.job_id}/infographic"
    return {
        "url": keep_picture(resources.store, path, picture, media_type),
        "created_at": run.began_at.isoformat(),
    }


def _figures(breakdown: CostBreakdown, procedure_name: str) -> Infographic:
    notes = ["An estimate, not an offer."]
    if breakdown.calculated_at:
        notes.insert(0, f"Calculated on {calendar_date(breakdown.calculated_at)}.")
    return Infographic(
        title="What it costs",
        subtitle=procedure_name,
        currency=breakdown.currency,
        fees=fees(breakdown),
        total=breakdown.total_cost,
        insurance_coverage=breakdown.insurance_coverage,
        patient_share=breakdown.patient_responsibility,
        deductible=breakdown.deductible,
        copay=breakdown.copay,
        out_of_pocket_max=breakdown.out_of_pocket_max,
        payment_plans=tuple(
            Plan(p.name, p.monthly_payment, p.duration_months, p.interest_rate, p.total_paid)
            for p in breakdown.payment_plans
        ),
        notes=tuple(notes),
    )
