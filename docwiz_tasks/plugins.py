"""Plugins: found through entry points, loaded once and only when asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pluggy

from docwiz_tasks import hookspecs
from docwiz_tasks.errors import DocWizError, PluginError, UnknownFormat, UnknownPlugin
from docwiz_tasks.settings import Settings

if TYPE_CHECKING:
    from docwiz_tasks.contracts import (
        AIProvider,
        CaseIndex,
        ImageProvider,
        JobEvent,
        Records,
        Renderer,
    )

__all__ = ["PluginSummary", "Plugins"]

logger = logging.getLogger(__name__)

Provider = TypeVar("Provider")


# The hooks that give things by name; of the others only their presence can be told.
_BY_NAME = frozenset(
    {
        "docwiz_ai_providers",
        "docwiz_image_providers",
        "docwiz_export_renderers",
        "docwiz_settings",
    }
)


@dataclass(frozen=True, slots=True)
class PluginSummary:
    """A loaded plugin and what it gives.

    Args:
        name: its entry point's name.
        distribution: the installed package that it comes from, or the host itself.
        version: that package's version, empty for the host itself.
        gives: by hook, the names of what it gives; none where the hook gives no names.
    """

    name: str
    distribution: str
    version: str
    gives: Mapping[str, tuple[str, ...]]


class Plugins:
    """The plugins of one registered app, and what they give.

    Args:
        allowed: entry points to load, by name, separated by commas; ``none`` for
            none; all if None.
        builtin: plugins that are always there, by name: what is built in.
    """

    def __init__(self, allowed: str | None, builtin: Mapping[str, object]) -> None:
        self._allowed = allowed
        self._builtin = builtin
        self._points: dict[str, EntryPoint] = {}

    @cached_property
    def manager(self) -> pluggy.PluginManager:
        """Load the plugins and return their manager.

        Raises:
            PluginError: one can't be loaded, or has a hook that doesn't exist.
        """
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        for name, plugin in self._builtin.items():
            manager.register(plugin, name=name)
        for point in self._entry_points():
            self._points[_load(manager, point)] = point
        return manager

    def summaries(self) -> list[PluginSummary]:
        """Return what each loaded plugin gives, the built-in ones first.

        Raises:
            PluginError: one can't be loaded or asked.
        """
        return [self._summary(name, plugin) for name, plugin in self.manager.list_name_plugin()]

    def default_settings(self) -> dict[str, object]:
        """Return the defaults that host packages give.

        Raises:
            PluginError: two give the same setting.
        """
        return self._collect("docwiz_settings")

    def ai_provider(self, settings: Settings) -> AIProvider:
        """Make the AI provider that the settings name."""
        factories = self._collect("docwiz_ai_providers")
        name = settings.ai_provider
        return cast("AIProvider", _make("AI provider", name, factories, settings))

    def image_provider(self, settings: Settings) -> ImageProvider:
        """Make the image provider that the settings name."""
        factories = self._collect("docwiz_image_providers")
        name = settings.image_provider
        return cast("ImageProvider", _make("image provider", name, factories, settings))

    def formats(self, settings: Settings) -> tuple[str, ...]:
        """Return the export formats on offer, sorted."""
        given = sorted(self._collect("docwiz_export_renderers"))
        return tuple(f for f in given if settings.renderers is None or f in settings.renderers)

    def check_format(self, format: str, settings: Settings) -> None:
        """Check that a format is on offer, without making its renderer.

        Raises:
            UnknownFormat: it isn't.
        """
        formats = self.formats(settings)
        if format not in formats:
            raise UnknownFormat(f"There is no such export format; there are: {', '.join(formats)}.")

    def renderer(self, format: str, settings: Settings) -> Renderer:
        """Make the renderer of a format.

        Raises:
            UnknownFormat: it isn't on offer.
        """
        self.check_format(format, settings)
        factories = self._collect("docwiz_export_renderers")
        return cast("Renderer", _make("renderer", format, factories, settings))

    def records(self, settings: Settings) -> Records | None:
        """Return the host's records, if a plugin gives them."""
        return cast("Records | None", self._first("docwiz_records", settings)[1])

    def case_index(self, settings: Settings) -> CaseIndex | None:
        """Return the index of similar cases, if a plugin gives one."""
        return cast("CaseIndex | None", self._first("docwiz_case_index", settings)[1])

    def giver(self, hook: str, settings: Settings) -> str | None:
        """Return the name of the plugin that gives the records or the case index, if one does.

        Raises:
            PluginError: one failed to.
        """
        plugin = self._first(hook, settings)[0]
        name = None if plugin is None else self.manager.get_name(plugin)
        return self._points[name].name if name in self._points else name

    def any_listens(self) -> bool:
        """Say whether a plugin that isn't built in is told of events."""
        listeners = self.manager.hook.docwiz_job_event.get_hookimpls()
        return any(listener.plugin_name not in self._builtin for listener in listeners)

    def tell(self, event: JobEvent) -> None:
        """Tell every plugin of an event; one that fails is logged and harms nobody."""
        # One by one and not through the hook's own call, which stops at the first error.
        for listener in self.manager.hook.docwiz_job_event.get_hookimpls():
            try:
                listener.function(event)
            except Exception as error:
                logger.warning(
                    "Plugin %s failed on a job event: %s",
                    listener.plugin_name,
                    type(error).__name__,
                )

    def _first(self, hook: str, settings: Settings) -> tuple[object, object]:
        """Return the first result that isn't None, after the plugin that gives it."""
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            owner = _described(self.manager, implementation.plugin)
            # A plugin may leave out an argument that it doesn't need.
            given = {"settings": settings} if implementation.argnames else {}
            try:
                result = implementation.function(**given)
            except DocWizError:
                raise
            except Exception as error:
                kind = type(error).__name__
                raise PluginError(f"The {owner} failed in {hook}: {kind}.") from error
            if result is not None:
                return implementation.plugin, result
        return None, None

    def _summary(self, name: str, plugin: object) -> PluginSummary:
        gives: dict[str, tuple[str, ...]] = {}
        for caller in self.manager.get_hookcallers(plugin) or []:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    gives[caller.name] = ()
                    if caller.name in _BY_NAME:
                        owner = _described(self.manager, plugin)
                        given = _call(implementation.function, caller.name, owner)
                        gives[caller.name] = tuple(sorted(given))
        point = self._points.get(name)
        if name in self._builtin:
            return PluginSummary(name, "docwiz-tasks", version("docwiz-tasks"), gives)
        if point is None:
            return PluginSummary(name, "the host itself", "", gives)
        found = point.dist.version if point.dist is not None else "unknown"
        return PluginSummary(point.name, _distribution(point), found, gives)

    def _entry_points(self) -> list[EntryPoint]:
        if self._allowed == "none":
            return []
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=hookspecs.PROJECT):
            if point.name in found:
                raise PluginError(
                    f"Two plugins are named {point.name!r}: that of"
                    f" {_distribution(found[point.name])} and that of {_distribution(point)}."
                )
            found[point.name] = point
        if self._allowed is None:
            return list(found.values())
        names = [name.strip() for name in self._allowed.split(",") if name.strip()]
        if missing := [name for name in names if name not in found]:
            raise UnknownPlugin(
                f"DOCWIZ_PLUGINS names plugins that are not installed: {', '.join(missing)}."
            )
        return [found[name] for name in names]

    def _collect(self, hook: str) -> dict[str, Any]:
        collected: dict[str, Any] = {}
        owners: dict[str, str] = {}
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            owner = _described(self.manager, implementation.plugin)
            given = _call(implementation.function, hook, owner)
            for name, value in given.items():
                if name in owners:
                    raise PluginError(
                        f"Two plugins give {name!r} in {hook}: {owners[name]} and {owner}."
                        " Load one of them only, with DOCWIZ_PLUGINS."
                    )
                collected[name], owners[name] = value, owner
        return collected


def _load(manager: pluggy.PluginManager, point: EntryPoint) -> str:
    """Register a plugin and return the name that the manager knows it by."""
    distribution = _distribution(point)
    owner = f"plugin {point.name!r} of {distribution}"
    try:
        plugin = point.load()
    except Exception as error:
        raise PluginError(f"The {owner} can't be loaded: {type(error).__name__}.") from error
    try:
        name = f"{point.name} ({distribution})"
        manager.register(plugin, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"The {owner} doesn't fit: {error}") from None
    return name


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def _described(manager: pluggy.PluginManager, plugin: object) -> str:
    return f"plugin {manager.get_name(plugin)}"


def _call(function: Callable[[], object], hook: str, owner: str) -> Mapping[str, Any]:
    try:
        given = function()
    except Exception as error:
        raise PluginError(f"The {owner} failed in {hook}: {type(error).__name__}.") from error
    if not isinstance(given, Mapping):
        raise PluginError(f"The {owner} must return a mapping from {hook}.")
    return given


def _make(what: str, name: str, factories: Mapping[str, Any], settings: Settings) -> object:
    if name not in factories:
        known = ", ".join(sorted(factories)) or "none"
        variable = f"DOCWIZ_{what.upper().replace(' ', '_')}"
        raise UnknownPlugin(
            f"No plugin gives the {what} {name!r}; there are: {known}. Set {variable} to one of"
            " them, or install a plugin that gives it."
        )
    try:
        return factories[name](settings)
    except DocWizError:
        raise
    except Exception as error:
        raise PluginError(f"The {what} {name!r} can't be made: {type(error).__name__}.") from error
