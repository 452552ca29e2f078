"""What is known of one job, in the store: it outlives every worker and Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from docwiz_tasks.store import Store

__all__ = ["JOBS", "OPEN", "Document", "End", "Journal", "Step"]

Document: TypeAlias = dict[str, Any]
EndState: TypeAlias = Literal["SUCCESS", "FAILURE", "REVOKED"]

JOBS, OPEN = "jobs", "open"

# A job has one folder in the store: to make another takes as long as to write five files.
_IN_FOLDER = "="

# Before an attachment: JSON on one line has none.
_BREAK = b"\n"

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Step:
    """A committed step: its outcome, and the job's progress with it done."""

    outcome: Document
    progress: int


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: a result, or an error's code, message and whether to try again.

    Args:
        state: as Celery calls it.
        result: of one that succeeded.
        error: of one that didn't.
        at: when it was kept; None until then.
    """

    state: EndState
    result: Document | None = None
    error: Document | None = None
    at: datetime | None = None


class Journal:
    """A job's request, steps, cancel mark and end, each written once.

    What a loss of power must not take is durable. The rest, such as a step's outcome, can
    be had again without paying for it again.

    Args:
        store: where they are kept.
        job_id: the Celery task id, checked to be a sound id.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self.job_id = job_id
        self._store = store
        self._folder = f"{JOBS}/{job_id}"

    def submit(self, task: str, arguments: Mapping[str, Any]) -> bool:
        """Keep the request; say whether this call was the first to do so."""
        document = {"task": task, "arguments": dict(arguments), "at": now()}
        return self.create("request", document)

    def request(self) -> Document | None:
        """Return the request: task, arguments and when it was submitted."""
        return self.read("request")

    def published(self, epoch: str | None, deliveries: int) -> None:
        """Note that the broker took the job.

        Args:
            epoch: what the broker called its own life then.
            deliveries: how many deliveries there had been before.
        """
        document = {"at": now(), "epoch": epoch, "deliveries": deliveries}
        self._store.put(self._open_path, _bytes(document))

    def publication(self) -> Document | None:
        """Return what `published` noted, and when; None once the job was closed."""
        data = self._store.get(self._open_path)
        return None if data is None else json.loads(data)

    def close(self) -> None:
        """Take the job off the list of those that are open."""
        self._store.delete(self._open_path)

    def told(self, end: End) -> bool:
        """Say whether plugins were told of this end; a job run again has another."""
        return self.read("told") == _telling(end)

    def note_told(self, end: End) -> None:
        """Note that plugins were told of this end."""
        self.write("told", _telling(end), durable=False)

    def steps(self) -> dict[str, Step]:
        """Return the committed steps by name."""
        found: dict[str, Step] = {}
        for name in self.names("steps"):
            document = self.read(f"steps/{name}")
            if document is not None:
                found[name] = Step(document["outcome"], document["progress"])
        return found

    def progress(self) -> int:
        """Return how far the committed steps have brought the job, 0 to 100."""
        return max((step.progress for step in self.steps().values()), default=0)

    def commit(self, name: str, step: Step) -> Step:
        """Keep a step's outcome; return the one that counts, the first."""
        document = {"outcome": step.outcome, "progress": step.progress, "at": now()}
        if self.create(f"steps/{name}", document, durable=False):
            return step
        kept = self.read(f"steps/{name}")
        if kept is None:
            self.write(f"steps/{name}", document, durable=False)
            return step
        return Step(kept["outcome"], kept["progress"])

    def cancel(self) -> None:
        """Leave the mark that stops the job."""
        self.create("cancel", {"at": now()})

    def cancelled(self) -> bool:
        """Say whether the mark is there."""
        return self.exists("cancel")

    def finish(self, end: End) -> End:
        """Keep how the job ended; return the end that counts, the first.

        The job stays open until plugins were told.
        """
        at = end.at or datetime.now(UTC)
        document = {"state": end.state, "result": end.result, "error": end.error}
        if self.create("end", {**document, "at": at.isoformat()}):
            return replace(end, at=at)
        return self.end() or end

    def end(self) -> End | None:
        """Return how the job ended, or None if it hasn't."""
        document = self.read("end")
        if document is None:
            return None
        return End(**{**document, "at": datetime.fromisoformat(document["at"])})

    def held_up_since(self) -> datetime:
        """Return when a provider first held the job up, noting it if that is now."""
        document = {"at": now()}
        if not self.create("held-up", document):
            document = self.read("held-up") or document
        return datetime.fromisoformat(document["at"])

    def reopen(self, deliveries: int) -> None:
        """Forget how the job ended, so that it can be run again.

        Args:
            deliveries: how many there had been until then.
        """
        self.write("reopened", {"at": now(), "deliveries": deliveries})
        self.delete("held-up")
        self.delete("end")

    def deliveries_before_reopened(self) -> int:
        """Return how many deliveries there had been when the job was last reopened."""
        document = self.read("reopened")
        return 0 if document is None else int(document["deliveries"])

    def create(
        self,
        name: str,
        document: Document,
        *,
        attachment: bytes | None = None,
        durable: bool = True,
    ) -> bool:
        """Keep a document under the job unless there is one; say whether this call did.

        Args:
            name: the document's.
            document: what to keep.
            attachment: bytes that go with it: both are there, or neither.
            durable: whether it outlives a loss of power.
        """
        data = _bytes(document)
        if attachment is not None:
            data = _BREAK.join((data, attachment))
        return self._store.create(self._path(name), data, durable=durable)

    def write(self, name: str, document: Document, *, durable: bool = True) -> None:
        """Keep a document under the job in place of what was there."""
        self._store.put(self._path(name), _bytes(document), durable=durable)

    def exists(self, name: str) -> bool:
        """Say whether there is a document under the job."""
        return self._store.exists(self._path(name))

    def read(self, name: str) -> Document | None:
        """Return a document under the job, or None; so for one that a loss of power cut short."""
        data = self._store.get(self._path(name))
        try:
            return None if data is None else json.loads(data.partition(_BREAK)[0])
        except ValueError:
            return None

    def attachment(self, name: str) -> bytes | None:
        """Return what was kept with a document under the job, or None."""
        _, attached, attachment = (self._store.get(self._path(name)) or b"").partition(_BREAK)
        return attachment if attached else None

    def delete(self, name: str) -> None:
        """Remove a document under the job."""
        self._store.delete(self._path(name))

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the job's documents, or of those in a folder, sorted."""
        start = f"{folder}/" if folder else ""
        paths = (path.rpartition("/")[2] for path in self._store.list(self._folder))
        names = (name.removesuffix(".json").replace(_IN_FOLDER, "/") for name in paths)
        return sorted(name.removeprefix(start) for name in names if name.startswith(start))

    @property
    def _open_path(self) -> str:
        # Apart from the jobs, so that to list those that are open is to list few.
        return f"{OPEN}/{self.job_id}.json"

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name.replace('/', _IN_FOLDER)}.json"


def now() -> str:
    """Return the time as documents have it."""
    return datetime.now(UTC).isoformat()


def _telling(end: End) -> Document:
    return {"ended_at": end.at and end.at.isoformat()}


def _bytes(document: Document) -> bytes:
    return _JSON.encode(document).encode()
