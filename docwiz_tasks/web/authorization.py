"""Asking the host whether somebody may do something."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from fastapi import HTTPException
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from docwiz_tasks.errors import DocWizError

__all__ = ["Authorize", "Guard", "Ids", "hide_secrets"]

logger = logging.getLogger(__name__)

Ids: TypeAlias = Mapping[str, Any]
Authorize: TypeAlias = Callable[[Any, str, Ids], "bool | Awaitable[bool | None] | None"]
# What lets somebody in by a URL: a host's token, and the signature of a link.
_SECRETS = frozenset({b"token", b"signature"})


class Guard:
    """The host's `authorize`, called with all that an action touches.

    Args:
        authorize: is given the request or WebSocket, the action and the ids; refuses by
            raising or by returning False. A plain function runs in a thread.
    """

    def __init__(self, authorize: Authorize) -> None:
        self._authorize = authorize
        self._is_async = inspect.iscoroutinefunction(authorize) or inspect.iscoroutinefunction(
            getattr(authorize, "__call__", None)  # noqa: B004
        )

    async def check(self, connection: HTTPConnection, action: str, ids: Ids) -> None:
        """Let the action pass.

        Raises:
            HTTPException: it is refused: as the host raised it, or with status 403.
        """
        known = {name: value for name, value in ids.items() if value is not None}
        try:
            if self._is_async:
                allowed = self._authorize(connection, action, known)
            else:
                allowed = await run_in_threadpool(self._authorize, connection, action, known)
            if inspect.isawaitable(allowed):
                allowed = await allowed
        except HTTPException:
            raise
        except DocWizError:
            # The store is down, say: no word about what the caller may do.
            raise
        except Exception as error:
            # A way to refuse, or a defect of the host's.
            logger.info("authorize refused %s by raising %s", action, type(error).__name__)
            allowed = False
        if allowed is not None and not allowed:
            raise HTTPException(403, "You may not do this.")


def hide_secrets(connection: HTTPConnection) -> None:
    """Take out of a URL what nobody may read in the server's log, which is written later."""
    parts = connection.scope["query_string"].split(b"&")
    kept = (part for part in parts if part.partition(b"=")[0] not in _SECRETS)
    connection.scope["query_string"] = b"&".join(kept)
