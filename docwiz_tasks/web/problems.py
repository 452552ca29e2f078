"""Errors as problem details: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http.client import responses
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from docwiz_tasks import errors
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.web.authorization import hide_secrets

__all__ = ["PROBLEM_TYPE", "Problem", "ProblemRoute", "UnknownPath", "problem_of", "problems"]

PROBLEM_TYPE = "application/problem+json"

# As RFC 9110 has them; Pythons before 3.13 have others.
_PHRASES = {
    **responses,
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
# As many ids as any report needs; a body is read before anybody is asked who sends it.
MAX_JSON_BYTES = 256 * 1024
_TOLD_ERRORS = 5
_OURS = frozenset(
    {"comparisons", "cost-infographics", "exports", "files", "images", "tasks", "visualizations"}
)

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
                # A form is bounded where it is read.
                return await handler(_bounded(request) if self.body_field else request)
            except DocWizError as error:
                return problem_of(error)
            except RequestValidationError as error:
                return _response(422, _sentence(error), "request_invalid")
            except AnyHTTPException as error:
                return _response(
                    error.status_code, str(error.detail), _code(error.status_code),
                    headers=error.headers,
                )  # fmt: skip
            finally:
                hide_secrets(request)

        return told

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say which methods there are."""
        methods = self.methods or set()
        if scope["method"] in methods:
            await super().handle(scope, receive, send)
            return
        allowed = ", ".join(sorted(methods))
        detail = f"This is answered for {allowed} only."
        response = _response(405, detail, _code(405), headers={"Allow": allowed})
        await response(scope, receive, send)


class UnknownPath(ProblemRoute):
    """What there is nothing at, if neither we nor the host have anything there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what begins as one of our paths, after all others."""
        match, child = super().matches(scope)
        path = child.get("path_params", {}).get("path", "")
        # With a slash at its end it may be a path of ours without.
        if match is Match.NONE or path.partition("/")[0] not in _OURS or path.endswith("/"):
            return Match.NONE, {}
        return Match.PARTIAL, child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say that there is nothing."""
        response = _response(404, "There is nothing at this path.", _code(404))
        await response(scope, receive, send)


def problem_of(error: DocWizError) -> Response:
    """Return an error of ours as a response."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    return _response(status, error.message, error.code, retryable=error.retryable)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these statuses."""
    # Spelled out in each place: FastAPI would tell of a model as plain JSON as well.
    content = {PROBLEM_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": _phrase(status), "content": content} for status in statuses}


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
        title=_phrase(status),
        status=status,
        detail=detail,
        code=code,
        retryable=retryable,
    )
    return JSONResponse(
        problem.model_dump(), status_code=status, media_type=PROBLEM_TYPE, headers=headers
    )


def _bounded(request: Request) -> Request:
    """Return the request with a body that ends before it gets too large."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > MAX_JSON_BYTES:
            raise too_large(f"This body is too large: at most {MAX_JSON_BYTES // 1024} KB.")
        return message

    return Request(request.scope, receive)


def _sentence(error: RequestValidationError) -> str:
    # Where and what, never the value: it can be a patient's.
    details = error.errors()
    found = [f"{_place(each)}: {each['msg']}" for each in details[:_TOLD_ERRORS]]
    more = [f"and {len(details) - _TOLD_ERRORS} more"] if len(details) > _TOLD_ERRORS else []
    return f"{'; '.join(found + more)}."


def _place(error: dict[str, Any]) -> str:
    # The name of a field that isn't ours is a value as well.
    place = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return ".".join(map(str, place))


def _code(status: int) -> str:
    return _phrase(status).lower().replace(" ", "_").replace("-", "_")


def _phrase(status: int) -> str:
    # A host may have statuses of its own.
    return _PHRASES.get(status, f"Status {status}")
