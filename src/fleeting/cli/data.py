"""The commands about data and registered things: list, weights, check, leaks, init, draw, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

import fleeting
from fleeting.cli.parsing import Json, Replace, app
from fleeting.cli.printing import complain, out, print_json, progress_shown, say

LISTED = ("name", "what", "source", "parameters", "flops")
MEASURED = ("name", "inputs", "parameters", "flops", "latency_ms", "latency_p95_ms", "peak_memory_mb")
HEADINGS = {"parameters": "weights", "latency_ms": "ms", "latency_p95_ms": "95 %", "peak_memory_mb": "MB"}


@app.command(name="list")
def list_(kind: str, *, measure: bool = False, json: Json = False) -> int:
    """What exists of one kind, a line each.

    Args:
        kind: models, modalities, apex-finders, datasets, protocols, spotters, recognisers, recipes,
            augmentations, executors or label-sets.
        measure: Add latency and memory to models, a few seconds each.
    """
    with progress_shown() as progress:
        rows = fleeting.catalogue(kind, measure=measure, progress=progress)
    if json:
        print_json(rows)
        return 0
    shown = MEASURED if measure else LISTED
    columns = [name for name in shown if any(row.get(name) not in (None, "") for row in rows)]
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in columns:
        number = name not in LISTED[:3] and name != "inputs"
        table.add_column(HEADINGS.get(name, name), overflow="fold", justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    out.print(table)
    if measure:
        say("ms, 95 %: one sample on one core, median and 95th percentile; MB: what building and using adds")
    return 0


@app.command
def weights(*, json: Json = False) -> int:
    """Published weights that networks can start from: where each is to be had, and whether it is here."""
    rows = fleeting.weights()
    if json:
        print_json(rows)
        return 0
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    names = ("model", "file", "state", "address")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(row[name]) for name in names))
    out.print(table)
    folder = Path(rows[0]["path"]).parent
    say(f"nothing is downloaded: put files into {folder}, then set model.pretrained=imagenet")
    return 1 if any(row["state"] == "damaged" for row in rows) else 0


def _cell(value: object) -> str:
    """A cell of the table in few letters: 3.1 M for a number of weights, sizes for inputs."""
    if isinstance(value, dict):  # inputs of equal size are counted, not repeated
        sizes = ["×".join(map(str, shape)) for shape in value.values()]
        return " + ".join(
            f"{n} of {size}" if (n := sizes.count(size)) > 1 else size for size in dict.fromkeys(sizes)
        )
    if isinstance(value, int):
        power = next((p for p in (3, 2, 1) if value >= 1000**p), 0)
        return f"{value / 1000**power:.3g} {' kMG'[power]}".strip()
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    return "" if value is None else escape(str(value))


@app.command
def check(dataset: str, root: Path, *, json: Json = False) -> int:
    """Read a dataset's folder and list every problem, clip by clip.

    Args:
        dataset: Which dataset it is said to be.
        root: Its folder.
    """
    with progress_shown() as progress:
        found = fleeting.check(dataset, root, progress=progress)
    if json:
        print_json(found.as_dict())
    else:
        labels = ", ".join(f"{label or 'no label'} {count}" for label, count in found.labels.items())
        say(f"{dataset}: {found.clips} clips of {found.subjects} subjects ({labels})")
        for line in (*filter(None, [found.drawn]), *found.remarks, *found.lines()):
            say(line)
        say(f"{len(found.problems)} problems" if found.problems else "no problems")
    return 1 if found.problems else 0


@app.command
def leaks(*lists: Path, json: Json = False) -> int:
    """People and clips that stand on both sides of anybody's lists. Exit status 0 without any, 1 with.

    Args:
        lists: A list of training clips and one of test clips, or several such pairs; or one folder with lists
            that say train and test, or a folder of each. A list is a table with a column for the person or
            the clip, or lines of paths.
    """
    from fleeting.benchmark.leaks import sides

    found = fleeting.leaks(*lists)
    if json:
        print_json(found.as_dict())
    else:
        say(f"person: {found.person}; clip: {found.clip}")
        for line in sides(found):
            say(line)
        for remark in found.remarks:
            complain(remark)
        if not found.found:
            say("nobody and nothing stands on both sides")
    return 1 if found.found else 0


@app.command
def init(folder: Path, *, json: Json = False) -> int:
    """Begin the table of own clips: clips.csv, with a row for every recording in a folder, to be filled in.

    Args:
        folder: Where the videos or folders of pictures are, or the results of `fleeting analyze` beside them.
            A table that lies there already is never written over.
    """
    begun = fleeting.init(folder)
    if json:
        print_json(begun.as_dict())
        return 0
    say(f"{begun.path}: {begun.rows} rows of {begun.recordings} recordings")
    for note in begun.notes:
        say(note)
    say(f"then: fleeting check clips {folder}")
    return 0


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
    style: Literal["head", "flat"] | None = None,
    seed: int = 0,
    flows: int = 4,
    workers: int | None = None,
    replace: Replace = False,
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
            random: as measured on real faces (head), log-uniform between 0.3 and 1.5 (flat).
        disturb: none, moderate or strong: what else the person and the camera do, which truth.json lists.
        style: head turns a head in three dimensions and moves it as real ones move; flat turns the photograph
            in its plane. Without it head for videos, flat for datasets.
        seed: Draws other data.
        flows: For how many events the exact optical flow from onset to apex is written too.
        workers: How many videos are drawn at once; without it, one for each core.
    """
    options: dict[str, Any] = {k: v for k, v in locals().items() if k not in ("folder", "json")}
    with progress_shown() as progress:
        done = fleeting.draw(folder, **options, progress=progress)
    if json:
        print_json(done)
    else:
        _tell_drawn(done, folder / "truth.json")
    return 0


def _tell_drawn(truth: dict[str, Any], path: Path) -> None:
    """Print how much was drawn, of whom, and the path of truth.json."""
    events = sum(len(video["events"]) for video in truth["videos"])
    say(f"{len(truth['videos'])} {'clips' if 'clips' in truth else 'videos'} with {events} events")
    say(truth["people"])
    say(str(path))


@app.command
def demo(
    *,
    out_: Annotated[Path, Parameter(name="--out")] = Path("demo"),
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Draw a video with known micro-expressions, analyse it, and print what was found beside what is true.

    Args:
        out_: Where the video and its results go: a new folder, or that of an earlier demonstration.
    """
    with progress_shown() as progress:
        shown = fleeting.demo(out_, replace=replace, progress=progress)
    if json:
        print_json(shown.as_dict())
        return 0
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("true (s)", "class", "px", "found (s)", "class", "confidence"):
        table.add_column(name, no_wrap=True)
    for row in shown.as_dict()["rows"]:
        table.add_row(*_true_cells(row["true"]), *_found_cells(row["found"]))
    out.print(table)
    say(f"{shown.hits} of {shown.true} movements found, {shown.false} found where none is")
    say(f"a drawn video, comparable with no real one. {shown.people}")
    say(f"report: {shown.analysis.folder / 'report.html'}")
    return 0


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
