"""Running the layout libraries without a trace in the host's process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["isolated"]

_LIBRARIES = ("xhtml2pdf", "reportlab", "pypdf", "fontTools", "svglib", "html5lib", "PIL")

# Both what is set for a while below and the libraries' own caches are the process's.
_lock = threading.RLock()


@contextmanager
def isolated() -> Iterator[None]:
    """Have the libraries write no log and nothing random, one render at a time.

    Their warnings quote the document, so patients' names. Their settings are as they
    were afterwards.
    """
    with _lock, _silent(), _reproducible():
        yield


@contextmanager
def _silent() -> Iterator[None]:
    names = [name for name in logging.root.manager.loggerDict if name.startswith(_LIBRARIES)]
    # A logger with a level of its own would not mind the one above it.
    levels = {name: logging.getLogger(name).level for name in {*names, *_LIBRARIES}}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _reproducible() -> Iterator[None]:
    from reportlab import rl_config

    before = rl_config.invariant, rl_config.useA85
    # As ASCII85, the default, photos take 2.6 to 20 times as long and a fifth more room.
    rl_config.invariant, rl_config.useA85 = 1, 0
    try:
        yield
    finally:
        rl_config.invariant, rl_config.useA85 = before
