"""From a host's document to a model, without repeating its values in an error."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from docwiz_tasks.errors import InvalidId, InvalidRecord
from docwiz_tasks.models import KINDS, Id, Record

__all__ = ["check_id", "record_from", "record_type"]

_id = TypeAdapter(Id)


def check_id(value: object) -> str:
    """Return `value` if it can be an id.

    Raises:
        InvalidId: it can't.
    """
    try:
        return _id.validate_python(value, strict=True)
    except ValidationError:
        raise InvalidId(
            "An id is 1 to 128 letters, digits, '-', '_' and single dots, and begins with a"
            " letter or a digit."
        ) from None


def record_type(kind: str) -> type[Record]:
    """Return the model of a kind.

    Raises:
        InvalidRecord: there is no such kind.
    """
    try:
        return KINDS[kind]
    except KeyError:
        raise InvalidRecord(f"Records are of one kind of: {', '.join(KINDS)}.") from None


def record_from(kind: str, document: Record | Mapping[str, object]) -> Record:
    """Return `document` as the model of its kind.

    Raises:
        InvalidRecord: fields are missing or wrong; it names them, never their values.
    """
    model = record_type(kind)
    if isinstance(document, model):
        return document
    if isinstance(document, Record):
        raise InvalidRecord(f"A {type(document).__name__} isn't a record of the kind {kind!r}.")
    try:
        return model.model_validate(dict(document))
    except ValidationError as error:
        raise InvalidRecord(f"This {kind} isn't right: {explained(error)}.") from None


def explained(error: ValidationError) -> str:
    """Return which fields are wrong and why, without their values."""
    problems = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in detail["loc"]) or "document"
        problems.append(f"{name}: {detail['msg']}")
    return "; ".join(problems)
