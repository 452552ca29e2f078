"""The demonstration's page, for one machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import HTTPConnection

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.web.router import create_router

__all__ = ["demonstration"]

PAGE = Path(__file__).parent / "page"
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def demonstration(docwiz: DocWiz, sample: Mapping[str, str]) -> FastAPI:
    """Return the web application of the demonstration.

    Args:
        docwiz: with a sample case stored.
        sample: the case's ``image_id``, ``patient_id`` and ``cost_breakdown_id``.
    """
    app = FastAPI(title="docwiz-tasks: a demonstration")
    app.include_router(create_router(docwiz, authorize=_on_this_machine), prefix="/api")
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.middleware("http")
    async def guarded(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/demo", include_in_schema=False)
    async def demo(request: Request) -> dict[str, Any]:
        _on_this_machine(request, "demo", {})
        shown = {"name", "id", "category", "description", "typical_cost_min",
                 "typical_cost_max", "currency", "recovery_days", "risk_level"}  # fmt: skip
        costs = docwiz.records.get("cost_breakdown", sample["cost_breakdown_id"])
        amounts = {"procedure_id", "currency", "total_cost", "patient_responsibility"}
        return {
            **sample,
            "costs": costs.model_dump(mode="json", include=amounts) if costs else None,
            "formats": docwiz.plugins.formats(docwiz.settings),
            "procedures": [
                procedure.model_dump(mode="json", include=shown)
                for procedure in catalogue().values()
            ],
        }

    return app


def _on_this_machine(connection: HTTPConnection, _action: str, _ids: Mapping[str, Any]) -> bool:
    """Refuse whoever is elsewhere, and pages of other sites that ask by a name of theirs."""
    client, host = connection.client, connection.headers.get("host", "")
    origin = connection.headers.get("origin", f"http://{host}")
    here = client is not None and ipaddress.ip_address(client.host).is_loopback
    named = host.rpartition(":")[0] in _NAMES and origin == f"http://{host}"
    if not (here and named):
        raise HTTPException(403, "This demonstration is for one machine only.")
    return True
