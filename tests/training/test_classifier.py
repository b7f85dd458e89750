"""Models as scikit-learn classifiers: its own checks, cloning, cross-validation by person, grid search."""

import pickle
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

import fleeting
from fleeting.errors import OptionError, UnknownNameError
from fleeting.types import ArrayKind

KINDS = (ArrayKind(("u", "v", "strain")),)
PEOPLE = np.repeat(np.arange(6), 4)


def data(side=28, words=("negative", "surprise")):
    """24 maps of six people, whose class is where they are bright."""
    labels = np.arange(24) % 2
    maps = np.random.default_rng(0).normal(size=(24, 3, side, side)).astype(np.float32)
    maps[labels == 1, 0, : side // 2] += 1
    return maps, np.array(words)[labels]


class Pixels:
    """A model whose inputs are one pixel with any number of channels, so that any table of features fits."""

    inputs: ClassVar = {"pixels": (1, 1, 1)}
    paper = "none"

    def __init__(self, classes, *, channels=1):  # noqa: ARG002
        self.classes = classes

    def fit(self, arrays, labels, seed):  # noqa: ARG002
        self.learner = LogisticRegression().fit(arrays[0][..., 0, 0], labels)

    def probabilities(self, arrays):
        return self.learner.predict_proba(arrays[0][..., 0, 0])


class PixelNet(nn.Module):
    """The same as a network."""

    inputs: ClassVar = {"pixels": (1, 1, 1)}
    paper = "none"

    def __init__(self, classes, *, channels=1):
        super().__init__()
        self.head = nn.Linear(channels, classes)

    def forward(self, pixels):
        return self.head(pixels.flatten(1))


@pytest.fixture
def pixels(monkeypatch):
    """The two models are all there are as long as a test runs."""
    few = {"pixels": Pixels, "pixel-net": PixelNet}
    monkeypatch.setattr("fleeting.training.classifier.models", few)
    monkeypatch.setattr("fleeting.models.models", few)


ABSENT = "check_array_api_input"
"""Of other kinds of array: scikit-learn skips it where an environment variable does not ask for it."""
OPTIONS = "check_no_attributes_set_in_init"
"""It wants options in the signature; ours are the model's, and kept as attributes where some are given."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "others"),
    [
        ({"model": "pixels"}, [ABSENT]),
        ({"model": "pixel-net", "epochs": 8, "lr": 0.2, "batch": 32}, [OPTIONS, ABSENT]),
    ],
)
def test_scikit_learns_own_checks_pass(pixels, given, others):
    found = check_estimator(fleeting.Classifier(**given), on_fail=None, on_skip=None)
    assert len(found) > 40
    assert [one["check_name"] for one in found if one["status"] != "passed"] == others


def test_a_clone_has_the_same_options_and_no_weights():
    given = fleeting.Classifier("ststnet", kinds=KINDS, epochs=3, augment=("shift",), seed=5)
    copied = clone(given)
    assert copied.get_params() == given.get_params()
    assert not hasattr(copied, "classes_")
    assert clone(given.set_params(epochs=4)).get_params()["epochs"] == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"model": "linear-flow"}, {"model": "ststnet", "epochs": 30, "lr": 0.01, "batch": 8}]
)
def test_cross_validation_by_person_and_grid_search(given):
    maps, labels = data()
    scores = cross_val_score(fleeting.Classifier(**given), maps, labels, groups=PEOPLE, cv=GroupKFold(3))
    assert scores.mean() > 0.9
    key, values = ("strength", [1e-6, 0.01]) if given["model"] == "linear-flow" else ("lr", [1e-7, 0.01])
    search = GridSearchCV(fleeting.Classifier(**given), {key: values}, cv=GroupKFold(2))
    search.fit(maps, labels, groups=PEOPLE)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert search.best_estimator_.score(maps, labels) > 0.9
    assert search.predict(maps[:2]).tolist() == ["negative", "surprise"]
    assert search.classes_.tolist() == ["negative", "surprise"]


def test_probabilities_are_those_of_the_model_and_repeat():
    maps, labels = data()
    first, second = (fleeting.Classifier("ststnet", epochs=2).fit(maps, labels) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(maps), second.predict_proba(maps))
    np.testing.assert_array_equal(first.predict_proba(maps), first.fitted_.probabilities([maps]))
    restored = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(restored.predict_proba(maps), first.predict_proba(maps))
    other = fleeting.Classifier("ststnet", epochs=2, seed=1).fit(maps, labels)
    assert not np.array_equal(other.predict_proba(maps), first.predict_proba(maps))


def test_several_inputs_are_rows_that_can_be_cut():
    maps, labels = data()
    rows, shapes = fleeting.Classifier.flat([maps, maps, maps[:, :2]])
    assert (rows.shape, shapes) == ((24, 8 * 28 * 28), ((3, 28, 28), (3, 28, 28), (2, 28, 28)))
    model = fleeting.Classifier("linear-images", shapes=shapes)
    assert cross_val_score(model, rows, labels, groups=PEOPLE, cv=GroupKFold(2)).mean() > 0.9
    with pytest.raises(OptionError, match="4704"):
        fleeting.Classifier("linear-images", shapes=shapes[:2]).fit(rows, labels)
    with pytest.raises(OptionError, match="24, 3 samples"):
        fleeting.Classifier.flat([maps, maps[:3]])


def test_it_stands_in_a_pipeline():
    maps, labels = data()
    line = make_pipeline(FunctionTransformer(np.negative), fleeting.Classifier(strength=0.1))
    assert line.fit(maps, labels).score(maps, labels) == 1
    assert line.set_params(classifier__strength=0.2).get_params()["classifier__strength"] == 0.2


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"model": "linear-flo"}, UnknownNameError, "linear-flow"),
        ({"strenght": 1.0}, UnknownNameError, "strength"),
        ({"model": "ststnet", "epoch": 3}, UnknownNameError, "epochs"),
        ({"model": "ststnet", "epochs": 0}, OptionError, "epochs is 0"),
        ({"model": "ststnet", "selection": "inner"}, OptionError, "groups"),
        ({"model": "ststnet", "augment": ("mirror",)}, OptionError, "kinds"),
        ({"model": "linear-flow", "augment": ("mirror",), "kinds": KINDS}, OptionError, "without epochs"),
    ],
)
def test_what_cannot_be_is_told_by_fit_in_one_line(given, error, words):
    model = fleeting.Classifier(**given)
    with pytest.raises(error, match=words) as refused:
        model.fit(*data())
    assert "\n" not in str(refused.value)


def test_other_maps_and_names_that_are_taken_are_refused():
    maps, labels = data(20)
    with pytest.raises(OptionError, match="takes inputs"):
        fleeting.Classifier().fit(maps, labels)
    with pytest.raises(OptionError, match="expected"):
        fleeting.Classifier().fit(maps[:, 0], labels)
    with pytest.raises(UnknownNameError, match="predict"):
        fleeting.Classifier(predict=3)


def test_people_are_kept_apart_for_the_inner_choice():
    maps, labels = data()
    model = fleeting.Classifier("ststnet", epochs=3, selection="inner", validation_share=0.3)
    model.fit(maps, labels, groups=PEOPLE)
    assert all(line.validation_loss is not None for line in model.fitted_.curve)
