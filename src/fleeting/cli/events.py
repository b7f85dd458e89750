"""The commands that find and explain movements in videos: faces, analyze, live, spot, explain."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

import fleeting
from fleeting.cli.parsing import Alarms, Json, People, Replace, Seconds, app, chosen_model, named_paths
from fleeting.cli.printing import complain, interval_table, out, print_json, progress_shown, recognised, say
from fleeting.errors import FleetingError


@app.command
def faces(
    source: str,
    *,
    out_: Annotated[Path, Parameter(name="--out")],
    overlay: Annotated[bool, Parameter(negative="")] = False,
    fps: float | None = None,
    start: Seconds | None = None,
    end: Seconds | None = None,
    people: People = 4,
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Every frame of a video and the faces in it: frames.csv, faces.csv, summary.json.

    Args:
        source: A video, a folder of pictures, or a camera's number.
        out_: The folder they are written to.
        overlay: Also write overlay.mp4, with the points of every face.
        fps: Frames a second of a folder of pictures.
        start: Time from which on frames are read: seconds, or [hh:]mm:ss[.f].
        end: Time up to which frames are read, likewise.
    """
    with progress_shown() as progress:
        found = fleeting.watch(
            int(source) if source.isdecimal() and not Path(source).exists() else source,
            out_,
            overlay=overlay,
            fps=fps,
            start=start,
            end=end,
            people=people,
            replace=replace,
            progress=progress,
        )
    if json:
        print_json(found.as_dict())
        return 0
    seen = f"a face in {found.frames_with_face}, well enough seen in {found.frames_usable}"
    say(f"{found.frames_decoded} frames, {seen}; {out_ / 'frames.csv'}")
    for warning in found.warnings:
        complain(warning)
    return 0


@app.command
def analyze(
    *inputs: str,
    out_: Annotated[str, Parameter(name="--out")],
    model: str | None = None,
    start: Seconds | None = None,
    end: Seconds | None = None,
    formats: str = "csv,json,elan,html",
    blur: Annotated[bool, Parameter(negative="")] = False,
    workers: int | None = None,
    executor: str = "processes",
    resume: Annotated[bool, Parameter(negative="")] = False,
    replace: Replace = False,
    fps: float | None = None,
    people: People = 4,
    alarms_per_minute: Alarms = 1.0,
    spotter: str | None = None,
    json: Json = False,
) -> int:
    """Finds the movements in videos of faces, recognises the short ones: a folder of results for each.

    Args:
        inputs: Videos, folders of pictures (each one video), folders of such, or addresses (s3://...).
        out_: The folder, or the address, under which each input gets its own.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
        start: Time from which on videos are read: seconds, or [hh:]mm:ss[.f].
        end: Time up to which videos are read, likewise.
        formats: Of csv and json (always written), elan, html, video (annotated.mp4), units (slow).
        blur: Cover every face in every picture that is written.
        workers: How many share the inputs, and the segments of long videos; without it one, or a cluster's.
        executor: Who has the workers: processes (of this machine), serial (none), or ray (a cluster).
        resume: Keep results of the same input and settings, and go on with those that were begun.
        fps: Frames a second of folders of pictures, or of files that play a fast recording slowly.
        spotter: Who finds the movements (`fleeting list spotters`); without it, the default.
    """
    chosen = chosen_model(model) | ({"spotter": spotter} if spotter else {})
    with progress_shown() as progress:
        try:
            found = fleeting.analyze(
                inputs,
                out_,
                **chosen,
                start=start,
                end=end,
                formats=[name.strip() for name in formats.split(",") if name.strip()],
                blur=blur,
                workers=workers,
                executor=executor,
                resume=resume,
                replace=replace,
                fps=fps,
                people=people,
                alarms_per_minute=alarms_per_minute,
                progress=progress,
            )
        except FleetingError as error:
            for line in getattr(error, "__notes__", ()):
                complain(line)
            raise
    _tell_analysed(found, json)
    return 1 if found.failed else 0


def _tell_analysed(found: Any, json: bool) -> None:
    """Print a line for each input, its warnings, and why others have no results."""
    for one in found.done:
        if not json:
            say(f"{one.source}: {_counted(one)}; {one.folder}")
        for warning in one.summary["warnings"]:
            complain(f"{one.source}: {warning}")
    if json:
        print_json([one.as_dict() for one in found.done])
    for line in found.failed:
        complain(line)


@app.command
def live(
    file: Path | None = None,
    *,
    camera: int = 0,
    model: str | None = None,
    people: People = 4,
    alarms_per_minute: Alarms = 1.0,
    json: Json = False,
) -> int:
    """Movements of faces while they happen, a line each, until Ctrl-C: from a camera, or a file as it plays.

    Args:
        file: A video or folder of pictures to play instead of a camera.
        camera: The camera's number.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
    """
    from fleeting.analysis.event_files import describe, event_row

    source = camera if file is None else file
    chosen = {**chosen_model(model), "people": people, "alarms_per_minute": alarms_per_minute}
    watched = fleeting.live(source, **chosen)
    before = signal.signal(signal.SIGINT, lambda *_: watched.stop())
    try:
        for event in watched:
            if json:
                print_json(event_row(event, tuple(event.probabilities)), indent=None)
            else:
                lasts = event.offset_s - event.onset_s
                say(f"{event.onset_s:9.2f} s  {event.kind}  {lasts:.2f} s  {describe(event)}")
    finally:
        signal.signal(signal.SIGINT, before)
    lost = f", {watched.dropped} dropped: this machine is slower than the camera" if watched.dropped else ""
    complain(f"{watched.frames} frames{lost}")
    return 0


@app.command
def spot(
    dataset: str,
    root: Path,
    *,
    out_: Annotated[Path, Parameter(name="--out")],
    spotter: str | None = None,
    model: str | None = None,
    alarms_per_minute: Alarms = 1.0,
    megc: int | None = None,
    workers: int | None = None,
    executor: str = "processes",
    resume: Annotated[bool, Parameter(negative="")] = False,
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Finds the movements in a dataset's long videos and scores them by MEGC's rule: truth, found, scores.

    Args:
        dataset: Which dataset of long videos it is, for example samm-lv.
        root: Its folder.
        out_: The folder for truth.csv, found.csv and scores.json.
        spotter: Who finds them; without it, the default.
        model: A recogniser's name or file, or none; without it, the one that is shipped.
        megc: A year, 2020 to 2025: write the files too that MEGC's challenges took then, below megcYEAR.
        workers: How many videos are looked through at once; without it one, or all that a cluster can.
        executor: Who looks through them: processes (of this machine), serial, or ray (a cluster).
        resume: Keep what was found in the same pictures with the same settings.
    """
    chosen: dict[str, Any] = {"spotter": spotter} if spotter else {}
    with progress_shown() as progress:
        done = fleeting.spot(
            dataset,
            root,
            out_,
            **chosen,
            **chosen_model(model),
            alarms_per_minute=alarms_per_minute,
            megc=megc,
            workers=workers,
            executor=executor,
            resume=resume,
            replace=replace,
            progress=progress,
        )
    scores = done.scores
    if json:
        print_json(scores)
    else:
        kinds = [(kind, scores[kind]) for kind in ("micro", "macro", "overall") if scores[kind]]
        out.print(interval_table(f"{scores['videos']} videos", kinds))
        if scores["recognised"]:
            say(f"classes of the hits: {recognised(scores)}")
        if scores["drawn"]:
            say(f"drawn data, not comparable with any published score. {scores['drawn']}")
        say(str(done.folder / "scores.json"))
    for line in (*done.problems, *scores["notes"]):
        complain(str(line))
    return 1 if scores["incomplete"] else 0


@app.command
def explain(
    source: Path,
    *,
    event: int | None = None,
    clip: str | None = None,
    label: str | None = None,
    weights: str | None = None,
    data: Annotated[list[str] | None, Parameter(negative="")] = None,
    video: Path | None = None,
    out_: Annotated[Path, Parameter(name="--out")] = Path(),
    replace: Replace = False,
    json: Json = False,
) -> int:
    """What a model looked at in one movement: maps over its apex, and all input images, as two pictures.

    Args:
        source: A video or a folder of analyze (with --event), or a run's folder (with --clip).
        event: The event's number.
        clip: The clip's id, as in the run's predictions.csv; the run has to have kept its weights.
        label: The class that is explained; without it, the one that the model gives.
        weights: A recogniser's name or file; without it, those of the analysis or of the run's fold.
        data: NAME=PATH, the folder of the run's dataset where it is not where it was.
        video: The recording of the analysis where it is not where it was.
        out_: The folder for the pictures; without it, the current one.
    """
    found = fleeting.explain(
        source,
        out_,
        event=event,
        clip=clip,
        label=label,
        weights=weights,
        data=named_paths(data) if data else None,
        video=video,
        replace=replace,
    )
    if json:
        print_json(found.as_dict())
        return 0
    say(found.title)
    for path in found.pictures:
        say(str(path))
    for note in found.notes:
        complain(note)
    return 0


def _counted(found: Any) -> str:
    """The number of movements in an analysis, in a few words."""
    micro = sum(event.kind == "micro" for event in found.events)
    text = f"micro-movements {micro}, longer ones {len(found.events) - micro}"
    text += f", unlikely ones left out {found.summary['candidates']}"
    return text if found.summary["frames_with_face"] else "no face, so no movement"
