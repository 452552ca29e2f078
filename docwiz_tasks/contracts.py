"""What a provider is given, gives back and has to be able to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from docwiz_tasks.models import Record
    from docwiz_tasks.settings import Settings

__all__ = [
    "AIProvider",
    "ArtworkRequest",
    "CaseIndex",
    "EditRequest",
    "Embedding",
    "EmbeddingProvider",
    "Factory",
    "GeneratedImage",
    "ImageProvider",
    "JobEvent",
    "Records",
    "Renderer",
    "ReportDocument",
    "ReportPicture",
    "ReportSection",
    "ReportTable",
    "SimilarCase",
]


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Ask an AI provider to change one region of a photo.

    Args:
        image: the photo's bytes, upright and without metadata.
        media_type: ``image/jpeg``, ``image/png`` or ``image/webp``.
        prompt: what to change and what to keep; never holds a patient's data.
        region: the procedure's region by name, for example ``nose``.
        seed: the same seed and input ask for the same picture again.
        timeout_seconds: how long the call may take at most.
        idempotency_key: the same for each try of one call.
    """

    image: bytes = field(repr=False)
    media_type: str
    prompt: str
    region: str
    seed: int = 0
    timeout_seconds: float = 120.0
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class ArtworkRequest:
    """Ask an image provider for decorative artwork.

    Args:
        prompt: what to draw; never holds a figure or a patient's data.
        width: wanted width in pixels; the nearest that the provider has will do.
        height: wanted height in pixels.
        seed: the same seed and prompt ask for the same picture again.
        timeout_seconds: how long the call may take at most.
        idempotency_key: the same for each try of one call.
    """

    prompt: str
    width: int
    height: int
    seed: int = 0
    timeout_seconds: float = 120.0
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """A picture that a provider made.

    Args:
        data: the picture's bytes.
        media_type: their type as the provider knows it; the bytes decide.
        model: the model's name.
        provider_id: the provider's own id of the call, if it has one.
        usage: what the call used, in the provider's own units.
    """

    data: bytes = field(repr=False)
    media_type: str
    model: str
    provider_id: str | None = None
    usage: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Embedding:
    """An image as a vector, and the model that made it."""

    vector: Sequence[float] = field(repr=False)
    model: str


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job: ids, numbers and fixed words only.

    Args:
        job_id: the Celery task id.
        task: the Celery task name.
        kind: ``submitted``, ``started``, ``step``, ``retry`` or an end:
            ``succeeded``, ``failed``, ``cancelled``.
        step: the step's name, for ``step``.
        progress: 0 to 100.
        attempt: how often the job was begun, from 1; 0 before it begins.
        queue: the queue it was sent to, where that is known.
        error_code: the error's code, for ``failed`` and ``retry``.
        at: when it happened, in UTC.
    """

    job_id: str
    task: str
    kind: Literal["submitted", "started", "step", "retry", "succeeded", "failed", "cancelled"]
    step: str | None
    progress: int
    attempt: int
    queue: str | None
    error_code: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """A picture of a report.

    Args:
        data: JPEG or PNG bytes, upright and without metadata but for a mark.
        media_type: ``image/jpeg`` or ``image/png``.
        caption: what it shows.
        simulated: whether an AI or a simulation made it.
    """

    data: bytes = field(repr=False)
    media_type: str
    caption: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of a report: rows of as many cells as its head; `numeric` columns align right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of a report under one heading; pictures stand side by side, two in a row."""

    title: str
    paragraphs: tuple[str, ...] = field(default=(), repr=False)
    pictures: tuple[ReportPicture, ...] = ()
    tables: tuple[ReportTable, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """All that a report says, the same for each format.

    Args:
        id: the report's id.
        title: its title.
        generated_at: its time stamp, in UTC.
        locale: a BCP 47 language tag.
        shareable: whether what identifies the patient was left out.
        patient: label and value pairs about the patient; empty when shareable.
        sections: its parts, in order.
        notice: the sentence that marks simulations as such.
    """

    id: str
    title: str
    generated_at: datetime
    locale: str
    shareable: bool
    patient: tuple[tuple[str, str], ...] = field(repr=False)
    sections: tuple[ReportSection, ...] = field(repr=False)
    notice: str

    @property
    def simulated(self) -> bool:
        """Whether it shows anything that an AI or a simulation made."""
        return any(picture.simulated for section in self.sections for picture in section.pictures)


@runtime_checkable
class AIProvider(Protocol):
    """Edits a photo by a prompt.

    A method may be ``async def`` or plain; a plain one runs in a thread. A provider
    that has ``embed_image`` too (see `EmbeddingProvider`) can embed.
    """

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        """Return the changed photo.

        Raises:
            ProviderUnavailable: the service can't answer now; the call is tried again.
            ProviderRefused: the service declined; the call isn't tried again.
            ProviderRejected: the request or the credentials are wrong.
        """
        ...


@runtime_checkable
class EmbeddingProvider(Protocol):
    """What an AI provider has as well when it can embed images."""

    async def embed_image(self, image: bytes, media_type: str) -> Embedding:
        """Return the image as a vector; raises as `AIProvider.edit_image` does."""
        ...


@runtime_checkable
class ImageProvider(Protocol):
    """Makes decorative artwork from a prompt and a size."""

    async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        """Return the artwork; raises as `AIProvider.edit_image` does."""
        ...


@runtime_checkable
class OrderingImageProvider(Protocol):
    """What an image provider has as well when its service works on an order under an id.

    A job that lost its worker then asks for its order again instead of paying for another.
    """

    async def order_artwork(self, request: ArtworkRequest) -> str:
        """Return the id of the order; raises as `AIProvider.edit_image` does."""
        ...

    async def collect_artwork(self, order_id: str, request: ArtworkRequest) -> GeneratedImage:
        """Wait for an order and return the artwork; raises as `AIProvider.edit_image` does."""
        ...


@runtime_checkable
class Renderer(Protocol):
    """Turns a report into the bytes of one format, in the task's own thread.

    A renderer whose files have pages may have ``count_pages(data: bytes) -> int``.
    """

    media_type: str
    extension: str

    def render(self, document: ReportDocument) -> bytes:
        """Return the whole file.

        Raises:
            RenderFailed: the document can't be set in this format.
        """
        ...


@runtime_checkable
class Records(Protocol):
    """The host's patients, procedures, cost breakdowns and what was made for them."""

    def get(self, kind: str, id: str) -> Record | None:
        """Return one record, or None where there is none."""
        ...

    def put(self, kind: str, document: Record | Mapping[str, object]) -> Record:
        """Keep one record, in place of one with the same id, and return it as a model.

        Raises:
            InvalidRecord: it lacks a field or has a wrong one.
        """
        ...

    def find(self, kind: str, patient_id: str) -> Sequence[Record]:
        """Return one patient's records of a kind, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A visualization that looks like another one: ids only, never the case itself.

    Args:
        visualization_id: whose picture it is like.
        procedure_id: what it shows.
        score: the cosine of the angle between the two embeddings; 1 is the same direction.
    """

    visualization_id: str
    procedure_id: str
    score: float


@runtime_checkable
class CaseIndex(Protocol):
    """Keeps embeddings, to find similar cases; it is given no patient's data.

    It is asked for once in a process, maybe before a worker forks, and then used by several
    threads: it connects when it is first used, in each process anew. A method may be
    ``async def`` or plain; a plain one runs in a thread. One that has ``probe() -> str``
    too tells `doctor` in a sentence how it is.
    """

    def add(self, id: str, embedding: Embedding, payload: Mapping[str, str]) -> None:
        """Index one visualization; the same id replaces what was there.

        Args:
            id: the visualization's.
            embedding: of its after picture; those of other models never meet it.
            payload: its ``procedure_id``.

        Raises:
            ProviderUnavailable: the index can't be reached now; it is caught up later.
            ProviderRejected: the request or the credentials are wrong.
        """
        ...

    def search(
        self, embedding: Embedding, *, procedure_id: str | None, limit: int
    ) -> Sequence[SimilarCase]:
        """Return the cases of the same model that are nearest, the nearest first.

        Args:
            embedding: what they are to be like.
            procedure_id: only those that show this procedure; all if None.
            limit: how many at most.

        Raises:
            ProviderUnavailable: the index can't be reached now.
            ProviderRejected: the request or the credentials are wrong.
        """
        ...


if TYPE_CHECKING:
    Factory: TypeAlias = Callable[[Settings], object]
else:
    Factory = object
