"""The REST endpoints and live progress, as a FastAPI router that a host mounts."""

from __future__ import annotations

from docwiz_tasks.errors import ExtraMissing

try:
    import fastapi  # noqa: F401
    import python_multipart  # noqa: F401
except ImportError:
    raise ExtraMissing.for_extra("web", "docwiz_tasks.web") from None

from docwiz_tasks.web.authorization import Authorize
from docwiz_tasks.web.router import create_router

__all__ = ["Authorize", "create_router"]
