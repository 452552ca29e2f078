"""A small FastAPI backend that submits jobs and shows how they stand.

It has no authorization: an example for one machine, to be served on loopback only.
"""

from __future__ import annotations

from typing import Annotated, Any

from celery_worker import docwiz
from fastapi import Body, FastAPI, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from docwiz_tasks import DocWizError, JobStatus, NotFound, StoreUnavailable, SubmissionFailed

app = FastAPI(title="A clinic's backend")


@app.exception_handler(DocWizError)
async def explain(_request: Request, error: DocWizError) -> JSONResponse:
    status = 422
    if isinstance(error, NotFound):
        status = 404
    elif isinstance(error, SubmissionFailed | StoreUnavailable):
        status = 503
    return JSONResponse({"code": error.code, "message": error.message}, status_code=status)


# Plain functions: FastAPI runs them in threads, and submitting waits for store and broker.
@app.post("/images", status_code=201)
def add_image(photo: UploadFile) -> dict[str, str]:
    return {"image_id": docwiz.add_image(photo.file.read(10 * 1024 * 1024 + 1))}


@app.put("/records/{kind}", status_code=204)
def put_record(kind: str, document: Annotated[dict[str, Any], Body()]) -> None:
    docwiz.records.put(kind, document)


@app.post("/visualizations", status_code=202)
def visualize(image_id: str, procedure_id: str, patient_id: str | None = None) -> dict[str, str]:
    return {"task_id": docwiz.visualize(image_id, procedure_id, patient_id).id}


@app.post("/comparisons", status_code=202)
def compare(
    image_id: str, procedure_ids: Annotated[list[str], Body()], patient_id: str | None = None
) -> dict[str, str]:
    return {"task_id": docwiz.compare(image_id, procedure_ids, patient_id).id}


@app.post("/exports", status_code=202)
def export(patient_id: str, format: str = "pdf", shareable: bool = False) -> dict[str, str]:
    return {"task_id": docwiz.export(patient_id, format=format, shareable=shareable).id}


@app.post("/cost-infographics", status_code=202)
def infographic(cost_breakdown_id: str, format: str = "png") -> dict[str, str]:
    return {"task_id": docwiz.infographic(cost_breakdown_id, format).id}


@app.get("/tasks/{task_id}")
def status(task_id: str) -> JobStatus:
    return docwiz.job(task_id).status()


@app.post("/tasks/{task_id}/cancel", status_code=202)
def cancel(task_id: str) -> None:
    docwiz.job(task_id).cancel()


@app.get("/files")
def file(url: str) -> Response:
    with docwiz.open(url) as stored:
        return Response(stored.read(), media_type="application/octet-stream")
