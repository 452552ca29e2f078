"""The API as a fuzzer finds it by its own description, with each check that the fuzzer has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving import served
from two_users import TwoUsers, two_users

TESTS = Path(__file__).parent
EXAMPLES = int(os.environ.get("DOCWIZ_TEST_EXAMPLES", "10"))
SECONDS = 60 + 3 * EXAMPLES


@pytest.mark.timeout(SECONDS)
def test_the_api_is_as_it_describes_itself_and_lets_nobody_else_in(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIC_SECRET", "a secret of the test's")
    with two_users(redis_url, tmp_path) as users, served(users.app) as url:
        (tmp_path / "schemathesis.toml").write_text(configuration(users))
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json",
                "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1",
                "--continue-on-failure", "--request-timeout", "60",
                "--generation-database", "none", "--no-color",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def configuration(users: TwoUsers) -> str:
    """Return what the fuzzer is told: both users, and ids of the first's."""
    case = users.case
    known = {
        "path.task_id": list(users.task_ids.values()),
        "path.file_id": list(users.file_ids),
        "body.image_id": [case.image_id],
        "body.source_image_id": [case.image_id],
        "body.patient_id": [case.patient_id],
        "body.procedure_id": ["rhinoplasty"],
        "body.cost_breakdown_id": [case.cost_breakdown_id],
    }
    lines = ['hooks = "schemathesis_hooks"', "[parameters]"]
    lines += [
        f'"{name}" = {{ dictionary = "{name.partition(".")[2]}", probability = 0.5 }}'
        for name in known
    ]
    for name, values in known.items():
        lines += [f"[dictionaries.{name.partition('.')[2]}]", f"values = {json.dumps(values)}"]
    lines += ["[auth.openapi.HTTPBearer]", f'bearer = "{users.anna}"']
    return "\n".join(lines)
