"""Loggers of runs: MLflow, into a local database or to a server, and TensorBoard, into a folder."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleeting import optional
from fleeting.benchmark.callbacks import Callback
from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.fold import FoldResult
from fleeting.experiments.recipe import Experiment
from fleeting.experiments.run_folder import Run
from fleeting.training.fitted import Epoch
from fleeting.version import __version__

AT_ONCE = 1000
"""The most numbers that MLflow takes in one call."""
LONGEST = 500
"""The most characters of a parameter's value in MLflow."""


def settings_of(experiment: Experiment) -> dict[str, str]:
    """A recipe's keys, dotted as ``--set`` has them, with their values as text; what is empty is left out."""
    return dict(_flat(experiment.model_dump(exclude_none=True, exclude={"reported", "choose"})))


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value not in ("", (), []):
            yield f"{above}{name}", str(value)


def losses_of(line: Epoch) -> dict[str, float]:
    """The numbers of an epoch by name; that of validation only where people were held out."""
    found = {"loss": line.loss, "accuracy": line.accuracy}
    return found if line.validation_loss is None else {**found, "validation_loss": line.validation_loss}


def scores_of(run: Run) -> dict[str, float]:
    """A run's scores by rule and name, such as ``clean/uf1``, the oracle's among them where it was traced."""
    return {
        f"{rule}/{name}": run.scores[rule][name]
        for rule in (run.rule, "oracle")
        if run.scores[rule]
        for name in ("uf1", "uar", "accuracy")
        if run.scores[rule][name] is not None
    }


def place(result: FoldResult) -> str:
    """A fold with its seed as trackers may name it."""
    return re.sub(r"[^\w./-]", "_", f"{result.fold}/seed-{result.seed}", flags=re.ASCII)


def _anchored(where: str) -> str:
    """The address with an SQLite file's whole path: MLflow keeps the files it has opened by their address."""
    scheme, _, file = where.partition("sqlite:///")
    return where if scheme or not file or file == ":memory:" else f"sqlite:///{Path(file).absolute()}"


class MLflowLogger(Callback):
    """Logs a run to MLflow: the recipe as parameters, each fold's curve, the scores at the end.

    ``where`` is a server's URL or a database's; without it, the SQLite file ``mlflow.db`` in the current
    folder, which ``mlflow ui --backend-store-uri sqlite:///mlflow.db`` shows. ``experiment`` is the name
    under which MLflow groups runs. Neither predictions nor pictures are sent. MLflow's own telemetry is
    switched off. Raises OptionError where ``where`` is no URL, and MissingExtraError without the extra
    ``tracking``, both when a run begins.

    >>> logger = fleeting.MLflowLogger()
    >>> done = fleeting.run("drawn/linear-flow", out="run", callbacks=[logger])
    """

    def __init__(self, where: str = "sqlite:///mlflow.db", experiment: str = "fleeting") -> None:
        self.where, self.experiment = where, experiment
        self._client: Any = None
        self._run = ""
        self._waiting: list[Any] = []

    def run_begins(self, experiment: Experiment, folder: Path, folds: int) -> None:
        """Begin a run in MLflow, with the recipe's settings."""
        if "://" not in self.where:
            raise OptionError(
                f"MLflow is at {self.where!r}, expected a URL; give http://... or sqlite:///FILE"
            )
        entities, settings = optional.mlflow().entities, settings_of(experiment)
        with _quiet():
            self._client = optional.mlflow().MlflowClient(_anchored(self.where))
            group = self._client.get_experiment_by_name(self.experiment)
            number = group.experiment_id if group else self._client.create_experiment(self.experiment)
            tags = {"folder": str(folder.resolve()), "fleeting": __version__, "folds": str(folds)}
            begun = self._client.create_run(number, run_name=experiment.name, tags=tags)
            self._run = begun.info.run_id
            params = [entities.Param(name, value[:LONGEST]) for name, value in settings.items()]
            self._client.log_batch(self._run, params=params[:100])

    def epoch_ended(self, result: FoldResult, epoch: Epoch) -> None:
        """Keep an epoch's numbers, which are sent when their fold ends."""
        for name, value in losses_of(epoch).items():
            self._keep(f"{place(result)}/{name}", value, epoch.epoch)

    def fold_ended(self, result: FoldResult) -> None:
        """Send a fold's epochs, and the share of its test side that was right."""
        right = sum(one.truth == one.predicted for one in result.predictions) / len(result.predictions)
        self._keep(f"{place(result)}/test_accuracy", right, result.epoch)
        self._send()

    def run_ended(self, run: Run) -> None:
        """Send the scores and end the run in MLflow."""
        for name, value in scores_of(run).items():
            self._keep(name, value, 0)
        self._send()
        with _quiet():
            self._client.set_terminated(self._run)

    def run_failed(self, error: BaseException) -> None:
        """End the run in MLflow as failed, or as killed where somebody stopped it."""
        with _quiet():
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            self._client.set_terminated(self._run, status)

    def _keep(self, name: str, value: float, step: int) -> None:
        now = int(1000 * time.time())
        self._waiting.append(optional.mlflow().entities.Metric(name, float(value), now, step))

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        with _quiet():
            for start in range(0, len(waiting), AT_ONCE):
                self._client.log_batch(self._run, metrics=waiting[start : start + AT_ONCE])


class TensorBoardLogger(Callback):
    """Logs a run for TensorBoard: each fold's curve, the recipe, the scores at the end.

    A folder below ``folder``, named by the run's, gets the files; ``tensorboard --logdir tensorboard`` shows
    them. Raises MissingExtraError without the extra ``tracking`` when a run begins.

    >>> logger = fleeting.TensorBoardLogger("curves")
    >>> done = fleeting.run("drawn/linear-flow", out="run", callbacks=[logger])
    """

    def __init__(self, folder: str | Path = "tensorboard") -> None:
        self.folder = Path(folder)
        self._writer: Any = None

    def run_begins(self, experiment: Experiment, folder: Path, folds: int) -> None:  # noqa: ARG002
        """Open the files, and write the recipe's settings."""
        self._writer = optional.tensorboard().SummaryWriter(str(self.folder / folder.resolve().name))
        settings = settings_of(experiment).items()
        self._writer.add_text("recipe", "\n".join(f"    {name} = {value}" for name, value in settings))

    def epoch_ended(self, result: FoldResult, epoch: Epoch) -> None:
        """Write an epoch's numbers."""
        for name, value in losses_of(epoch).items():
            self._writer.add_scalar(f"{place(result)}/{name}", value, epoch.epoch)

    def run_ended(self, run: Run) -> None:
        """Write the scores and close the files."""
        for name, value in scores_of(run).items():
            self._writer.add_scalar(name, value, 0)
        self._writer.close()

    def run_failed(self, error: BaseException) -> None:  # noqa: ARG002
        """Close the files."""
        self._writer.close()


def tracker(text: str) -> Callback:
    """The logger that ``NAME`` or ``NAME=WHERE`` names: mlflow with a URL, tensorboard with a folder.

    Raises UnknownNameError on another name.
    """
    name, _, where = text.partition("=")
    known: dict[str, Any] = {"mlflow": MLflowLogger, "tensorboard": TensorBoardLogger}
    if name not in known:
        raise UnknownNameError("tracker", name, known)
    made: Callback = known[name](where) if where else known[name]()
    return made


@contextmanager
def _quiet() -> Iterator[None]:
    """Let MLflow's database use what SQLAlchemy 2.1 calls deprecated, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*noload")
        yield
