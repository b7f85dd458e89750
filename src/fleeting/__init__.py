"""Any face video to micro-expression events, any labelled clips to a score with no leaked test subject.

An event has an onset, an apex, an offset, a class and a confidence. Every call here does what one command
does, and returns values; only the command prints. Heavy modules are imported when a call needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fleeting.errors import MissingExtraError
from fleeting.version import __version__

if TYPE_CHECKING:
    from fleeting.analysis.analyze import analyze as analyze
    from fleeting.analysis.live import live as live
    from fleeting.analysis.watch import watch as watch
    from fleeting.benchmark.callbacks import Callback as Callback
    from fleeting.benchmark.check import check as check
    from fleeting.benchmark.init import init as init
    from fleeting.benchmark.leaks import leaks as leaks
    from fleeting.benchmark.run import run as run
    from fleeting.benchmark.samples import samples as samples
    from fleeting.benchmark.spot import spot as spot
    from fleeting.benchmark.tables import tables as tables
    from fleeting.benchmark.trackers import MLflowLogger as MLflowLogger
    from fleeting.benchmark.trackers import TensorBoardLogger as TensorBoardLogger
    from fleeting.benchmark.train import train as train
    from fleeting.experiments.recipe import Experiment as Experiment
    from fleeting.experiments.recipe import read_recipe as read_recipe
    from fleeting.experiments.run_folder import Run as Run
    from fleeting.explanations.clip_figures import inputs_figure as inputs_figure
    from fleeting.explanations.explain import explain as explain
    from fleeting.inputs.cutting import cut as cut
    from fleeting.inventory.backbones import weights as weights
    from fleeting.inventory.catalogue import catalogue as catalogue
    from fleeting.recognition.onnx import export_onnx as export_onnx
    from fleeting.recognition.picture import picture as picture
    from fleeting.recognition.recogniser import Recogniser as Recogniser
    from fleeting.recognition.recogniser import recognisers as recognisers
    from fleeting.reports.citing import cite as cite
    from fleeting.reports.report import report as report
    from fleeting.scoring.intervals import score_intervals as score_intervals
    from fleeting.scoring.megc_log import score_log
    from fleeting.scoring.null import null_score as null_score
    from fleeting.session.session import Session as Session
    from fleeting.synthetic.demo import demo as demo
    from fleeting.synthetic.draw import draw as draw
    from fleeting.training.classifier import Classifier as Classifier
    from fleeting.types import Clip as Clip
    from fleeting.types import Event as Event
    from fleeting.types import Fold as Fold
    from fleeting.types import Frame as Frame
    from fleeting.types import Prediction as Prediction
    from fleeting.types import Sample as Sample
    from fleeting.video.reader import open_video as open_video

    score = score_log

# The module of each public name; where the name differs in that module, it follows after a colon.
_HOMES = {
    "analyze": "analysis.analyze",
    "Callback": "benchmark.callbacks",
    "catalogue": "inventory.catalogue",
    "check": "benchmark.check",
    "cite": "reports.citing",
    "Classifier": "training.classifier",
    "Clip": "types",
    "cut": "inputs.cutting",
    "demo": "synthetic.demo",
    "draw": "synthetic.draw",
    "Event": "types",
    "Experiment": "experiments.recipe",
    "explain": "explanations.explain",
    "export_onnx": "recognition.onnx",
    "Fold": "types",
    "Frame": "types",
    "init": "benchmark.init",
    "inputs_figure": "explanations.clip_figures",
    "leaks": "benchmark.leaks",
    "live": "analysis.live",
    "MLflowLogger": "benchmark.trackers",
    "null_score": "scoring.null",
    "open_video": "video.reader",
    "picture": "recognition.picture",
    "Prediction": "types",
    "read_recipe": "experiments.recipe",
    "Recogniser": "recognition.recogniser",
    "recognisers": "recognition.recogniser",
    "report": "reports.report",
    "Run": "experiments.run_folder",
    "run": "benchmark.run",
    "Sample": "types",
    "samples": "benchmark.samples",
    "score": "scoring.megc_log:score_log",
    "score_intervals": "scoring.intervals",
    "Session": "session.session",
    "spot": "benchmark.spot",
    "tables": "benchmark.tables",
    "TensorBoardLogger": "benchmark.trackers",
    "train": "benchmark.train",
    "watch": "analysis.watch",
    "weights": "inventory.backbones",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fleeting' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    try:
        home = import_module(f"fleeting.{module}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("torch", "train") from error
    return getattr(home, attribute or name)
