"""Messages that have not arrived yet, in the store: the broker may forget them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from docwiz_tasks.store import Store

__all__ = ["Outbox"]

_FOLDER = "webhooks"


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is still to be posted, by the event's id.

    Args:
        store: where it is kept.
    """

    store: Store

    def put(self, id: str, body: str) -> None:
        """Keep a message that is being given to the broker now."""
        document = {"body": body, "sent_at": datetime.now(UTC).isoformat()}
        self.store.put(_path(id), json.dumps(document).encode())

    def body(self, id: str) -> str | None:
        """Return a message, or None if it needs no posting any more."""
        document = self._read(id)
        return None if document is None else document["body"]

    def remove(self, id: str) -> None:
        """Forget a message that arrived or was given up."""
        self.store.delete(_path(id))

    def sent(self) -> Iterator[tuple[str, datetime]]:
        """Yield each message's id and when it was last given to the broker."""
        for path in self.store.list(_FOLDER):
            id = path.removeprefix(f"{_FOLDER}/").removesuffix(".json")
            document = self._read(id)
            if document is not None:
                yield id, datetime.fromisoformat(document["sent_at"])

    def _read(self, id: str) -> dict[str, str] | None:
        data = self.store.get(_path(id))
        return None if data is None else json.loads(data)


def _path(id: str) -> str:
    return f"{_FOLDER}/{id}.json"
