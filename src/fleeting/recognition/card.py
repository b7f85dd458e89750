"""Writes model cards: what weights are, how their recipe scored, and what they must not be used for.

A card begins with the YAML header by which the Hugging Face hub finds and lists models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fleeting.recognition.weights import Facts, Score

LICENCES = {"apache-2.0": "apache-2.0", "mit": "mit", "cc-by-4.0": "cc-by-4.0", "cc0-1.0": "cc0-1.0"}
"""Licences that the hub has a name for; any other is called other, with its own words beside."""
MEASURES = {"uf1": ("f1", "UF1"), "uar": ("recall", "UAR"), "accuracy": ("accuracy", "accuracy")}
"""The scores of a card's header: what the hub calls each, and what we do."""


def card(facts: Facts, sha256: str) -> str:
    """The model card of weights as Markdown; ``sha256`` is the hash of their file."""
    text = Environment(
        loader=PackageLoader("fleeting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return text.get_template("card.md").render(
        header=header(facts),
        facts=facts,
        sha256=sha256,
        calibration=facts.calibration,
        scores=[("all", facts.clean), *facts.clean.parts.items()],
        sureness=[("all", facts.calibration.sure), *facts.calibration.parts.items()],
        number=_number,
        interval=_interval,
    )


def header(facts: Facts) -> str:
    """The card's YAML header, without its dashes: licence, tags, library, and the scores that there are.

    The scores are of the recipe, on people it had not seen, and say so. Every value is written as JSON, which
    is YAML too.
    """
    named = facts.data.licence.partition(":")[0].strip().casefold()
    licence = LICENCES.get(named, "other")
    tags = ["micro-expression", "facial-expression-recognition", facts.model, facts.data.dataset]
    results = [result for result in _results(facts) if result["metrics"]]
    values: dict[str, Any] = {"license": licence}
    values |= {"license_name": facts.data.licence} if licence == "other" else {}
    values |= {"library_name": "fleeting", "pipeline_tag": "video-classification", "tags": tags}
    if results:
        found = {metric["type"]: None for result in results for metric in result["metrics"]}
        values |= {"metrics": [*found], "model-index": [{"name": facts.name, "results": results}]}
    return "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


def _results(facts: Facts) -> Iterator[dict[str, Any]]:
    """The recipe's score of all its data, and of each part, as the hub writes evaluations."""
    task = {"type": "video-classification", "name": "micro-expression recognition"}
    for part, score in {"": facts.clean, **facts.clean.parts}.items():
        name = " ".join(filter(None, (facts.data.dataset, part)))
        of = f"the recipe on people it had not seen, {facts.protocol}, {score.n} clips"
        yield {"task": task, "dataset": {"type": name, "name": name}, "metrics": [*_metrics(score, of)]}


def _metrics(score: Score, of: str) -> Iterator[dict[str, Any]]:
    for key, (kind, name) in MEASURES.items():
        if (value := getattr(score, key)) is not None:
            yield {"type": kind, "value": round(value, 4), "name": f"{name} of {of}"}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(limits: Sequence[float] | None) -> str:
    return f" ({limits[0]:.3f} to {limits[1]:.3f})" if limits else ""
