"""From a command to the host's app, and from our errors to a sentence and status 1."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from docwiz_tasks.errors import DocWizError

if TYPE_CHECKING:
    from celery import Celery

    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["Commands", "Failure", "NamedApp", "host_of"]


class Failure(click.ClickException):
    """An error of ours as a command shows it: its code and its sentence."""

    def __init__(self, error: DocWizError) -> None:
        super().__init__(str(error))
        self.code = error.code

    def show(self, file: Any = None) -> None:
        """Print it to `file`, or to standard error."""
        click.echo(f"Error ({self.code}): {self.message}", file=file, err=file is None)


class Commands(click.Group):
    """A group of commands whose errors are sentences, never tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except DocWizError as error:
            raise Failure(error) from error
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if not _of_a_connection(error):
                raise
            raise click.ClickException(
                f"The broker or the result backend can't be reached ({type(error).__name__})."
            ) from error


class NamedApp:
    """The host's app by the name that was given, found when a command needs it."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    @cached_property
    def app(self) -> Celery:
        """The app, found as ``celery -A`` finds it."""
        if self._name is None:
            raise click.UsageError("Name the host's Celery app: docwiz-tasks --app HOST …")
        return _find(self._name)


def host_of(context: click.Context) -> DocWiz:
    """Return the `DocWiz` of the app that a command is for.

    Raises:
        AppNotRegistered: the app has none.
    """
    from docwiz_tasks.celery_app.registration import registered

    return registered(context.obj.app)


def _find(name: str) -> Celery:
    from celery import Celery
    from celery.app.utils import find_app

    try:
        app = find_app(name)
    except DocWizError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise click.ClickException(f"The app {name!r} can't be loaded: {kind}: {error}") from error
    # A proxy, such as celery.current_app, says that it is of its app's class.
    if not isinstance(app, Celery):
        raise click.ClickException(f"{name!r} is no Celery app but a {type(app).__name__}.")
    return app


def _of_a_connection(error: Exception) -> bool:
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    return isinstance(error, (OperationalError, RedisError, ConnectionError, TimeoutError))
