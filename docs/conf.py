"""How the documentation is built."""

from __future__ import annotations

import importlib.metadata

project = "docwiz-tasks"
author = "The docwiz-tasks authors"
release = importlib.metadata.version("docwiz-tasks")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
autodoc_member_order = "bysource"
myst_heading_anchors = 3

# The second of each pair serves where the first can't be reached.
intersphinx_mapping = {
    "celery": ("https://docs.celeryq.dev/en/stable/", (None, "inventories/celery.inv")),
    "pluggy": ("https://pluggy.readthedocs.io/en/stable/", (None, "inventories/pluggy.inv")),
}
intersphinx_timeout = 5
