"""A plugin as a distribution of its own, found by nothing but its entry point."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples/docwiz_tasks_example_provider"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment into which the example was built and installed.

    What it depends on comes from this one, by a path file: to fetch all of it again would
    test the package index.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=False)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    source = shutil.copytree(EXAMPLE, folder / "source")
    options = ["--quiet", "--no-deps", "--target", str(site), str(source)]
    command = [sys.executable, "-m", "pip", "install", *options]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    (site / "dependencies.pth").write_text(
        f"{sysconfig.get_path('purelib')}\n{Path(__file__).parent.parent}\n"
    )
    return folder / "env/bin/python"


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCWIZ_", "PYTEST_"))}
    return subprocess.run(
        [python, *arguments],
        cwd=EXAMPLE,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_it_passes_the_contracts_in_its_own_tests(python: Path) -> None:
    ran = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert ran.returncode == 0, ran.stdout
    assert "passed" in ran.stdout


def test_it_is_found_by_its_entry_point_and_named_with_its_distribution(python: Path) -> None:
    listed = """
import docwiz_tasks
from celery import Celery
docwiz = docwiz_tasks.register(Celery("host"), docwiz_tasks.Settings(store_url="memory://"))
for plugin in docwiz.plugins.summaries():
    print(plugin)
"""
    ran = run(python, "-c", listed)
    assert "docwiz-tasks-example-provider" in ran.stdout
    for name in ("example-blur", "example-stripes", "txt"):
        assert name in ran.stdout
