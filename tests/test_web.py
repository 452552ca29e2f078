"""The router as a host mounts it: over real HTTP and WebSockets, with a real worker."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from pictures import opened
from serving import served
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from docwiz_tasks import DocWiz, DocWizError, Settings, errors
from docwiz_tasks.testing.portrait import portrait
from docwiz_tasks.testing.sample import SampleCase
from docwiz_tasks.web import create_router
from docwiz_tasks.web.problems import problem_of

Refusal = Callable[[str, Mapping[str, Any]], bool | None]


@dataclass
class Site:
    """A running server, and what its host was asked to allow."""

    url: str
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, user: str = "anna") -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"x-user": user}, timeout=60)

    def messages(self, task_id: str, user: str = "anna") -> list[dict[str, Any]]:
        url = f"{self.url.replace('http', 'ws')}/api/ws/tasks/{task_id}"
        with connect(url, additional_headers={"x-user": user}) as socket:
            return [json.loads(message) for message in socket]


@pytest.fixture
def docwiz_settings(tmp_path: Path) -> Settings:
    return Settings(
        store_url=(tmp_path / "store").as_uri(),
        ai_provider="offline",
        image_provider="offline",
        plugins="none",
        public_url="http://testserver/api",
        link_secret="a secret of the test's",
    )


@pytest.fixture
def site(docwiz: DocWiz) -> Iterator[Site]:
    app, made = FastAPI(), Site("")

    async def authorize(connection: Any, action: str, ids: Mapping[str, Any]) -> bool:
        user = connection.headers.get("x-user")
        if user is None:
            raise HTTPException(401, "Log in first.")
        made.asked.append((action, dict(ids)))
        return bool(user == "anna")

    app.include_router(create_router(docwiz, authorize=authorize), prefix="/api")
    with served(app) as made.url:
        yield made


def previewed(client: httpx.Client, case: SampleCase, **more: Any) -> httpx.Response:
    body = {"image_id": case.image_id, "procedure_id": "rhinoplasty", **more}
    return client.post("/api/visualizations?async_processing=false", json=body)


def queued(client: httpx.Client, case: SampleCase, **headers: str) -> str:
    body = {"image_id": case.image_id, "procedure_id": "rhinoplasty"}
    response = client.post("/api/visualizations", json=body, headers=headers)
    assert response.status_code == 202
    return str(response.json()["task_id"])


def test_a_photo_is_taken_and_can_be_fetched_again(site: Site) -> None:
    client = site.client()
    response = client.post("/api/images", files={"photo": ("me.png", portrait(), "text/html")})
    assert response.status_code == 201
    image_id = response.json()["image_id"]
    served = client.get(f"/api/files/{image_id}")
    assert served.headers["content-type"] == "image/jpeg"
    assert opened(served.content).size == opened(portrait()).size
    assert [action for action, _ in site.asked[:2]] == ["images.create", "images.created"]
    assert site.asked[1][1] == {"image_id": image_id}


def chunks(size: int) -> Iterator[bytes]:
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
    yield head
    for _ in range(size // 65536):
        yield bytes(65536)


def test_a_photo_that_is_too_large_is_refused_while_it_comes(site: Site) -> None:
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for chunk in chunks(200 * 1024 * 1024):
            sent += len(chunk)
            yield chunk

    headers = {"content-type": "multipart/form-data; boundary=x"}
    try:
        response = site.client().post("/api/images", content=counted(), headers=headers)
        assert response.status_code == 413
    except httpx.TransportError:
        # The server hung up on a client that goes on sending.
        pass
    assert sent < 100 * 1024 * 1024


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"data": {"photo": "text"}}, 415),
        ({"files": {"picture": ("a.png", b"x", "image/png")}}, 422),
        ({"files": {"photo": ("a.png", b"no photo", "image/png")}}, 422),
        ({"files": [("photo", ("a", portrait())), ("photo", ("b", portrait()))]}, 400),
        ({"content": b"--", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"json": {"photo": "x"}}, 415),
    ],
)
def test_a_form_without_one_photo_is_refused(site: Site, form: Any, status: int) -> None:
    response = site.client().post("/api/images", **form)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_a_job_is_submitted_watched_and_read(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    client = site.client()
    body = {"image_id": docwiz_case.image_id, "procedure_id": "rhinoplasty"}
    taken = client.post("/api/visualizations", json=body)
    assert taken.status_code == 202
    task_id = taken.json()["task_id"]
    assert taken.json() == {
        "task_id": task_id,
        "status_url": f"{site.url}/api/tasks/{task_id}/status",
        "websocket_url": f"{site.url.replace('http', 'ws')}/api/ws/tasks/{task_id}",
    }
    messages = site.messages(task_id)
    assert [m["type"] for m in messages[:-1]] == ["status"] * (len(messages) - 1)
    assert messages[-1]["type"] == "complete"
    shown = [m["data"]["progress"] for m in messages]
    assert shown == sorted(shown)
    assert shown[-1] == 100
    sequences = [m["sequence"] for m in messages]
    assert sequences == sorted(set(sequences))
    status = client.get(f"/api/tasks/{task_id}/status").json()
    assert messages[-1]["data"] == status
    assert client.get(f"/api/tasks/{task_id}/result").json() == status["result"]


def test_the_event_stream_tells_the_same_and_goes_on_where_it_was_left(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    client = site.client()
    task_id = queued(client, docwiz_case)
    url = f"/api/tasks/{task_id}/events"
    seen: list[tuple[str, str, dict[str, Any]]] = []
    with client.stream("GET", url) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for block in response.read().decode().strip().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines())
            seen.append((lines["id"], lines["event"], json.loads(lines["data"])))
    assert [event for _, event, _ in seen][-1] == "complete"
    assert seen[-1][2]["data"]["result"]["id"] == task_id
    again = client.get(url, headers={"last-event-id": "unknown-3"}).text
    assert again.count("event: complete") == 1


def test_all_four_jobs_can_be_submitted_and_waited_for(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    client, case = site.client(), docwiz_case
    photo = {"image_id": case.image_id, "patient_id": case.patient_id}
    compared = {"source_image_id": case.image_id, "procedure_ids": ["rhinoplasty", "facelift"]}
    for path, body in (
        ("visualizations", {**photo, "procedure_id": "rhinoplasty"}),
        ("comparisons", compared),
        ("exports", {"patient_id": case.patient_id, "format": "pdf"}),
        ("cost-infographics", {"cost_breakdown_id": case.cost_breakdown_id}),
    ):
        response = client.post(f"/api/{path}?async_processing=false", json=body)
        assert response.status_code == 200, response.text
        status = client.get(f"/api/tasks/{response.json()['id']}/status").json()
        for url in status["links"].values():
            assert client.get(url).status_code == 200


def test_prefer_wait_is_understood_and_a_longer_job_is_told_where_to_look(
    site: Site, docwiz_case: SampleCase
) -> None:
    # Nobody works.
    body = {"image_id": docwiz_case.image_id, "procedure_id": "rhinoplasty"}
    headers = {"prefer": "respond-async, wait=1"}
    response = site.client().post("/api/visualizations", json=body, headers=headers)
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "wait=1"
    assert response.headers["location"] == response.json()["status_url"]


def test_the_same_key_gives_the_same_job(site: Site, docwiz_case: SampleCase) -> None:
    client = site.client()
    first, second = (queued(client, docwiz_case, **{"idempotency-key": "k"}) for _ in range(2))
    assert first == second
    body = {"image_id": docwiz_case.image_id, "procedure_id": "facelift"}
    other = client.post("/api/visualizations", json=body, headers={"idempotency-key": "k"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


def test_a_job_is_cancelled_and_its_watchers_are_told(site: Site, docwiz_case: SampleCase) -> None:
    client = site.client()
    task_id = queued(client, docwiz_case)
    answer = client.post(f"/api/tasks/{task_id}/cancel")
    assert answer.json()["state"] == "REVOKED"
    assert site.messages(task_id)[-1]["data"]["error"]["code"] == "job_cancelled"
    result = client.get(f"/api/tasks/{task_id}/result")
    assert (result.status_code, result.json()["code"]) == (409, "job_cancelled")


def test_a_file_has_its_type_a_tag_and_ranges(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    client = site.client()
    task_id = previewed(client, docwiz_case).json()["id"]
    links = client.get(f"/api/tasks/{task_id}/status").json()["links"]
    url = next(link for name, link in links.items() if "after" in name)
    whole = client.get(url)
    assert whole.headers["content-type"] == "image/png"
    assert '-after.png"' in whole.headers["content-disposition"]
    assert whole.headers["x-content-type-options"] == "nosniff"
    tag = whole.headers["etag"]
    assert client.get(url, headers={"if-none-match": tag}).status_code == 304
    size = len(whole.content)
    for wanted, begin, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=-5", size - 5, size),
        (f"bytes={size - 3}-", size - 3, size),
        (f"bytes=2-{size + 100}", 2, size),
    ):
        part = client.get(url, headers={"range": wanted})
        assert part.status_code == 206
        assert part.content == whole.content[begin:end]
        assert part.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
    assert client.get(url, headers={"range": f"bytes={size}-"}).status_code == 416
    for strange in ("bytes=9-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert client.get(url, headers={"range": strange}).content == whole.content
    stale = {"range": "bytes=0-9", "if-range": '"another"'}
    assert client.get(url, headers=stale).content == whole.content


def test_a_signed_link_needs_no_login_until_it_expires(
    site: Site, docwiz: DocWiz, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    result = docwiz.visualize(docwiz_case.image_id, "rhinoplasty").result(60)
    link = docwiz.link(result["after_image_url"], expires_seconds=60)
    assert link.startswith("http://testserver/api/files/")
    path = link.removeprefix("http://testserver")
    with httpx.Client(base_url=site.url) as stranger:
        assert stranger.get(path).status_code == 200
        assert stranger.get(path[:-1] + "x").status_code == 401
        late = docwiz.link(result["after_image_url"], expires_seconds=-1)
        assert stranger.get(late.removeprefix("http://testserver")).status_code == 401
        other = docwiz.link(result["before_image_url"]).partition("?")[0]
        forged = f"{other}?{path.partition('?')[2]}".removeprefix("http://testserver")
        assert stranger.get(forged).status_code == 401
    assert not site.asked


@pytest.mark.parametrize("user", ["bob", None])
def test_another_user_reaches_nothing(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase, user: str | None
) -> None:
    client = site.client()
    case = docwiz_case
    task_id = previewed(client, case).json()["id"]
    links = client.get(f"/api/tasks/{task_id}/status").json()["links"].values()
    refused = 403 if user else 401
    headers = {"x-user": user} if user else {}
    with httpx.Client(base_url=site.url, headers=headers) as other:
        for path in (
            *(f"/api/tasks/{task_id}/{what}" for what in ("status", "result", "events")),
            *links,
            f"/api/files/{case.image_id}",
        ):
            assert other.get(path).status_code == refused, path
        assert other.post(f"/api/tasks/{task_id}/cancel").status_code == refused
        for path, body in (
            ("visualizations", {"image_id": case.image_id, "procedure_id": "facelift"}),
            (
                "comparisons",
                {"source_image_id": case.image_id, "procedure_ids": ["facelift", "brow-lift"]},
            ),
            ("exports", {"patient_id": case.patient_id}),
            ("cost-infographics", {"cost_breakdown_id": case.cost_breakdown_id}),
        ):
            assert other.post(f"/api/{path}", json=body).status_code == refused
        photo = {"photo": ("a.png", portrait(), "image/png")}
        assert other.post("/api/images", files=photo).status_code == refused
    url = f"{site.url.replace('http', 'ws')}/api/ws/tasks/{task_id}"
    with pytest.raises(InvalidStatus) as caught, connect(url, additional_headers=headers):
        pass
    assert caught.value.response.status_code == 403


def test_authorize_is_told_whose_each_thing_is(
    site: Site, docwiz_worker: object, docwiz_case: SampleCase
) -> None:
    client, case = site.client(), docwiz_case
    task_id = previewed(client, case, patient_id=case.patient_id).json()["id"]
    status = client.get(f"/api/tasks/{task_id}/status").json()
    for link in status["links"].values():
        client.get(link)
    client.post("/api/cost-infographics", json={"cost_breakdown_id": case.cost_breakdown_id})
    told = dict(site.asked)
    owned = {"image_id": case.image_id, "patient_id": case.patient_id}
    assert told["visualizations.create"] == {**owned, "procedure_id": "rhinoplasty"}
    assert told["tasks.read"] == {**owned, "procedure_id": "rhinoplasty", "task_id": task_id}
    assert {**told["files.read"], "file_id": ""} == {
        **owned, "file_id": "", "visualization_id": task_id,
    }  # fmt: skip
    assert told["cost_infographics.create"]["patient_id"] == case.patient_id


@pytest.mark.parametrize("how", ["false", "error", "http", "async"])
def test_each_way_to_refuse_refuses(docwiz: DocWiz, docwiz_case: SampleCase, how: str) -> None:
    def plain(_connection: Any, _action: str, _ids: Mapping[str, Any]) -> bool | None:
        if how == "error":
            raise KeyError("patient Jane Roe")
        if how == "http":
            raise HTTPException(418, "No.")
        return False

    async def awaited(connection: Any, action: str, ids: Mapping[str, Any]) -> bool | None:
        return plain(connection, action, ids)

    app = FastAPI()
    authorize = awaited if how == "async" else plain
    app.include_router(create_router(docwiz, authorize=authorize))
    from fastapi.testclient import TestClient

    response = TestClient(app).get(f"/files/{docwiz_case.image_id}")
    assert response.status_code == (418 if how == "http" else 403)
    assert "Jane" not in response.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("tasks/nobody/status", 404, "job_unknown"),
        ("tasks/nobody/result", 404, "job_unknown"),
        ("tasks/nobody/events", 404, "job_unknown"),
        ("tasks/..%2f..%2fetc/status", 404, "not_found"),
        ("tasks/nobody", 404, "not_found"),
        ("tasks/nobody/cancel", 405, "method_not_allowed"),
        ("tasks/a%00b/status", 422, "id_malformed"),
        ("files/nothing", 404, "image_unknown"),
        ("files/am9icy9hL2VuZC5qc29u", 404, "image_unknown"),
        ("files/cmVjb3Jkcy9wYXRpZW50L3AxLmpzb24", 404, "image_unknown"),
        ("files/Li4vLi4vZXRjL3Bhc3N3ZA", 404, "image_unknown"),
        ("files/00000000000000000000000000000000", 404, "image_unknown"),
    ],
)
def test_what_is_not_there_or_not_to_be_seen_is_a_problem(
    site: Site, path: str, status: int, code: str
) -> None:
    response = site.client().get(f"/api/{path}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.headers.get("allow") == ("POST" if status == 405 else None)


def test_what_a_host_has_beside_our_paths_stays_its_own(docwiz: DocWiz) -> None:
    app = FastAPI()
    app.include_router(create_router(docwiz, authorize=lambda *_: True), prefix="/api")

    @app.get("/api/images")
    @app.get("/api/tasks/{task_id}/notes")
    async def of_the_host() -> str:
        return "the host's"

    from fastapi.testclient import TestClient

    client = TestClient(app)
    assert client.get("/api/images").json() == client.get("/api/tasks/a/notes").json()
    assert client.get("/api/patients").json() == {"detail": "Not Found"}
    assert client.post("/api/exports/", follow_redirects=False).status_code == 307


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request_invalid"),
        ({"image_id": 3, "procedure_id": "rhinoplasty"}, "request_invalid"),
        ({"image_id": "../a", "procedure_id": "rhinoplasty"}, "request_invalid"),
        ({"image_id": "a", "procedure_id": "b", "name": "Jane Roe"}, "request_invalid"),
        ([], "request_invalid"),
    ],
)
def test_a_wrong_body_is_a_problem_that_repeats_no_value(
    site: Site, body: object, code: str
) -> None:
    response = site.client().post("/api/visualizations", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert "Jane" not in response.text


def test_a_body_without_end_is_refused(site: Site) -> None:
    body = b'{"patient_id": "p1", "visualization_ids": [' + b'"a",' * 100_000 + b'"a"]}'
    headers = {"content-type": "application/json"}
    response = site.client().post("/api/exports", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "content_too_large")


def test_a_host_may_have_statuses_of_its_own(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    def authorize(*_: Any) -> None:
        raise HTTPException(499, "Come back when the clinic is open.")

    app = FastAPI()
    app.include_router(create_router(docwiz, authorize=authorize))
    from fastapi.testclient import TestClient

    response = TestClient(app).get(f"/files/{docwiz_case.image_id}")
    assert (response.status_code, response.json()["code"]) == (499, "status_499")


class Lines(logging.Handler):
    """What a server writes into its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def test_the_server_log_has_no_token_and_no_signature(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    app, lines = FastAPI(), Lines()
    app.include_router(create_router(docwiz, authorize=lambda *_: True))
    job = docwiz.visualize(docwiz_case.image_id, "rhinoplasty")
    job.cancel()
    logs = {"handlers": ["kept"], "level": "INFO", "propagate": False}
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"kept": {"()": lambda: lines}},
        "loggers": {"uvicorn.error": logs, "uvicorn.access": logs},
    }
    secret = "token=opensesame"
    with served(app, log_config=config) as url:
        sockets = url.replace("http", "ws")
        with connect(f"{sockets}/ws/tasks/{job.id}?{secret}") as socket:
            assert "job_cancelled" in str(socket.recv())
        with pytest.raises(InvalidStatus), connect(f"{sockets}/ws/tasks/nobody?{secret}"):
            pass
        for path in (
            f"tasks/{job.id}/events?a=b&{secret}",
            f"tasks/nobody/status?{secret}",
            f"files/{docwiz_case.image_id}?expires=1&signature=opensesame&{secret}",
        ):
            httpx.get(f"{url}/{path}")
    for told in (
        f"/ws/tasks/{job.id}",
        "/ws/tasks/nobody",
        "/events?a=b ",
        "/status ",
        "expires=1 ",
    ):
        assert told in lines.text
    assert "opensesame" not in lines.text


def kinds(base: type[DocWizError]) -> Iterator[type[DocWizError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


SERVER_SIDE = {
    "settings_invalid", "already_registered", "app_not_registered", "extra_missing",
    "plugin_invalid", "plugin_unknown", "store_failed", "store_forked", "render_failed",
    "signing_failed",
    "comparison_failed", "delivery_limit_exceeded", "job_failed", "internal_error",
    "webhook_failed", "webhook_gone",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(kinds(DocWizError)), key=repr))
def test_each_error_of_ours_is_a_problem_with_a_fitting_status(kind: type[DocWizError]) -> None:
    if kind.__module__ != errors.__name__:
        pytest.skip("a test's own")
    response = problem_of(kind("It went wrong."))
    assert (response.status_code == 500) == (kind.code in SERVER_SIDE)
    assert json.loads(bytes(response.body))["code"] == kind.code


def test_the_api_describes_itself_with_examples_and_problems(site: Site) -> None:
    schema = site.client().get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            for status, response in operation["responses"].items():
                if status >= "400":
                    content = set(response.get("content", {}))
                    assert content <= {"application/problem+json"}, (path, status)
    for name in ("VisualizationBody", "StatusBody", "Submitted"):
        assert schema["components"]["schemas"][name]["examples"]
