"""A Redis that isn't one: fakeredis, over TCP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docwiz_tasks.errors import ExtraMissing

__all__ = ["fake_redis"]


@contextmanager
def fake_redis() -> Iterator[str]:
    """Serve a fakeredis on a free port of the loopback interface and give its URL.

    Raises:
        ExtraMissing: fakeredis isn't installed.
    """
    try:
        from fakeredis import TcpFakeServer
    except ImportError:
        raise ExtraMissing.for_extra("testing", "The fake Redis") from None
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    # As shipped each reply waits for the acknowledgement of the one before: 20 times slower.
    handler: Any = server.RequestHandlerClass
    handler.disable_nagle_algorithm = True
    thread = threading.Thread(target=server.serve_forever, name="fake-redis", daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
