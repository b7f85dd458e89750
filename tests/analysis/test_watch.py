"""What one pass over an input writes: a row for every frame and face, a summary, the annotated video."""

import json

import av
import numpy as np
import pytest

import fleeting
from fleeting.analysis.frame_tables import COLUMNS
from fleeting.analysis.overlay import drawn
from fleeting.analysis.watch import watch
from fleeting.errors import OptionError, VideoError
from fleeting.faces.tracking import FaceTracker, main_face
from fleeting.video.writer import VideoWriter
from tests.fixtures.films import film
from tests.fixtures.portraits import lit, photograph, placed, scene
from tests.fixtures.tables import rows


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """One face, two, a dark one, none: with a gap in its times."""
    both = scene(("hopper", 180, 240), ("astronaut", 470, 240))
    images = [*[scene(("hopper", 180, 240))] * 4, *[both] * 16, *[lit(both, 0.1)] * 5, *[scene()] * 5]
    times = [number / 30 + (1 if number > 20 else 0) for number in range(len(images))]
    return film(tmp_path_factory.mktemp("story") / "story.mp4", images, times)


@pytest.fixture(scope="module")
def watched(story, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "new" / "folder"
    return watch(story, out, overlay=True), out


def test_one_row_for_every_frame(watched):
    facts, out = watched
    table = rows(out / "frames.csv")
    assert tuple(table[0]) == COLUMNS
    assert [int(row["frame"]) for row in table] == list(range(30))
    assert facts.frames_decoded == 30
    times = [float(row["time_s"]) for row in table]
    np.testing.assert_allclose(times[:3], [0, 1 / 30, 2 / 30], atol=1e-4)
    assert times[21] - times[20] > 1
    assert [row["reason"] for row in table[25:]] == ["no face"] * 5
    assert all(row["face"] == row["x"] == row["quality"] == "" and row["faces"] == "0" for row in table[25:])
    assert {row["motion"] for row in table} == {""}


def test_one_row_for_every_face(watched):
    facts, out = watched
    frames, faces = rows(out / "frames.csv"), rows(out / "faces.csv")
    assert tuple(faces[0]) == COLUMNS
    assert len(faces) == sum(int(row["faces"]) for row in frames)
    assert {row["faces"] for row in frames} == {"0", "1", "2"}
    assert {row["face"] for row in frames[:25]} == {"0"}
    assert all(row in faces for row in frames[:25])
    assert facts.frames_with_face == 25
    assert facts.frames_usable == 20
    assert all(row["reason"].startswith("too dark") for row in frames[20:25])
    x, width = float(frames[0]["x"]), float(frames[0]["width"])
    assert abs(x + width / 2 - 180) < 25


def test_the_summary_is_what_was_returned(watched):
    facts, out = watched
    summary = json.loads((out / "summary.json").read_text())
    assert json.loads(json.dumps(facts.as_dict())).items() <= summary.items()
    assert (summary["purpose"], summary["input"]["file"]) == ("faces", "story.mp4")
    assert summary["files"].keys() == {path.name for path in out.iterdir()}
    assert summary["version"] == fleeting.__version__
    assert summary["variable_frame_rate"] is False
    assert summary["settings"]["every"] == 0.5
    assert any("40 ms" in warning for warning in summary["warnings"])


def test_the_overlay_plays_with_the_same_times(watched, story):
    _, out = watched
    with av.open(str(out / "overlay.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        shown = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(stream)]
    with av.open(str(story)) as file:
        taken = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    np.testing.assert_allclose([t for t, _ in shown], [t for t, _ in taken], atol=1e-3)
    changed = [np.abs(a.astype(int) - b).max() for (_, a), (_, b) in zip(shown, taken, strict=True)]
    assert min(changed[:25]) > 60
    assert max(changed[25:]) < 30


def test_nothing_else_is_left(watched):
    _, out = watched
    assert {path.name for path in out.iterdir()} == {"frames.csv", "faces.csv", "summary.json", "overlay.mp4"}


def test_the_same_again(story, watched, tmp_path):
    watch(story, tmp_path)
    for name in ("frames.csv", "faces.csv"):
        assert (tmp_path / name).read_bytes() == (watched[1] / name).read_bytes()
    assert not (tmp_path / "overlay.mp4").exists()


def test_a_part_of_it(story, tmp_path):
    told = []
    facts = watch(story, tmp_path, start=0.2, end=0.4, progress=lambda *said: told.append(said))
    table = rows(tmp_path / "frames.csv")
    assert [int(row["frame"]) for row in table] == list(range(6, 12))
    assert facts.frames_decoded == 6
    assert told == [("watching", done, 30) for done in range(1, 7)]


def test_an_interruption_leaves_what_was_there(story, tmp_path):
    watch(story, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def stop(_what, done, _of):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(story, tmp_path, overlay=True, progress=stop)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_no_video_leaves_nothing(tmp_path):
    source = tmp_path / "a.mp4"
    source.write_bytes(b"nothing of the kind")
    with pytest.raises(VideoError):
        watch(source, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_part_that_is_not_there_leaves_nothing(story, tmp_path):
    with pytest.raises(VideoError):
        watch(story, tmp_path, overlay=True, start=100)
    assert not list(tmp_path.glob("*"))


def test_a_file_is_no_folder(story, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OptionError, match="is a file, expected a folder"):
        watch(story, tmp_path / "out")


def test_the_main_face_is_the_largest_usable_and_steady():
    tracker = FaceTracker()
    large, small = scene(("hopper", 180, 240)), scene(("astronaut", 470, 240))
    both = scene(("hopper", 180, 240), ("astronaut", 470, 240))
    (first,) = tracker.push(large)
    for _ in range(15):
        faces = tracker.push(both)
    assert len(faces) == 2
    one, other = faces
    assert main_face(faces, None).measures.size == max(face.measures.size for face in faces)
    assert main_face(faces, first) is one
    assert main_face(faces, other) is other  # not a quarter smaller
    assert main_face([other], first) is other
    assert main_face([], first) is None
    dark = both.copy()
    dark[:, :320] = lit(both, 0.1)[:, :320]
    unusable, usable = tracker.push(dark)
    assert unusable.reason.startswith("too dark")
    assert main_face([unusable, usable], one) is usable
    assert main_face([unusable], usable) is unusable
    assert not FaceTracker().push(small)[0].reason


def test_a_much_larger_face_becomes_the_main_one():
    near, far = photograph("hopper"), placed(photograph("hopper"), scale=0.4)
    (small,), (large,) = FaceTracker().push(far), FaceTracker().push(near)
    large = type(large)(1, large.score, large.mesh, large.measures)
    assert main_face([small, large], small) is large


def test_what_is_drawn_stays_readable_and_leaves_the_frame_alone():
    image = photograph("hopper")[80:380, 60:390][::2, ::2].copy()
    before = image.copy()
    faces = FaceTracker().push(image)
    picture = drawn(image, faces)
    assert picture.shape == (450, 495, 3)
    assert np.array_equal(image, before)
    assert np.array_equal(drawn(before, faces), picture)
    assert not np.array_equal(drawn(image, ()), picture)


def test_a_film_has_even_sides_and_takes_other_sizes(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as written:
        for number, size in enumerate([(61, 81), (61, 81), (30, 40)]):
            written.add(np.full((*size, 3), 40 * number, np.uint8), 5 + number / 10)
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = [(frame.time, frame.width, frame.height) for frame in file.decode(video=0)]
    assert [size for _, *size in frames] == [[80, 60]] * 3
    np.testing.assert_allclose([time for time, *_ in frames], [0, 0.1, 0.2], atol=1e-3)


def test_a_real_video_with_and_without_a_face(shared, tmp_path):
    facts = watch(shared / "videos" / "pyfeat_face_noface.mov", tmp_path, start=2, end=3)
    table = rows(tmp_path / "frames.csv")
    assert facts.frames_with_face == facts.frames_usable == 72 - int(table[0]["frame"])
    assert [row["reason"] for row in table] == ["" if int(row["frame"]) < 72 else "no face" for row in table]


def test_the_largest_faces_are_followed_and_the_others_are_said(story, tmp_path):
    alone = watch(story, tmp_path, people=1)
    assert {row["faces"] for row in rows(tmp_path / "frames.csv")} <= {"0", "1"}
    assert any("up to one more face was in the picture and not followed" in text for text in alone.warnings)
    assert alone.settings["most"] == 1


def test_all_who_are_followed_need_no_warning(watched):
    facts, _ = watched
    assert not any("not followed" in warning for warning in facts.warnings)
