"""The few lines of JavaScript that the documentation promises, as they stand there.

They name port 8000 of this machine, so the example host listens there. Its worker starts when
the client is listening: none of the progress can be over before.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from example_host import Host, submitted
from playwright.sync_api import Browser, ConsoleMessage, Page

CLIENT = """\
const ws = new WebSocket(`ws://localhost:8000/api/ws/tasks/${task_id}`);
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  if (data.type === 'status') { console.log(data.data.progress, data.data.status); }
  if (data.type === 'complete') { console.log(data.data.result); ws.close(); }
};
"""
PORT = 8000
SECRET = "a secret of the test's"
DOCUMENTATION = Path(__file__).parent.parent / "docs/web.md"


@contextmanager
def alone_at_the_port() -> Iterator[None]:
    """Wait for other processes of these tests; fail if somebody else listens there."""
    with (Path(tempfile.gettempdir()) / f"docwiz-tests-{PORT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            socket.create_server(("127.0.0.1", PORT)).close()
        except OSError:
            pytest.fail(f"Port {PORT} is taken: the documented client needs it for the host.")
        yield


@pytest.fixture
def host(redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Host]:
    with alone_at_the_port():
        made = Host(redis_url, tmp_path, port=PORT, worker=False, **request.param)
        yield made
        made.stop()


with_users = pytest.mark.parametrize("host", [{"CLINIC_SECRET": SECRET}], indirect=True)
under_development = pytest.mark.parametrize(
    "host", [{"CLINIC_SECRET": "", "CLINIC_DEVELOPMENT": "1"}], indirect=True
)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def run_client(page: Page, task_id: str) -> None:
    # On a page of the host's, so that its cookies are sent.
    page.goto(f"http://localhost:{PORT}/openapi.json")
    page.add_script_tag(content=f"const task_id = '{task_id}';\n{CLIENT}")


def node(task_id: str) -> subprocess.Popen[str]:
    """Run the client; before Node 22 its WebSocket has to be asked for."""
    program = shutil.which("node")
    if program is None:
        missing("Node")
    command = [program, "--experimental-websocket", "--input-type=commonjs"]
    script = f"const task_id = '{task_id}';\n{CLIENT}"
    return subprocess.Popen(
        [*command, "--eval", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def test_it_is_what_the_documentation_says() -> None:
    assert f"```javascript\n{CLIENT}```" in DOCUMENTATION.read_text()


@with_users
def test_a_browser_that_is_logged_in_by_cookie_sees_progress_and_the_result(
    host: Host, page: Page
) -> None:
    with host.client("anna") as anna:
        task_id = submitted(anna)["task_id"]
    page.goto(f"http://localhost:{PORT}/openapi.json")
    log_in = "token => fetch('/login', {method: 'POST', headers: {authorization: token}})"
    page.evaluate(log_in, f"Bearer {host.token('anna')}")
    printed: list[list[Any]] = []

    def prints(message: ConsoleMessage) -> None:
        assert message.type == "log", message.text
        printed.append([argument.json_value() for argument in message.args])

    page.on("console", prints)
    with page.expect_console_message():
        run_client(page, task_id)
    assert printed == [[0, "Waiting in the queue"]]
    host.start_worker()
    page.wait_for_event("console", lambda message: len(message.args) == 1, timeout=60_000)
    *statuses, [result] = printed
    shown = [progress for progress, _ in statuses]
    assert shown == sorted(shown)
    assert {0, 20} <= set(shown)
    assert result["procedure_id"] == "rhinoplasty"


@with_users
def test_a_browser_that_is_not_logged_in_is_refused(host: Host, page: Page) -> None:
    with host.client("anna") as anna:
        task_id = submitted(anna)["task_id"]
    with page.expect_console_message() as first:
        run_client(page, task_id)
    assert first.value.type == "error"
    assert "Unexpected response code: 403" in first.value.text


@under_development
def test_node_sees_progress_and_the_result_of_a_host_under_development(host: Host) -> None:
    with host.client_without_token() as client:
        task_id = submitted(client)["task_id"]
    with node(task_id) as client_of_node:
        assert client_of_node.stdout is not None
        printed = [client_of_node.stdout.readline()]
        assert printed == ["0 Waiting in the queue\n"]
        host.start_worker()
        printed += client_of_node.stdout
    assert client_of_node.returncode == 0
    end = next(index for index, line in enumerate(printed) if line == "{\n")
    shown = [int(line.split()[0]) for line in printed[:end]]
    assert shown == sorted(shown)
    assert {0, 20} <= set(shown)
    assert "procedure_id: 'rhinoplasty'" in "".join(printed[end:])


@with_users
def test_node_is_refused_by_a_host_that_is_not_under_development(host: Host) -> None:
    with host.client("anna") as anna:
        task_id = submitted(anna)["task_id"]
    with node(task_id) as client_of_node:
        printed, _ = client_of_node.communicate(timeout=30)
    assert printed == ""
