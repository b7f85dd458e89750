"""A stranger's way: six videos and a table typed by hand, from `init` to a report and to spotting."""

import json
from pathlib import Path

import pytest

from fleeting.drawing import identity
from fleeting.drawing.rendering import write_video
from fleeting.drawing.script import script_of_clip
from tests.fixtures.command import typed

pytestmark = pytest.mark.slow

LABELS = ("negative", "positive")
MISTYPED = """Datei;file;Subject;onset_s;Apex s;Offset (s);Emotion;Bemerkung
1;take 1;P1;{0[0]};;{0[1]};Negative;
2;C:\\Users\\me\\Desktop\\take 2.mp4;P1;{1[0]};;{1[1]};positive;schön
3;take 3.mp4;P2;{2[0]};;{2[1]};negative ;
4;tak 4.mp4;P2;{3[0]};;{3[1]};positive;
5;take 5.mp4;;{4[0]};;{4[1]};negative;
6;take 6.mp4;P3;{5[1]};;{5[0]};positive;
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """Six videos of three drawn people, and onset and offset of each as a German types seconds."""
    root = tmp_path_factory.mktemp("own")
    spans = []
    for number in range(6):
        script = script_of_clip(
            identity(number // 2 + 1, 0), LABELS[number % 2], number, 30, margin=0.6, amplitude=1.5
        )
        write_video(script, root / f"take {number + 1}.mp4")
        (event,) = script.events
        first, last = event.onset_frame, max(event.offset_frame, event.onset_frame + 3)
        spans.append(tuple(f"{frame / 30:.2f}".replace(".", ",") for frame in (first, last)))
    return root, spans


def test_from_videos_to_a_report(own, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "cache"))
    root, spans = own
    status, out, _ = typed(capsys, "init", root)
    assert status == 0
    assert "6 rows of 6 recordings" in out
    assert "frames of a video count from 0" in out

    (root / "clips.csv").write_bytes(MISTYPED.format(*spans).encode("cp1252"))
    status, out, _ = typed(capsys, "check", "clips", root)
    assert status == 1
    assert "row 5 of clips.csv, column file (B5): found 'tak 4.mp4'" in out
    assert "did you mean 'take 4.mp4'?" in out
    assert "row 6 of clips.csv, column subject (C6): found nothing" in out
    assert (
        f"row 7 of clips.csv, column offset_s (F7): found {spans[5][0]} s, which is before the onset" in out
    )
    assert "was read as cp1252" in out

    status, _, err = typed(
        capsys, "run", "clips/linear-flow", "--data", f"clips={root}", "--out", tmp_path / "no"
    )
    assert status == 2
    assert err.startswith("fleeting: clips/")
    assert not (tmp_path / "no").exists()

    text = MISTYPED.format(*spans).replace("tak 4", "take 4").replace("take 5.mp4;;", "take 5.mp4;P3;")
    text = text.replace(f"P3;{spans[5][1]};;{spans[5][0]}", f"P3;{spans[5][0]};;{spans[5][1]}")
    (root / "clips.csv").write_text(text, encoding="utf-8")
    status, out, _ = typed(capsys, "check", "clips", root)
    assert (status, out.splitlines()[0]) == (
        0,
        "clips: 6 clips of 3 subjects (Negative 1, negative 2, positive 3)",
    )
    assert "negative (3 clips, written Negative, negative)" in out
    assert out.endswith("no problems\n")

    status, out, _ = typed(
        capsys, "run", "clips/linear-flow", "--data", f"clips={root}", "--out", tmp_path / "run"
    )
    assert status == 0
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["clean"]["n"] == 6
    assert scores["apex"] == "annotated-or-flow"
    status, out, _ = typed(capsys, "report", tmp_path / "run")
    assert status == 0
    assert Path(out.strip()).exists()


def test_its_videos_are_spotted_and_scored(own, capsys, tmp_path):
    root, _ = own
    (root / "clips.csv").write_text(
        "file,subject,onset,offset,label\ntake 1.mp4,P1,18,24,negative\ntake 2.mp4,P1,,,\n", encoding="utf-8"
    )
    status, _, err = typed(capsys, "spot", "clips", root, "--out", tmp_path / "spots")
    assert status == 0, err
    scores = json.loads((tmp_path / "spots" / "scores.json").read_text())
    assert scores["macro"] is None
    assert set(scores["per_video"]) == {"take 1.mp4", "take 2.mp4"}
    truth = (tmp_path / "spots" / "truth.csv").read_text().splitlines()
    assert truth[1] == "take 1.mp4,18,24,negative,micro"
    assert truth[2].startswith("take 2.mp4,,")
