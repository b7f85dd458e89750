"""Writes docs/reference from signatures and docstrings; ``--check`` fails if a page is stale.

There is one page each for the names of `fleeting` itself, its values, its errors and the contract of every
shelf, and a last one for the other types that their signatures name. Names come from ``fleeting.__all__``,
from the public names of modules and from the shelves on disk, so a new name gets its entry without a change
here. The source is parsed by griffe, not imported: strings below assignments count as docstrings, and torch
is not needed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import griffe
from pages import DOCS, settle
from rooms import PACKAGE, shelves

import fleeting

FOLDER = DOCS / "reference"
WIDEST = 100
"""Characters of a signature in one line; a longer one has a line for each parameter."""
LONGEST_VALUE = 300
"""Characters of the longest value that a signature shows; longer values are left out."""
CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
NOTE = "<!-- written by docs/make/api.py from the docstrings; change those -->"
NAME = re.compile(r"[A-Za-z_][\w.]*")
ERROR = re.compile(r"\b[A-Z]\w+Error\b")
"""The name of an error, which docstrings write without backticks."""

Documented: TypeAlias = griffe.Module | griffe.Class | griffe.Function | griffe.Attribute


@dataclass(frozen=True)
class Entry:
    """One name on a page: the anchor and title of its section, and the object that it documents."""

    anchor: str
    title: str
    item: Documented


@dataclass(frozen=True)
class Page:
    """One page of the reference; without ``about`` the docstring of ``module`` introduces it."""

    name: str
    title: str
    about: str
    entries: tuple[Entry, ...]
    module: griffe.Module | None = None


@dataclass(frozen=True)
class Places:
    """The page and the anchor of each documented object, by the object's path in the source."""

    of: Mapping[str, tuple[str, str]]

    def link(self, text: str, item: griffe.Object | griffe.Alias, page: str, *, bare: bool = False) -> str:
        """The name in backticks, as a link if what it names is documented.

        ``item`` is the object whose docstring or signature has the name, ``page`` the page that the link is
        on. With ``bare``, a name that is not documented gets no backticks.
        """
        for path in _meanings(text, item):
            if path in self.of:
                there, anchor = self.of[path]
                return f"[`{text}`]({'' if there == page else f'{there}.md'}#{anchor})"
        return text if bare else f"`{text}`"


def _meanings(text: str, item: griffe.Object | griffe.Alias) -> Iterator[str]:
    """The source paths that a name may mean, the likeliest first.

    These are the name itself, a member of ``item``, a name beside ``item``, what the name is bound to in the
    source of ``item``, a name of ``fleeting`` and one of `fleeting.errors`.
    """
    yield text
    yield f"{item.path}.{text}"
    yield f"{item.path.rpartition('.')[0]}.{text}"
    first, _, rest = text.partition(".")
    try:
        path = item.resolve(first)
    except griffe.NameResolutionError:
        pass
    else:
        yield f"{path}.{rest}" if rest else path
    yield f"fleeting.{text}"
    yield f"fleeting.errors.{text}"


def target(item: griffe.Object | griffe.Alias) -> Documented:
    """The object that an imported name refers to; any other object is returned as it is."""
    found = item.final_target if isinstance(item, griffe.Alias) else item
    assert isinstance(found, griffe.Module | griffe.Class | griffe.Function | griffe.Attribute)
    return found


def top_level(package: griffe.Module) -> list[Entry]:
    """An entry for each name of ``fleeting.__all__``, found through the imports in ``if TYPE_CHECKING``."""
    entries = []
    for name in fleeting.__all__:
        item = package.members[name]
        if isinstance(item, griffe.Attribute) and isinstance(item.value, griffe.ExprName):
            item = package.members[item.value.name]  # another name for what was imported
        entries.append(Entry(f"fleeting.{name.strip('_')}", name, target(item)))  # Markdown reads __ as bold
    return entries


def public(module: griffe.Module) -> list[Entry]:
    """The public names of a module in the order of its source, with those that it re-exports."""
    return [
        Entry(f"{module.path}.{name}", name, target(member))
        for name, member in module.members.items()
        if member.is_public and not member.is_module
    ]


def types_of(item: Documented) -> list[Documented]:
    """The classes and type aliases of fleeting that a signature names, in order."""
    named: dict[str, Documented] = {}
    for expression in _expressions(item):
        for part in expression.iterate(flat=True):
            if isinstance(part, griffe.ExprName) and part.canonical_path.startswith("fleeting."):
                try:
                    found = target(item.modules_collection[part.canonical_path])
                except (KeyError, griffe.AliasResolutionError):
                    continue  # a type parameter, or a name that exists only inside a function
                if isinstance(found, griffe.Class) or (
                    isinstance(found, griffe.Attribute) and _names_type(found)
                ):
                    named.setdefault(found.path, found)
    return list(named.values())


def _expressions(item: Documented) -> Iterator[griffe.Expr]:
    if isinstance(item, griffe.Function):
        found = [*(parameter.annotation for parameter in item.parameters), item.returns]
    elif isinstance(item, griffe.Attribute):
        found = [item.annotation, item.value if _names_type(item) else None]
    else:
        found = []
        for member in (*_shown(item), *(target(item.members[n]) for n in ("__init__",) if n in item.members)):
            yield from _expressions(member)
    yield from (expression for expression in found if isinstance(expression, griffe.Expr))


def _names_type(item: griffe.Attribute) -> bool:
    """Whether an assignment gives a type a name, as in ``Modality = Callable[[Clip], FloatArray]``."""
    unsaid = item.annotation is None or str(item.annotation) == "TypeAlias"
    return item.name[0].isupper() and not item.name.isupper() and unsaid


def _shown(item: griffe.Class) -> list[Documented]:
    """The public members that a class defines itself, without those that it inherits."""
    hidden = ("model_config",)  # settings for pydantic, of no use to a reader
    return [
        target(member)
        for name, member in item.members.items()
        if not name.startswith("_") and name not in hidden and not member.is_class
    ]


def _has_fields(item: griffe.Class) -> bool:
    """Whether the class is made of fields: a dataclass or a pydantic model."""
    return "dataclass" in item.labels or any(str(base) == "BaseModel" for base in item.bases)


def signature(item: Documented) -> str:
    """The signature as Python source: an assignment, a ``def`` or a ``class`` with its fields."""
    if isinstance(item, griffe.Attribute):
        return _assignment(item)
    if isinstance(item, griffe.Function):
        first = "".join(f"@{label}\n" for label in ("classmethod", "staticmethod") if label in item.labels)
        given = f" -> {item.returns}" if item.returns is not None else ""
        return first + _called(f"def {item.name}", item, given)
    bases = ", ".join(str(base) for base in item.bases)
    dataclass = "".join(f"@{d.value}\n" for d in item.decorators if str(d.value).startswith("dataclass"))
    head = f"{dataclass}class {item.name}" + (f"({bases})" if bases else "")
    if _has_fields(item):
        return "\n".join([f"{head}:", *(f"    {_assignment(field)}" for field in _signed(item))])
    return "".join(_called(head, initial, "") for initial in _signed(item)) or head


def _signed(item: griffe.Class) -> list[Documented]:
    """The members that a class's signature shows: its fields, or its ``__init__`` if it has no bases."""
    if _has_fields(item):
        return [member for member in _shown(item) if _is_field(member)]
    return [target(item.members["__init__"])] if "__init__" in item.members and not item.bases else []


def _is_field(item: Documented) -> bool:
    return isinstance(item, griffe.Attribute) and "property" not in item.labels


def _assignment(item: griffe.Attribute) -> str:
    """A constant, type or field as source, with its value if that is short and not computed."""
    if item.name == "__version__":
        return f"{item.name}: str"  # its value would make the page of every release stale
    annotation = f": {item.annotation}" if item.annotation is not None else ""
    value = "" if item.value is None else str(item.value)
    computed = "property" in item.labels or item.labels == {"instance-attribute"}
    shown = f" = {value}" if value and not computed and len(value) <= LONGEST_VALUE else ""
    return f"{item.name}{annotation}{shown}"


def _called(head: str, function: griffe.Function, end: str) -> str:
    parameters = list(_parameters(function))
    line = f"{head}({', '.join(parameters)}){end}"
    if len(line) <= WIDEST:
        return line
    return "\n".join([f"{head}(", *(f"    {parameter}," for parameter in parameters), f"){end}"])


def _parameters(function: griffe.Function) -> Iterator[str]:
    kinds = griffe.ParameterKind
    in_class = function.parent is not None and function.parent.is_class
    bound = in_class and "staticmethod" not in function.labels
    starred = False
    for parameter in list(function.parameters)[1 if bound else 0 :]:
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
        if parameter.kind is kinds.keyword_only and not starred:
            yield "*"
        starred = starred or parameter.kind in (kinds.keyword_only, kinds.var_positional)
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = "" if stars or parameter.default is None else str(parameter.default)
        equals = f" = {default}" if annotation else f"={default}"
        yield f"{stars}{parameter.name}{annotation}{equals if default else ''}"


def prose(item: Documented, page: str, places: Places) -> str:
    """The docstring as Markdown: names in backticks become links, and ``*``, ``<`` and ``[`` are escaped."""
    lines = _examples_indented((item.docstring.value if item.docstring else "").splitlines())
    blocks, block, verbatim = [], [], False
    for line in lines:
        code = line.startswith("    ") or (verbatim and not line.strip())
        if code != verbatim and block:
            blocks.append((verbatim, "\n".join(block)))
            block = []
        verbatim = code
        block.append(line)
    blocks.append((verbatim, "\n".join(block)))
    return "\n".join(text if kept else _linked(text, item, page, places) for kept, text in blocks).strip()


def _examples_indented(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a docstring; an example, from ``>>>`` to the next empty line, is indented as code is."""
    inside = False
    for line in lines:
        inside = line.startswith(">>>") or (inside and bool(line.strip()))
        yield f"    {line}" if inside else line


def _linked(text: str, item: Documented, page: str, places: Places) -> str:
    parts = CODE.split(text)
    for number, part in enumerate(parts):
        if not part.startswith("`"):
            plain = re.sub(r"([*<\[])", r"\\\1", part)
            parts[number] = ERROR.sub(lambda found: places.link(found[0], item, page, bare=True), plain)
        elif not part.startswith("``") and NAME.fullmatch(part.strip("`")):
            parts[number] = places.link(part.strip("`"), item, page)
    return "".join(parts)


def written(entry: Entry, page: Page, places: Places) -> str:
    """The section of one name: heading, signature, docstring, types that it names, public members.

    A name that another page documents gets the first paragraph of its docstring and a link.
    """
    there, anchor = places.of[entry.item.path]
    heading = f"## `{entry.title}` {{ #{entry.anchor} }}"
    if there != page.name:
        first = prose(entry.item, page.name, places).partition("\n\n")[0]
        return "\n\n".join([heading, f"{first} See [`{entry.item.name}`]({there}.md#{anchor})."])
    parts = [heading, *_body(entry.item, page, places)]
    if isinstance(entry.item, griffe.Class):
        for member in _shown(entry.item):
            if member.docstring or isinstance(member, griffe.Function):
                parts.append(f"### `{entry.item.name}.{member.name}` {{ #{entry.anchor}.{member.name} }}")
                parts += _body(member, page, places)
    return "\n\n".join(part for part in parts if part)


def _body(item: Documented, page: Page, places: Places) -> list[str]:
    signed = _signed(item) if isinstance(item, griffe.Class) else [item]
    types = {one.path: one for part in signed for one in types_of(part) if one.path in places.of}
    others = [one for one in types.values() if one is not item and one is not item.parent]
    linked = ", ".join(places.link(one.name, one, page.name) for one in others)
    named = f"Types: {linked}" if linked else ""
    return [f"```python\n{signature(item)}\n```", prose(item, page.name, places), named]


def pages(package: griffe.Module) -> list[Page]:
    """The pages of the reference; the last has the types that the others name and do not document."""
    found = [
        Page("fleeting", "Calls and values", "Everything that `import fleeting` offers.", (), package),
        *(_page_of(package[name], title) for name, title in (("types", "Values"), ("errors", "Errors"))),
        *(_page_of(package[room.name], f"`fleeting.{room.name}`") for room in shelves()),
    ]
    found[0] = Page(**{**vars(found[0]), "entries": tuple(top_level(package))})
    known = {entry.item.path for page in found for entry in page.entries}
    missing: dict[str, Documented] = {}
    looked_at = [entry.item for page in found for entry in page.entries]
    while looked_at:
        new = [one for item in looked_at for one in types_of(item) if one.path not in known]
        looked_at = list({one.path: one for one in new}.values())
        known |= {one.path for one in looked_at}
        missing |= {one.path: one for one in looked_at}
    about = "Classes and type names that stand in the signatures on the other pages."
    entries = (Entry(path, path, item) for path, item in missing.items())
    return [*found, Page("parts", "Other types", about, tuple(sorted(entries, key=_title)))]


def _title(entry: Entry) -> str:
    return entry.title


def _page_of(module: griffe.Object | griffe.Alias, title: str) -> Page:
    assert isinstance(module, griffe.Module)
    return Page(module.name, title, "", tuple(public(module)), module)


def places_of(made: Iterable[Page]) -> Places:
    """The place of every entry. One on several pages is placed on its module's page, else on the first."""
    found: dict[str, tuple[str, str]] = {}
    for own in (True, False):
        for page in made:
            home = page.module.path if page.module and page.name != "fleeting" else None
            for entry in page.entries:
                if own and not (home and entry.item.path.startswith(f"{home}.")):
                    continue
                found.setdefault(entry.item.path, (page.name, entry.anchor))
                if isinstance(entry.item, griffe.Class) and found[entry.item.path][0] == page.name:
                    for member in _shown(entry.item):
                        if member.docstring or isinstance(member, griffe.Function):
                            found.setdefault(member.path, (page.name, f"{entry.anchor}.{member.name}"))
    for page in made:
        if page.module and page.name != "fleeting":
            found.setdefault(page.module.path, (page.name, page.module.path))
        for entry in page.entries:
            found.setdefault(entry.anchor, found[entry.item.path])
    return Places(found)


def text_of(page: Page, places: Places) -> str:
    """The page as Markdown."""
    heading = f"# {page.title}"
    if page.module and page.name != "fleeting":
        heading += f" {{ #{page.module.path} }}"
    about = page.about or (prose(page.module, page.name, places) if page.module else "")
    entries = (written(entry, page, places) for entry in page.entries)
    return "\n\n".join([NOTE, heading, about, *entries]) + "\n"


def main() -> int:
    """Write (or check) the reference."""
    package = griffe.load("fleeting", search_paths=[PACKAGE.parent], resolve_aliases=True)
    assert isinstance(package, griffe.Module)
    made = pages(package)
    places = places_of(made)
    texts: dict[Path, str | None] = dict.fromkeys(FOLDER.glob("*.md"))
    texts |= {FOLDER / f"{page.name}.md": text_of(page, places) for page in made}
    return settle(texts)


if __name__ == "__main__":
    sys.exit(main())
