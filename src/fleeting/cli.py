"""The command: parse, call the library, print. Nothing is computed here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import fleeting
from fleeting.errors import FleetingError, OptionError

app = App(
    name="fleeting",
    help="Reads micro-expressions: clean benchmarks over labelled clips.",
    version=fleeting.__version__,
    suppress_keyboard_interrupt=False,  # an interruption has a sentence of its own
)


class _Console(Console):
    """Prints paths as they are (no emoji in them), and says when nobody reads any more."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, emoji=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out, err = _Console(), _Console(stderr=True)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON and nothing else.")]


@app.command(name="list")
def list_(kind: str, *, measure: bool = False, json: Json = False) -> int:
    """What exists of one kind, a line each.

    Args:
        kind: models, modalities, apex-finders, datasets, protocols, recipes, augmentations, executors or
            label-sets.
        measure: Add latency and memory to models.
    """
    rows = fleeting.catalogue(kind, measure=measure)
    if json:
        _print_json(rows)
        return 0
    table = Table(box=None, header_style="bold")
    shown = ("name", "what", "source", "parameters", "flops", "latency_ms", "peak_memory_mb")
    columns = [name for name in shown if any(row.get(name) not in (None, "") for row in rows)]
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in shown[3:] else "left")
    for row in rows:
        cells = (row.get(name) for name in columns)
        table.add_row(
            *("" if c is None else f"{c:,}" if isinstance(c, int) else escape(str(c)) for c in cells)
        )
    out.print(table)
    return 0


@app.command
def check(dataset: str, root: Path, *, json: Json = False) -> int:
    """The doctor: reads a dataset's folder and lists what is wrong with it, clip by clip.

    Args:
        dataset: Which dataset it is said to be.
        root: Its folder.
    """
    with _progress() as progress:
        found = fleeting.check(dataset, root, progress=lambda done, of: progress("reading frames", done, of))
    if json:
        _print_json(found.as_dict())
    else:
        labels = ", ".join(f"{label} {count}" for label, count in found.labels.items())
        _say(f"{dataset}: {found.clips} clips of {found.subjects} subjects ({labels})")
        for line in (*filter(None, [found.drawn]), *map(str, found.problems)):
            _say(line)
        _say(f"{len(found.problems)} problems" if found.problems else "no problems")
    return 1 if found.problems else 0


@app.command
def draw(
    folder: Path,
    *,
    layout: str = "video",
    videos: int | None = None,
    seconds: float | None = None,
    events_per_minute: float | None = None,
    subjects: int | None = None,
    clips: int | None = None,
    fps: float | None = None,
    amplitude: float | None = None,
    disturb: Literal["none", "moderate", "strong"] = "moderate",
    seed: int = 0,
    flows: int = 4,
    workers: int | None = None,
    json: Json = False,
) -> int:
    """Draw face videos, or a dataset's folder, in which every movement is known: truth.json says it.

    Args:
        folder: Where they are written: a new or empty folder, or one that this command began.
        layout: video, or the name of a dataset whose folders and sheet are wanted.
        videos: How many videos; 4 without it.
        seconds: How long each video is; 60 without it.
        events_per_minute: Micro-expressions in a minute of video; 4 without it.
        subjects: How many drawn people: two photographs, warped. Without it one a video, 8 in a dataset.
        clips: How many clips of each person a dataset has; 6 without it.
        fps: Frames a second of a video, 25 to 200; 100 without it. A dataset has its own.
        amplitude: Peak displacement in percent of the distance between the eyes' outer corners; without it
            log-uniform between 0.3 and 1.5.
        disturb: none, moderate or strong: blinks, head, light and noise (and talking where strong).
        seed: Draws other data.
        flows: For how many events the exact optical flow from onset to apex is written too.
        workers: How many videos are drawn at once; without it, one for each core.
    """
    with _progress() as progress:
        done = fleeting.draw(
            folder,
            layout=layout,
            videos=videos,
            seconds=seconds,
            events_per_minute=events_per_minute,
            subjects=subjects,
            clips=clips,
            fps=fps,
            amplitude=amplitude,
            disturb=disturb,
            seed=seed,
            flows=flows,
            workers=workers,
            progress=progress,
        )
    if json:
        _print_json(done)
        return 0
    events = sum(len(video["events"]) for video in done["videos"])
    _say(f"{len(done['videos'])} {'clips' if done['layout'] != 'video' else 'videos'} with {events} events")
    _say(done["people"])
    _say(str(folder / "truth.json"))
    return 0


@app.command
def faces(
    source: str,
    *,
    out_: Annotated[Path, Parameter(name="--out")],
    overlay: Annotated[bool, Parameter(negative="")] = False,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    json: Json = False,
) -> int:
    """Every frame of a video and the faces in it: frames.csv, faces.csv, summary.json.

    Args:
        source: A video, a folder of pictures, or a camera's number.
        out_: The folder they are written to.
        overlay: Also write overlay.mp4, with the points of every face.
        fps: Frames a second of a folder of pictures.
        start: Seconds from which on frames are read.
        end: Seconds up to which frames are read.
    """
    with _progress() as progress:
        found = fleeting.watch(
            int(source) if source.isdecimal() else source,
            out_,
            overlay=overlay,
            fps=fps,
            start=start,
            end=end,
            progress=progress,
        )
    if json:
        _print_json(found.as_dict())
        return 0
    seen = f"a face in {found.frames_with_face}, well enough seen in {found.frames_usable}"
    _say(f"{found.frames_decoded} frames, {seen}; {out_ / 'frames.csv'}")
    for warning in found.warnings:
        _complain(warning)
    return 0


@app.command
def run(
    recipe: str,
    *,
    data: Annotated[list[str] | None, Parameter(negative="")] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    executor: str = "serial",
    workers: int | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    seeds: int | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    skip_damaged: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(negative="")] = False,  # noqa: ARG001 - what a run does anyway
    json: Json = False,
) -> int:
    """Carry out an experiment: folds, training, scores, report. Started again, it does what is missing.

    Args:
        recipe: A recipe's name (`fleeting list recipes`) or a .toml file.
        data: NAME=PATH, the folder of the recipe's dataset.
        out_: The run's folder; without it, one below runs/ named by the recipe and its settings.
        executor: Who does the folds: serial or processes.
        workers: How many at once; without it, one for each core.
        set_: KEY=VALUE, changes a key of the recipe, for example training.epochs=20.
        seeds: How many seeds, counted up from the recipe's.
        quick: Apply the recipe's [quick] table: a small run, to see whether it works.
        skip_damaged: Leave damaged clips out; the score is marked incomplete and the exit status is 1.
        resume: Go on with the run in --out (also the default when it is the same experiment).
    """
    changes = [*(set_ or ()), *([f"training.seeds={seeds}"] if seeds is not None else [])]
    experiment = fleeting.read_recipe(recipe, quick=quick, changes=changes)
    with _progress() as progress:
        done = fleeting.run(
            experiment,
            _named_paths(data or []),
            out_,
            executor=executor,
            workers=workers,
            skip_damaged=skip_damaged,
            progress=progress,
        )
    if json:
        _print_json(done.scores)
    else:
        _print_run(done)
    if done.scores["incomplete"]:
        for problem in done.scores["skipped"]:
            _complain(f"left out {problem['clip']}: {problem['what']}; {problem['do']}")
        return 1
    return 0


@app.command
def score(log: Path, *, claimed: str = "", json: Json = False) -> int:
    """Score anyone's MEGC log; say so where a claim fits only with truth and prediction exchanged.

    Args:
        log: The log, or a predictions.csv.
        claimed: What was claimed for it, for example uf1=0.7353,uar=0.7605.
    """
    scores, warnings = fleeting.score(log, _claims(claimed))
    if json:
        _print_json(scores.as_dict())
    else:
        out.print(_score_table([("", part or "all", s) for part, s in _parts(scores.as_dict())]))
    for warning in warnings:
        _complain(warning)
    return 0


@app.command
def null(*, labels: Path, epochs: int, json: Json = False) -> int:
    """What random guessing scores when the epoch best on each test subject is kept.

    Args:
        labels: A table with subjects and labels: a list of MEGC, a predictions.csv, or columns subject,label.
        epochs: How many epochs there are to choose from.
    """
    found = fleeting.null_score(labels, epochs)
    if json:
        _print_json(found.as_dict())
        return 0
    low, high = found.range95["uf1"]
    _say(
        f"guessing on {found.n} clips, best of {epochs} epochs for each subject: UF1 {found.uf1:.3f}"
        f" ({low:.3f} to {high:.3f}), UAR {found.uar:.3f}"
    )
    return 0


@app.command
def report(*runs: Path, out_: Annotated[Path | None, Parameter(name="--out")] = None) -> int:
    """One page over runs: a table, and paired tests of each against the first.

    Args:
        runs: The folders of finished runs.
        out_: Where the page is written; without it, the run's own report.html, or comparison.html here.
    """
    _say(str(fleeting.report(list(runs), out_)))
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 in part, 2 refused or nothing usable, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    try:
        status = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except BrokenPipeError:  # whoever reads us has seen enough
        sys.stderr.close()
        status = 0
    except (FleetingError, CycloptsError) as error:
        if debug:
            raise
        _complain(" ".join(str(error).split()))
        status = 2
    except MemoryError:
        _complain("the memory does not suffice; use smaller inputs, batches or fewer --workers")
        status = 2
    except OSError as error:
        if debug:
            raise
        named = f"{error.filename}: " if error.filename else ""
        _complain(f"{named}{error.strerror or error}; check the path, its permissions and the space left")
        status = 2
    except KeyboardInterrupt:
        _complain("interrupted; the same command goes on from here")
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


def _say(text: str) -> None:
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def _complain(text: str) -> None:
    err.print(f"fleeting: {text}", soft_wrap=True, highlight=False, markup=False)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))  # noqa: T201 - the command prints


@contextmanager
def _progress() -> Iterator[Any]:
    """A call that shows what is being done and how long it will take, on a terminal; silent elsewhere."""
    if not err.is_terminal:
        yield lambda *_: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    tasks: dict[str, Any] = {}
    with bar:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def _named_paths(data: Sequence[str]) -> dict[str, Path]:
    named = {}
    for item in data:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise OptionError(f"--data {item!r} is not NAME=PATH; write for example megc2019-flow=/data/maps")
        try:
            named[name] = Path(path).expanduser()
        except RuntimeError as error:
            raise OptionError(f"--data {item!r}: {error}; write the path out") from error
    return named


def _claims(text: str) -> dict[str, float]:
    claims = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        try:
            claims[name.strip().lower()] = float(value)
        except ValueError:
            raise OptionError(f"--claimed {item!r} is not NAME=NUMBER; write uf1=0.7353,uar=0.7605") from None
    return claims


def _print_run(done: Any) -> None:
    scores = done.scores
    rows = [
        (rule, part or "all", s)
        for rule in (done.rule, "oracle")
        if scores[rule]
        for part, s in _parts(scores[rule])
    ]
    out.print(_score_table(rows))
    if scores["drawn"]:
        _say(f"drawn data, not comparable with any published score. {scores['drawn_people']}")
    if scores["subjects_shared"]:
        _say("folds share subjects: the score is not clean")
    if scores["oracle"]:
        _say(
            "oracle: the epoch best on each test side, as much published code keeps it; inflated, shown"
            f" only for comparison. Guessing reaches UF1 {scores['null']['uf1']:.3f} that way."
        )
    _say(f"{scores['folds']} folds in {scores['seconds']:.1f} s; report: {done.path / 'report.html'}")


def _parts(score: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("", score), *score["parts"].items()]


def _score_table(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("rule", "part"):
        table.add_column(name, no_wrap=True)
    for name in ("clips", "UF1", "95 %", "UAR", "95 %", "accuracy", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    for rule, part, s in rows:
        pairs = [(s[key], s["ci95"][key]) for key in ("uf1", "uar")]
        cells = [text for value, ci in pairs for text in (_number(value), _interval(ci))]
        color = {"clean": "green", "oracle": "dark_orange", "shared": "dark_orange"}.get(rule, "")
        label = f"[{color}]{rule}[/]" if color else rule
        table.add_row(label, escape(part), str(s["n"]), *cells, _number(s["accuracy"]), _number(s["auc"]))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(limits: Sequence[float] | None) -> str:
    return f"{limits[0]:.3f}–{limits[1]:.3f}" if limits else "–"
