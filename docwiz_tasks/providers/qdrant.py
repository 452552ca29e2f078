"""The index of similar cases on Qdrant.

https://qdrant.tech/documentation/
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import Embedding, SimilarCase
from docwiz_tasks.errors import ExtraMissing, ProviderError, ProviderRejected, ProviderUnavailable
from docwiz_tasks.providers.http import tls_context

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from docwiz_tasks.settings import Settings

__all__ = ["QdrantIndex"]

MEMORY = ":memory:"

# Qdrant names points by UUIDs or numbers only, and a host's ids can be other words.
_POINTS = uuid.UUID("0b9f2d1e-6c1f-4a58-9f0b-2a2d4f6f8c55")

_TRANSIENT = frozenset({408, 429})


class QdrantIndex:
    """Keep embeddings in Qdrant, in a collection for each model and length.

    A point carries the ids of its visualization and procedure, and nothing else.

    Args:
        settings: where Qdrant is.

    Raises:
        ExtraMissing: qdrant-client isn't installed.
    """

    def __init__(self, settings: Settings) -> None:
        # It takes long to import: a worker does so as it starts, not in its first job.
        try:
            import qdrant_client  # noqa: F401
        except ImportError:
            raise ExtraMissing.for_extra("qdrant", "The case index on Qdrant") from None
        self._settings = settings
        # What is in memory is one for all, and knows no threads.
        self._in_memory = settings.qdrant_url == MEMORY
        self._turn = Lock()

    def add(self, id: str, embedding: Embedding, payload: Mapping[str, str]) -> None:
        """Index one visualization; the same id replaces what was there."""
        from qdrant_client.models import PointStruct

        point = PointStruct(
            id=str(uuid.uuid5(_POINTS, id)),
            vector=list(embedding.vector),
            payload={"visualization_id": id, "procedure_id": payload["procedure_id"]},
        )
        with self._asked() as client:
            name = self._collection(embedding)
            if not client.collection_exists(name):
                self._create(client, name, len(embedding.vector))
            client.upsert(name, [point])

    def search(
        self, embedding: Embedding, *, procedure_id: str | None, limit: int
    ) -> Sequence[SimilarCase]:
        """Return the cases of the same model that are nearest, the nearest first."""
        from qdrant_client.models import FieldCondition, Filter, MatchValue

        wanted = None
        if procedure_id is not None:
            shown = FieldCondition(key="procedure_id", match=MatchValue(value=procedure_id))
            wanted = Filter(must=[shown])
        with self._asked() as client:
            name = self._collection(embedding)
            if not client.collection_exists(name):
                return []
            vector = list(embedding.vector)
            found = client.query_points(name, query=vector, query_filter=wanted, limit=limit)
        payloads = [(point.payload or {}, point.score) for point in found.points]
        return [SimilarCase(p["visualization_id"], p["procedure_id"], s) for p, s in payloads]

    def probe(self) -> str:
        """Say which collections there are, how they are and how much they hold.

        Raises:
            ProviderUnavailable: Qdrant can't be reached.
            ProviderError: a collection is broken.
        """
        with self._asked() as client:
            prefix = f"{self._settings.qdrant_collection}-"
            names = [c.name for c in client.get_collections().collections]
            mine = {n: client.get_collection(n) for n in names if n.startswith(prefix)}
        if broken := [name for name, about in mine.items() if about.status.value == "red"]:
            raise ProviderError(f"Qdrant says that {', '.join(broken)} is red: see its log.")
        held = [f"{n} ({a.status.value}, {a.points_count} cases)" for n, a in mine.items()]
        return f"Qdrant answers; {', '.join(held) or 'no case is filed yet'}."

    def _collection(self, embedding: Embedding) -> str:
        """Return the name of the only collection where such vectors may meet."""
        words = re.sub(r"[^a-z0-9]+", "-", embedding.model.lower()).strip("-")[:64]
        # Two models whose names differ in other characters stay apart.
        digest = sha256(embedding.model.encode()).hexdigest()[:8]
        prefix = self._settings.qdrant_collection
        return f"{prefix}-{words}-{len(embedding.vector)}-{digest}"

    def _create(self, client: QdrantClient, name: str, dimensions: int) -> None:
        from qdrant_client.http.exceptions import UnexpectedResponse
        from qdrant_client.models import Distance, PayloadSchemaType, VectorParams

        size = VectorParams(size=dimensions, distance=Distance.COSINE)
        try:
            client.create_collection(name, vectors_config=size)
        except UnexpectedResponse as error:
            # Another worker was faster.
            if error.status_code != 409:
                raise
        if not self._in_memory:
            client.create_payload_index(name, "procedure_id", PayloadSchemaType.KEYWORD)

    @contextmanager
    def _asked(self) -> Iterator[QdrantClient]:
        from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            with self._connected() as client:
                yield client
        except ResourceExhaustedResponse as error:
            raise ProviderUnavailable(
                "Qdrant is asked too often.", retry_after_seconds=error.retry_after_s
            ) from None
        except ResponseHandlingException as error:
            kind = type(error.source).__name__
            raise ProviderUnavailable(f"Qdrant can't be reached: {kind}.") from None
        except UnexpectedResponse as error:
            raise _told_as_ours(error.status_code or 0) from None

    @contextmanager
    def _connected(self) -> Iterator[QdrantClient]:
        if self._in_memory:
            with self._turn:
                yield self._memory
            return
        # A client for each call: none is shared by forks or threads, nor left open.
        with closing(self._remote()) as client:
            yield client

    @cached_property
    def _memory(self) -> QdrantClient:
        from qdrant_client import QdrantClient

        return QdrantClient(MEMORY)

    def _remote(self) -> QdrantClient:
        from qdrant_client import QdrantClient

        settings = self._settings
        key = settings.qdrant_api_key
        return QdrantClient(
            url=settings.qdrant_url,
            api_key=None if key is None else key.get_secret_value(),
            timeout=math.ceil(settings.case_index_timeout_seconds),
            check_compatibility=False,
            verify=tls_context(),
        )


def _told_as_ours(status: int) -> ProviderError:
    if status in {401, 403}:
        return ProviderRejected(f"Qdrant took no key ({status}): check DOCWIZ_QDRANT_API_KEY.")
    if status in _TRANSIENT or status >= 500:
        return ProviderUnavailable(f"Qdrant can't answer now ({status}).")
    return ProviderRejected(f"Qdrant did not take the request ({status}): check DOCWIZ_QDRANT_URL.")
