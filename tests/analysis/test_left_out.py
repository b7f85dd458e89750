"""What of a video was not looked at is said in its warnings, its tables and its report."""

import numpy as np
import pytest

from fleeting.analysis.analyze import analyze
from tests.fixtures.films import film
from tests.fixtures.portraits import lit, photograph, placed, scene
from tests.fixtures.tables import rows


@pytest.mark.slow
def test_cuts_are_counted_and_what_cannot_be_judged_is_said(tmp_path):
    rng = np.random.default_rng(0)

    def swaying(name, count):
        turned = [placed(photograph(name), turn=np.sin(i / 30), size=(512, 600)) for i in range(count)]
        return [np.clip(p + rng.normal(0, 2, p.shape), 0, 255).astype(np.uint8) for p in turned]

    pictures = [*swaying("astronaut", 20), *swaying("hopper", 40)]
    pictures[44:] = [lit(picture, 1.25) for picture in pictures[44:]]
    (one,) = analyze(film(tmp_path / "a.mp4", pictures), tmp_path / "out", model=None).done
    assert one.summary["cuts"] == 1
    assert any(text.startswith("a cut was found") for text in one.summary["warnings"])
    assert any("cannot be judged: the light changed" in text for text in one.summary["warnings"])
    faces = rows(one.folder / "frames.csv")
    assert [faces[i]["face"] for i in (10, 40)] == ["0", "1"]
    assert any(row["reason"] == "cut: the picture is another one from frame 20 on" for row in faces)
    assert "light changed" in (one.folder / "report.html").read_text(encoding="utf-8")


def test_faces_that_are_not_followed_are_said(tmp_path):
    both = scene(("hopper", 180, 240), ("astronaut", 470, 240))
    (one,) = analyze(film(tmp_path / "a.mp4", [both] * 6), tmp_path / "out", model=None, people=1).done
    (text,) = [text for text in one.summary["warnings"] if "followed" in text]
    assert text.startswith("up to one more face was in the picture and not followed: the largest is")
    assert "--people" in text
