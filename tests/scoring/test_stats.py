"""Paired comparison of two systems over subjects: its tests, intervals and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats as scipy_stats

from fleeting.errors import LogError, OptionError, ScoreError
from fleeting.scoring.metrics import confusion, measures, over_seeds, score, subject_matrices
from fleeting.scoring.null import lift, null_oracle, null_score, read_labels
from fleeting.scoring.stats import compare, holm, mcnemar, paired_t, permutation_test, pseudo_values
from fleeting.types import Prediction

CLASSES = ("negative", "positive", "surprise")


def system(truth, subjects, right, seed):
    """A system that is right as often as ``right`` says and guesses otherwise."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(truth)) < right, truth, rng.integers(0, 3, len(truth)))
    return [
        Prediction(f"drawn/{s}/c{i}", "drawn", f"drawn/{s}", str(s), int(t), int(p), tuple(np.eye(3)[p]))
        for i, (s, t, p) in enumerate(zip(subjects, truth, said, strict=True))
    ]


@pytest.fixture(name="samples")
def _samples():
    return np.random.default_rng(0).integers(0, 3, 200), np.arange(200) // 10


def test_a_better_system_is_found_better(samples):
    good, bad = system(*samples, 0.8, 1), system(*samples, 0.2, 2)
    found = compare([bad], [good], CLASSES)
    assert (found.n, found.subjects) == (200, 20)
    assert found.difference["uf1"] == pytest.approx(found.second["uf1"] - found.first["uf1"])
    assert found.first["uf1"] == score(bad, CLASSES, draws=0).uf1
    low, high = found.ci95["uf1"]
    assert 0 < low < found.difference["uf1"] < high
    assert max(found.t_p, found.permutation_p, found.mcnemar_p) < 0.001
    assert found.only_second_right > found.only_first_right
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["ci95"]["uar"][0] > 0


def test_samples_are_joined_by_id_not_by_position(samples):
    first, second = system(*samples, 0.6, 1), system(*samples, 0.5, 2)
    assert compare([first], [second], CLASSES) == compare([first[::-1]], [second], CLASSES)


def test_exchanging_the_systems_turns_the_difference_and_keeps_the_tests(samples):
    first, second = system(*samples, 0.6, 1), system(*samples, 0.4, 2)
    here, there = compare([first], [second], CLASSES), compare([second], [first], CLASSES)
    assert there.difference["uf1"] == pytest.approx(-here.difference["uf1"])
    assert there.t == pytest.approx(-here.t)
    assert (there.t_p, there.mcnemar_p) == pytest.approx((here.t_p, here.mcnemar_p))
    assert there.permutation_p == pytest.approx(here.permutation_p)
    assert there.ci95["uf1"][0] == pytest.approx(-here.ci95["uf1"][1])


def test_a_system_against_itself_differs_in_nothing(samples):
    same = system(*samples, 0.6, 1)
    found = compare([same], [same], CLASSES, draws=100, permutations=100)
    assert found.difference == {"uf1": 0, "uar": 0, "accuracy": 0}
    assert (found.t, found.t_p, found.permutation_p, found.mcnemar_p) == (None, None, 1.0, 1.0)
    assert found.ci95["uf1"] == (0, 0)
    assert "the interval of the difference in UF1 and UAR is of percentiles" in found.notes[-1]


def test_other_samples_truths_and_subjects_are_refused_by_name(samples):
    first = system(*samples, 0.6, 1)
    with pytest.raises(
        ScoreError, match="drawn/0/c0, drawn/0/c1, drawn/0/c2 and 1 more predicted on one side"
    ):
        compare([first], [first[4:]], CLASSES)
    other = [Prediction(p.id, p.dataset, p.subject, p.fold, (p.truth + 1) % 3, 0, (1, 0, 0)) for p in first]
    with pytest.raises(ScoreError, match="and 197 more: subject or truth differ"):
        compare([first], [other], CLASSES)


@pytest.fixture(name="seeds")
def _seeds(samples):
    """Three seeds of each of two systems."""
    return [[system(*samples, right, seed + k) for k in range(3)] for seed, right in ((10, 0.5), (20, 0.6))]


def test_over_several_seeds_a_comparison_is_that_of_the_means(samples, seeds):
    found = compare(*seeds, CLASSES, draws=500, permutations=500)
    means = [over_seeds(side, CLASSES, draws=500) for side in seeds]
    assert found.seeds == (3, 3)
    for name in ("uf1", "uar", "accuracy"):
        one, two = (getattr(side, name) for side in means)
        assert (found.first[name], found.second[name]) == (one, two)
        assert found.difference[name] == pytest.approx(two - one)
    right = [
        np.mean([measures(subject_matrices(run, 3)[1])["accuracy"] for run in side], axis=0) for side in seeds
    ]
    expected = scipy_stats.ttest_rel(right[1], right[0])
    assert (found.t, found.t_p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.ci95["uf1"][0] < found.difference["uf1"] < found.ci95["uf1"][1]
    assert 0 < found.permutation_p <= 1
    assert (found.only_first_right, found.only_second_right, found.mcnemar_p) == (None, None, None)
    assert found.notes == ("several seeds: no McNemar test, which counts what one seed says of a clip",)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["seeds"] == [3, 3]


def test_a_system_with_each_seed_alike_compares_as_that_seed(samples):
    first, second = system(*samples, 0.6, 1), system(*samples, 0.5, 2)
    once, thrice = compare([first], [second], CLASSES), compare([first] * 3, [second[::-1]] * 3, CLASSES)
    assert thrice.ci95["uar"] == pytest.approx(once.ci95["uar"])
    assert (thrice.t_p, thrice.permutation_p) == pytest.approx((once.t_p, once.permutation_p))
    uneven = compare([first], [second] * 2, CLASSES)
    assert uneven.difference["uf1"] == pytest.approx(once.difference["uf1"])
    assert uneven.ci95["uf1"] == pytest.approx(once.ci95["uf1"])


def test_one_seed_of_a_system_against_three_is_no_difference_of_nothing(seeds):
    found = compare(seeds[0][:1], seeds[0], CLASSES, draws=100)
    assert found.difference["uf1"] == pytest.approx(found.second["uf1"] - found.first["uf1"])
    assert found.difference["uf1"] != 0
    assert (found.seeds, found.permutation_p, found.mcnemar_p) == ((1, 3), None, None)
    assert found.t_p is not None
    assert found.notes[0].startswith("1 and 3 seeds: no permutation test")


def test_seeds_over_other_samples_are_not_compared(seeds):
    with pytest.raises(ScoreError, match="predicted on one side only"):
        compare(seeds[0], [seeds[1][0], seeds[1][1][1:]], CLASSES)
    with pytest.raises(ScoreError, match="at least one seed"):
        compare([], seeds[1], CLASSES)


def test_the_t_test_is_scipys():
    first, second = np.random.default_rng(0).random((2, 15))
    expected = scipy_stats.ttest_rel(second, first)
    assert paired_t(first, second) == pytest.approx((expected.statistic, expected.pvalue))
    assert paired_t(first, first + 0.1) == (None, None)


def test_mcnemar_is_the_sign_test_on_the_clips_that_differ():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 2**10)
    assert mcnemar(1, 9) == mcnemar(9, 1)


def test_permutation_p_matches_the_enumeration_of_all_swaps():
    rng = np.random.default_rng(3)
    matrices = rng.integers(1, 5, size=(2, 8, 3, 3))
    observed = abs(np.subtract(*measures(matrices.sum(axis=1))["uf1"]))
    gaps = []
    for code in range(2**8):
        swap = (code >> np.arange(8)) % 2 == 1
        a = np.where(swap[:, None, None], matrices[1], matrices[0])
        b = np.where(swap[:, None, None], matrices[0], matrices[1])
        gaps.append(abs(measures(a.sum(axis=0))["uf1"] - measures(b.sum(axis=0))["uf1"]))
    exact = np.mean(np.array(gaps) >= observed - 1e-12)
    assert permutation_test(matrices, permutations=20_000)["uf1"] == pytest.approx(exact, abs=0.02)


def test_permutation_exchanges_all_seeds_of_a_subject_together():
    rng = np.random.default_rng(4)
    matrices = rng.integers(0, 5, size=(2, 3, 8, 3, 3))
    observed = abs(np.subtract(*measures(matrices.sum(axis=2))["uf1"].mean(axis=1)))
    gaps = []
    for code in range(2**8):
        swap = ((code >> np.arange(8)) % 2 == 1)[None, :, None, None]
        sides = [np.where(swap, *pair) for pair in (matrices[::-1], matrices)]
        gaps.append(abs(np.subtract(*(measures(side.sum(axis=1))["uf1"].mean() for side in sides))))
    exact = np.mean(np.array(gaps) >= observed - 1e-12)
    assert permutation_test(matrices, permutations=20_000)["uf1"] == pytest.approx(exact, abs=0.02)


def counted(*subjects):
    """Confusion matrices of subjects with one clip of each class: which classes each one got right."""
    matrices = []
    for right in subjects:
        said = np.where(right, np.arange(3), (np.arange(3) + 1) % 3)
        matrices.append(confusion(np.arange(3), said, 3))
    return np.stack(matrices)


def test_with_a_clip_of_each_class_pseudo_values_of_uar_are_the_subjects_own_recall():
    first = counted([1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 1])
    found = pseudo_values(first[None])
    own = measures(first)["uar"]
    np.testing.assert_allclose(found["uar"][0], own)
    assert found["uf1"].shape == (1, 5)


def test_pseudo_values_are_their_formula():
    matrices = np.random.default_rng(5).integers(1, 6, size=(1, 7, 3, 3))
    whole = measures(matrices.sum(axis=1))
    found = pseudo_values(matrices)
    for name in ("uf1", "uar"):
        without = [measures(np.delete(matrices[0], i, axis=0).sum(axis=0))[name] for i in range(7)]
        np.testing.assert_allclose(found[name][0], 7 * whole[name] - 6 * np.array(without))


def as_predictions(right):
    """Subjects with one clip of each class; ``right`` is (subjects, classes)."""
    return [
        Prediction(f"d/{s}/{c}", "d", f"d/{s}", str(s), c, said, tuple(np.eye(3)[said]))
        for s, row in enumerate(right)
        for c, hit in enumerate(row)
        for said in [c if hit else (c + 1) % 3]
    ]


def test_where_subjects_are_alike_in_size_the_tests_of_uar_are_those_of_accuracy():
    """There the pooled UAR is the mean of the subjects' accuracies, so the answer is scipy's."""
    rng = np.random.default_rng(1)
    bad, good = rng.random((12, 3)) < 0.3, rng.random((12, 3)) < 0.7
    found = compare([as_predictions(bad)], [as_predictions(good)], CLASSES, draws=10)
    expected = scipy_stats.ttest_rel(good.mean(axis=1), bad.mean(axis=1))
    for name in ("uar", "accuracy"):
        assert (found.tests[name].t, found.tests[name].t_p) == pytest.approx(
            (expected.statistic, expected.pvalue)
        )
    assert found.tests["uar"].permutation_p == found.tests["accuracy"].permutation_p
    assert found.tests["uf1"].t_p == pytest.approx(expected.pvalue, abs=0.02)


def test_where_every_subject_gains_the_permutation_p_is_that_of_one_sign():
    """Of the 2^5 ways to exchange five subjects, only the given one and its mirror reach as far."""
    bad, good = np.zeros((5, 3), bool), np.ones((5, 3), bool)
    found = compare([as_predictions(bad)], [as_predictions(good)], CLASSES, permutations=20_000)
    for name in ("uf1", "uar", "accuracy"):
        assert found.tests[name].permutation_p == pytest.approx(2 / 2**5, abs=0.01)
        assert found.difference[name] == 1


def test_a_subject_with_all_of_a_class_leaves_no_t_test_of_uf1_and_uar(samples):
    truth, subjects = samples
    truth = np.where(subjects == 3, 2, truth % 2)
    found = compare([system(truth, subjects, 0.5, 1)], [system(truth, subjects, 0.6, 2)], CLASSES, draws=10)
    assert (found.tests["uf1"].t, found.tests["uar"].t_p) == (None, None)
    assert found.tests["accuracy"].t_p is not None
    assert found.tests["uf1"].permutation_p is not None
    assert found.notes == (
        "1 of 20 subjects hold all samples of a class: no t-test of UF1 and UAR, which leaves each subject"
        " out in turn",
        "the interval of the difference in UF1 and UAR is of percentiles: BCa does not exist there",
    )


def test_holms_correction_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


def test_permutation_p_is_about_uniform_where_the_systems_are_equal(samples):
    truth, subjects = samples
    found = []
    for seed in range(150):
        both = [system(truth, subjects, 0.5, 2 * seed + side) for side in (0, 1)]
        split = [subject_matrices(side, 3)[1] for side in both]
        found.append(permutation_test(np.stack(split), permutations=400, seed=seed)["uf1"])
    assert scipy_stats.kstest(found, "uniform").pvalue > 0.01


@pytest.mark.parametrize("last_of_equals", [False, True])
def test_the_null_model_is_what_playing_out_every_epoch_gives(last_of_equals):
    """Whichever of equal epochs is kept."""
    truth = np.array([0, 0, 0, 1, 2, 0, 1, 2, 2, 0])
    subjects = np.array(list("aaaaabbbcc"))
    rng, epochs, repeats = np.random.default_rng(0), 6, 3000
    uf1, accuracy = [], []
    for _ in range(repeats):
        guess = rng.integers(0, 3, (epochs, len(truth)))
        kept = np.empty_like(truth)
        for person in "abc":
            mine = subjects == person
            right = (guess[:, mine] == truth[mine]).sum(axis=1)
            best = np.flatnonzero(right == right.max())[-1 if last_of_equals else 0]
            kept[mine] = guess[best, mine]
        found = measures(confusion(truth, kept, 3))
        uf1.append(found["uf1"])
        accuracy.append(found["accuracy"])
    null = null_oracle(truth, subjects.tolist(), CLASSES, epochs, repeats=repeats, seed=1)
    assert null.uf1 == pytest.approx(np.mean(uf1), abs=0.01)
    assert null.accuracy == pytest.approx(np.mean(accuracy), abs=0.01)
    assert null.range95["accuracy"] == pytest.approx(np.percentile(accuracy, [2.5, 97.5]), abs=0.101)


def test_guessing_once_scores_a_third():
    truth = np.arange(3000) % 3
    null = null_oracle(truth, [str(i // 10) for i in range(3000)], CLASSES, 1)
    assert (null.uf1, null.uar, null.accuracy) == pytest.approx((1 / 3,) * 3, abs=0.01)
    low, high = null.range95["uf1"]
    assert low < null.uf1 < high
    assert json.loads(json.dumps(null.as_dict()))["epochs"] == 1


def test_a_single_clip_is_always_right_in_the_end():
    null = null_oracle([0, 1, 2], ["a", "b", "c"], CLASSES, 10_000)
    assert null.uf1 == 1.0


def test_the_lift_is_what_a_score_has_over_guessing(samples):
    scores = score(system(*samples, 0.7, 1), CLASSES, draws=0)
    null = null_oracle(samples[0], samples[1].tolist(), CLASSES, 1)
    assert lift(scores, null)["uf1"] == pytest.approx(scores.uf1 - null.uf1)


def test_the_null_model_refuses_what_it_cannot_mean():
    with pytest.raises(OptionError, match="0 epochs"):
        null_oracle([0, 1, 2], ["a"] * 3, CLASSES, 0)
    with pytest.raises(ScoreError, match="no sample of surprise"):
        null_oracle([0, 1], ["a"] * 2, CLASSES, 5)
    with pytest.raises(ScoreError, match="3 labels of 2 subjects"):
        null_oracle([0, 1, 2], ["a"] * 2, CLASSES, 5)
    with pytest.raises(ScoreError, match="expected class indices 0 to 2"):
        null_oracle([0, 1, 2, 3], ["a"] * 4, CLASSES, 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epochs", "uf1", "uar"),
    [(1, 0.314, 0.333), (10, 0.566, 0.594), (150, 0.741, 0.768), (800, 0.804, 0.828)],
)
def test_what_guessing_reaches_on_the_composite(shared, epochs, uf1, uar):
    """The table of docs/scores.md."""
    subjects, labels, classes = read_labels(shared / "megc2019-flow" / "combined_3class_gt.csv")
    assert (len(labels), len(set(subjects)), classes) == (442, 68, CLASSES)
    assert np.bincount(labels).tolist() == [250, 109, 83]
    null = null_oracle(labels, subjects, classes, epochs)
    assert (null.uf1, null.uar) == pytest.approx((uf1, uar), abs=0.004)
    for name in ("combined_3class_gt.csv", "combined_3_class2_for_optical_flow.csv"):
        assert null == null_score(shared / "megc2019-flow" / name, epochs)


@pytest.mark.parametrize(
    ("text", "subjects", "labels", "classes"),
    [
        ("subject,label\na,0\nb,1\n", ["a", "b"], [0, 1], CLASSES),
        ("label,subject,fps\nhappiness,a,200\nanger,b,100\n", ["a", "b"], [1, 0], ("anger", "happiness")),
        ("subject,label\r\na,1\r\nb,3\r\n", ["a", "b"], [0, 2], CLASSES),
        ("dataset,subject,label\nsmic,3,0\nsamm,3,4\n", ["smic/s03", "samm/003"], [0, 4],
         tuple(f"class {i}" for i in range(5))),
        ("dataset,sub,filename_o,label,apex,imagename,sub_filename\nsmic,s01,s01_ne_01,0,,s01_s01_ne_01.jpg,\n",
         ["smic/s01"], [0], CLASSES),
        ("smic,s1,a,0\nsmic,s01,b,1\nsmic,1,c,2\n", ["smic/s01"] * 3, [0, 1, 2], CLASSES),
        ("id,dataset,subject,fold,truth,predicted,p_0,p_1,seed\nx,d,d/1,1,1,0,0.9,0.1,0\nx,d,d/1,1,1,1,0.1,0.9,1\n",
         ["d/1"], [1], ("class 0", "class 1")),
        ("casme2,sub01,EP02,1\n,,,\nsamm,6,006_1,2\n", ["casme2/sub01", "samm/006"], [1, 2], CLASSES),
        ("id,dataset,subject,fold,truth,predicted,p_0,p_1\nx,d,d/1,1,1,0,0.9,0.1\n", ["d/1"], [1],
         ("class 0", "class 1")),
    ],
)  # fmt: skip
def test_labels_are_read_from_any_of_these_tables(tmp_path, text, subjects, labels, classes):
    path = tmp_path / "labels.csv"
    path.write_text("\ufeff" + text, newline="", encoding="utf-8")
    assert read_labels(path) == (subjects, labels, classes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n", r"labels.csv, line 1: found 'a,b,c', expected the columns subject and label"),
        ("subject,label\na,0\n\nb,\n", r"labels.csv, line 4: found 'b,', expected a subject and a label"),
        ("subject,label\na,0\nb,happiness\n", "some labels are numbers and some names"),
        ("casme2,sub01,EP02,1\nsamm,6,006_1\n", "line 2: found 'samm,6,006_1'"),
        ("\n,,,\n", "holds nothing"),
    ],
)
def test_a_table_without_labels_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LogError, match=message) as error:
        read_labels(path)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("score", ["uf1", "uar"])
def test_the_t_test_of_pseudo_values_is_about_uniform_where_the_systems_are_equal(samples, score):
    found = []
    for seed in range(200):
        both = [system(*samples, 0.5, 2 * seed + side) for side in (0, 1)]
        values = pseudo_values(np.stack([subject_matrices(side, 3)[1] for side in both]))[score]
        found.append(paired_t(*values)[1])
    assert scipy_stats.kstest(found, "uniform").pvalue > 0.01
