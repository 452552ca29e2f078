"""What is known of one job, in the store: it outlives every worker and Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from docwiz_tasks.store import Store

__all__ = ["Document", "End", "Journal", "Step"]

Document: TypeAlias = dict[str, Any]
EndState: TypeAlias = Literal["SUCCESS", "FAILURE", "REVOKED"]


@dataclass(frozen=True, slots=True)
class Step:
    """A committed step: its outcome, and the job's progress with it done."""

    outcome: Document
    progress: int


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: a result, or an error's code, message and whether to try again."""

    state: EndState
    result: Document | None = None
    error: Document | None = None


class Journal:
    """A job's request, deliveries, steps, cancel mark and end, each written once.

    Args:
        store: where they are kept.
        job_id: the Celery task id, checked to be a sound id.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self.job_id = job_id
        self._store = store
        self._folder = f"jobs/{job_id}"

    def submit(self, task: str, arguments: Mapping[str, Any]) -> bool:
        """Keep the request; say whether this call was the first to do so."""
        document = {"task": task, "arguments": dict(arguments), "at": _now()}
        return self._create("request", document)

    def request(self) -> Document | None:
        """Return the request: task, arguments and when it was submitted."""
        return self._read("request")

    def published(self) -> None:
        """Note that the broker took the job."""
        self._create("published", {"at": _now()})

    def was_published(self) -> bool:
        """Say whether the broker took the job."""
        return self._read("published") is not None

    def begin(self) -> int:
        """Note a delivery and return its number, from 1."""
        number = self.deliveries() + 1
        while not self._create(f"deliveries/{number:06}", {"at": _now()}):
            number += 1
        return number

    def deliveries(self) -> int:
        """Return how often the job was begun."""
        return sum(1 for _ in self._store.list(f"{self._folder}/deliveries"))

    def steps(self) -> dict[str, Step]:
        """Return the committed steps by name."""
        folder = f"{self._folder}/steps/"
        found: dict[str, Step] = {}
        for path in self._store.list(folder.rstrip("/")):
            name = path.removeprefix(folder).removesuffix(".json")
            document = self._read(f"steps/{name}")
            if document is not None:
                found[name] = Step(document["outcome"], document["progress"])
        return found

    def commit(self, name: str, step: Step) -> Step:
        """Keep a step's outcome; return the one that counts, the first."""
        document = {"outcome": step.outcome, "progress": step.progress, "at": _now()}
        if self._create(f"steps/{name}", document):
            return step
        kept = self._read(f"steps/{name}")
        return step if kept is None else Step(kept["outcome"], kept["progress"])

    def cancel(self) -> None:
        """Leave the mark that stops the job."""
        self._create("cancel", {"at": _now()})

    def cancelled(self) -> bool:
        """Say whether the mark is there."""
        return self._read("cancel") is not None

    def finish(self, end: End) -> End:
        """Keep how the job ended; return the end that counts, the first."""
        document = {"state": end.state, "result": end.result, "error": end.error, "at": _now()}
        if self._create("end", document):
            return end
        return self.end() or end

    def end(self) -> End | None:
        """Return how the job ended, or None if it hasn't."""
        document = self._read("end")
        if document is None:
            return None
        return End(document["state"], document["result"], document["error"])

    def _create(self, name: str, document: Document) -> bool:
        data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return self._store.create(f"{self._folder}/{name}.json", data)

    def _read(self, name: str) -> Document | None:
        data = self._store.get(f"{self._folder}/{name}.json")
        return None if data is None else json.loads(data)


def _now() -> str:
    return datetime.now(UTC).isoformat()
