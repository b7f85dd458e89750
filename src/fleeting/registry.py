"""Finds models, datasets and other registered things by name, in a folder's files and in entry points."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cached_property, partial
from importlib.metadata import entry_points
from math import isfinite
from pathlib import Path
from typing import Any, Generic, TypeVar

from fleeting.errors import MissingExtraError, OptionError, PluginError, UnknownNameError

T = TypeVar("T")
MAIN = ("__main__", "__mp_main__")
"""Names of the module that a script or a notebook is."""
_packages: set[str] = set()
"""The packages that a registry was made for; each has its registry as a variable of its own."""
Given = list[tuple[str, str, Any, str]]
"""Things that were registered by hand: each with its registry's package before it, its name, and its home."""


class Registry(Generic[T]):
    """Things of one kind, by name.

    On first use, the modules of ``package`` are imported, then the entry points of the group ``package``:
    there a plug-in names a module, or an object, whose import calls `register`. Modules whose names start
    with ``_`` and subpackages are not imported. Any access raises PluginError if an import fails, except for
    want of torch: what such a module would register is `wanting`, and only asking for it is refused.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._registered: dict[str, T] = {}
        self._wanting: dict[str, str] = {}
        self._plugged: set[str] = set()
        self._homes: dict[str, str] = {}
        _packages.add(package)

    def __reduce__(self) -> tuple[Any, ...]:
        return _registry, (self.package,)

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator (or call) that registers a thing under a name.

        What a script or a notebook defines takes the place of what it defined before, so that a cell can be
        run again. Raises OptionError on a name that something else has.
        """
        home = str(sys._getframe(1).f_globals.get("__name__"))

        def add(item: T) -> T:
            self.put(name, item, home)
            return item

        return add

    def put(self, name: str, item: T, home: str) -> None:
        """Register a thing that the module ``home`` defines. Raises as `register` does."""
        there = self._registered.get(name, item)
        again = home in MAIN and self._homes.get(name) in MAIN
        if there is not item and not again:
            raise OptionError(f"two {self.kind}s are called {name!r}; rename one")
        self._registered[name], self._homes[name] = item, home

    def given(self) -> Given:
        """What was registered by hand: neither by the package nor by an entry point."""
        return [
            (self.package, name, item, self._homes[name])
            for name, item in self._registered.items()
            if not self._homes[name].startswith(f"{self.package}.") and name not in self._plugged
        ]

    @cached_property
    def _all(self) -> dict[str, T]:
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, prefix=f"{self.package}."):
            if not module.ispkg and not module.name.rpartition(".")[2].startswith("_"):
                self._take_in(module.name, partial(importlib.import_module, module.name))
        before = {*self._registered}
        for plugin in entry_points(group=self.package):
            self._take_in(plugin.value, plugin.load)
        self._plugged = {*self._registered} - before
        return self._registered

    def _take_in(self, name: str, load: Callable[[], object]) -> None:
        try:
            load()
        except MissingExtraError:
            raise
        except (ImportError, SyntaxError, NameError, AttributeError, TypeError) as error:
            if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "torch":
                self._wanting |= _declared(name)
                return
            what = f"{name} cannot be imported ({type(error).__name__}: {error})"
            raise PluginError(f"{what}, so no {self.kind} can be used; mend or remove it") from error

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted(self._all)

    @property
    def wanting(self) -> dict[str, str]:
        """What would be there with torch: the first line of each docstring, by name."""
        return dict(self._wanting) if self._all else {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> T:
        """The thing of that name. Raises UnknownNameError with the nearest known name.

        Raises MissingExtraError where it needs torch, which is not installed.
        """
        if name not in self._all:
            if name in self._wanting:
                raise MissingExtraError("torch", "train")
            raise UnknownNameError(self.kind, name, [*self._all, *self._wanting])
        return self._all[name]


def given() -> Given:
    """What was registered by hand in any registry, so that another process can take it in."""
    registries = (_registry(package) for package in sorted(_packages))
    return [thing for registry in registries if registry is not None for thing in registry.given()]


def take(things: Given) -> None:
    """Register what another process was given."""
    for package, name, item, home in things:
        if (registry := _registry(package)) is not None:
            registry.put(name, item, home)


def _registry(package: str) -> Registry[Any] | None:
    """The registry that is a variable of a package, which is imported where it was not yet."""
    values = vars(importlib.import_module(package)).values()
    return next((one for one in values if isinstance(one, Registry) and one.package == package), None)


def _declared(module: str) -> dict[str, str]:
    """The names that a module's decorators would register, with the first line of each docstring."""
    spec = importlib.util.find_spec(module.partition(":")[0])
    if spec is None or spec.origin is None:
        return {}
    found = {}
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            for mark in node.decorator_list:
                match mark:
                    case ast.Call(func=ast.Attribute(attr="register"), args=[ast.Constant(value=str(name))]):
                        found[name] = (ast.get_docstring(node) or "").partition("\n")[0]
    return found


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
