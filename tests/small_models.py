"""The shapes and options that make a model quick to test."""

from typing import Any

from fleeting.models import Shape, models


def small(name: str) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    kind = models[name]
    chosen = dict(getattr(kind, "small", {}))
    side = chosen.pop("size", None)
    return tuple((c, side or h, side or w) for c, h, w in kind.inputs.values()), chosen
