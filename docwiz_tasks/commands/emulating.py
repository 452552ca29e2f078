"""The emulator of Gemini and Freepik, for as long as the command runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import click

from docwiz_tasks.testing.emulator import Emulator
from docwiz_tasks.testing.emulator.server import named_faults

__all__ = ["name_faults", "run_emulator"]


def name_faults() -> None:
    """Print the faults that can be asked for."""
    for name in sorted(named_faults()):
        click.echo(name)


def run_emulator(port: int, delay_seconds: float, every: int, faults: Sequence[str]) -> None:
    """Serve until Ctrl-C.

    Args:
        port: where to listen on 127.0.0.1.
        delay_seconds: how long each picture takes.
        every: each request of this number meets a fault.
        faults: which; they take turns.
    """
    known = named_faults()
    if missing := [name for name in faults if name not in known]:
        raise click.BadParameter(
            f"there is no fault {missing[0]!r}; --list-faults names them.", param_hint="--fault"
        )
    try:
        emulator = Emulator(port, delay_seconds=delay_seconds, remember=False)
    except OSError as error:
        raise click.ClickException(f"Port {port} can't be listened on: {error.strerror}.") from None
    if faults:
        emulator.script.every(every, [known[name] for name in faults])
    with emulator:
        click.echo(f"DOCWIZ_GEMINI_BASE_URL={emulator.url} DOCWIZ_GEMINI_API_KEY=emulated")
        click.echo(f"DOCWIZ_FREEPIK_BASE_URL={emulator.url} DOCWIZ_FREEPIK_API_KEY=emulated")
        # Ctrl-C ends the wait.
        threading.Event().wait()
