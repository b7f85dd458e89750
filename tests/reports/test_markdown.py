"""Runs as one Markdown page: what it shows and in which order, and that its commands repeat the runs."""

import re
import shlex
from dataclasses import replace

import pytest

import fleeting
from fleeting.cli import main
from fleeting.errors import OutputError, RunError
from fleeting.experiments.recipe import read_recipe, recipe_names
from fleeting.experiments.recipe_tables import ProtocolChoice
from fleeting.experiments.run_folder import Run
from fleeting.reports.markdown import KEPT, command, write_results

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

SMALL = ["protocol.name=kfold", "protocol.folds=3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Logistic regression and two STSTNets, the second of two seeds, over the same drawn clips."""
    folder = tmp_path_factory.mktemp("runs")
    asked = {
        "linear-flow": ("drawn/linear-flow", SMALL),
        "ststnet": ("drawn/ststnet", [*SMALL, "training.epochs=3"]),
        "longer": ("drawn/ststnet", [*SMALL, "training.epochs=4", "training.seeds=2"]),
    }
    return [
        fleeting.run(read_recipe(recipe, changes=changes), {}, folder / name)
        for name, (recipe, changes) in asked.items()
    ]


@pytest.fixture
def asked(monkeypatch):
    """The experiments that a typed command asks for; nothing is run."""
    found = []

    def noted(experiment, data, *_, **options):
        found.append((experiment, data, options))
        raise RunError("noted")

    monkeypatch.setattr(fleeting, "run", noted)

    def typed(line):
        words = shlex.split(line)
        assert words.pop(0) == "fleeting"
        with pytest.raises(SystemExit):
            main(words)
        return found.pop()

    return typed


def table(text, heading):
    """The cells of the first table below a heading, by the first cell of each row."""
    lines = text.partition(f"# {heading}")[2].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def settings(experiment):
    return experiment.completed().model_copy(update={"changed": ()})


def as_shared(run):
    """As if subjects had been on both sides."""
    return replace(run, scores={**run.scores, "subjects_shared": True, "shared": run.scores["clean"]})


def test_the_best_clean_score_comes_first_with_how_many_were_looked_at(runs, tmp_path):
    text = fleeting.report([run.path for run in runs], tmp_path / "results.md").read_text()
    ranked = sorted(runs, key=lambda run: -run.scores["clean"]["uf1"])
    rows = table(text, "drawn, megc3: 120 clips of 10 people")
    assert [row[4][:6] for row in rows] == [f"{run.scores['clean']['uf1']:.4f}" for run in ranked]
    assert [row[6] for row in rows] == [str(run.scores["seeds"]) for run in ranked]
    for row, run in zip(rows, ranked, strict=True):
        assert row[0].startswith(run.experiment.name)
        assert all(change in row[0] for change in run.experiment.altered)
        best, score = run.scores["oracle"], run.scores["clean"]
        assert row[2] == (f"{best['uf1']:.4f} / {best['uar']:.4f}" if best else "–")
        assert "{:.3f} to {:.3f}".format(*score["ci95"]["uf1"]) in row[4]
        assert (f"± {score['std']['uf1']:.4f}" in row[4]) if "std" in score else ("±" not in row[4])
    best = f"**Best clean UF1: {ranked[0].scores['clean']['uf1']:.4f}**"
    assert re.search(
        rf"^{re.escape(best)}.*{ranked[0].experiment.name}.* best of 3 configurations", text, re.M
    )


def test_each_is_tested_against_the_first_that_is_named(runs, tmp_path):
    text = write_results(runs, tmp_path / "results.md").read_text()
    rows = table(text, "Against drawn/linear-flow")
    tested = [(run, score) for run in runs[1:] for score in ("UF1", "UAR", "accuracy")]
    for row, (run, score) in zip(rows, tested, strict=True):
        gap = run.scores["clean"][score.lower()] - runs[0].scores["clean"][score.lower()]
        assert row[1] == score
        assert float(row[2].split()[0]) == pytest.approx(gap, abs=1e-4)
        assert 0 < float(row[5]) <= float(row[6]) <= 1
    assert 0 < float(rows[0][3]) <= float(rows[0][4]) <= 1
    assert rows[3][3:5] == ["–", "–"]  # two seeds against one
    assert "Against drawn/ststnet" in write_results(runs[::-1], tmp_path / "other.md").read_text()


def test_the_same_runs_give_the_same_bytes_without_paths_people_or_clips(runs, tmp_path):
    pages = [write_results(runs, tmp_path / name).read_bytes() for name in ("one.md", "two.md")]
    assert pages[0] == pages[1]
    text = pages[0].decode()
    assert "/tmp" not in text
    assert str(runs[0].path.parent) not in text
    for prediction in runs[0].by_seed[0]:
        assert prediction.id not in text
        assert prediction.subject not in text


def test_a_rows_command_makes_its_run_again(runs, asked, tmp_path):
    text = write_results(runs, tmp_path / "results.md").read_text()
    typed = [asked(line) for line in re.findall(r"^\$ (.*)$", text, re.M)]
    ranked = sorted(runs, key=lambda run: -run.scores["clean"]["uf1"])
    assert [settings(e) for e, _, _ in typed] == [settings(run.experiment) for run in ranked]
    assert [set(e.changed) for e, _, _ in typed] == [set(run.experiment.changed) for run in ranked]


def test_the_command_gives_the_same_predictions(runs, tmp_path, capsys):
    line = command(runs[1].experiment, "")
    with pytest.raises(SystemExit) as end:
        main([*shlex.split(line)[1:], "--out", str(tmp_path / "again")])
    assert end.value.code == 0
    capsys.readouterr()
    again = (tmp_path / "again" / "predictions.csv").read_bytes()
    assert again == (runs[1].path / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    ("recipe", "quick", "changes"),
    [
        *[(name, False, []) for name in recipe_names() if name.startswith(("megc2019/", "htnet/"))],
        ("htnet/base", True, ["training.seeds=3", "training.seed=7"]),
        ("megc2019/ststnet", False, ["training.augment=['mirror', 'shift']", "training.lr=5e-5"]),
        ("megc2019/rcn", False, ["model.wide=true", "modality.flow-map.side=60", "data.height = 200"]),
        ("meganet/five-classes", False, ["data.dataset=samm", "data.labels=samm-5-own"]),
        ("meganet/vgg19-mesti", True, ["data.dataset=samm"]),
        ("megc2019/ststnet", False, ["training.epochs=5", "training.epochs=6"]),
    ],
)
def test_any_recipes_command_asks_for_it(recipe, quick, changes, asked):
    wanted = read_recipe(recipe, quick=quick, changes=changes).completed()
    line = command(wanted, "experiment.toml")
    found, data, options = asked(line)
    assert settings(found) == settings(wanted)
    assert found.altered == wanted.altered
    assert found.training.seeds == wanted.training.seeds
    assert [str(path) for path in data.values()] == ["PATH"]
    assert list(data) == [wanted.data.dataset]
    assert options["executor"] == "serial"
    assert f"run {recipe} " in line


def test_a_recipe_that_is_another_by_now_is_changed_to_what_it_was(asked):
    then = read_recipe("megc2019/ststnet").completed()
    then = then.model_copy(update={"training": then.training.model_copy(update={"augment": ("mirror",)})})
    found, _, _ = asked(command(then, "experiment.toml"))
    assert found.training == then.training
    assert found.altered == ('training.augment=["mirror"]',)
    once = ProtocolChoice(name="stratified-kfold-frames", folds=8, seed=42)
    then = read_recipe("broadbent/kfold").completed().model_copy(update={"protocol": once})
    found, _, _ = asked(command(then, "experiment.toml"))
    assert found.completed().protocol == once


def test_a_recipe_of_ones_own_is_run_from_the_runs_folder(runs, asked, tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text('name = "mi|ne <b>"\n[protocol]\nname = "kfold"\nfolds = 3\n')
    run = fleeting.Run.load(runs[0].path)
    own = read_recipe(tmp_path / "mine.toml").completed()
    (tmp_path / "run").mkdir()
    for name in ("predictions.csv", "cost.json", "environment.json", "scores.json"):
        (tmp_path / "run" / name).write_bytes((run.path / name).read_bytes())
    (tmp_path / "run" / "experiment.toml").write_text(own.toml())
    text = write_results([Run.load(tmp_path / "run")], tmp_path / "results.md").read_text()
    (line,) = re.findall(r"^\$ (.*)$", text, re.M)
    assert line == "fleeting run run/experiment.toml"
    monkeypatch.chdir(tmp_path)
    assert asked(line)[0] == own
    assert "<b>" not in text
    assert {len(row) for row in table(text, "drawn, megc3")} == {7}
    assert "## Not run" not in text  # it is of no group


def test_where_weights_lie_is_not_told(runs, tmp_path):
    weights = tmp_path / "weights.pth"
    chosen = runs[1].experiment.model.model_copy(update={"pretrained": str(weights)})
    began = runs[1].experiment.model_copy(
        update={"model": chosen, "changed": (*runs[1].experiment.changed, f"model.pretrained={weights}")}
    )
    facts = {**runs[1].scores, "pretrained": {"file": str(weights), "fresh_head": True}}
    text = write_results([replace(runs[1], experiment=began, scores=facts)], tmp_path / "a.md").read_text()
    assert str(tmp_path) not in text
    assert "--set model.pretrained=PATH/weights.pth" in text
    assert "began with the weights in PATH/weights.pth" in text


def test_scores_that_are_not_clean_are_never_ranked_with_those_that_are(runs, tmp_path):
    text = write_results([as_shared(runs[1]), *runs], tmp_path / "results.md").read_text()
    clean, shared = (
        table(text, heading)
        for heading in (
            "drawn, megc3: 120 clips of 10 people\n",
            "drawn, megc3: 120 clips of 10 people, not clean",
        )
    )
    assert (len(clean), len(shared)) == (3, 1)
    assert text.count("Best clean UF1") == 1
    assert "best of 3 configurations" in text
    assert text.index("Best clean UF1") < text.index(", not clean")
    assert "| shared UF1 |" in text
    assert "Best clean UF1" not in write_results([as_shared(runs[0])], tmp_path / "one.md").read_text()


def test_a_control_has_no_best_score(runs, tmp_path):
    control = replace(runs[0], scores={**runs[0].scores, "shuffled_labels": True})
    text = write_results([control], tmp_path / "results.md").read_text()
    assert "Best clean UF1" not in text
    assert "labels were dealt out anew" in text


def test_runs_over_other_samples_have_a_table_of_their_own(runs, tmp_path):
    changes = ["protocol.name=holdout"]
    other = fleeting.run(read_recipe("drawn/linear-flow", changes=changes), {}, tmp_path / "run")
    text = write_results([runs[0], other], tmp_path / "results.md").read_text()
    assert text.count("the only configuration named here") == 2
    assert "Against" not in text
    assert f"{len(other.by_seed[0])} clips of {other.scores['subjects']} people" in text


def test_a_composite_shows_its_parts_beside_the_paper(runs, tmp_path):
    """A run of OFF-ApexNet's recipe whose samples are told to be of two databases."""
    whole = runs[1].scores["clean"]
    parts = {name: {**whole, "uf1": uf1, "parts": {}} for name, uf1 in (("casme2", 0.75), ("samm", None))}
    facts = {
        **runs[1].scores,
        "drawn": False,
        "clean": {**whole, "parts": parts},
        "oracle": None,
        "executor": {"in a group of 3 on cuda": 3},
    }
    recipe = read_recipe("megc2019/off-apexnet").completed()
    text = write_results([replace(runs[1], experiment=recipe, scores=facts)], tmp_path / "a.md").read_text()
    assert "| CASME II | SAMM |" in text
    paper, clean = table(text, "Parts")
    assert paper == ["megc2019/off-apexnet", "paper", "0.8764 / 0.8681", "0.5409 / 0.5392"]
    assert (clean[0], clean[1], clean[2][:6]) == ("", "clean", "0.7500")
    assert clean[3].startswith("– / ")
    assert "megc2019-flow=PATH --executor stacked\n" in text
    assert "parts as the HTNet + LAPE paper quotes them" in text


def test_recipes_of_the_group_that_no_run_is_are_listed(runs, asked, tmp_path):
    text = write_results(runs, tmp_path / "results.md").read_text()
    missing = table(text, "Not run")
    assert [row[0] for row in missing] == ["drawn/linear-flow", "drawn/ststnet"]  # all were changed
    recipe = read_recipe("htnet/base").completed()
    facts = {**runs[1].scores, "drawn": False}
    ours = replace(runs[1], experiment=recipe, scores=facts)
    text = write_results([ours], tmp_path / "htnet.md").read_text()
    missing = table(text, "Not run")
    names = {row[0] for row in missing}
    assert names == {name for name in recipe_names() if name.startswith("htnet/")} - {"htnet/base"}
    rows = {(row[0], row[1].partition(",")[0]): row for row in missing}
    assert rows["htnet/lape", "megc2019-flow"][2] == "UF1 0.8713, UAR 0.8507"
    assert rows["htnet/table1", "samm"][1:3] == ["samm, waits for data", "UF1 0.8392, UAR 0.8306"]
    waiting = ["waits" in row[1] for row in missing]
    assert waiting == sorted(waiting)
    for row in missing:
        experiment, data, _ = asked(row[3].strip("`"))
        assert experiment.altered == ()
        assert [experiment.data.dataset] == [row[1].partition(",")[0]] == list(data)


@pytest.mark.parametrize("ending", ["\n", "", "  \n\n", "\nan older table\n"])
@pytest.mark.parametrize("words", ["# Ours\n\nWhy it is so.\n\n", ""])
def test_words_above_the_line_stay_and_all_below_is_written_anew(runs, words, ending, tmp_path):
    alone, page = tmp_path / "alone.md", tmp_path / "page.md"
    write_results(runs[:1], alone)
    page.write_text(words + KEPT + ending, encoding="utf-8")
    for _ in range(2):
        write_results(runs[:1], page)
        found = page.read_text(encoding="utf-8")
        assert found == f"{words}{KEPT}\n\n" + alone.read_text(encoding="utf-8").removeprefix("# Results\n\n")


@pytest.mark.parametrize("own", [b"# Read me\n", b"\xff\xfe no text"])
def test_somebody_elses_page_is_left_alone(runs, own, tmp_path):
    page = tmp_path / "README.md"
    page.write_bytes(own)
    with pytest.raises(
        (OutputError, RunError), match=r"README\.md (was written by somebody else|is no text)"
    ):
        write_results(runs[:1], page)
    assert page.read_bytes() == own


def test_a_page_cannot_be_written_over_a_folder(runs, tmp_path):
    (tmp_path / "results.md").mkdir()
    with pytest.raises(RunError, match="is a folder; name the page"):
        fleeting.report([runs[0].path], tmp_path / "results.md")
