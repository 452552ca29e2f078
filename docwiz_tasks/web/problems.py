"""Errors as problem details: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as AnyHTTPException

from docwiz_tasks import errors
from docwiz_tasks.errors import DocWizError

__all__ = ["PROBLEM_TYPE", "Problem", "ProblemRoute", "problem_of", "problems"]

PROBLEM_TYPE = "application/problem+json"

# The first class that fits counts, so the narrower ones stand first.
_STATUSES: tuple[tuple[type[DocWizError], int], ...] = (
    (errors.IdempotencyConflict, 409),
    (errors.NotFound, 404),
    (errors.InvalidId, 422),
    (errors.InvalidRequest, 422),
    (errors.InvalidPhoto, 422),
    (errors.InvalidRecord, 422),
    (errors.AmountsDiffer, 422),
    (errors.WrongPatient, 403),
    (errors.StoreUnavailable, 503),
    (errors.SubmissionFailed, 503),
    (errors.JobLost, 503),
    (errors.ProviderUnavailable, 503),
    (errors.ProviderRefused, 422),
    (errors.ProviderError, 502),
    (errors.JobCancelled, 409),
    (errors.JobNotFailed, 409),
    (errors.WaitTimeout, 504),
    (errors.DeadlineExceeded, 504),
)


class Problem(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no photo with this id.",
                    "code": "image_unknown",
                    "retryable": False,
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="A sentence for people.")
    code: str = Field(description="A fixed word for programs.")
    retryable: bool = False


class ProblemRoute(APIRoute):
    """A route whose errors are problem details, whatever the host does with its own."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with its errors told."""
        handler = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except DocWizError as error:
                return problem_of(error)
            except RequestValidationError as error:
                return _response(422, _sentence(error), "request_invalid")
            except AnyHTTPException as error:
                return _response(
                    error.status_code, str(error.detail), _code(error.status_code),
                    headers=error.headers,
                )  # fmt: skip

        return told


def problem_of(error: DocWizError) -> Response:
    """Return an error of ours as a response."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    return _response(status, error.message, error.code, retryable=error.retryable)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these statuses."""
    # Spelled out in each place: FastAPI would tell of a model as plain JSON as well.
    content = {PROBLEM_TYPE: {"schema": Problem.model_json_schema()}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def too_large(detail: str) -> HTTPException:
    """Return the refusal of a body that is too large."""
    # Whoever goes on sending is hung up on.
    return HTTPException(413, detail, {"Connection": "close"})


def _response(
    status: int,
    detail: str,
    code: str,
    *,
    retryable: bool = False,
    headers: Any = None,
) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        retryable=retryable,
    )
    return JSONResponse(
        problem.model_dump(), status_code=status, media_type=PROBLEM_TYPE, headers=headers
    )


def _sentence(error: RequestValidationError) -> str:
    # Where and what, never the value: it can be a patient's.
    found = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return f"{'; '.join(found)}."


def _code(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
