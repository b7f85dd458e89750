"""Videos in, folders of results out; what is written is read back with other people's programs."""

import base64
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from pympi import Elan

from fleeting.analysis.analyze import analyze
from fleeting.analysis.event_files import COLUMNS, LAST
from fleeting.analysis.frame_tables import COLUMNS as FRAME_COLUMNS
from fleeting.analysis.motion_curves import clock
from fleeting.analysis.result_folder import FORMATS
from fleeting.analysis.result_names import placed
from fleeting.analysis.video_files import video_files
from fleeting.errors import OptionError, UnknownNameError, VideoError, WeightsError
from fleeting.faces.networks import detect
from fleeting.faces.tracking import find_face
from fleeting.spotting import DEFAULT
from fleeting.spotting.matched import Matched
from fleeting.video.reader import open_video
from tests.fixtures.command import typed
from tests.fixtures.films import film
from tests.fixtures.short_video import SCRIPT, drawn_video, overlap
from tests.fixtures.tables import rows

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

ALL = tuple(FORMATS)
NAMES = {"summary.json", *(name for files in FORMATS.values() for name in files)}
KEYS = {
    *("frames_decoded", "frames_with_face", "fps", "variable_frame_rate", "duration_s", "events", "warnings"),
    *("candidates", "model", "weights_sha256", "version", "settings"),
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return drawn_video(tmp_path_factory.mktemp("videos") / "drawn.mp4")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A video without a face."""
    return film(tmp_path_factory.mktemp("empty") / "wall.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 9)


@pytest.fixture(scope="module")
def results(video, tmp_path_factory):
    (one,) = analyze(video, tmp_path_factory.mktemp("out"), formats=ALL).done
    return one


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_exactly_what_was_promised_is_there(results):
    assert results.folder.name == "drawn"
    assert {path.name for path in results.folder.iterdir()} == NAMES


def test_the_drawn_movement_is_in_every_file(results):
    (event,) = results.events
    assert overlap(event) > 0.5
    assert event.label == "surprise"
    (row,) = rows(results.folder / "events.csv")
    assert list(row)[: len(COLUMNS)] == list(COLUMNS)
    assert {name for name in row if name.startswith("p_")} == {"p_negative", "p_positive", "p_surprise"}
    assert (int(row["onset_frame"]), float(row["onset_s"])) == (event.onset_frame, event.onset_s)
    assert sum(float(row[name]) for name in row if name.startswith("p_")) == pytest.approx(1, abs=1e-5)
    elan = Elan.Eaf(str(results.folder / "events.eaf"))
    ((start, end, text),) = elan.get_annotation_data_for_tier("face 0 micro")
    assert (start, end, text) == (round(1000 * event.onset_s), round(1000 * event.offset_s), "event 1")
    ((_, _, label, _),) = elan.get_annotation_data_for_tier("face 0 micro class")
    assert label == ("unsure" if event.unsure else "surprise")
    ((apex, after, _),) = elan.get_annotation_data_for_tier("face 0 micro apex")
    assert apex == round(1000 * event.apex_s) < after
    media = results.folder / elan.media_descriptors[0]["RELATIVE_MEDIA_URL"]
    assert media.resolve() == results.source.resolve()


def test_units_has_a_row_for_each_face_of_each_frame(results):
    units, faces = rows(results.folder / "units.csv"), rows(results.folder / "faces.csv")
    names = ("frame", "time_s", "face", "reason")
    assert [[row[name] for name in names] for row in units] == [
        [row[name] for name in names] for row in faces
    ]
    values = [[float(row[name]) for name in row if name not in names] for row in units if not row["reason"]]
    assert len(values) > 0.9 * len(units)
    assert 0 <= np.min(values) <= np.max(values) <= 1


@pytest.mark.parametrize(("name", "sound_at"), [("late.mov", 0.0), ("late.mkv", 0.0), ("later.mkv", 3.0)])
def test_annotations_lie_where_a_player_shows_the_movement(video, results, tmp_path, name, sound_at):
    path = with_sound_from(video, tmp_path / name, sound_at, 1.2)
    (one,) = analyze(path, tmp_path / "out", formats=("elan", "html"), model=None).done
    (event,), (usual,) = one.events, results.events
    assert event.onset_s == pytest.approx(usual.onset_s + 1.2 + sound_at, abs=2e-3)
    elan = Elan.Eaf(str(one.folder / "events.eaf"))
    ((start, *_),) = elan.get_annotation_data_for_tier("face 0 micro")
    assert start == pytest.approx(1000 * (usual.onset_s + 1.2), abs=2)
    assert one.summary["container_start_s"] == pytest.approx(sound_at)
    shown = clock(event.onset_s - sound_at)
    assert f"movement at {shown}" in (one.folder / "report.html").read_text()


def test_a_recording_that_plays_slowly_is_annotated_where_it_plays(video, results, tmp_path):
    (one,) = analyze(video, tmp_path, fps=60, formats=("elan",), model=None).done
    assert one.summary["fps"] == pytest.approx(60)
    elan = Elan.Eaf(str(one.folder / "events.eaf"))
    for event in one.events:
        found = elan.get_annotation_data_for_tier(f"face 0 {event.kind}")
        assert round(1000 * event.onset_frame / 30) in {start for start, *_ in found}


def with_sound_from(video, path, sound_at, later):
    """The same video, ``later`` seconds after a sound that begins at ``sound_at`` seconds."""
    with av.open(str(video)) as source, av.open(str(path), "w") as file:
        pictures = source.streams.video[0]
        copied, sound = file.add_stream_from_template(pictures), file.add_stream("pcm_s16le", rate=8000)
        packets = [packet for packet in source.demux(pictures) if packet.dts is not None]
        shift = round((sound_at + later) / pictures.time_base)
        for packet in packets:
            packet.stream, packet.pts, packet.dts = copied, packet.pts + shift, packet.dts + shift
        for number in range(60):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
            frame.pts = round(8000 * sound_at) + 800 * number
            packets += sound.encode(frame)
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            file.mux(packet)
    return path


def test_every_frame_has_a_row_with_its_motion(results):
    table = rows(results.folder / "frames.csv")
    assert tuple(table[0]) == FRAME_COLUMNS
    assert [int(row["frame"]) for row in table] == list(range(SCRIPT.frames))
    moved = np.array([float(row["motion"]) for row in table])
    (event,) = results.events
    assert moved[event.onset_frame : event.offset_frame + 1].max() > 3 * np.median(moved)
    assert rows(results.folder / "faces.csv") == table  # one face


def test_the_summary_says_how_it_was_made(results):
    assert results.summary.keys() >= KEYS
    assert results.summary == json.loads((results.folder / "summary.json").read_text())
    assert results.summary["frames_decoded"] == results.summary["frames_with_face"] == SCRIPT.frames
    assert results.summary["events"] == 1
    assert results.summary["candidates"] == len(results.candidates)
    assert results.summary["settings"]["alarms_per_minute"] == 1.0
    assert results.summary["model"] == "megc2019-symmetric-flow"
    assert re.fullmatch("[0-9a-f]{64}", results.summary["weights_sha256"])
    assert any("40 ms" in warning for warning in results.summary["warnings"])


def test_the_annotated_video_plays_with_the_same_times(results):
    with av.open(str(results.folder / "annotated.mp4")) as shown, av.open(str(results.source)) as taken:
        pairs = zip(shown.decode(video=0), taken.decode(video=0), strict=True)
        assert max(abs(a.time - b.time) for a, b in pairs) < 1e-3


def faces_in(folder):
    """How many frames of the annotated video, and pictures of the report, show what is found to be a face."""
    with open_video(folder / "annotated.mp4") as film:
        frames = [frame.image for frame in film if frame.number % 10 == 0]
    page = (folder / "report.html").read_text()
    codes = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    stills = [np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))) for code in codes]
    padded = [np.pad(still, ((60, 60), (60, 60), (0, 0)), constant_values=128) for still in stills]
    found = [bool(find_face(image) or detect(image, 0.3)) for image in frames]
    found += [bool(find_face(image) or detect(image)) for image in padded]  # arrows on a sketch reach 0.4
    return len(frames), len(stills), sum(found)


def test_blur_covers_every_picture_of_a_face(results, video, tmp_path):
    (blurred,) = analyze(video, tmp_path, formats=ALL, blur=True).done
    frames, stills, shown = faces_in(results.folder)
    assert (frames, stills) == (17, 5)
    assert shown >= 20
    assert faces_in(blurred.folder) == (17, 1, 0)
    assert blurred.events == results.events


def test_a_video_without_a_face_is_no_failure(empty, tmp_path, capsys):
    status, out, err = typed(capsys, "analyze", empty, "--out", tmp_path)
    assert status == 0
    assert "no face, so no movement" in out
    assert "no face was found in any of 9 frames" in err
    assert rows(tmp_path / "wall" / "events.csv") == []
    assert (tmp_path / "wall" / "events.csv").read_text().startswith("event,face,kind")
    assert rows(tmp_path / "wall" / "faces.csv") == []
    assert len(rows(tmp_path / "wall" / "frames.csv")) == 9
    assert "No face was found" in (tmp_path / "wall" / "report.html").read_text()


def test_broken_inputs_do_not_stop_the_others(empty, tmp_path, capsys):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(empty, folder / "good.mp4")
    (folder / "bad.mp4").write_bytes(b"nothing of the kind")
    (folder / "none.mov").touch()
    picture = tmp_path / "face.png"
    Image.new("RGB", (20, 20)).save(picture)
    out = tmp_path / "out"
    status, said, err = typed(capsys, "analyze", folder, picture, tmp_path / "missing.mp4", "--out", out)
    assert status == 1
    assert said.count("\n") == 1
    assert [path.name for path in out.iterdir()] == ["good"]
    complaints = [line for line in err.splitlines() if "good.mp4" not in line]
    assert all(line.startswith("fleeting: ") for line in complaints)
    for name in ("bad.mp4", "none.mov", "face.png", "missing.mp4"):
        assert sum(name in line for line in complaints) == 1
    assert any("a single picture, and a movement needs time" in line for line in complaints)


def test_nothing_usable_is_refused(tmp_path, capsys):
    picture = tmp_path / "a.png"
    Image.new("RGB", (20, 20)).save(picture)
    (tmp_path / "b.mp4").touch()
    status, out, err = typed(capsys, "analyze", picture, tmp_path / "b.mp4", "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert "a.png" in err
    assert "b.mp4" in err
    assert not list(tmp_path.glob("out/*"))
    assert typed(capsys, "analyze", picture, "--out", tmp_path / "out")[0] == 2
    assert typed(capsys, "analyze", "--out", tmp_path / "out")[0] == 2
    with pytest.raises(VideoError, match=r"a\.png is a single picture"):
        analyze(picture, tmp_path / "out")


def test_one_frame_is_no_video(empty, tmp_path):
    one = film(tmp_path / "one.mp4", [np.zeros((64, 96, 3), np.uint8)])
    with pytest.raises(VideoError, match="shows one frame, and a movement needs time"):
        analyze(one, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"formats": ("html", "jsno")}, UnknownNameError, "did you mean 'json'"),
        ({"spotter": "match"}, UnknownNameError, "did you mean 'matched'"),
        ({"model": "megc2019-symmetric-flo"}, UnknownNameError, "did you mean 'megc2019-symmetric-flow'"),
        ({"model": __file__}, WeightsError, "no weights file"),
        ({"workers": 0}, OptionError, "workers is 0"),
        ({"executor": "proceses"}, UnknownNameError, "did you mean 'processes'"),
        ({"people": 0}, OptionError, "people is 0"),
        ({"alarms_per_minute": 0}, OptionError, "alarms_per_minute is 0, expected a number above 0"),
        ({"start": 2.0, "end": 1.0}, VideoError, "expected a start before the end"),
        ({"start": 100.0}, VideoError, "no frame from 100 s"),
    ],
)
def test_wrong_options_leave_nothing(empty, tmp_path, options, error, match):
    with pytest.raises(error, match=match):
        analyze(empty, tmp_path / "out", **options)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(("alarms", "listed"), [(0.5, False), (2.0, True)])
def test_what_is_too_unlikely_is_written_beside_the_events(video, tmp_path, monkeypatch, alarms, listed):
    class Unlikely(Matched):
        def point(self, alarms_per_minute):
            return 1 / (1 + alarms_per_minute)

        def finish(self):
            return [replace(one, likelihood=0.5) for one in super().finish()]

        def push(self, motion):
            return [replace(one, likelihood=0.5) for one in super().push(motion)]

    monkeypatch.setattr("fleeting.session.session.spotters", {DEFAULT: Unlikely})
    (one,) = analyze(video, tmp_path, alarms_per_minute=alarms).done
    (found,), none = (one.events, one.candidates) if listed else (one.candidates, one.events)
    assert none == ()
    assert overlap(found) > 0.5
    assert (found.number, found.likelihood, found.label) == (1, 0.5, "surprise" if listed else "")
    assert (one.summary["events"], one.summary["candidates"]) == (int(listed), int(not listed))
    (row,) = json.loads((one.folder / f"{'events' if listed else 'candidates'}.json").read_text())
    assert list(row) == [*COLUMNS, "p_negative", "p_positive", "p_surprise", *LAST, "doubt"]


def test_a_file_is_no_folder_to_write_to(empty, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(OptionError, match="is a file, expected a folder"):
        analyze(empty, tmp_path / "out")


def test_names_that_clash_are_kept_apart(tmp_path):
    for name in (
        "x/a.mp4",
        "x/A.mov",
        "y/a.mp4",
        "y/b.mp4",
        "z/.hidden.mp4",
        "z/deep/er/c.avi",
        "z/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found, failed = video_files([tmp_path / "x" / "a.mp4", tmp_path])
    assert not failed
    named = placed(tmp_path / "out", found)
    assert {item.name: str(item.source.relative_to(tmp_path)) for item in named} == {
        "a.mp4": "x/a.mp4",
        "A.mov": "x/A.mov",
        "a.mp4-2": "y/a.mp4",
        "b": "y/b.mp4",
        "c": "z/deep/er/c.avi",
    }


def test_folders_of_pictures_are_videos(tmp_path):
    for name in (
        "s1/p/1.png",
        "s1/p/2.png",
        "s2/p/1.jpg",
        "s2/p/.thumb.jpg",
        "mixed/a.mp4",
        "mixed/poster.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "void").mkdir()
    found, failed = video_files([tmp_path, tmp_path / "void"])
    assert {item.name: item.source for item in placed(tmp_path / "out", found)} == {
        "a": tmp_path / "mixed" / "a.mp4",
        "p": tmp_path / "s1" / "p",
        "p-2": tmp_path / "s2" / "p",
    }
    assert failed == [f"{tmp_path / 'void'} holds neither videos nor pictures; name a folder that does"]


def test_results_among_the_videos_are_not_taken_for_videos(empty, tmp_path):
    shutil.copy(empty, tmp_path / "wall.mp4")
    for _ in range(2):
        (one,) = analyze(tmp_path, tmp_path, formats=("video",)).done
        assert one.folder == tmp_path / "wall"


def test_a_folder_of_pictures_gives_the_videos_event(video, results, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    with open_video(video) as frames:
        for frame in frames:
            Image.fromarray(frame.image).save(folder / f"{frame.number}.png", compress_level=1)
    (one,) = analyze(folder, tmp_path / "out", fps=30, formats=("elan",)).done
    table = rows(one.folder / "frames.csv")
    assert list(table[0]) == [*FRAME_COLUMNS, "file"]
    assert [row["file"] for row in table] == [f"{number}.png" for number in range(SCRIPT.frames)]
    assert [e.onset_frame for e in one.events] == [e.onset_frame for e in results.events]
    assert one.events[0].label == results.events[0].label
    assert Elan.Eaf(str(one.folder / "events.eaf")).media_descriptors == []


def test_workers_write_the_same_bytes(video, results, empty, tmp_path):
    second = shutil.copy(video, tmp_path / "second.mp4")
    done = analyze([video, second, empty], tmp_path / "out", workers=2).done
    assert [one.folder.name for one in done] == ["drawn", "second", "wall"]
    (alone,) = analyze(second, tmp_path / "alone").done
    assert contents(done[1].folder) == contents(alone.folder)
    (again,) = analyze(video, results.folder.parent, formats=ALL).done
    assert contents(again.folder).keys() == NAMES
    same = ("frames.csv", "faces.csv", "events.csv", "events.json")
    assert all((again.folder / name).read_bytes() == (done[0].folder / name).read_bytes() for name in same)


def test_resume_leaves_finished_results_alone(empty, tmp_path):
    out = tmp_path / "out"
    (first,) = analyze(empty, out).done
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    (second,) = analyze(empty, out, resume=True).done
    assert {path: path.stat().st_mtime_ns for path in first.folder.iterdir()} == before
    assert second == first
    analyze(empty, out, resume=True, end=0.2)
    assert len(rows(first.folder / "frames.csv")) == 6
    (first.folder / "report.html").unlink()
    analyze(empty, out, resume=True, end=0.2)
    assert (first.folder / "report.html").exists()
    (first.folder / "summary.json").write_text("{")
    analyze(empty, out, resume=True, end=0.2)
    assert json.loads((first.folder / "summary.json").read_text())["frames_decoded"] == 6


def test_another_file_of_the_same_name_is_not_finished(empty, tmp_path):
    analyze(empty, tmp_path / "out")
    other = film(tmp_path / "wall.mp4", [np.full((64, 96, 3), 91, np.uint8)] * 5)
    (one,) = analyze(other, tmp_path / "out", resume=True).done
    assert one.folder == tmp_path / "out" / "wall-2"
    assert one.summary["frames_decoded"] == 5


def test_results_of_formats_that_are_not_wanted_any_more_go(empty, tmp_path):
    (one,) = analyze(empty, tmp_path, formats=("video",)).done
    (one.folder / "notes.txt").write_text("mine")
    analyze(empty, tmp_path, blur=True, formats=("elan",))
    expected = {"summary.json", "events.eaf", "notes.txt", *FORMATS["csv"], *FORMATS["json"]}
    assert {path.name for path in one.folder.iterdir()} == expected


def test_an_interruption_leaves_what_was_there(empty, tmp_path):
    (one,) = analyze(empty, tmp_path).done
    before = contents(one.folder)

    def stop(what, done, _of):
        if what == "wall" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(empty, tmp_path, progress=stop)
    assert contents(one.folder) == before
    with pytest.raises(KeyboardInterrupt):
        analyze(empty, tmp_path / "new", progress=stop)
    assert not list(tmp_path.glob("new/*"))


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_analysis_is_resumed(video, results, tmp_path, sent, status):
    command = [sys.executable, "-m", "fleeting", "analyze", str(video), "--out", str(tmp_path), "--formats"]
    command += [",".join(ALL), "--resume"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while not any(path.stat().st_size > 4000 for path in tmp_path.glob("drawn/.*.partial/.*")):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(sent)
    _, err = running.communicate(timeout=60)
    assert running.returncode == status
    assert (b"interrupted" in err) == (status == 130)
    assert not (tmp_path / "drawn" / "summary.json").exists()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert "micro-movements 1" in ended.stdout
    apart = {"events.eaf"}  # names the video by its place
    again, first = (contents(folder) for folder in (tmp_path / "drawn", results.folder))
    assert {name for name in NAMES - apart if again[name] != first[name]} == set()
    assert again.keys() == NAMES


def test_the_command_prints_json(empty, tmp_path, capsys):
    status, out, _ = typed(capsys, "analyze", empty, "--out", tmp_path, "--model", "none", "--json")
    assert status == 0
    (summary,) = json.loads(out)
    assert summary["model"] is None
    assert summary["folder"] == str(tmp_path / "wall")


def test_without_a_model_events_have_no_label(video, tmp_path):
    (one,) = analyze(video, tmp_path, model=None, formats=()).done
    ((event),) = one.events
    assert (event.label, event.confidence, event.unsure) == ("", None, False)
    assert not any(name.startswith("p_") for name in rows(one.folder / "events.csv")[0])


def test_torch_is_not_needed(empty, tmp_path):
    program = (
        "import sys, fleeting; fleeting.analyze(sys.argv[1], sys.argv[2]); sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program, str(empty), str(tmp_path)], check=False).returncode
        == 0
    )


def test_real_videos(shared, tmp_path):
    inputs = [shared / "videos" / name for name in ("pyfeat_no_face.mp4", "pyfeat_single_face.mp4")]
    nobody, smiling = analyze(inputs, tmp_path).done
    assert nobody.events == ()
    assert nobody.summary["frames_decoded"] == 95
    assert smiling.events
    assert len(rows(smiling.folder / "frames.csv")) == 72
