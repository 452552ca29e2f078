"""A plugin's package as files, found through its entry point like any installed one."""

from __future__ import annotations

from pathlib import Path


def write_plugin(folder: Path, name: str, code: str) -> None:
    (folder / f"{name}_plugin.py").write_text(code)
    information = folder / f"{name}_docwiz-1.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}-docwiz\nVersion: 1.2\n"
    )
    (information / "entry_points.txt").write_text(f"[docwiz_tasks]\n{name} = {name}_plugin\n")
