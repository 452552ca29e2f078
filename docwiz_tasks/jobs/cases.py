"""Similar cases: embedded visualizations, filed in an index, caught up with, and found."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from docwiz_tasks.contracts import CaseIndex, Embedding, SimilarCase
from docwiz_tasks.errors import (
    DocWizError,
    InvalidRequest,
    NotEmbedded,
    SettingsError,
    UnknownRecord,
)
from docwiz_tasks.jobs.calls import call, where
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.lookup import find_procedure
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.jobs.subject import Subject
from docwiz_tasks.records.validation import check_id
from docwiz_tasks.store import Store

__all__ = ["Reindexed", "file_case", "find_similar", "keep_embeddings", "reindex", "unfiled"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_SIMILAR = 100

_EMBEDDINGS = "embeddings"
_UNFILED = "unfiled"
_NAME = "case index"


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What a catching up of the case index came to.

    Args:
        filed: how many cases the index took.
        left: how many it did not take; they are tried again the next time.
        error: why not, in a sentence; None if none is left.
    """

    filed: int
    left: int
    error: str | None


@dataclass(frozen=True, slots=True)
class _Case:
    id: str
    embedding: Embedding
    procedure_id: str

    @property
    def payload(self) -> Mapping[str, str]:
        return {"procedure_id": self.procedure_id}


def keep_embeddings(
    store: Store, subject: Subject, model: str, vectors: Mapping[str, list[float]]
) -> None:
    """Store the vectors of a visualization's pictures, with all that an index is told."""
    document = {"procedure_id": subject.procedure_id, "model": model, **vectors}
    store.put(_path(subject.visualization_id), json.dumps(document).encode())


async def file_case(
    run: Run, subject: Subject, embedding: Document, resources: Resources
) -> Document:
    """Give the after picture's embedding to the case index, if there is one.

    An index that fails or is slow harms no preview; the case is noted as one to be filed.
    """
    case = _case(resources.store, subject.visualization_id) if embedding["embedding"] else None
    if case is None:
        return {"indexed": False}
    try:
        index = resources.case_index()
        if index is None:
            return {"indexed": False}
        limit = resources.settings.case_index_timeout_seconds
        seconds = min(limit, run.remaining_seconds())
        await call(_NAME, _awaited(index.add), seconds, case.id, case.embedding, case.payload)
    except Exception as error:
        logger.warning("The case index did not take a visualization: %s", where(error))
        resources.store.create(f"{_UNFILED}/{case.id}", b"")
        return {"indexed": False}
    return {"indexed": True}


def unfiled(store: Store) -> list[str]:
    """Return the ids of the visualizations that the index did not take."""
    return [path.removeprefix(f"{_UNFILED}/") for path in store.list(_UNFILED)]


def reindex(resources: Resources, *, everything: bool = False) -> Reindexed:
    """File the cases that the index did not take, or all that are in the store.

    A case that is filed twice is there once, so workers may run meanwhile. It stops when
    the index can't be reached.

    Args:
        resources: what jobs work with.
        everything: all, for an index that is new or was lost.

    Raises:
        SettingsError: there is no index.
    """
    index, store = _index(resources), resources.store
    ids = list(_embedded(store)) if everything else unfiled(store)
    filed, error = 0, None
    left = len(ids)
    for id in ids:
        case = _case(store, id)
        try:
            if case is not None:
                _ask(resources, index.add, case.id, case.embedding, case.payload)
                filed += 1
        except DocWizError as failure:
            error = failure
            if failure.retryable:
                break
            continue
        left -= 1
        store.delete(f"{_UNFILED}/{id}")
    return Reindexed(filed, left, None if error is None else str(error))


def find_similar(
    resources: Resources, visualization_id: str, procedure_id: str | None, limit: int
) -> list[SimilarCase]:
    """Return the visualizations whose after pictures are most like another one's.

    Args:
        resources: what jobs work with.
        visualization_id: the one that they are to be like.
        procedure_id: only those that show this procedure.
        limit: how many at most, 1 to 100.

    Raises:
        InvalidRequest: an argument is wrong.
        UnknownRecord: there is no such visualization.
        UnknownProcedure: there is no such procedure.
        NotEmbedded: the visualization has no embedding.
        SettingsError: there is no index.
        ProviderUnavailable: the index can't be reached now.
    """
    if not 1 <= limit <= MAX_SIMILAR:
        raise InvalidRequest(f"limit is 1 to {MAX_SIMILAR}.")
    if procedure_id is not None:
        find_procedure(resources.records, check_id(procedure_id))
    if resources.records.get("visualization", check_id(visualization_id)) is None:
        raise UnknownRecord("No visualization has this id.")
    case = _case(resources.store, visualization_id)
    if case is None:
        raise NotEmbedded(
            "This visualization has no embedding: the AI provider that made it makes none."
        )
    found = _ask(
        resources,
        _index(resources).search,
        case.embedding,
        procedure_id=procedure_id,
        # It is itself the nearest.
        limit=limit + 1,
    )
    return [similar for similar in found if similar.visualization_id != case.id][:limit]


def _index(resources: Resources) -> CaseIndex:
    index = resources.case_index()
    if index is None:
        raise SettingsError(
            "There is no case index: set DOCWIZ_QDRANT_URL, or install a plugin with the hook"
            " docwiz_case_index."
        )
    return index


def _ask(resources: Resources, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what a method of the index returns, in time and with its errors as ours."""
    asked = call(
        _NAME, _awaited(method), resources.settings.case_index_timeout_seconds, *args, **kwargs
    )
    # In a thread of its own: whoever asks may be inside an event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


def _awaited(method: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    # Plain or not, `call` knows.
    return cast("Callable[..., Awaitable[T]]", method)


def _path(id: str) -> str:
    return f"{_EMBEDDINGS}/{id}.json"


def _embedded(store: Store) -> Iterator[str]:
    for path in store.list(_EMBEDDINGS):
        yield path.removeprefix(f"{_EMBEDDINGS}/").removesuffix(".json")


def _case(store: Store, id: str) -> _Case | None:
    data = store.get(_path(id))
    if data is None:
        return None
    kept = json.loads(data)
    return _Case(id, Embedding(kept["after"], kept["model"]), kept["procedure_id"])
