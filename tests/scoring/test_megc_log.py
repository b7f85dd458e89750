"""MEGC's text log of predictions: read, written, and refused in one line where it is none."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleeting import megc_names
from fleeting.datasets import datasets
from fleeting.errors import LogError, ScoreError, UnknownNameError
from fleeting.scoring.megc_log import MEGC_CLASSES, read, score_log, write
from fleeting.scoring.metrics import over_seeds, score
from fleeting.scoring.null import read_labels
from fleeting.scoring.predictions import predictions_csv
from fleeting.types import Prediction

MEGC = """casme2 sub01
EP02_01f 1 1
EP19_05f 0 0
smic s03
s03_ne_01 0 2
s03_sur_01 2 2
"""
PRINTED = """Subject: 006
Predicted   : [0, 0, 1]
Ground Truth: [0, 0, 2]
UF1: 0.51 | UAR: nan
Subject: s01
Ground Truth: [1, 0]
Predicted   : [1, 2]
UF1: 0.6 | UAR: 0.5
Subject: sub17
Predicted   : [2]
Ground Truth: [2]
Final Evaluation:
UF1: 0.7 | UAR: 0.7
"""
WORDS = """casme2 sub01
EP02_01f happiness disgust
EP03_02f Disgust disgust
mine p1
a others happiness
b surprise surprise
"""
# What the authors' own STSTNet log adds up to (rows the truth); printed: UF1 0.7353, UAR 0.7605.
STSTNET = ((219, 22, 9), (40, 62, 7), (21, 3, 59))


@pytest.fixture(name="log")
def _log(tmp_path):
    def of(text):
        path = tmp_path / "log.txt"
        path.write_bytes(text.encode())
        return path

    return of


def triples(found):
    return [(p.id, p.truth, p.predicted) for p in found.predictions]


def log_of(matrix):
    """A log with as many clips in each cell as the matrix says, over ten subjects."""
    cells = [(t, p) for t, row in enumerate(matrix) for p, count in enumerate(row) for _ in range(count)]
    folds = {s: cells[s::10] for s in range(10)}
    lines = [
        [f"samm {s:03}", *(f"c{i} {t} {p}" for i, (t, p) in enumerate(fold))] for s, fold in folds.items()
    ]
    return "\n".join(line for fold in lines for line in fold)


def test_megcs_own_form(log):
    found = read(log(MEGC))
    assert triples(found) == [
        ("casme2/sub01/EP02_01f", 1, 1),
        ("casme2/sub01/EP19_05f", 0, 0),
        ("smic/s03/s03_ne_01", 0, 2),
        ("smic/s03/s03_sur_01", 2, 2),
    ]
    assert found.predictions[2].dataset == "smic"
    assert found.predictions[2].subject == found.predictions[2].fold == "smic/s03"
    assert found.predictions[2].probabilities == (0, 0, 1)
    assert (found.classes, found.notes) == (MEGC_CLASSES, ())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace(" ", ", ").replace("\n", ",\n"),
        lambda text: "\n\n  " + text.replace("\n", "  \n\n").replace(" ", "   "),
        lambda text: text.rstrip("\n"),
        lambda text: text + "Final Evaluation:\nUF1: 0.7353 | UAR: 0.7605\n",
        lambda text: text + "Accuracy: 0.5\nAcc: 0.5\nF1: 0.5\nF1-score : 0.5\nWAR: 50 %\n",
        lambda text: text.replace("casme2 sub01", "CASMEII 1").replace("smic s03", "SMIC 3"),
        lambda text: text.replace("smic s03", "smic s3").replace("s03_", "s3_"),
        lambda text: text.replace("0 0", "negative negative").replace("1 1", "Positive positive")
        .replace("0 2", "negative SURPRISE").replace("2 2", "surprise surprise"),
        lambda text: text.replace("0 0", "1 1").replace("01f 1 1", "01f 2 2", 1)
        .replace("0 2", "1 3").replace("sur_01 2 2", "sur_01 3 3"),
    ],
)  # fmt: skip
def test_the_same_log_written_otherwise(log, change):
    assert triples(read(log(change(MEGC)))) == triples(read(log(MEGC)))


def test_labels_that_count_from_one_are_shifted_with_a_note_only_if_a_3_occurs(log):
    found = read(log("smic s1\na 1 3\nb 2 2\n"))
    assert [(p.truth, p.predicted) for p in found.predictions] == [(0, 2), (1, 1)]
    assert found.notes == ("labels run from 1 to 3 without a 0: taken as counted from 1",)
    assert score_log(log("smic s1\na 1 3\nsmic s2\nb 2 2\nc 3 3\n"))[1] == found.notes
    assert [p.truth for p in read(log("smic s1\na 1 2\n")).predictions] == [1]
    more = read(log("samm 7\na 0 4\nb 3 3\n"))
    assert (more.classes[-1], len(more.classes), more.notes) == ("class 4", 5, ())


def test_a_fold_may_come_again_and_names_may_hold_blanks(log):
    found = read(log("smic 20\na 0 1\nsmic 20\nb c 2 2\nCAS(ME)^3 spNO.1 x\nd 0 0\nmine p1\ne 1 1\n"))
    assert [p.id for p in found.predictions] == [
        "smic/s20/a",
        "smic/s20/b c",
        "CAS(ME)^3/spNO.1 x/d",
        "mine/p1/e",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EP02 1 1\n", "log.txt, line 1: found 'EP02 1 1', expected a line '<database> <subject>' before"),
        ("smic s1\na 1 x\n", "line 2: found 'a 1 x', expected '<database> <subject>' or '<clip> <truth>"),
        ("smic s1\na 0 1\nEP02_01f 1\n", "line 3: found 'EP02_01f 1'"),
        ("smic s1\na 0 1\nAverage: 0.71\n", "line 3: found 'Average: 0.71'"),
        ("smic s1\na 0 0.71\n", "line 2: found 'a 0 0.71'"),
        ("smic s1\na 0 1\n\na 0 1\n", "line 4: found 'a', expected each clip once; smic/s01 has it already"),
        ("smic s1\nsmic s2\na 0 1\n", "line 1: found 'smic s1', expected clips below it"),
        ("smic s1\na 0 1\nsmic s2\n", "line 3: found 'smic s2', expected clips"),
        ("smic s1\na 0 positive\n", "some labels are numbers and some names"),
        (" \n,\n", "holds nothing"),
        (PRINTED.replace("[0, 0, 2]", "[0, 0]"), "line 1: found '3 predicted, 2 true'"),
        (PRINTED.replace("Ground Truth: [2]\n", ""), "line 9: found 'subject', expected 'Subject:', then"),
        (PRINTED.replace("[2]", "[]"), "line 9: found 'subject', expected 'Subject:', then"),
        (PRINTED.replace("[2]", "[x]", 1), "line 9: found 'x', expected only labels such as 0, 1, 2"),
        (PRINTED + "done\n", "line 14: found 'done'"),
        (PRINTED + PRINTED, "found '006#1', expected each clip once; samm/006 has it already"),
        (
            "smic s1\ns1_ne_01 0 0\nsmic s01\ns01_ne_01 0 0\n",
            "line 4: found 's01_ne_01', expected each clip once",
        ),
        ("samm 6\na 0 0\nSAMM 006\na 0 0\n", "line 4: found 'a', expected each clip once; samm/006 has it"),
        ("casme2 1\na 0 0\nCASMEII sub01\na 0 0\n", "expected each clip once; casme2/sub01 has it already"),
        (
            PRINTED + "Subject: 6\nPredicted: [1]\nGround Truth: [1]\n",
            "found '006#1', expected each clip once",
        ),
        (WORDS + "EP07 happiness\n", "line 7: found 'EP07 happiness', expected '<database> <subject>' or"),
        (
            WORDS + "casme2 happiness disgust\n",
            "line 7: found 'casme2 happiness disgust', expected a clip, or",
        ),
        (WORDS + "casme2 sub03 happiness\n", "line 7: found 'casme2 sub03 happiness'"),
        (WORDS + "a b happiness disgust\n", "line 7: found 'a b happiness disgust'"),
        (WORDS + "EP07 happiness 1\n", "line 7: found 'EP07 happiness 1'"),
        (WORDS + "EP07 1 1\n", "line 2: found 'EP02_01f happiness disgust'"),
        (
            "EP02_01f happiness disgust\n",
            "line 1: found 'EP02_01f happiness disgust', expected a line '<data",
        ),
        ("id,dataset,subject,truth\n", "line 1: found 'id,dataset,subject,truth', expected the columns id,"),
        ("id,dataset,subject,fold,truth,predicted\n", "expected the columns id,"),
        (
            "id,dataset,subject,fold,truth,predicted,p_0\nx,d,d/1,1,1,0,1\n",
            "line 2: x: truth is class 1 and there are 1 probabilities",
        ),
        ("id,dataset,subject,fold,truth,predicted,p_0\nx,d,d/1,1,zero,0,1\n", "line 2: invalid literal"),
        ("id,dataset,subject,fold,truth,predicted,p_0\nx,d,d/1,1,0,0\n", "line 2: found 'x,d,d/1,1,0,0'"),
    ],
)
def test_what_is_no_log_is_refused_in_one_line_that_names_it(log, text, message):
    with pytest.raises(LogError) as error:
        read(log(text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_labels_may_be_words_of_the_logs_own(log):
    found = read(log(WORDS))
    assert found.classes == ("disgust", "happiness", "others", "surprise")
    assert triples(found) == [
        ("casme2/sub01/EP02_01f", 1, 0),
        ("casme2/sub01/EP03_02f", 0, 0),
        ("mine/p1/a", 2, 1),
        ("mine/p1/b", 3, 3),
    ]
    assert found.notes == ("labels are words, read as the 4 classes disgust, happiness, others, surprise",)
    assert triples(read(log(WORDS + "CAS(ME)^3 spNO.1 x\nc fear-like fear-like\nAccuracy: 0.5\n")))[4:] == [
        ("CAS(ME)^3/spNO.1 x/c", 1, 1)
    ]
    assert triples(read(log("mmew happy face\na 0 1\n"))) == [("mmew/happy face/a", 0, 1)]


def test_people_come_out_as_megc_spells_them(log):
    text = "samm 6\n006_1_2 0 0\n6_1_3 0 0\ncasme2 1\n1_a 0 0\nsmic s1\ns1_ne_01 0 0\n"
    text += "mmew 1\na 0 0\nsmic xyz\na 0 0\n"
    assert [p.id for p in read(log(text)).predictions] == [
        "samm/006/006_1_2",
        "samm/006/006_1_3",
        "casme2/sub01/1_a",
        "smic/s01/s01_ne_01",
        "mmew/1/a",
        "smic/xyz/a",
    ]
    assert [p.id for p in read(log(PRINTED.replace("s01", "s1"))).predictions][3:5] == [
        "smic/s01/s01#1",
        "smic/s01/s01#2",
    ]


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(LogError, match="cannot be read"):
        read(tmp_path / "nowhere.txt")
    with pytest.raises(LogError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "latin").write_bytes(b"smic s1\nM\xfcller 0 1\n")
    with pytest.raises(LogError, match="byte 9 is not UTF-8"):
        read(tmp_path / "latin")


def test_the_form_that_training_code_prints(log):
    assert triples(read(log(PRINTED))) == [
        ("samm/006/006#1", 0, 0),
        ("samm/006/006#2", 0, 0),
        ("samm/006/006#3", 2, 1),
        ("smic/s01/s01#1", 1, 1),
        ("smic/s01/s01#2", 0, 2),
        ("casme2/sub17/sub17#1", 2, 2),
    ]
    assert read(log(PRINTED)).notes == ("each subject's database is guessed from its name",)
    assert read(log(PRINTED.replace("006", "spNO.1"))).predictions[0].dataset == "unknown"


lines = st.lists(st.sampled_from([*MEGC.split("\n"), *PRINTED.split("\n"), "id,dataset,subject", ',"', ""]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(), st.text(" \t\n,;:01a\u00a0[]\"'"), lines.map("\n".join)))
def test_whatever_a_file_holds_it_is_read_or_refused(log, text):
    for reader in (read, read_labels):
        with suppress(LogError):
            reader(log(text))


def test_our_predictions_keep_their_probabilities(log):
    text = "id,dataset,subject,fold,truth,predicted,p_0,p_1,p_2\nsmic/s1/a,smic,smic/s1,s1,2,1,0.1,0.7,0.2\n"
    found = read(log(text))
    assert found.predictions == (Prediction("smic/s1/a", "smic", "smic/s1", "s1", 2, 1, (0.1, 0.7, 0.2)),)
    assert found.classes == MEGC_CLASSES


def test_our_predictions_of_several_seeds_are_scored_seed_by_seed(log):
    rng = np.random.default_rng(0)
    runs = [
        [
            Prediction(
                f"d/{i % 5}/{i}", "d", f"d/{i % 5}", "f", i % 3, int(p), tuple(map(float, np.eye(3)[p]))
            )
            for i, p in enumerate(rng.integers(0, 3, 30))
        ]
        for _ in range(3)
    ]
    path = log(
        predictions_csv([p for run in runs for p in run], [seed for seed in (10, 2, 3) for _ in range(30)])
    )
    found = read(path)
    assert [len(seed) for seed in found.seeds] == [30, 30, 30]
    assert {p.id: p for p in found.predictions} == {p.id: p for p in runs[1]}  # seed 2 before seed 10
    scores, notes = score_log(path, draws=50)
    expected = over_seeds([runs[1], runs[2], runs[0]], MEGC_CLASSES, draws=50)
    assert scores.as_dict() == expected.as_dict()
    assert notes == ("3 seeds; every score is the mean over them",)
    subjects, labels, _ = read_labels(path)
    assert (len(subjects), np.bincount(labels).tolist()) == (30, [10, 10, 10])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["x,d,d/1,f,0,0,1,7", "x,d,d/1,f,0,0,1,7"],
            "line 3: found 'x,d,d/1,f,0,0,1,7', expected each id once for",
        ),
        (["x,d,d/1,f,0,0,1,one"], "line 2: invalid literal for int"),
        (["x,d,d/1,f,0,0,1"], "line 2: found 'x,d,d/1,f,0,0,1', expected 8 columns"),
    ],
)
def test_damaged_predictions_of_several_seeds_are_refused(log, rows, message):
    with pytest.raises(LogError, match=message):
        read(log("\n".join(["id,dataset,subject,fold,truth,predicted,p_0,seed", *rows])))


def test_seeds_over_other_samples_are_refused(log):
    text = "id,dataset,subject,fold,truth,predicted,p_0,seed\nx,d,d/1,f,0,0,1,0\ny,d,d/1,f,0,0,1,1\n"
    with pytest.raises(ScoreError, match="x, y predicted on one side only"):
        score_log(log(text))


def spelt(row):
    """As MEGC spells the person, and the clip if it begins with one."""
    subject = megc_names.person(row[0], str(row[1]))
    return row[0], subject, megc_names.clip(row[0], subject, row[2])


word = st.text("abcXYZ0129_.-#", min_size=1, max_size=8)
rows = st.dictionaries(
    st.one_of(
        st.tuples(st.sampled_from(["casme3", "mmew", "drawn", "casme-sq"]), word, word),
        st.tuples(st.sampled_from(["casme2", "smic", "samm"]), st.integers(0, 40), word).map(spelt),
    ),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    min_size=1,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows)
def test_what_is_written_reads_back(log, rows):
    rows = {**rows, ("smic", "s00", "zero"): (0, 0)}  # with a 0, labels never count from 1
    hot = [tuple(float(i == p) for i in range(3)) for _, p in rows.values()]
    predictions = {
        f"{d}/{s}/{c}": Prediction(f"{d}/{s}/{c}", d, f"{d}/{s}", f"{d}/{s}", t, p, chances)
        for ((d, s, c), (t, p)), chances in zip(rows.items(), hot, strict=True)
    }
    found = read(log(write(predictions.values())))
    assert {p.id: p for p in found.predictions} == predictions
    assert write(found.predictions) == write(read(log(write(found.predictions))).predictions)


def test_a_written_log_has_one_fold_a_subject_and_no_blank_in_a_name():
    predictions = [
        Prediction("samm/006/a b", "samm", "samm/006", "1", 0, 1, (0.5, 0.5)),
        Prediction("smic/s1/x,y", "smic", "smic/s1", "1", 0, 0, (0.5, 0.5)),
        Prediction("samm/006/c#3", "samm", "samm/006", "2", 1, 1, (0.5, 0.5)),
    ]
    assert write(predictions) == "samm 006\na_b 0 1\nc#3 1 1\nsmic s1\nx_y 0 0\n"


def test_a_score_from_a_log_is_the_score_of_its_predictions(log):
    path = log(log_of(STSTNET))
    scores, warnings = score_log(path, draws=50)
    assert scores == score(read(path).predictions, MEGC_CLASSES, draws=50)
    assert (scores.n, scores.confusion, warnings) == (442, STSTNET, ())


@pytest.mark.parametrize(
    "claim",
    [
        {"uf1": 0.7353, "uar": 0.7186},
        {"uf1": 0.735, "uar": 0.72},
        {"uar": 71.86},
        {"accuracy": 0.769, "precision": 0.7605},
        {},
        None,
    ],
)
def test_a_claim_that_fits_raises_no_doubt(log, claim):
    assert score_log(log(log_of(STSTNET)), claim, draws=0)[1] == ()


def test_a_claim_that_fits_only_with_truth_and_prediction_exchanged(log):
    _, (warning,) = score_log(log(log_of(STSTNET)), {"uf1": 0.7353, "uar": 0.7605}, draws=0)
    assert warning == (
        "the claimed UF1 0.7353, UAR 0.7605 fits only with truth and prediction exchanged:"
        " as written the log gives UF1 0.7353, UAR 0.7186, exchanged UF1 0.7353, UAR 0.7605;"
        " what is claimed as UAR is macro precision"
    )
    turned = tuple(zip(*STSTNET, strict=True))
    assert "exchanged" in score_log(log(log_of(turned)), {"uar": 0.7186}, draws=0)[1][0]


def test_a_claim_that_fits_neither_way_names_the_differences(log):
    _, (warning,) = score_log(log(log_of(STSTNET)), {"uf1": 0.8, "uar": 0.7605}, draws=0)
    assert warning.startswith("the claimed UF1 0.8000, UAR 0.7605 does not fit: the log gives UF1 0.7353")
    assert "off by UF1 +0.0647, UAR +0.0419" in warning


def test_claims_that_mean_nothing_are_refused(log):
    with pytest.raises(UnknownNameError, match="did you mean 'uf1'"):
        score_log(log(log_of(STSTNET)), {"uf": 0.7})
    with pytest.raises(ScoreError, match="the claimed uf1 is -1"):
        score_log(log(log_of(STSTNET)), {"uf1": -1})


def test_a_log_without_a_class_is_refused(log):
    with pytest.raises(ScoreError, match="no sample of surprise"):
        score_log(log("smic s1\na 0 1\nb 1 2\n"))


def test_the_organisers_list_as_a_log_reads_back(log, shared):
    rows = (shared / "megc2019-flow" / "combined_3class_gt.csv").read_text().split()
    folds = [row.split(",") for row in rows]
    text = "".join(f"{d} {s}\n{c} {label} {label}\n" for d, s, c, label in folds)
    scores, _ = score_log(log(text), {"uf1": 1.0, "uar": 100}, draws=0)
    assert (scores.n, scores.uf1) == (442, 1.0)
    listed = datasets["megc2019-flow"].samples(shared / "megc2019-flow")
    assert {p.id: p.subject for p in read(log(text)).predictions} == {s.id: s.subject for s in listed}
    counts = {name: [c.support for c in part.per_class] for name, part in scores.parts.items()}
    assert counts == {"casme2": [88, 32, 25], "samm": [92, 26, 15], "smic": [70, 51, 43]}
