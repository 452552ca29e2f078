"""Whose a job or a file is: the ids that `authorize` decides by."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.errors import InvalidId, UnknownImage, UnknownJob
from docwiz_tasks.links import path_of_file
from docwiz_tasks.models import Visualization

__all__ = ["file_path", "ids_of_file", "ids_of_job"]

_IMAGE_ID = re.compile(r"[0-9a-f]{32}")
# What jobs leave for people. All else in the store is working data.
_SERVED = re.compile(
    r"images/(?P<image>[^/]+)"
    r"|visualizations/(?P<visualization>[^/]+)-(?:before|after)\.\w+"
    r"|comparisons/(?P<comparison>[^/]+)/side-by-side\.\w+"
    r"|exports/(?P<export>[^/]+)(?:/[^/]+)?"
    r"|infographics/(?P<infographic>[^/]+)/infographic\.\w+"
)
_NO_FILE = "There is no file with this id."


def ids_of_job(docwiz: DocWiz, task_id: str) -> dict[str, Any]:
    """Return a job's id and the ids that it was submitted with.

    Raises:
        UnknownJob: nobody submitted it.
        InvalidId: no job can have this id.
    """
    request = docwiz.journal(task_id).request()
    if request is None:
        raise UnknownJob("Nobody submitted a job with this id.")
    named = {name: value for name, value in request["arguments"].items() if "_id" in name}
    if "cost_breakdown_id" in named and "patient_id" not in named:
        breakdown = docwiz.records.get("cost_breakdown", named["cost_breakdown_id"])
        named["patient_id"] = getattr(breakdown, "patient_id", None)
    return {"task_id": task_id, **named}


def file_path(file_id: str) -> str:
    """Return the store path of a file that may be served: by its id, or a photo by its own.

    Raises:
        UnknownImage: no file can have this id, or it isn't for people.
    """
    if _IMAGE_ID.fullmatch(file_id):
        return f"images/{file_id}"
    with suppress(InvalidId):
        path = path_of_file(file_id)
        if _SERVED.fullmatch(path):
            return path
    raise UnknownImage(_NO_FILE)


def ids_of_file(docwiz: DocWiz, file_id: str, path: str) -> dict[str, Any]:
    """Return a file's id and those of what it belongs to.

    Raises:
        UnknownImage: there is no such file.
    """
    found = _SERVED.fullmatch(path)
    kind, id = next((k, v) for k, v in found.groupdict().items() if v) if found else ("image", "")
    ids: dict[str, Any] = {"file_id": file_id, f"{kind}_id": id.partition(".")[0]}
    if kind == "image":
        return ids
    record_id = ids[f"{kind}_id"]
    if kind == "infographic":
        try:
            return {**ids, **ids_of_job(docwiz, record_id)}
        except UnknownJob:
            raise UnknownImage(_NO_FILE) from None
    record = docwiz.records.get(kind, record_id)
    if record is None:
        # Nobody could tell whose it is.
        raise UnknownImage(_NO_FILE)
    image_id = getattr(record, "source_image_id", None)
    if isinstance(record, Visualization):
        image_id = record.metadata.get("image_id")
    return {**ids, "image_id": image_id, "patient_id": getattr(record, "patient_id", None)}
