"""The settings under tests, which need no Redis and leave no file."""

import os

os.environ.setdefault("DJANGO_SECRET_KEY", "of the tests")

from proj.settings import *  # noqa: F403
from proj.settings import DOCWIZ

DOCWIZ = {**DOCWIZ, "store_url": "memory://"}
