"""A clinic's backend: its own endpoints, and those of docwiz-tasks under /api."""

from __future__ import annotations

import os
from typing import Annotated, Any

import uvicorn
from access import COOKIE, DAY_SECONDS, authorize, claim, owner_of, user_of
from celery_worker import docwiz
from fastapi import Body, FastAPI, HTTPException, Request
from fastapi.responses import Response

from docwiz_tasks.web import create_router

app = FastAPI(title="A clinic's backend")
app.include_router(create_router(docwiz, authorize=authorize), prefix="/api")


@app.post("/login", status_code=204, response_model=None)
def login(request: Request, response: Response) -> None:
    """Turn a token into a cookie, so that a browser's WebSocket is logged in too."""
    user_of(request)
    token = request.headers.get("authorization", "").partition(" ")[2]
    response.set_cookie(COOKIE, token, max_age=DAY_SECONDS, httponly=True, samesite="strict")


# Plain functions run in threads: the store is a file system.
@app.put("/patients/{patient_id}", status_code=204, response_model=None)
def put_patient(
    patient_id: str, request: Request, document: Annotated[dict[str, Any], Body()]
) -> None:
    """Keep a patient of the user's own."""
    _own(user_of(request), patient_id)
    docwiz.records.put("patient", {**document, "id": patient_id})


@app.put("/patients/{patient_id}/costs/{breakdown_id}", status_code=204, response_model=None)
def put_costs(
    patient_id: str,
    breakdown_id: str,
    request: Request,
    document: Annotated[dict[str, Any], Body()],
) -> None:
    """Keep a cost breakdown of a patient of the user's own."""
    _own(user_of(request), patient_id)
    docwiz.records.put("cost_breakdown", {**document, "id": breakdown_id, "patient_id": patient_id})


def _own(user: str, patient_id: str) -> None:
    claim(user, "patient", patient_id)
    if owner_of("patient", patient_id) != user:
        raise HTTPException(403, "This is another user's patient.")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
