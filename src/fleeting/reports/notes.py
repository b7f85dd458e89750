"""Says in sentences what readers have to know before they believe the score of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleeting.apex import ANNOTATED
from fleeting.experiments.run_folder import Run
from fleeting.scoring.bootstrap import caveats

EXPLANATIONS = {
    "clean": "No subject of the test side was seen in this training. Whether the recipe was made with an eye"
    " on scores of these people, a run cannot know.",
    "shared": "Frames or clips of the same people stand on both sides of each fold, as the paper has it: this"
    " measures how well footage is recognised that has nearly been seen, and is not a clean score.",
}
ORACLE = (
    " The oracle keeps, for each fold, the epoch that happens to be best on its test side, as much published"
    " code does. It is inflated and shown only to be compared with numbers that were made that way."
)


def choices(run: Run) -> str:
    """How the epoch and the settings behind a run's score were chosen, as its recipe has it."""
    experiment = run.experiment
    epoch = "each fold's epoch was chosen by people held out of its training side"
    if experiment.choose.among:
        found = "Settings were chosen in each fold, by people held out of its training side"
        found += f"; {epoch}." if experiment.training.selection == "inner" else "."
    elif experiment.training.selection == "inner":
        found = f"All settings were fixed before; {epoch}."
    else:
        found = "All settings were fixed before, the number of epochs too."
    traced = {"the oracle": experiment.training.trace_oracle, "the curves": experiment.training.trace_loss}
    if looked := [what for what, asked in traced.items() if asked]:
        found += (
            f" Scores of the test side were looked at after each epoch, for {' and '.join(looked)} alone."
        )
    return found


def notes(run: Run) -> list[str]:
    """Notes for readers before they believe a run's score, a sentence or two each."""
    scores, found = run.scores, list[str]()
    if run.rule == "shared":
        found.append("Training and test share subjects: the score is not clean.")
    if scores["drawn"]:
        found.append(f"Drawn data, not comparable with any published score. {scores['drawn_people']}")
    if scores["shuffled_labels"]:
        found.append("A control: labels were dealt out anew, so a clean score above chance would be a leak.")
    if altered := run.experiment.altered:
        found.append(
            f"Changed from the recipe of this name: {', '.join(altered)}. No paper's numbers beside it."
        )
    if began := scores.get("pretrained"):
        head = "and a head at random" if began["fresh_head"] else "its head with them"
        found.append(
            f"The network began with the weights in {began['file']}, {head}. Had these weights seen test"
            " subjects, which is not known here, the score would not be clean."
        )
    if chosen := scores.get("chosen"):
        counts = "; ".join(f"{_in_words(one['settings'])} in {one['folds']}" for one in chosen)
        found.append(
            "Each training chose its settings on its own training side, by people held out there: of"
            f" {sum(one['folds'] for one in chosen)}, {counts}."
        )
    if (data := run.experiment.data).release:
        found.append(f"Clips that the releases label differently have their labels of {data.release}.")
    if data.leave_out:
        found.append(f"The recipe leaves out {len(data.leave_out)} clips by name (data.leave_out).")
    if scores["incomplete"]:
        found.append(
            f"Incomplete: {len(scores['skipped'])} damaged clips were left out; not the whole benchmark."
        )
    found += caveats(scores[run.rule])
    if scores["apexes"] and scores["apex"].startswith(ANNOTATED):
        for finder, count in sorted(scores["apexes"].items()):
            if finder != ANNOTATED:
                how = (
                    "their middle frame was taken" if finder == "middle" else f"theirs was found by {finder}"
                )
                found.append(f"{count} clips have no annotated apex; {how}.")
    if (left := (scores.get("crops") or {}).get("as-is")) and run.experiment.data.crop == "auto":
        found.append(f"No face was found in {left} clips; their frames were taken as they are.")
    if len(crops := scores.get("crops") or {}) > 1:
        counts = ", ".join(f"{count} {how}" for how, count in sorted(crops.items()))
        found.append(f"Clips were not all cropped alike ({counts}); data.crop=face or as-is makes them so.")
    return found


def _in_words(change: Mapping[str, Any]) -> str:
    """A candidate's changes as KEY=VALUE."""
    told = [f"{table}.{key}={value}" for table, keys in change.items() for key, value in keys.items()]
    return ", ".join(told) or "the recipe as it is"
