"""The demonstration leaves its ten files, and its status tells the truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = {
    "before.jpg", "after.png", "comparison.png", "report.pdf", "report.png", "report.jpg",
    "report.json", "report-shareable.pdf", "costs.png", "costs.jpg",
}  # fmt: skip


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "docwiz-tasks"
    command: list[str | Path] = [script, "demo", "--folder", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_demo_leaves_ten_files_and_says_where(tmp_path: Path) -> None:
    run = demo(tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES
    assert str(tmp_path / "out") in run.stdout
    assert all((tmp_path / "out" / name).stat().st_size > 1000 for name in NAMES)
