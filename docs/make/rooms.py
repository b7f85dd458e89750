"""Lists the package's rooms (name, first sentence, modules) from their source, without importing them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import fleeting

PACKAGE = Path(fleeting.__file__).parent


@dataclass(frozen=True)
class Room:
    """A package (or a module that stands alone) right below ``fleeting``."""

    name: str
    sentence: str
    modules: tuple[str, ...] = ()
    """The names of the public modules and packages right below it."""
    package: bool = False
    shelf: bool = False
    """Whether it has a registry: a file that is dropped into it is then found."""


def rooms() -> dict[str, Room]:
    """Every package and module right below ``fleeting``, by name."""
    return {path.stem: _room(path) for path in _python(PACKAGE) if path.stem != "__init__"}


def shelves() -> list[Room]:
    """The packages that have a registry."""
    return [room for room in rooms().values() if room.shelf]


def _python(folder: Path) -> list[Path]:
    """Modules and packages right below a folder."""
    packages = (path.parent for path in folder.glob("*/__init__.py"))
    return sorted([*folder.glob("*.py"), *packages])


def _room(path: Path) -> Room:
    source = (path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8")
    tree = ast.parse(source)
    inside = [below.stem for below in _python(path)] if path.is_dir() else []
    return Room(
        name=path.stem,
        sentence=_first_sentence(ast.get_docstring(tree) or ""),
        modules=tuple(name for name in inside if not name.startswith("_")),
        package=path.is_dir(),
        shelf=path.is_dir() and any(_makes_registry(node) for node in ast.walk(tree)),
    )


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0]


def _makes_registry(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Registry"
