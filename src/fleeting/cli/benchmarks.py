"""The commands that train and score: run, tables, train, export, score, score-intervals, null."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import fleeting
from fleeting.cli.parsing import Json, Replace, app, claims, named_paths
from fleeting.cli.printing import (
    complain,
    interval_table,
    number,
    out,
    parts,
    print_json,
    print_run,
    print_tables,
    progress_shown,
    recognised,
    say,
    score_table,
)


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
    resume: Annotated[bool, Parameter(negative="")] = False,  # noqa: ARG001 - a run always resumes
    track: Annotated[list[str] | None, Parameter(negative="")] = None,
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Carry out an experiment: folds, training, scores, report. Started again, it does what is missing.

    Args:
        recipe: A recipe's name (`fleeting list recipes`) or a .toml file.
        data: NAME=PATH, the folder of the recipe's dataset.
        out_: The run's folder; without it, one below runs/ named by the recipe and its settings.
        executor: Who does the folds: serial, processes, stacked or ray (a cluster).
        workers: How many at once; without it, one for each core of this machine or cluster.
        set_: KEY=VALUE, changes a key of the recipe, for example training.epochs=20.
        seeds: How many seeds, counted up from the recipe's.
        quick: Apply the recipe's [quick] table: a small run, to see whether it works.
        skip_damaged: Leave damaged clips out; the score is marked incomplete and the exit status is 1.
        resume: Go on with the run in --out (also the default when it is the same experiment).
        track: Log curves and scores by mlflow (into mlflow.db here) or mlflow=URL, tensorboard or
            tensorboard=FOLDER.
    """
    from fleeting.benchmark.trackers import tracker

    changes = [*(set_ or ()), *([f"training.seeds={seeds}"] if seeds is not None else [])]
    experiment = fleeting.read_recipe(recipe, quick=quick, changes=changes)
    callbacks = [tracker(text) for text in track or ()]
    with progress_shown() as progress:
        done = fleeting.run(
            experiment,
            named_paths(data or []),
            out_,
            executor=executor,
            workers=workers,
            skip_damaged=skip_damaged,
            replace=replace,
            progress=progress,
            callbacks=callbacks,
        )
    if json:
        print_json(done.scores)
    else:
        print_run(done)
    if done.scores["incomplete"]:
        for problem in done.scores["skipped"]:
            complain(f"left out {problem['clip']}: {problem['what']}; {problem['do']}")
        return 1
    return 0


@app.command
def tables(
    group: str,
    *,
    data: Annotated[list[str] | None, Parameter(negative="")] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    executor: str = "serial",
    workers: int | None = None,
    seeds: int | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    cost: Annotated[bool, Parameter(negative="")] = False,
    skip_damaged: Annotated[bool, Parameter(negative="")] = False,
    format_: Annotated[Literal["text", "markdown", "latex", "csv"], Parameter(name="--format")] = "text",
    replace: Replace = False,
    json: Json = False,
) -> int:
    """A paper's tables: all that it published, and ours by its rule and clean, of the datasets given.

    Args:
        group: What the names of its recipes begin with (`fleeting list recipes`), for example dfrnet.
        data: NAME=PATH, the folder of a dataset, once for each; a recipe is run on those it can use. Without
            any, what was published is printed and nothing is run.
        out_: Where tables.html, tables.csv and the runs go; without it, a folder below runs/.
        executor: Who does the folds: serial, processes, stacked or ray (a cluster).
        workers: How many at once; without it, one for each core of this machine or cluster.
        seeds: How many seeds, counted up from each recipe's.
        quick: Apply the recipes' [quick] tables: small runs, to see whether they work.
        cost: Count each network's weights and operations, and time a hundred predictions of one sample.
        skip_damaged: Leave damaged clips out; the scores are marked incomplete and the exit status is 1.
        format_: How the paper's tables are printed; csv has a line for each of their cells.
    """
    with progress_shown() as progress:
        done = fleeting.tables(
            group,
            named_paths(data or []),
            out_,
            quick=quick,
            cost=cost,
            executor=executor,
            workers=workers,
            seeds=seeds,
            skip_damaged=skip_damaged,
            replace=replace,
            progress=progress,
        )
    if json:
        print_json({"rows": done.rows(), "failed": list(done.failed), "cells": done.cells()})
    elif done.runs or not done.folder:
        print_tables(done, format_)
    for line in done.failed:
        complain(line)
    if done.folder and not done.runs:
        return 2
    return 1 if done.failed or any(one.scores["incomplete"] for one in done.runs) else 0


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
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Weights from all subjects, to be used; their score and calibration come from a clean run beside them.

    Args:
        recipe: A recipe's name (`fleeting list recipes`) or a .toml file.
        data: NAME=PATH, the folder of the recipe's dataset.
        out_: A folder for the weights, their card and the run, or a file that ends in .safetensors; without
            it, a folder below weights/ named by the recipe.
        sure: How much of the answers that are called sure is to be right; the others are called unsure.
        executor: Who does the folds of the clean run: serial, processes, stacked or ray (a cluster).
        workers: How many at once; without it, one for each core of this machine or cluster.
        set_: KEY=VALUE, changes a key of the recipe, for example training.epochs=20.
    """
    experiment = fleeting.read_recipe(recipe, changes=set_ or ())
    with progress_shown() as progress:
        done = fleeting.train(
            experiment,
            named_paths(data or []),
            out_,
            sure=sure,
            executor=executor,
            workers=workers,
            replace=replace,
            progress=progress,
        )
    if json:
        facts = done.weights.facts.model_dump(mode="json")
        print_json({"path": str(done.path), "sha256": done.weights.sha256, **facts})
        return 0
    print_run(done.run)
    answers = done.weights.facts.calibration.sure
    say(f"sure of {answers.coverage:.0%} of answers, of these {number(answers.accuracy)} right")
    say(f"{done.path}: trained on all subjects, so it has no score of its own")
    return 0


@app.command
def export(
    weights: str,
    *,
    to: Literal["onnx"] = "onnx",  # noqa: ARG001 - there is one format so far
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    int8: Annotated[list[str] | None, Parameter(negative="")] = None,
    replace: Replace = False,
    json: Json = False,
) -> int:
    """Weights as a file for programs without torch: from a model's inputs to calibrated probabilities.

    Args:
        weights: A file or folder of `fleeting train`, or the name of a shipped recogniser.
        to: The format.
        out_: The file; without it, beside the weights.
        int8: NAME=PATH, the folder of the dataset that the weights were trained on: the file computes in
            8-bit integers, whose ranges these clips show. It is smaller, and often faster.
    """
    from fleeting.benchmark.training_inputs import training_inputs

    with progress_shown() as progress:
        shown = training_inputs(weights, named_paths(int8), progress) if int8 else None
    done = fleeting.export_onnx(weights, out_, shown=shown, replace=replace)
    if json:
        print_json({"path": str(done.path), "difference": done.difference, "alike": done.alike})
    elif int8:
        say(
            f"{done.path}: in 8-bit integers, {done.alike:.1%} of clips get the recogniser's class,"
            f" probabilities differ by up to {done.difference:.1g}"
        )
    else:
        say(f"{done.path}: its probabilities are the recogniser's to within {done.difference:.1g}")
    return 0


@app.command
def score(log: Path, *, claimed: str = "", json: Json = False) -> int:
    """Score anyone's MEGC log; say so where a claim fits only with truth and prediction exchanged.

    Args:
        log: The log, or a predictions.csv.
        claimed: What was claimed for it, for example uf1=0.7353,uar=0.7605.
    """
    from fleeting.scoring.bootstrap import caveats

    scores, warnings = fleeting.score(log, claims(claimed))
    if json:
        print_json(scores.as_dict())
    else:
        for caveat in caveats(scores.as_dict()):
            say(caveat)  # first, so that the table ends the output, as it always did
        out.print(score_table([("", part or "all", s) for part, s in parts(scores.as_dict())]))
    for warning in warnings:
        complain(warning)
    return 0


@app.command(name="score-intervals")
def score_intervals(truth: Path, *found: Path, json: Json = False) -> int:
    """Score anyone's list of spotted intervals by MEGC's rule: IoU of a half, pooled over all videos.

    Args:
        truth: A CSV with the columns video, onset, offset and perhaps label and kind; every video occurs in
            it. An events.csv of `fleeting analyze`, or a folder of its results, serves too. A spotting log of
            MEGC 2020 or 2021 stands alone: it holds both sides.
        found: The same of what was found, or an entry to MEGC since 2022; further lists, such as the
            events.csv of other videos, follow it.
    """
    scores = fleeting.score_intervals(truth, *found).as_dict()
    if json:
        print_json(scores)
    else:
        kinds = [(f"all {kind}", counts) for kind, counts in scores["kinds"].items()]
        out.print(interval_table("video", [*scores["per_video"].items(), *kinds, ("all", scores)]))
        if scores["recognised"]:
            say(f"classes of the hits: {recognised(scores)}")
    for note in scores["notes"]:
        complain(note)
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
        print_json(found.as_dict())
        return 0
    low, high = found.range95["uf1"]
    say(
        f"guessing on {found.n} clips, best of {epochs} epochs for each subject: UF1 {found.uf1:.3f}"
        f" ({low:.3f} to {high:.3f}), UAR {found.uar:.3f}"
    )
    return 0
