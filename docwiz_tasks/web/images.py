"""Photos sent as multipart forms, never more of them read than is allowed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.errors import InvalidPhoto
from docwiz_tasks.imaging.photos import MAX_BYTES
from docwiz_tasks.web.authorization import Guard
from docwiz_tasks.web.bodies import ImageAdded
from docwiz_tasks.web.problems import problems, too_large

__all__ = ["add_images"]

# What a form has around its one file.
_ENVELOPE = 16 * 1024
_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["photo"],
                "additionalProperties": False,
                "properties": {
                    "photo": {
                        "type": "string",
                        "format": "binary",
                        "description": "JPEG, PNG or WebP; at most 10 MB.",
                    }
                },
            }
        }
    },
}


def add_images(router: APIRouter, docwiz: DocWiz, guard: Guard) -> None:
    """Add the endpoint that takes photos."""

    @router.post(
        "/images",
        status_code=201,
        name="docwiz_add_image",
        summary="Send a photo",
        response_model=ImageAdded,
        openapi_extra={"requestBody": _FORM},
        responses=problems(400, 401, 403, 413, 415, 422, 503),
    )
    async def add_image(request: Request) -> ImageAdded:
        await guard.check(request, "images.create", {})
        data = await _photo(request)
        image_id = await run_in_threadpool(docwiz.add_image, data)
        await guard.check(request, "images.created", {"image_id": image_id})
        return ImageAdded(image_id=image_id)


async def _photo(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise HTTPException(415, "Send the photo as multipart/form-data, in the field 'photo'.")
    parser = MultiPartParser(request.headers, _limited(request), max_files=1, max_fields=0)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise HTTPException(400, "This form can't be read: send one file, 'photo'.") from None
    try:
        photo: Any = form.get("photo")
        if not isinstance(photo, UploadFile):
            raise InvalidPhoto("The form has no file in the field 'photo'.")
        return await photo.read(MAX_BYTES + 1)
    finally:
        await form.close()


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES + _ENVELOPE:
            raise too_large(f"This photo is too large: at most {MAX_BYTES // 1024**2} MB.")
        yield chunk
