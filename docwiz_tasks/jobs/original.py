"""The photo that a job shows, and what is made of it once for all its previews."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import Embedding
from docwiz_tasks.imaging.fidelity import MEASURED_SIZE, reduced
from docwiz_tasks.imaging.photos import decoded, header
from docwiz_tasks.jobs.lookup import photo_bytes
from docwiz_tasks.jobs.resources import Resources

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Original"]


class Original:
    """A photo in the store, read once in a run.

    Args:
        resources: where it is, and whether edits of it are measured.
        image_id: which it is.

    Raises:
        UnknownImage: there is none with this id.
    """

    def __init__(self, resources: Resources, image_id: str) -> None:
        self.data = photo_bytes(resources.store, image_id)
        self.media_type, self.width, self.height = header(self.data)
        # What edits are measured against.
        self.reduced: Image | None = None
        if resources.settings.fidelity_policy != "off":
            self.reduced = reduced(decoded(self.data, at_least=MEASURED_SIZE))
        self._embedding: asyncio.Future[Embedding] | None = None

    async def embedded(self, embed: Callable[[], Awaitable[Embedding]]) -> Embedding:
        """Return the photo's embedding: the first to ask has it made, for better or worse for all.

        Args:
            embed: makes it.
        """
        if self._embedding is None:
            self._embedding = asyncio.ensure_future(embed())
        return await self._embedding
