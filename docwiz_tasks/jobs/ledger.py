"""The paid calls of a job: written down before they are sent, and again with their answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from docwiz_tasks.contracts import Embedding, GeneratedImage
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.jobs.journal import Document, Journal, now

__all__ = ["Answer", "Entry", "Ledger", "digest"]

Answer: TypeAlias = GeneratedImage | Embedding

_FOLDER = "calls"


@dataclass(frozen=True, slots=True)
class Entry:
    """One call that was sent, or is about to be: its name, and which attempt it is, from 1."""

    name: str
    attempt: int

    @property
    def document(self) -> str:
        """Where the call is written down."""
        return f"{_FOLDER}/{self.name}/{self.attempt:04}"


class Ledger:
    """What a job has paid for.

    Args:
        journal: the job's journal.
        new: whether nobody else can have written in it; nothing is looked for then that
            wasn't written here.
    """

    def __init__(self, journal: Journal, *, new: bool = False) -> None:
        self._journal = journal
        self._written: set[str] | None = set() if new else None

    def begin(self, name: str, provider: str, input_digest: str) -> Entry:
        """Write a call down before it is sent."""
        attempt = self.attempts(name) + 1
        document = {"provider": provider, "input": input_digest, "attempt": attempt, "at": now()}
        while not self._create(Entry(name, attempt).document, document):
            attempt += 1
        return Entry(name, attempt)

    def ordered(self, entry: Entry, order_id: str) -> None:
        """Keep the id under which a service works on a call."""
        self._create(f"{entry.document}-order", {"order_id": order_id, "at": now()})

    def answered(self, entry: Entry, answer: Answer) -> None:
        """Keep a call's answer, so that it is never paid for again."""
        document = {"ok": True, "answer": _document(answer), "at": now()}
        picture = answer.data if isinstance(answer, GeneratedImage) else None
        self._create(f"{entry.document}-outcome", document, picture)

    def reject(self, name: str) -> None:
        """Note that a call's answer is of no use, so that the call is made again."""
        for attempt in range(1, self.attempts(name) + 1):
            self._create(f"{Entry(name, attempt).document}-rejected", {"at": now()})

    def failed(self, entry: Entry, error: DocWizError) -> None:
        """Keep that a call failed, and how."""
        document = {"ok": False, "code": error.code, "at": now()}
        self._create(f"{entry.document}-outcome", document)

    def put_off(self, entry: Entry, error: DocWizError) -> int:
        """Keep that an order could not be asked for, and return how often that was so."""
        number = 1
        document = {"code": error.code, "at": now()}
        while not self._create(f"{entry.document}-unanswered-{number:04}", document):
            number += 1
        return number

    def answer(self, name: str) -> Answer | None:
        """Return the answer of an earlier attempt, if one was answered with something of use."""
        for attempt in range(self.attempts(name), 0, -1):
            entry = Entry(name, attempt).document
            outcome = self._read(f"{entry}-outcome")
            if outcome is not None and outcome["ok"] and not self._exists(f"{entry}-rejected"):
                return _answer(outcome["answer"], self._journal.attachment(f"{entry}-outcome"))
        return None

    def open_order(self, name: str) -> tuple[Entry, str] | None:
        """Return the last attempt and its order's id, if the service still works on it."""
        last = Entry(name, self.attempts(name))
        if not last.attempt:
            return None
        order = self._read(f"{last.document}-order")
        if order is None or self._exists(f"{last.document}-outcome"):
            return None
        return last, order["order_id"]

    def attempts(self, name: str) -> int:
        """Return how often a call was sent."""
        # Nearly always none or one, so asking for each is faster than listing.
        number = 0
        while self._exists(Entry(name, number + 1).document):
            number += 1
        return number

    def made(self) -> int:
        """Return how many calls were sent in all."""
        return _count(self._journal.names(_FOLDER) if self._written is None else self._written)

    def answers(self) -> int:
        """Return how many calls have an answer that is of use."""
        names = set(self._journal.names(_FOLDER))
        entries = {name.removesuffix("-outcome") for name in names if name.endswith("-outcome")}
        kept = (entry for entry in entries if f"{entry}-rejected" not in names)
        outcomes = (self._journal.read(f"{_FOLDER}/{entry}-outcome") for entry in kept)
        return sum(bool(outcome and outcome["ok"]) for outcome in outcomes)

    def _create(self, name: str, document: Document, attachment: bytes | None = None) -> bool:
        if self._written is not None:
            self._written.add(name)
        return self._journal.create(name, document, attachment=attachment)

    def _read(self, name: str) -> Document | None:
        return self._journal.read(name) if self._may_have(name) else None

    def _exists(self, name: str) -> bool:
        return self._may_have(name) and self._journal.exists(name)

    def _may_have(self, name: str) -> bool:
        return self._written is None or name in self._written


def digest(*parts: str | bytes | int) -> str:
    """Return a fingerprint of what a call is sent."""
    joined = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        joined.update(hashlib.sha256(data).digest())
    return joined.hexdigest()


def _count(names: Iterable[str]) -> int:
    return sum("-" not in name.rpartition("/")[2] for name in names)


def _document(answer: Answer) -> Document:
    if isinstance(answer, Embedding):
        return {"vector": [float(x) for x in answer.vector], "model": answer.model}
    return {
        "media_type": answer.media_type,
        "model": answer.model,
        "provider_id": answer.provider_id,
        "usage": dict(answer.usage),
    }


def _answer(document: Document, picture: bytes | None) -> Answer:
    return Embedding(**document) if picture is None else GeneratedImage(picture, **document)
