"""A site with the example host's authorization, and one user with all that the API can make."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from celery import Celery
from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer

import docwiz_tasks
from docwiz_tasks import DocWiz, Settings
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.testing.portrait import portrait
from docwiz_tasks.testing.sample import SampleCase, add_sample_case
from docwiz_tasks.web import create_router

ACCESS = Path(__file__).parent.parent / "examples/fastapi_host/access.py"


@dataclass(frozen=True)
class TwoUsers:
    """The application, the tokens of anna and bob, and what is anna's."""

    app: FastAPI
    docwiz: DocWiz
    access: Any
    anna: str
    bob: str
    case: SampleCase
    task_ids: dict[str, str]
    file_ids: tuple[str, ...]

    def headers(self, token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}

    def of_bob(self) -> dict[str, str]:
        """Add a patient and a photo of bob's and return their ids."""
        patient = self.case.patient.model_dump() | {"id": "bobs-patient"}
        self.docwiz.records.put("patient", patient)
        ids = {"patient": "bobs-patient", "image": self.docwiz.add_image(portrait(400, 500))}
        for kind, id in ids.items():
            self.access.claim("bob", kind, id)
        return ids


@contextmanager
def two_users(redis_url: str, folder: Path) -> Iterator[TwoUsers]:
    """Run a worker, do all four jobs for anna, and give the application."""
    celery = Celery("clinic", broker=redis_url, backend=redis_url, set_as_current=False)
    celery.conf.update(docwiz_tasks.celery_config())
    settings = Settings(
        store_url=(folder / "store").as_uri(), ai_provider="offline", image_provider="offline",
        plugins="none", web_wait_seconds=0.3, store_fsync=False,
    )  # fmt: skip
    docwiz = docwiz_tasks.register(celery, settings)
    access: Any = _access(folder)
    app = FastAPI()
    described = Depends(_Described())
    router = create_router(docwiz, authorize=access.authorize)
    app.include_router(router, prefix="/api", dependencies=[described])
    case = add_sample_case(docwiz)
    for kind, id in (("patient", case.patient_id), ("image", case.image_id)):
        access.claim("anna", kind, id)
    with embedded_worker(celery):
        procedures = ["rhinoplasty", "facelift"]
        jobs = {
            "visualization": docwiz.visualize(case.image_id, procedures[0], case.patient_id),
            "comparison": docwiz.compare(case.image_id, procedures, case.patient_id),
            "export": docwiz.export(case.patient_id, format="json"),
            "infographic": docwiz.infographic(case.cost_breakdown_id),
        }
        for job in jobs.values():
            job.result(60)
        yield TwoUsers(
            app, docwiz, access, access.issue_token("anna"), access.issue_token("bob"), case,
            {kind: job.id for kind, job in jobs.items()}, tuple(_files(docwiz, jobs)),
        )  # fmt: skip
    celery.close()


# Its annotation is an object, not text, since FastAPI before 0.118 reads no text here.
class _Described(HTTPBearer):
    """Only told by the description: the example takes tokens in other ways as well."""

    async def __call__(self, connection: HTTPConnection) -> None:
        """Ask for nothing, of a WebSocket neither."""


def _files(docwiz: DocWiz, jobs: dict[str, docwiz_tasks.Job]) -> Iterator[str]:
    for folder in ("images", "visualizations", "comparisons", "exports", "infographics"):
        for path in docwiz.store.list(folder):
            yield docwiz_tasks.links.file_id_of(path)


def _access(folder: Path) -> ModuleType:
    """Return the example's module of that name, with a database and a secret of its own."""
    spec = importlib.util.spec_from_file_location("clinic_access", ACCESS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(DATABASE=folder / "clinic.db", DEVELOPMENT=False)
    return module
