"""Keys and tokens, which services repeat in what they say, get nowhere."""

from __future__ import annotations

import os
import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from pictures import photo
from plugin_files import write_plugin
from test_gemini import service_account
from workers import TESTS, environment, worker

import docwiz_tasks
from docwiz_tasks import DocWiz, Job, Settings
from docwiz_tasks.celery_app.doctor import examine
from docwiz_tasks.jobs.lookup import image_path
from docwiz_tasks.testing.emulator import Emulator, Fault, freepik, gemini
from docwiz_tasks.testing.emulator.faults import Answer
from docwiz_tasks.testing.emulator.pictures import in_base64
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 60
CANARY = secrets.token_hex(8)

# Writes down whatever it is told, as an auditing plugin of a host's would.
LISTENER = """
import os
import docwiz_tasks

@docwiz_tasks.hookimpl
def docwiz_job_event(event):
    with open(os.environ["HOST_EVENTS"], "a") as file:
        print(event, file=file)
"""

GENERATE = "generateContent"

Submit = Callable[[DocWiz], Job]


@dataclass(frozen=True)
class Plan:
    """A job, what its services answer by operation, and the code of its failure, if it fails."""

    submit: Submit
    answers: dict[str, list[Fault]]
    code: str | None


@dataclass
class Seen:
    """All that anybody outside the worker can see, as one text."""

    texts: list[str] = field(default_factory=list)

    def lines_with(self, word: str) -> list[str]:
        """Return where a word can be seen, so that a leak is told with its place."""
        return [
            line[max(0, line.index(word) - 200) :][:400]
            for text in self.texts
            for line in text.splitlines()
            if word in line
        ]


def preview(docwiz: DocWiz) -> Job:
    return docwiz.visualize("small", "rhinoplasty")


def comparison(docwiz: DocWiz) -> Job:
    return docwiz.compare("small", ["otoplasty", "facelift"])


def infographic(docwiz: DocWiz) -> Job:
    return docwiz.infographic("sample-costs")


def said(key: str) -> str:
    return f"API key {key} not valid. Please pass a valid API key."


def of_gemini(key: str, embed: str = "batchEmbedContents") -> list[Plan]:
    """What Gemini can say of a key, wherever it has room for words."""
    bad = gemini.error(400, message=said(key), reason="API_KEY_INVALID")
    busy = gemini.error(503, message=said(key))
    inline = {"mimeType": key, "data": in_base64(key.encode())}
    named = Fault(change=lambda right: Answer({**right.body, "modelVersion": key}))
    faults = [
        (bad, "provider_rejected"),
        (gemini.error(401, word=key), "provider_rejected"),
        (gemini.error(403, message=said(key), in_list=True), "provider_rejected"),
        (gemini.refused("SAFETY", message=said(key)), "provider_refused"),
        (gemini.refused(key), "provider_refused"),
        (gemini.blocked(key), "provider_refused"),
        (gemini.reshaped(lambda _parts: [{"inlineData": inline}]), "provider_failed"),
    ]
    return [
        *(Plan(preview, {GENERATE: [fault]}, code) for fault, code in faults),
        Plan(comparison, {GENERATE: [bad]}, "comparison_failed"),
        Plan(preview, {GENERATE: [Fault()], embed: [bad]}, "provider_rejected"),
        Plan(preview, {GENERATE: [busy, named]}, None),
    ]


def of_freepik(key: str) -> list[Plan]:
    bad, busy = (freepik.error(status, message=said(key)) for status in (401, 503))
    return [
        Plan(infographic, {"text-to-image": [bad]}, "provider_rejected"),
        Plan(infographic, {"text-to-image": [busy, Fault()]}, None),
    ]


def of_sign_in(key: str) -> list[Plan]:
    """What Google's sign-in can say; when it has given a token it isn't asked again."""
    told = {"error": "invalid_grant", "error_description": said(key)}
    bad = Fault(change=lambda _right: Answer(told, 400))
    return [Plan(preview, {"token": [bad]}, "provider_rejected")]


@contextmanager
def watched(url: str, seen: Seen) -> Iterator[None]:
    """Take down each command that Redis is given, and what it holds in the end."""
    client = redis.Redis.from_url(url)
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]
        yield
        client.set("the-end", 1)
        for command in monitor.listen():
            seen.texts.append(repr(command))
            if "the-end" in command["command"]:
                break
    seen.texts += [repr(client.dump(key)) for key in client.scan_iter()]
    client.close()


def worked_off(
    plans: list[Plan], emulator: Emulator, redis_url: str, folder: Path, **env: str
) -> Seen:
    """Have a real worker do the jobs, and return all that can be seen of them."""
    seen, store, log, events = Seen(), folder / "store", folder / "log", folder / "events"
    write_plugin(folder, "listening", LISTENER)
    environ = environment(
        redis_url, redis_url, store,
        DOCWIZ_AI_PROVIDER="gemini", DOCWIZ_IMAGE_PROVIDER="freepik",
        DOCWIZ_GEMINI_BASE_URL=emulator.url, DOCWIZ_FREEPIK_BASE_URL=emulator.url,
        DOCWIZ_RETRY_BASE_SECONDS="0.01", DOCWIZ_COMPARISON_CONCURRENCY="1",
        HOST_EVENTS=str(events), **env,
        PYTHONPATH=os.pathsep.join([str(TESTS), str(folder)]),
    )  # fmt: skip
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    docwiz = docwiz_tasks.register(app, Settings(store_url=store.as_uri(), plugins="none"))
    add_sample_case(docwiz)
    docwiz.store.put(image_path("small"), photo(size=(300, 400)))
    # One child works them off in their order, so that each gets the answers meant for it.
    quiet = ("--without-mingle", "--without-gossip", "--concurrency=1")
    with watched(redis_url, seen), worker(environ, log, "--loglevel=DEBUG", *quiet):
        for plan in plans:
            for operation, answers in plan.answers.items():
                emulator.plan(*answers, operation=operation)
        for plan, job in [(plan, plan.submit(docwiz)) for plan in plans]:
            ends = list(job.watch(SECONDS))
            assert (ends[-1].error or {}).get("code") == plan.code
            stored = app.AsyncResult(job.id)
            assert bool(stored.traceback) == (plan.code is not None)
            seen.texts += [repr(ends), repr(stored.result), str(stored.traceback)]
            try:
                job.result(SECONDS)
            except docwiz_tasks.DocWizError as error:
                seen.texts += [repr(error), *traceback.format_exception(error)]
    seen.texts += [log.read_text(), events.read_text()]
    seen.texts += [path.read_text(errors="replace") for path in store.rglob("*") if path.is_file()]
    return seen


def check_that_it_was_looked_for_in_the_right_places(seen: Seen) -> None:
    # The log has what the libraries say, Redis the jobs, the events their ends.
    for word in ("httpcore", "generate_visualization_task", "kind='failed'", "Traceback"):
        assert seen.lines_with(word)
    assert seen.lines_with("[redacted]")


@pytest.mark.parametrize("prefix", ["AIzaSy", "AQ.Ab8"])
def test_geminis_keys_are_nowhere_to_be_seen(
    docwiz_emulator: Emulator, redis_url: str, tmp_path: Path, prefix: str
) -> None:
    key, freepiks = f"{prefix}{CANARY}-_x", f"FPSX{CANARY}"
    plans = of_gemini(key)
    if prefix == "AIzaSy":
        plans += of_freepik(freepiks)
    seen = worked_off(
        plans, docwiz_emulator, redis_url, tmp_path,
        DOCWIZ_GEMINI_API_KEY=key, DOCWIZ_FREEPIK_API_KEY=freepiks,
    )  # fmt: skip
    check_that_it_was_looked_for_in_the_right_places(seen)
    assert seen.lines_with(CANARY) == []
    assert docwiz_emulator.received[0].headers["x-goog-api-key"] == key


def test_vertex_tokens_and_the_accounts_key_are_nowhere_to_be_seen(
    docwiz_emulator: Emulator, redis_url: str, tmp_path: Path
) -> None:
    token = "ya29.emulated"
    account = service_account(tmp_path, f"{docwiz_emulator.url}/token")
    plans = of_sign_in(f"eyJhbGciOi{CANARY}.eyJpc3Mi.c2ln") + of_gemini(token, "embedContent")
    seen = worked_off(
        plans, docwiz_emulator, redis_url, tmp_path,
        DOCWIZ_GEMINI_PROJECT="clinic", GOOGLE_APPLICATION_CREDENTIALS=str(account),
        DOCWIZ_FREEPIK_API_KEY=f"FPSX{CANARY}",
    )  # fmt: skip
    check_that_it_was_looked_for_in_the_right_places(seen)
    assert seen.lines_with(CANARY) == []
    assert seen.lines_with(token) == []
    assert seen.lines_with("PRIVATE KEY") == []
    (first, *_) = docwiz_emulator.requests("generateContent")
    assert first.headers["authorization"] == f"Bearer {token}"


def test_keys_show_in_no_repr_and_not_to_the_doctor(
    docwiz_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[str, Any] = {"gemini_api_key": f"AIza{CANARY}", "freepik_api_key": f"FPSX{CANARY}"}
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    settings = Settings(store_url=tmp_path.as_uri(), plugins="none", **keys)
    docwiz = docwiz_tasks.register(app, settings)
    shown = [settings, settings.model_dump(), docwiz.resources, vars(docwiz)]
    shown += [docwiz.plugins.ai_provider(settings), docwiz.plugins.image_provider(settings)]
    shown += list(examine(docwiz))
    assert CANARY not in "".join(f"{one!r}{one}" for one in shown)
