"""A job that a test runs itself: what those who watch it can't tell from a worker's."""

from __future__ import annotations

from docwiz_tasks import DocWiz
from docwiz_tasks.jobs.journal import End
from docwiz_tasks.jobs.lease import Lease


class RunningJob:
    """Report and end as a worker does, whenever the test says so."""

    def __init__(self, docwiz: DocWiz, id: str) -> None:
        self.id = id
        self._backend = docwiz.app.backend
        self._journal = docwiz.journal(id)
        arguments = {"image_id": "none", "procedure_id": "rhinoplasty", "patient_id": None}
        self._journal.submit("docwiz_tasks.generate_visualization_task", arguments)
        Lease(self._journal, 3600).take(self._journal.names())
        self.report(0)

    def report(self, progress: int) -> None:
        meta = {"progress": progress, "status": f"At {progress}", "step": "edit"}
        self._backend.store_result(self.id, meta, "PROGRESS")

    def end(self) -> None:
        result = {"id": self.id}
        self._journal.finish(End("SUCCESS", result=result))
        self._backend.store_result(self.id, {"result": result}, "SUCCESS")
