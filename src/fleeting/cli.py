"""The command: parse, call the library, print. Nothing is computed here."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
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


@app.command
def demo(*, out_: Annotated[Path, Parameter(name="--out")] = Path("demo"), json: Json = False) -> int:
    """Draw a video with known micro-expressions, analyse it, and print what was found beside what is true.

    Args:
        out_: Where the video and its results go: a new folder, or that of an earlier demonstration.
    """
    with _progress() as progress:
        shown = fleeting.demo(out_, progress=progress)
    if json:
        _print_json(shown.as_dict())
        return 0
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("true (s)", "class", "px", "found (s)", "class", "confidence"):
        table.add_column(name, no_wrap=True)
    for row in shown.as_dict()["rows"]:
        table.add_row(*_true_cells(row["true"]), *_found_cells(row["found"]))
    out.print(table)
    _say(f"{shown.hits} of {shown.true} movements found, {shown.false} found where none is")
    _say(f"a drawn video, comparable with no real one. {shown.people}")
    _say(f"report: {shown.analysis.folder / 'report.html'}")
    return 0


@app.command(name="list")
def list_(kind: str, *, measure: bool = False, json: Json = False) -> int:
    """What exists of one kind, a line each.

    Args:
        kind: models, modalities, apex-finders, datasets, protocols, spotters, recognisers, recipes,
            augmentations, executors or label-sets.
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
    macro: float | None = None,
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
        seconds: How long each video is, of a dataset of long videos (samm-lv, casme-sq) too; 60 without it.
        events_per_minute: Movements in a minute of such a video; 4 without it.
        subjects: How many drawn people: two photographs, warped. Without it one a video, 8 in a dataset of
            clips, 2 in one of long videos.
        clips: How many clips of each person a dataset of clips has; 6 without it.
        fps: Frames a second of a video, 25 to 200; 100 without it. A dataset has its own.
        macro: Share of the movements in videos that are macro-expressions; none without it.
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
            macro=macro,
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
    _say(f"{len(done['videos'])} {'clips' if 'clips' in done else 'videos'} with {events} events")
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
            int(source) if source.isdecimal() and not Path(source).exists() else source,
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
def analyze(
    *inputs: str,
    out_: Annotated[Path, Parameter(name="--out")],
    model: str | None = None,
    start: float | None = None,
    end: float | None = None,
    formats: str = "csv,json,elan,html",
    blur: Annotated[bool, Parameter(negative="")] = False,
    workers: int = 1,
    resume: Annotated[bool, Parameter(negative="")] = False,
    fps: float | None = None,
    json: Json = False,
) -> int:
    """Finds the movements in videos of faces, recognises the short ones: a folder of results for each.

    Args:
        inputs: Videos, folders of pictures (each one video), or folders that hold such, at any depth.
        out_: The folder under which each input gets its own.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
        start: Seconds from which on videos are read.
        end: Seconds up to which videos are read.
        formats: Of csv, json, elan, html, video (annotated.mp4). The first two are always written.
        blur: Cover every face in every picture that is written.
        workers: How many inputs are analysed at once.
        resume: Leave results alone that were made from the same input with the same settings.
        fps: Frames a second of folders of pictures, or of files that play a fast recording slowly.
    """
    with _progress() as progress:
        try:
            found = fleeting.analyze(
                inputs,
                out_,
                **_model(model),
                start=start,
                end=end,
                formats=[name.strip() for name in formats.split(",") if name.strip()],
                blur=blur,
                workers=workers,
                resume=resume,
                fps=fps,
                progress=progress,
            )
        except FleetingError as error:
            for line in getattr(error, "__notes__", ()):
                _complain(line)
            raise
    for one in found.done:
        if not json:
            _say(f"{one.source}: {_counted(one)}; {one.folder}")
        for warning in one.summary["warnings"]:
            _complain(f"{one.source}: {warning}")
    if json:
        _print_json([one.as_dict() for one in found.done])
    for line in found.failed:
        _complain(line)
    return 1 if found.failed else 0


@app.command
def live(
    file: Path | None = None,
    *,
    camera: int = 0,
    model: str | None = None,
    json: Json = False,
) -> int:
    """Movements of faces while they happen, a line each, until Ctrl-C: from a camera, or a file as it plays.

    Args:
        file: A video or folder of pictures to play instead of a camera.
        camera: The camera's number.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
    """
    from fleeting.export import describe, event_row

    watched = fleeting.live(camera if file is None else file, **_model(model))
    before = signal.signal(signal.SIGINT, lambda *_: watched.stop())
    try:
        for event in watched:
            if json:
                _print_json(event_row(event, tuple(event.probabilities)), indent=None)
            else:
                lasts = event.offset_s - event.onset_s
                _say(f"{event.onset_s:9.2f} s  {event.kind}  {lasts:.2f} s  {describe(event)}")
    finally:
        signal.signal(signal.SIGINT, before)
    lost = f", {watched.dropped} dropped: this machine is slower than the camera" if watched.dropped else ""
    _complain(f"{watched.frames} frames{lost}")
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
def train(
    recipe: str,
    *,
    data: Annotated[list[str] | None, Parameter(negative="")] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    sure: float = 0.85,
    executor: str = "serial",
    workers: int | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    json: Json = False,
) -> int:
    """Weights from all subjects, to be used; their score and calibration come from a clean run beside them.

    Args:
        recipe: A recipe's name (`fleeting list recipes`) or a .toml file.
        data: NAME=PATH, the folder of the recipe's dataset.
        out_: A folder for the weights, their card and the run, or a file that ends in .safetensors; without
            it, a folder below weights/ named by the recipe.
        sure: How much of the answers that are called sure is to be right; the others are called unsure.
        executor: Who does the folds of the clean run: serial or processes.
        workers: How many at once; without it, one for each core.
        set_: KEY=VALUE, changes a key of the recipe, for example training.epochs=20.
    """
    experiment = fleeting.read_recipe(recipe, changes=set_ or ())
    with _progress() as progress:
        done = fleeting.train(
            experiment,
            _named_paths(data or []),
            out_,
            sure=sure,
            executor=executor,
            workers=workers,
            progress=progress,
        )
    if json:
        facts = done.weights.facts.model_dump(mode="json")
        _print_json({"path": str(done.path), "sha256": done.weights.sha256, **facts})
        return 0
    _print_run(done.run)
    answers = done.weights.facts.calibration.sure
    _say(f"sure of {answers.coverage:.0%} of answers, of these {_number(answers.accuracy)} right")
    _say(f"{done.path}: trained on all subjects, so it has no score of its own")
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


@app.command(name="score-intervals")
def score_intervals(truth: Path, found: Path, *, json: Json = False) -> int:
    """Score anyone's list of spotted intervals by MEGC's rule: IoU of a half, pooled over all videos.

    Args:
        truth: A CSV with the columns video, onset, offset and perhaps label; every video occurs in it.
        found: The same of what was found.
    """
    scores = fleeting.score_intervals(truth, found).as_dict()
    if json:
        _print_json(scores)
    else:
        out.print(_interval_table("video", [*scores["per_video"].items(), ("all", scores)]))
        if scores["recognised"]:
            _say(f"classes of the hits: {_recognised(scores)}")
    for note in scores["notes"]:
        _complain(note)
    return 0


@app.command
def spot(
    dataset: str,
    root: Path,
    *,
    out_: Annotated[Path, Parameter(name="--out")],
    spotter: str | None = None,
    model: str | None = None,
    workers: int = 1,
    resume: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Finds the movements in a dataset's long videos and scores them by MEGC's rule: truth, found, scores.

    Args:
        dataset: Which dataset of long videos it is, for example samm-lv.
        root: Its folder.
        out_: The folder for truth.csv, found.csv and scores.json.
        spotter: Who finds them; without it, the default.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
        workers: How many videos are looked through at once.
        resume: Keep what was found in the same pictures with the same settings.
    """
    chosen = {"spotter": spotter} if spotter else {}
    with _progress() as progress:
        done = fleeting.spot(
            dataset,
            root,
            out_,
            **chosen,
            **_model(model),
            workers=workers,
            resume=resume,
            progress=progress,
        )
    scores = done.scores
    if json:
        _print_json(scores)
    else:
        kinds = [(kind, scores[kind]) for kind in ("micro", "macro", "overall") if scores[kind]]
        out.print(_interval_table(f"{scores['videos']} videos", kinds))
        if scores["recognised"]:
            _say(f"classes of the hits: {_recognised(scores)}")
        if scores["drawn"]:
            _say(f"drawn data, not comparable with any published score. {scores['drawn']}")
        _say(str(done.folder / "scores.json"))
    for line in (*done.problems, *scores["notes"]):
        _complain(str(line))
    return 1 if scores["incomplete"] else 0


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
        _complain("interrupted; give the same command again")
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


def _say(text: str) -> None:
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def _complain(text: str) -> None:
    err.print(f"fleeting: {text}", soft_wrap=True, highlight=False, markup=False)


def _print_json(value: Any, indent: int | None = 2) -> None:
    print(json.dumps(value, indent=indent), flush=True)  # noqa: T201 - the command prints


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


def _model(name: str | None) -> dict[str, Any]:
    """What was chosen by --model: nothing, a name, or "none"."""
    return {} if name is None else {"model": None if name == "none" else name}


def _counted(found: Any) -> str:
    """What an analysis found, in a few words."""
    micro = sum(event.kind == "micro" for event in found.events)
    text = f"micro-movements {micro}, longer ones {len(found.events) - micro}"
    return text if found.summary["frames_with_face"] else "no face, so no movement"


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


def _interval_table(what: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(what, overflow="fold")
    for name in ("hits", "false", "missed", "precision", "recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, counts in rows:
        shares = [_number(counts[key]) for key in ("precision", "recall", "f1")]
        table.add_row(escape(name), *(str(counts[key]) for key in ("tp", "fp", "fn")), *shares)
    return table


def _recognised(scores: Mapping[str, Any]) -> str:
    uf1, uar, accuracy = (_number(scores["recognised"][name]) for name in ("uf1", "uar", "accuracy"))
    return f"UF1 {uf1}, UAR {uar}, accuracy {accuracy}; STRS {_number(scores['strs'])}"


def _true_cells(event: dict[str, Any] | None) -> list[str]:
    if event is None:
        return ["–", "", ""]
    span = f"{event['onset_s']:.2f}–{event['offset_s']:.2f}"
    return [span, event["label"], f"{event['amplitude_px']:.1f}"]


def _found_cells(event: dict[str, Any] | None) -> list[str]:
    if event is None:
        return ["missed", "", ""]
    span = f"{event['onset_s']:.2f}–{event['offset_s']:.2f}"
    sure = "unsure" if event["unsure"] else f"{event['confidence']:.2f}"
    return [span, event["label"], sure]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(limits: Sequence[float] | None) -> str:
    return f"{limits[0]:.3f}–{limits[1]:.3f}" if limits else "–"
