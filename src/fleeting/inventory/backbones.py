"""Lists the published weights of networks: their files, where each is to be had, whether it is here."""

from __future__ import annotations

from typing import Any

from fleeting.models import Published, published, weights_folder


def weights() -> list[dict[str, Any]]:
    """One row for each published file of weights: its model, name, source, address, path and state.

    ``state`` is ``missing``, ``whole``, or ``damaged`` where the file's SHA-256 does not begin as its name
    says. Nothing is fetched: ``model.pretrained = "imagenet"`` in a recipe uses what lies at ``path``. Raises
    WeightsError on a file that cannot be read.

    >>> rows = fleeting.weights()
    >>> {row["file"] for row in rows if row["model"] == "resnet18"}
    {'resnet18-f37072fd.pth'}
    """
    return [_row(model, one) for model in sorted(published) for one in published[model]]


def _row(model: str, one: Published) -> dict[str, Any]:
    path = weights_folder() / one.file
    state = "missing" if not path.is_file() else "whole" if one.whole(path) else "damaged"
    facts = {"model": model, "file": one.file, "source": one.source, "address": one.address}
    return {**facts, "path": str(path), "state": state}
