"""Micro-expressions: clean benchmarks over labelled clips, as a library and a command.

Every call here is what one command does, and returns values; only the command prints. Nothing heavy is
imported until it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fleeting.doctor import check as check
    from fleeting.drawn_data import draw as draw
    from fleeting.experiment import Experiment as Experiment
    from fleeting.experiment import read_recipe as read_recipe
    from fleeting.inputs import cut as cut
    from fleeting.listing import catalogue as catalogue
    from fleeting.megclog import score_log
    from fleeting.reports import report as report
    from fleeting.results import Run as Run
    from fleeting.running import run as run
    from fleeting.stats import null_score as null_score
    from fleeting.types import Clip as Clip
    from fleeting.types import Fold as Fold
    from fleeting.types import Frame as Frame
    from fleeting.types import Prediction as Prediction
    from fleeting.types import Sample as Sample
    from fleeting.video import open_video as open_video
    from fleeting.watching import watch as watch

    score = score_log

_HOMES = {
    "catalogue": "listing",
    "check": "doctor",
    "Clip": "types",
    "cut": "inputs",
    "draw": "drawn_data",
    "Experiment": "experiment",
    "Fold": "types",
    "Frame": "types",
    "null_score": "stats",
    "open_video": "video",
    "Prediction": "types",
    "read_recipe": "experiment",
    "report": "reports",
    "Run": "results",
    "run": "running",
    "Sample": "types",
    "score": "megclog.score_log",
    "watch": "watching",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fleeting' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(".")
    return getattr(import_module(f"fleeting.{module}"), attribute or name)
