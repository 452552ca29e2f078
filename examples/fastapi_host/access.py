"""Who may do what: signed tokens for a clinic's users, each with patients of their own."""

from __future__ import annotations

import ipaddress
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import HTTPConnection

DAY_SECONDS = 24 * 3600
COOKIE = "clinic_token"

# Off unless it is asked for, and then for this machine only: no token is needed.
DEVELOPMENT = os.environ.get("CLINIC_DEVELOPMENT") == "1"
DATABASE = Path(os.environ.get("CLINIC_DATABASE", Path(__file__).parent / "clinic.db"))


def issue_token(user: str) -> str:
    """Return a token that says who somebody is, for a day."""
    return str(_serializer().dumps(user))


def user_of(connection: HTTPConnection) -> str:
    """Return who asks: by header, by cookie, or by ``?token=`` as some WebSockets need."""
    if DEVELOPMENT:
        client = connection.client
        if client is None or not ipaddress.ip_address(client.host).is_loopback:
            raise HTTPException(403, "CLINIC_DEVELOPMENT is for this machine only.")
        return "developer"
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = connection.cookies.get(COOKIE) or connection.query_params.get("token") or ""
    try:
        return str(_serializer().loads(token, max_age=DAY_SECONDS))
    except BadSignature:
        raise HTTPException(401, "Log in first.", {"WWW-Authenticate": "Bearer"}) from None


def authorize(connection: HTTPConnection, action: str, ids: Mapping[str, Any]) -> bool:
    """Let users do everything with their own patients and photos, and nothing with others'."""
    user = user_of(connection)
    if action == "images.create":
        return True
    if action == "images.created":
        claim(user, "image", ids["image_id"])
        return True
    patient_id, image_id = ids.get("patient_id"), ids.get("image_id") or ids.get("source_image_id")
    owned = [owner_of("patient", patient_id) == user] if patient_id else []
    owned += [owner_of("image", image_id) == user] if image_id else []
    return bool(owned) and all(owned)


def claim(user: str, kind: str, id: str) -> None:
    """Note whose a patient or photo is, unless it is somebody's."""
    with closing(_database()) as database, database:
        database.execute("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", (kind, id, user))


def owner_of(kind: str, id: str) -> str | None:
    """Return whose a patient or photo is."""
    query = "SELECT owner FROM owners WHERE kind = ? AND id = ?"
    with closing(_database()) as database:
        row = database.execute(query, (kind, id)).fetchone()
    return row[0] if row else None


def _database() -> sqlite3.Connection:
    database = sqlite3.connect(DATABASE)
    database.execute(
        "CREATE TABLE IF NOT EXISTS owners (kind TEXT, id TEXT, owner TEXT, PRIMARY KEY (kind, id))"
    )
    return database


def _serializer() -> URLSafeTimedSerializer:
    secret = os.environ.get("CLINIC_SECRET")
    if not secret:
        raise HTTPException(503, "Set CLINIC_SECRET: tokens are signed with it.")
    return URLSafeTimedSerializer(secret, salt="clinic-user")


if __name__ == "__main__":
    print(issue_token(sys.argv[1]))
