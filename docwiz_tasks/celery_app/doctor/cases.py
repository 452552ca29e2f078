"""Whether the index of similar cases answers, and what it has yet to be given."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.jobs.cases import unfiled

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["case_findings"]

SUBJECT = "case index"


def case_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Ask the index how it is, if there is one, and count what it did not take."""
    try:
        index = docwiz.case_index
        if index is None:
            return
        probe = getattr(index, "probe", None)
        said = "can be made." if probe is None else within(lambda: _answer(probe()))
        left = within(lambda: len(unfiled(docwiz.store)))
    except DocWizError as error:
        yield Finding("problem", SUBJECT, f"{error} Previews are made all the same.")
        return
    except Exception as error:
        # A time-out of ours, or an error of a plugin's, whose text can hold anything.
        told = str(error) if isinstance(error, TimeoutError) else type(error).__name__
        yield Finding("problem", SUBJECT, f"{told}. Previews are made all the same.")
        return
    yield Finding("ok", SUBJECT, said)
    if left:
        message = f"{left} cases wait to be filed: run docwiz reindex."
        yield Finding("warning", SUBJECT, message)


def _answer(answer: object) -> str:
    return str(asyncio.run(answer) if inspect.iscoroutine(answer) else answer)
