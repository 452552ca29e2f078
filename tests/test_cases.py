"""Similar cases are filed, caught up with and found; an index that is down harms nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from click.testing import CliRunner
from plugin_packages import Packages, host
from qdrant_server import QdrantServer, qdrant_server

from docwiz_tasks import (
    CaseIndex,
    DocWiz,
    Embedding,
    ExtraMissing,
    InvalidId,
    InvalidRequest,
    NotEmbedded,
    ProviderRejected,
    ProviderUnavailable,
    Settings,
    SettingsError,
    SimilarCase,
    UnknownProcedure,
    UnknownRecord,
    hookimpl,
)
from docwiz_tasks.celery_app.doctor import Level
from docwiz_tasks.celery_app.doctor.cases import case_findings
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.startup import check_providers
from docwiz_tasks.commands.group import docwiz as group
from docwiz_tasks.providers.qdrant import QdrantIndex
from docwiz_tasks.testing import CaseIndexContract
from docwiz_tasks.testing.contracts.calling import photo

SECONDS = 60
NAME = "Zanzibar-4711"
PATIENT = {"id": "ada-4711", "name": NAME, "date_of_birth": "1991-04-23"}
PHOTO = Embedding([1.0, 0.0, 0.0], "model-1")


def settings(**values: object) -> Settings:
    # As patient as a busy machine needs.
    return Settings(plugins="none", case_index_timeout_seconds=SECONDS, **values)


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as running:
        yield running


def nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class TestInMemory(CaseIndexContract):
    @pytest.fixture
    def index(self) -> CaseIndex:
        return QdrantIndex(settings(qdrant_url=":memory:"))


class TestOnTheWire(CaseIndexContract):
    @pytest.fixture
    def index(self, server: QdrantServer) -> CaseIndex:
        return QdrantIndex(settings(qdrant_url=server.url))


class Clinic:
    """A host with a patient and a photo."""

    def __init__(self, docwiz: DocWiz) -> None:
        self.docwiz = docwiz
        docwiz.records.put("patient", PATIENT)
        self.image_id = docwiz.add_image(photo((200, 160, 140), (240, 320)))

    def preview(self, procedure_id: str = "rhinoplasty") -> str:
        job = self.docwiz.visualize(self.image_id, procedure_id, PATIENT["id"])
        return str(job.result(SECONDS)["id"])

    def indexed(self, id: str) -> object:
        return self.docwiz.journal(id).steps()["index"].outcome["indexed"]

    def command(self, *arguments: str) -> tuple[int, str]:
        obj = SimpleNamespace(app=self.docwiz.app)
        result = CliRunner().invoke(group, arguments, obj=obj)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output


def findings(docwiz: DocWiz) -> list[tuple[Level, str]]:
    return [(f.level, f.message) for f in case_findings(docwiz)]


@pytest.fixture
def app() -> Celery:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    # Jobs run here and now: what is tested is what they leave in the index.
    app.conf.task_always_eager = True
    return app


def clinic(app: Celery, **values: object) -> Clinic:
    return Clinic(host(app, **{"plugins": "none", "case_index_timeout_seconds": SECONDS, **values}))


def test_similar_cases_are_found_by_ids_and_scores_only(app: Celery, server: QdrantServer) -> None:
    at = clinic(app, qdrant_url=server.url)
    one, other, chin = at.preview(), at.preview(), at.preview("chin-augmentation")
    assert {at.indexed(id) for id in (one, other, chin)} == {True}
    found = at.docwiz.find_similar(one)
    assert {case.visualization_id for case in found} == {other, chin}
    # The same picture, down to the last pixel.
    assert found[0] == SimilarCase(other, "rhinoplasty", found[0].score)
    assert 1.00001 > found[0].score > 0.99999 > found[1].score
    for limit in (1, 2):
        assert at.docwiz.find_similar(one, limit=limit) == found[:limit]
    [only] = at.docwiz.find_similar(one, procedure="chin-augmentation")
    assert only.visualization_id == chin
    # What Qdrant was given: vectors, and the ids of visualizations and procedures.
    sent = [body["points"][0]["payload"] for body in server.bodies if body and "points" in body]
    assert [sorted(payload) for payload in sent] == [["procedure_id", "visualization_id"]] * 3
    told = str(server.bodies)
    for secret in (*PATIENT.values(), at.image_id):
        assert secret not in told
    assert {name for _, name in server.indexed} == {"procedure_id"}


def test_a_comparisons_previews_are_filed_too(app: Celery) -> None:
    at = clinic(app, qdrant_url=":memory:")
    procedures = ["rhinoplasty", "facelift"]
    made = at.docwiz.compare(at.image_id, procedures).result(SECONDS)
    one, other = (entry["visualization_id"] for entry in made["procedures"])
    assert [case.visualization_id for case in at.docwiz.find_similar(one)] == [other]


def test_an_index_that_is_down_harms_no_preview_and_is_caught_up_with(app: Celery) -> None:
    url = nobody_listens()
    at = clinic(app, qdrant_url=url)
    ids = [at.preview(), at.preview()]
    assert [at.indexed(id) for id in ids] == [False, False]
    status, output = at.command("reindex")
    assert status == 1
    assert "0 cases were filed." in output
    assert "2 are left. Qdrant can't be reached: ConnectError." in output
    with qdrant_server(int(url.rpartition(":")[2])) as server:
        assert at.command("reindex") == (0, "2 cases were filed.\n")
        assert [case.visualization_id for case in at.docwiz.find_similar(ids[0])] == ids[1:]
        assert at.command("reindex") == (0, "0 cases were filed.\n")
        asked = len(server.requests)
    assert asked < 10


@pytest.mark.parametrize("fault", ["slow", "refuses", "broken"])
def test_a_faulty_index_harms_no_preview_and_its_fault_is_told(
    app: Celery, server: QdrantServer, fault: str
) -> None:
    limit = 0.3 if fault == "slow" else SECONDS
    at = clinic(app, qdrant_url=server.url, case_index_timeout_seconds=limit)
    if fault == "slow":
        server.gate.clear()
    else:
        server.fails_with = 401 if fault == "refuses" else 500
    id = at.preview()
    assert at.indexed(id) is False
    with pytest.raises(ProviderRejected if fault == "refuses" else ProviderUnavailable) as caught:
        at.docwiz.find_similar(id)
    assert caught.value.retryable is (fault != "refuses")


def test_an_index_that_never_answers_delays_a_preview_by_its_limit_at_most(
    app: Celery, packages: Packages
) -> None:
    over = threading.Event()

    class Hanging(AsyncIndex):
        def add(self, id: str, embedding: Embedding, payload: Mapping[str, str]) -> None:  # type: ignore[override]
            # For longer than anybody waits for the preview.
            over.wait(2 * SECONDS)

    packages.install(Giver(Hanging()), name="index")
    at = Clinic(host(app, case_index_timeout_seconds=0.2))
    try:
        assert at.indexed(at.preview()) is False
    finally:
        over.set()


def test_a_lost_index_is_made_again_from_the_store(app: Celery, tmp_path: Path) -> None:
    store = tmp_path.as_uri()
    at = clinic(app, store_url=store)
    # Without an index nothing waits to be filed.
    ids = sorted(at.preview() for _ in range(3))
    with qdrant_server() as server:
        app = Celery("later", broker="memory://", set_as_current=False)
        later = clinic(app, store_url=store, qdrant_url=server.url)
        assert later.command("reindex") == (0, "0 cases were filed.\n")
        for _ in range(2):
            assert later.command("reindex", "--all") == (0, "3 cases were filed.\n")
        found = later.docwiz.find_similar(ids[0])
    assert sorted(case.visualization_id for case in found) == ids[1:]


def test_a_case_that_is_not_taken_holds_up_no_other(app: Celery, packages: Packages) -> None:
    class Picky:
        def __init__(self) -> None:
            self.refused: set[str] = set()
            self.taken: list[str] = []

        def add(self, id: str, embedding: Embedding, payload: Mapping[str, str]) -> None:
            if not self.taken and not self.refused:
                self.refused.add(id)
            if id in self.refused:
                raise RuntimeError(NAME)
            self.taken.append(id)

        def search(
            self, embedding: Embedding, *, procedure_id: str | None, limit: int
        ) -> Sequence[SimilarCase]:
            return []

    index = Picky()
    packages.install(Giver(index), name="index")
    at = Clinic(host(app))
    ids = [at.preview(), at.preview(), at.preview()]
    assert [at.indexed(id) for id in ids] == [False, True, True]
    again = at.docwiz.reindex(everything=True)
    assert (again.filed, again.left) == (2, 1)
    assert NAME not in str(again.error)
    assert "case index" in str(again.error)


class Giver:
    """Gives an index."""

    def __init__(self, index: object) -> None:
        self._index = index

    @hookimpl
    def docwiz_case_index(self) -> object:
        if isinstance(self._index, Exception):
            raise self._index
        return self._index


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    return Packages(tmp_path, monkeypatch)


class AsyncIndex:
    """An index of a plugin's with ``async def`` methods."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def add(self, id: str, embedding: Embedding, payload: Mapping[str, str]) -> None:
        await asyncio.sleep(0)
        self.ids.append(id)

    async def search(
        self, embedding: Embedding, *, procedure_id: str | None, limit: int
    ) -> Sequence[SimilarCase]:
        await asyncio.sleep(0)
        return [SimilarCase(id, "rhinoplasty", 1.0) for id in self.ids]

    async def probe(self) -> str:
        return f"{len(self.ids)} are there."


def test_a_hosts_index_comes_before_ours_and_may_be_async(app: Celery, packages: Packages) -> None:
    index = AsyncIndex()
    packages.install(Giver(index), name="index")
    at = Clinic(host(app, qdrant_url=nobody_listens()))
    ids = [at.preview(), at.preview()]

    async def inside_a_loop() -> list[SimilarCase]:
        return at.docwiz.find_similar(ids[0])

    assert index.ids == ids
    assert [case.visualization_id for case in asyncio.run(inside_a_loop())] == ids[1:]
    assert findings(at.docwiz) == [("ok", "2 are there.")]
    _, table = at.command("plugins")
    assert table.count("case index (chosen)") == 1
    assert table.count("case index (not chosen)") == 1


def test_an_index_that_cannot_be_made_harms_no_preview(app: Celery, packages: Packages) -> None:
    packages.install(Giver(RuntimeError(NAME)), name="index")
    at = Clinic(host(app))
    with embedded_worker(app):
        assert at.indexed(at.preview()) is False
    [(level, message)] = findings(at.docwiz)
    assert level == "problem"
    assert "index (clinic-docwiz)" in message
    assert NAME not in message


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_wrong_limit_is_refused(limit: int) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100"):
        host().find_similar("any", limit=limit)


def test_what_is_not_there_has_no_similar_cases() -> None:
    docwiz = host(qdrant_url=":memory:")
    with pytest.raises(UnknownRecord):
        docwiz.find_similar("nobody")
    with pytest.raises(InvalidId):
        docwiz.find_similar("../patient")
    with pytest.raises(UnknownProcedure):
        docwiz.find_similar("nobody", procedure="nothing")


def test_without_an_embedding_or_an_index_it_says_what_to_do(app: Celery) -> None:
    at = clinic(app)
    id = at.preview()
    with pytest.raises(SettingsError, match="DOCWIZ_QDRANT_URL"):
        at.docwiz.find_similar(id)
    assert at.command("reindex")[0] == 1
    at.docwiz.store.delete(f"embeddings/{id}.json")
    with pytest.raises(NotEmbedded):
        at.docwiz.find_similar(id)


def test_a_worker_without_qdrants_client_does_not_start_and_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'docwiz-tasks\[qdrant\]'"):
        check_providers(host(plugins="none", qdrant_url=":memory:"), ["visualizations"])


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_key_is_sent_and_shown_nowhere(server: QdrantServer) -> None:
    index = QdrantIndex(settings(qdrant_url=server.url, qdrant_api_key=NAME))
    index.add("case", PHOTO, {"procedure_id": "rhinoplasty"})
    assert server.keys == {NAME}
    server.fails_with = 403
    with pytest.raises(ProviderRejected, match="DOCWIZ_QDRANT_API_KEY") as caught:
        index.search(PHOTO, procedure_id=None, limit=3)
    assert NAME not in f"{caught.value!r}{index!r}"


def test_an_index_that_was_used_before_a_fork_works_in_the_child(server: QdrantServer) -> None:
    index = QdrantIndex(settings(qdrant_url=server.url))
    index.add("parent", PHOTO, {"procedure_id": "rhinoplasty"})
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            index.add("child", PHOTO, {"procedure_id": "rhinoplasty"})
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    found = index.search(PHOTO, procedure_id=None, limit=3)
    assert sorted(case.visualization_id for case in found) == ["child", "parent"]


def test_an_index_in_memory_is_safe_to_share_between_threads() -> None:
    index = QdrantIndex(settings(qdrant_url=":memory:"))
    together = threading.Barrier(8)

    def add(name: str) -> None:
        together.wait(SECONDS)
        for number in range(100):
            index.add(f"{name}-{number}", PHOTO, {"procedure_id": "rhinoplasty"})

    usual = sys.getswitchinterval()
    # So that threads meet where they can.
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            added = [threads.submit(add, f"thread-{n}") for n in range(8)]
    finally:
        sys.setswitchinterval(usual)
    assert [future.exception() for future in added] == [None] * 8
    assert len(index.search(PHOTO, procedure_id=None, limit=1000)) == 800


def test_workers_that_make_a_collection_at_once_all_file_their_case(server: QdrantServer) -> None:
    server.gate.clear()
    errors: list[Exception] = []

    def add(number: int) -> None:
        try:
            index = QdrantIndex(settings(qdrant_url=server.url))
            index.add(f"case-{number}", PHOTO, {"procedure_id": "rhinoplasty"})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    # All have asked whether it exists before the first is answered.
    while len(server.requests) < 4:
        time.sleep(0.01)
    server.gate.set()
    for thread in threads:
        thread.join()
    assert errors == []
    index = QdrantIndex(settings(qdrant_url=server.url))
    assert len(index.search(PHOTO, procedure_id=None, limit=9)) == 4


def test_the_doctor_says_how_the_index_is_and_what_waits(app: Celery, server: QdrantServer) -> None:
    at = clinic(app, qdrant_url=server.url)
    assert findings(at.docwiz) == [("ok", "Qdrant answers; no case is filed yet.")]
    at.preview()
    server.fails_with = 503
    at.preview()
    [(level, message)] = findings(at.docwiz)
    assert level == "problem"
    assert "503" in message
    server.fails_with = None
    [(_, held), waiting] = findings(at.docwiz)
    assert "offline-perceptual" in held
    assert "1 cases" in held
    assert waiting == ("warning", "1 cases wait to be filed: run docwiz reindex.")
