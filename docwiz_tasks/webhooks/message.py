"""An event as a message of Standard Webhooks: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict

from docwiz_tasks.contracts import JobEvent

__all__ = ["body_of", "id_of", "job_of", "signed_headers"]

# A namespace of its own, so that an event has the same id whoever tells of it again.
_EVENTS = uuid.UUID("0c6e7a52-6ab3-4a3f-8d0b-3f5a51d1b7c4")


def id_of(event: JobEvent) -> str:
    """Return an event's id."""
    parts = (event.job_id, event.kind, event.step, event.attempt, event.at.isoformat())
    return str(uuid.uuid5(_EVENTS, "\0".join(map(str, parts))))


def body_of(event: JobEvent) -> str:
    """Return what is posted of an event: its fields, and nothing else."""
    at = event.at.isoformat()
    data = {**asdict(event), "at": at}
    document = {"type": f"job.{event.kind}", "timestamp": at, "data": data}
    return json.dumps(document, separators=(",", ":"))


def job_of(body: str) -> str:
    """Return the id of the job that a message is about."""
    job_id: str = json.loads(body)["data"]["job_id"]
    return job_id


def signed_headers(id: str, body: str, keys: Iterable[bytes], at_seconds: int) -> dict[str, str]:
    """Return the headers that say which event this is, and that it comes from us.

    Args:
        id: the event's id, the same each time that it is sent.
        body: what is posted.
        keys: what it is signed with; a receiver has to know one of them.
        at_seconds: now, in seconds since 1970.
    """
    content = f"{id}.{at_seconds}.{body}".encode()
    signatures = (hmac.digest(key, content, hashlib.sha256) for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(s).decode()}" for s in signatures),
        "content-type": "application/json",
    }
