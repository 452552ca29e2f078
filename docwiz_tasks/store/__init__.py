"""Where images, records, step outcomes and finished files live."""

from __future__ import annotations

from docwiz_tasks.store.base import Store, Url, path_of, url_of
from docwiz_tasks.store.opening import open_store

__all__ = ["Store", "Url", "open_store", "path_of", "url_of"]
