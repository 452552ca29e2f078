"""Stored pictures and documents over HTTP."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.errors import StoreError, StoreUnavailable, UnknownImage
from docwiz_tasks.imaging.photos import media_type_of
from docwiz_tasks.links import is_signed
from docwiz_tasks.web.authorization import Guard
from docwiz_tasks.web.bodies import FileId
from docwiz_tasks.web.owners import file_path, ids_of_file
from docwiz_tasks.web.problems import problems

__all__ = ["add_files"]

REDIRECT_SECONDS = 300
_TYPES = {"pdf": "application/pdf", "json": "application/json"}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)
# A weak tag says less than ours, and does for this.
_TAG = re.compile(r'\*|"[^"]*"')


def add_files(router: APIRouter, docwiz: DocWiz, guard: Guard) -> None:
    """Add the endpoint that serves files."""

    @router.get(
        "/files/{file_id}",
        name="docwiz_file",
        summary="A stored image or document",
        response_class=Response,
        responses={
            200: {"description": "The file", "content": {"*/*": {}}},
            206: {"description": "The part of it that was asked for", "content": {"*/*": {}}},
            304: {"description": "Not changed"},
            307: {"description": "Where it lies on S3 or GCS"},
            416: {"description": "There is no such part of it"},
            **problems(401, 403, 404, 422, 503),
        },
    )
    async def file(
        request: Request,
        file_id: FileId,
        expires: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        signature: Annotated[str | None, Query(max_length=128)] = None,
    ) -> Response:
        path = file_path(file_id)
        signed = (
            expires is not None
            and signature is not None
            and is_signed(docwiz.settings, file_id, expires, signature)
        )
        if not signed:
            ids = await run_in_threadpool(ids_of_file, docwiz, file_id, path)
            await guard.check(request, "files.read", ids)
        return await run_in_threadpool(_served, docwiz, path, request)


def _served(docwiz: DocWiz, path: str, request: Request) -> Response:
    try:
        link = docwiz.store.link(path, REDIRECT_SECONDS)
        return RedirectResponse(link, headers={"Cache-Control": "no-store"})
    except StoreUnavailable:
        raise
    except StoreError:
        # A folder, or memory: the file comes from here.
        data = docwiz.store.get(path)
    if data is None:
        raise UnknownImage("There is no file with this id.")
    name = path.rpartition("/")[2]
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    if {"*", etag} & set(_TAG.findall(request.headers.get("if-none-match", ""))):
        return Response(status_code=304, headers=headers)
    media_type = media_type_of(data) or _TYPES.get(name.rpartition(".")[2])
    media_type = media_type or "application/octet-stream"
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return Response(data, headers=headers, media_type=media_type)
    return _part(data, wanted, headers, media_type)


def _part(data: bytes, wanted: str, headers: dict[str, str], media_type: str) -> Response:
    """Return one range; several at once, or what is no range, get the whole.

    https://www.rfc-editor.org/rfc/rfc9110#name-range
    """
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not any(found.groups()):
        return Response(data, headers=headers, media_type=media_type)
    first, last = found.groups()
    if first:
        begin, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
        if last and int(last) < int(first):
            return Response(data, headers=headers, media_type=media_type)
    else:
        begin, end = max(0, len(data) - int(last)), len(data) - 1
    if begin > end:
        return Response(
            status_code=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"}
        )
    headers = {**headers, "Content-Range": f"bytes {begin}-{end}/{len(data)}"}
    return Response(data[begin : end + 1], 206, headers=headers, media_type=media_type)
