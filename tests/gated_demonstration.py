"""`docwiz-tasks serve`, whose AI answers only while the file that is named isn't there."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from docwiz_tasks import EditRequest, GeneratedImage
from docwiz_tasks.commands.serving import run_server
from docwiz_tasks.providers.offline import OfflineAIProvider

GATE = Path(sys.argv[1])

_edit = OfflineAIProvider.edit_image


def _edit_once_open(self: OfflineAIProvider, request: EditRequest) -> GeneratedImage:
    while GATE.exists():
        time.sleep(0.02)
    return _edit(self, request)


OfflineAIProvider.edit_image = _edit_once_open  # type: ignore[method-assign]
run_server(port=0)
