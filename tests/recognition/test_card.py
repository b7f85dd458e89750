"""Model cards: a header that hubs can read, with the numbers that the run has and no other."""

from importlib.resources import files

import yaml

import fleeting
from fleeting.recognition.card import card
from fleeting.recognition.recogniser import recognisers
from fleeting.recognition.weights import Score
from tests.fixtures.weights_facts import facts_of


def head(facts):
    empty, yaml_text, text = card(facts, "0" * 64).split("---\n", 2)
    assert empty == ""
    assert text.lstrip().startswith(f"# {facts.name}")
    return yaml.safe_load(yaml_text)


def metrics(found):
    (model,) = found["model-index"]
    return {
        (result["dataset"]["name"], one["type"]): one["value"]
        for result in model["results"]
        for one in result["metrics"]
    }


def test_the_header_names_licence_library_and_the_numbers_that_there_are():
    found = head(facts_of())
    assert found["license"] == "apache-2.0"
    assert found["library_name"] == "fleeting"
    assert {"micro-expression", "linear-flow", "drawn"} <= set(found["tags"])
    assert found["metrics"] == ["f1", "accuracy"]
    assert metrics(found) == {("drawn", "f1"): 0.5, ("drawn", "accuracy"): 0.5}
    names = [one["name"] for one in found["model-index"][0]["results"][0]["metrics"]]
    assert all("recipe on people it had not seen, loso, 40 clips" in name for name in names)


def test_a_licence_of_its_own_stands_in_its_words():
    facts = facts_of()
    data = facts.data.model_copy(update={"licence": 'research only: "ask\nfirst"'})
    found = head(facts.model_copy(update={"data": data}))
    assert (found["license"], found["license_name"]) == ("other", 'research only: "ask\nfirst"')


def test_without_any_number_there_is_no_table_of_scores():
    nothing = Score(n=0, uf1=None, uar=None, accuracy=None, ci95={"uf1": None, "uar": None})
    found = head(facts_of(clean=nothing))
    assert not {"metrics", "model-index"} & set(found)


def test_parts_stand_beside_the_whole():
    part = Score(n=4, uf1=0.25, uar=0.5, accuracy=None, ci95={"uf1": None, "uar": None})
    whole = facts_of().clean.model_copy(update={"parts": {"smic": part}})
    assert metrics(head(facts_of(clean=whole)))["drawn smic", "f1"] == 0.25


def test_shipped_recognisers_have_the_card_that_their_weights_get_today():
    for name in recognisers():
        recogniser = fleeting.Recogniser.from_pretrained(name)
        shipped = files("fleeting") / "assets" / "recogniser" / name
        written = (shipped / "README.md").read_text(encoding="utf-8")
        assert written == card(recogniser.facts, recogniser.sha256)
