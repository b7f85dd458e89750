"""Finds models, datasets and other registered things by name, in a folder's files and in entry points."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cached_property, partial
from importlib.metadata import entry_points
from math import isfinite
from typing import Any, Generic, TypeVar

from fleeting.errors import MissingExtraError, OptionError, PluginError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind, by name.

    On first use, the modules of ``package`` are imported, then the entry points of the group ``package``:
    there a plug-in names a module, or an object, whose import calls `register`. Modules whose names start
    with ``_`` and subpackages are not imported. Any access raises PluginError if an import fails.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._registered: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator (or call) that registers a thing under a name. Raises OptionError on a taken name."""

        def add(item: T) -> T:
            if name in self._registered:
                raise OptionError(f"two {self.kind}s are called {name!r}; rename one")
            self._registered[name] = item
            return item

        return add

    @cached_property
    def _all(self) -> dict[str, T]:
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, prefix=f"{self.package}."):
            if not module.ispkg and not module.name.rpartition(".")[2].startswith("_"):
                self._take_in(module.name, partial(importlib.import_module, module.name))
        for plugin in entry_points(group=self.package):
            self._take_in(plugin.value, plugin.load)
        return self._registered

    def _take_in(self, name: str, load: Callable[[], object]) -> None:
        try:
            load()
        except MissingExtraError:
            raise
        except (ImportError, SyntaxError, NameError, AttributeError, TypeError) as error:
            what = f"{name} cannot be imported ({type(error).__name__}: {error})"
            raise PluginError(f"{what}, so no {self.kind} can be used; mend or remove it") from error

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted(self._all)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> T:
        """The thing of that name. Raises UnknownNameError with the nearest known name."""
        if name not in self._all:
            raise UnknownNameError(self.kind, name, self._all)
        return self._all[name]


def summary(item: object) -> str:
    """One line on what a registered thing is: the first line of its ``title``, else of its docstring."""
    text = getattr(item, "title", None) or inspect.getdoc(item) or ""
    return str(text).strip().partition("\n")[0]


def options(item: Callable[..., Any], given: dict[str, Any], owner: str) -> dict[str, Any]:
    """All keyword options of a function or class with their values: its defaults, overridden by ``given``.

    Options are the keyword-only parameters that have a default. A list, as TOML gives it, becomes a tuple
    where the default is a tuple. Raises UnknownNameError on an option that ``item`` does not take, and
    OptionError on a value that is not finite or whose type is not that of the default.
    """
    parameters = inspect.signature(item).parameters.values()
    known = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
    chosen = dict(known)
    for name, value in given.items():
        if name not in known:
            raise UnknownNameError(f"option of {owner}", name, known)
        default = known[name]
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        whole = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        if default is not None and type(value) is not type(default) and not whole:
            kinds = f"{type(value).__name__} {value!r}", type(default).__name__
            raise OptionError(f"{owner}: {name} is {kinds[0]}, expected {kinds[1]} like {default!r}")
        if isinstance(value, float) and not isfinite(value):
            raise OptionError(f"{owner}: {name} is {value}, expected a finite number like {default!r}")
        chosen[name] = value
    return chosen


def changed(settings: T, changes: Mapping[str, Any], owner: str) -> T:
    """A copy of a frozen dataclass with some fields changed. Raises UnknownNameError on an unknown field."""
    known = [field.name for field in fields(settings)]  # type: ignore[arg-type]
    for name in changes:
        if name not in known:
            raise UnknownNameError(f"option of {owner}", name, known)
    return replace(settings, **changes)  # type: ignore[type-var]
