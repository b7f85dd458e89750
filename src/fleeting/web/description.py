"""The description of the API as a page, without a script, and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment

Schema = Mapping[str, Any]


def page(description: Schema) -> str:
    """The page for an OpenAPI description."""
    template = files("fleeting.web").joinpath("templates", "docs.html").read_text(encoding="utf-8")
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation, description))
    shown = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    info = description["info"]
    return shown.render(version=info["version"], summary=info.get("summary", ""), groups=groups.items())


def _operation(path: str, method: str, operation: Schema, whole: Schema) -> dict[str, Any]:
    answers = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "what": operation.get("description", "").replace("``", ""),
        "takes": [*_parameters(operation, whole), *_body(operation, whole)],
        "answers": answers,
    }


def _parameters(operation: Schema, whole: Schema) -> Iterator[dict[str, str]]:
    for one in operation.get("parameters", ()):
        what = one.get("description") or one["schema"].get("description", "")
        place = {"path": "address", "query": "query"}.get(one["in"], one["in"])
        yield {"name": one["name"], "place": place, "type": _type(one["schema"], whole), "what": what}


def _body(operation: Schema, whole: Schema) -> Iterator[dict[str, str]]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        for name, field in _resolved(content["schema"], whole).get("properties", {}).items():
            what = field.get("description", "")
            yield {"name": name, "place": kind, "type": _type(field, whole), "what": what}


def _resolved(schema: Schema, whole: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _type(schema: Schema, whole: Schema) -> str:
    """A schema in a few words, such as "integer or null"."""
    schema = _resolved(schema, whole)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one, whole) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "object" and "title" in schema:
        return f"fields of {schema['title']}"
    return str(schema.get("format") or schema.get("type") or schema.get("const") or "any")
