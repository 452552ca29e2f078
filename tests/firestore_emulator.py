"""Firestore's emulator from npm, run by Node.

https://www.npmjs.com/package/@firestore-emulator/server
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "@firestore-emulator/server"
VERSION = "0.3.15"
INSTALL_SECONDS = 100

SERVE = """
const { FirestoreServer } = require("@firestore-emulator/server");
new FirestoreServer().start(Number(process.argv[1])).then(() => console.log("ready"));
"""


def installed(parent: Path) -> Path | None:
    """Return the folder that has the package, installed if need be; None without Node or npm."""
    folder = parent / VERSION
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=parent) as aside:
        quiet = ("--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts")
        command = ["npm", "install", *quiet, "--prefix", aside, f"{PACKAGE}@{VERSION}"]
        try:
            subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return None
        try:
            Path(aside).rename(folder)
        except OSError:
            # Another process of tests was faster.
            assert folder.exists()
    return folder


@contextmanager
def firestore_emulator(folder: Path) -> Iterator[str]:
    """Run the emulator; gives its host and port, as ``FIRESTORE_EMULATOR_HOST`` takes them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["node", "-e", SERVE, str(port)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as output:
        try:
            assert output.readline() == "ready\n"
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()
