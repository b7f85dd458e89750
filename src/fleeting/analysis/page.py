"""Writes the report of one video, ``report.html``, for a reader who has never heard of optical flow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fleeting.analysis.motion_curves import (
    HEIGHT,
    WIDTH,
    Gap,
    Track,
    clock,
    gaps,
    kind_of,
    plot,
    read_main,
    read_people,
    spread,
)
from fleeting.analysis.stills import Stills
from fleeting.files import utf8
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import Event

AROUND = 1.0
"""Seconds before and after an event that the event's own curve shows."""
PLOTTED = 4
"""Most people who get a curve: those with the most events come first, then those seen in the most frames."""
LEGEND = {
    "cut": "cut",
    "light": "light changed",
    "unsharp": "blurred or heavily compressed",
    "covered": "face covered",
}
"""What the legend calls each kind of reason for which a face was not used."""
LISTED = 12
"""Most gaps that are listed: the longest ones."""
RARER = "That holds where real movements are frequent; in most videos they are rarer, and more is false."
"""Likelihoods were measured where movements were frequent, so the number of false alarms is a lower bound."""
OF_RECORD = ("input", "version", "model", "weights_sha256", "settings")
"""Entries of the summary that the end of the page shows."""


def write_page(
    folder: Path,
    summary: Mapping[str, Any],
    events: Sequence[Event],
    stills: Mapping[int, Stills],
    recogniser: Recogniser | None,
) -> None:
    """Write ``report.html`` into a folder that holds ``frames.csv`` and ``faces.csv``.

    ``stills`` are the pictures of each event, by the event's number. The likeliest events come first. The
    times that are shown count from where the file begins, as players do.
    """
    begins = float(summary["container_start_s"])
    events = [_counted_from(begins, event) for event in events]
    main = read_main(folder / "frames.csv").counted_from(begins)
    people = {face: track.counted_from(begins) for face, track in read_people(folder / "faces.csv").items()}
    lost = list(gaps(main))
    shown = {kind_of(gap.reason) for track in [main, *people.values()] for gap in gaps(track)}
    named = [event for event in events if event.label]
    listed = sorted(events, key=_likeliest_first)
    page = (
        _templates()
        .get_template("analysis.html")
        .render(
            summary=summary,
            recogniser=recogniser,
            headline=_headline(summary, events),
            named=named,
            unsure=sum(event.unsure for event in named),
            alarms=list(_alarms(summary, events)),
            missed=list(_missed(summary, lost)),
            plots=[
                _plot(face, spread(people[face], main.times), events) for face in _plotted(people, events)
            ],
            people=len(people),
            cards=[_card(event, people[event.face], main, stills.get(event.number)) for event in listed],
            gaps=sorted(sorted(lost, key=_length)[-LISTED:], key=lambda gap: gap.start),
            more_gaps=max(0, len(lost) - LISTED),
            record=json.dumps({name: summary[name] for name in OF_RECORD}, indent=2),
            kinds=[(kind, name) for kind, name in LEGEND.items() if kind in shown],
            width=WIDTH,
            height=HEIGHT,
            clock=clock,
        )
    )
    (folder / "report.html").write_bytes(utf8(page))


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fleeting"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _headline(summary: Mapping[str, Any], events: Sequence[Event]) -> str:
    if not summary["frames_with_face"]:
        return "No face was found in this video, so there is nothing to read."
    micro = sum(event.kind == "micro" for event in events)
    parts = [_counted(micro, "short movement"), _counted(len(events) - micro, "longer movement")]
    lasts = f"{clock(summary['duration_s'], 1)} of video"
    if summary["fps_assumed"]:
        lasts += f", if it has {summary['fps']:.4g} frames a second as is assumed"
    if not events:
        return f"No movement of the face was found in {lasts}."
    return f"{' and '.join(part for part in parts if part)} in {lasts}."


def _counted_from(start: float, event: Event) -> Event:
    """The event with times that count from ``start``, in seconds."""
    times = {name: getattr(event, name) - start for name in ("onset_s", "apex_s", "offset_s")}
    return replace(event, **times)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' if count > 1 else ''}" if count else ""


def _length(gap: Gap) -> float:
    return gap.end - gap.start


def _likeliest_first(event: Event) -> tuple[bool, float, int]:
    """A sorting key: micro events before macro events, and of them those that were not judged last."""
    likelihood = -1.0 if event.likelihood is None else event.likelihood
    return event.kind == "macro", -likelihood, event.number


def _alarms(summary: Mapping[str, Any], events: Sequence[Event]) -> Iterator[str]:
    """Sentences on how many of the listed micro events to expect to be false, where they were judged."""
    likelihoods = [event.likelihood for event in events if event.kind == "micro"]
    judged = [likelihood for likelihood in likelihoods if likelihood is not None]
    left_out = summary["candidates"]
    if len(judged) < len(likelihoods) or not (judged or left_out):
        return
    if len(judged) == 1:
        yield f"The short movement is a false alarm with a chance of {_percent(1 - judged[0])}."
    elif judged:
        false = round(sum(1 - likelihood for likelihood in judged))
        which = "hardly any" if not false else "nearly all" if false == len(judged) else f"about {false}"
        yield f"Expect {which} of the {len(judged)} short movements to be false alarms."
    if judged:
        yield RARER
    rate = summary["settings"]["alarms_per_minute"]
    listed = f"about {rate:g} false alarm{'' if rate == 1 else 's'} a minute, {60 * rate:.0f} in an hour"
    yield f"The list ends where ordinary footage, of people who talk and turn, gives {listed}."
    if left_out:
        yield f"{_counted(left_out, 'less likely movement')} can be found in candidates.json."


def _in_ten(likelihood: float) -> str:
    """How many of ten movements of this likelihood are real, in words."""
    count = round(10 * likelihood)
    return "hardly any" if not count else "nearly all" if count == 10 else f"about {count}"


def _missed(summary: Mapping[str, Any], lost: Sequence[Gap]) -> Iterator[str]:
    """One sentence for each reason why movements may have been missed."""
    frames: Counter[str] = Counter()
    for gap in lost:
        frames[gap.reason] += gap.frames
    for reason, count in frames.most_common():
        share = count / summary["frames_decoded"]
        yield f"In {_percent(share)} of the pictures: {reason}. Whatever moved there was not seen."


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def _plotted(people: Mapping[int, Track], events: Sequence[Event]) -> list[int]:
    """The ids of the faces that get a curve."""
    counts = Counter(event.face for event in events)
    seen = {face: sum(not reason for reason in track.reasons) for face, track in people.items()}
    return sorted(sorted(people, key=lambda face: (-counts[face], -seen[face]))[:PLOTTED])


def _plot(face: int, track: Track, events: Sequence[Event]) -> dict[str, Any]:
    own = [event for event in events if event.face == face]
    return {"face": face, "plot": plot(track, own), "events": len(own)}


def _card(event: Event, track: Track, main: Track, stills: Stills | None) -> dict[str, Any]:
    """The values that the template shows of one event."""
    marks = [(getattr(event, f"{name}_s"), name) for name in ("onset", "apex", "offset")]
    start, end = event.onset_s - AROUND, event.offset_s + AROUND
    near = spread(track.between(start, end), main.between(start, end).times)
    ranked = sorted(event.probabilities.items(), key=lambda item: -item[1])
    lasts = event.offset_s - event.onset_s
    return {
        "event": event,
        "stills": stills,
        "near": plot(near, [event], marks=marks),
        "ranked": ranked,
        "lasts": lasts,
        "in_ten": None if event.likelihood is None else _in_ten(event.likelihood),
    }
