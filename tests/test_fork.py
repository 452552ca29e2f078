"""A host that touched the store before a worker forked gets working tasks or a clear error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FORK = """
import os, signal, sys
from docwiz_tasks import DocWizError
from docwiz_tasks.store import open_store

url = sys.argv[1]
store = open_store(url)
try:
    store.put("parent", b"1")
except DocWizError:
    pass
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    code = 1
    try:
        for child in (store, open_store(url)):
            child.put("child", b"2")
            assert child.create("once", b"3") or child.get("once") == b"3"
            assert child.get("child") == b"2"
        print("worked", flush=True)
    except DocWizError as error:
        print(error.code, flush=True)
    os._exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0, f"the child hung or died: {status}"
"""


def forked(url: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", FORK, url], capture_output=True, text=True, check=True, timeout=60
    )
    return run.stdout.strip()


def test_a_folder_store_works_in_a_forked_child(tmp_path: Path) -> None:
    assert forked(tmp_path.as_uri()) == "worked"


def test_an_object_store_is_a_clear_error_in_a_forked_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody listens there: that it was tried in the parent is what matters.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_MAX_RETRIES", "0")
    assert forked("s3://clinic/docwiz") == "store_forked"
