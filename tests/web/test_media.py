"""What the page shows of a recording: a video that browsers play, pictures of the frames that are meant."""

import io
import json
import shutil

import av
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import fleeting
from fleeting.faces.optical_flow import flow, gray
from fleeting.video.reader import open_video
from fleeting.web.app import application
from fleeting.web.media.copies import KEYS, STATE
from fleeting.web.media.media import stop_making
from fleeting.web.media.playing import played_as
from fleeting.web.places import job_folder
from fleeting.web.settings import ServiceSettings
from tests.fixtures.numbered import number_in, numbered_film
from tests.fixtures.service import seed, wait_for

pytestmark = pytest.mark.slow  # each analyses a short film

STEADY = [number / 30 for number in range(40)]
UNEVEN = list(np.cumsum([0.5, *([0.02, 0.05, 0.11, 0.03] * 10)[:39]]))
"""Times of a variable rate; the first frame comes half a second after the clock begins."""


def analysed(folder, film, **settings):
    """A film, alone in a folder, and the folder of its results."""
    (done,) = fleeting.analyze(film, folder / "results", model=None, workers=1, **settings).done
    return film, done.folder


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Analyses of films that show their frames' numbers, by name."""
    made = {}
    for name, suffix, times, codec, options in (
        ("steady", "mp4", STEADY, "libx264", {}),
        ("uneven", "mkv", UNEVEN, "libx264", {"sound": True}),
        ("old", "avi", STEADY, "mpeg4", {}),
    ):
        folder = tmp_path_factory.mktemp(name)
        (folder / "source").mkdir()
        film = numbered_film(folder / "source" / f"{name}.{suffix}", times, codec, **options)
        made[name] = analysed(folder, film)
    return made


@pytest.fixture
def asking(tmp_path):
    settings = ServiceSettings(folder=tmp_path / "service", workers=0)
    with TestClient(application(settings), base_url="http://127.0.0.1:8000") as client:
        yield client, settings
    stop_making()


def put(asking, analysis):
    """The address of a job with this analysis."""
    client, settings = asking
    return client, f"/api/jobs/{seed(settings, analysis)}"


def ready(client, job):
    """What is said of the playable video once it is there."""
    return wait_for(lambda: (said := client.get(f"{job}/media/state").json())["state"] != "making" and said)


def played(client, job, tmp_path):
    """The frames of what is played."""
    path = tmp_path / "played.mp4"
    path.write_bytes(client.get(f"{job}/media").content)
    with open_video(path) as video:
        return path, list(video)


def test_a_film_of_the_web_is_played_as_it_is_and_by_ranges(asking, films):
    client, job = put(asking, films["steady"])
    assert ready(client, job) == {
        "state": "ready",
        "progress": 1.0,
        "original": True,
        "error": None,
        "begins_s": 0.0,
    }
    whole = client.get(f"{job}/media")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.content == films["steady"][0].read_bytes()
    some = client.get(f"{job}/media", headers={"Range": "bytes=10-19"})
    assert (some.status_code, some.content) == (206, whole.content[10:20])
    assert some.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    last = client.get(f"{job}/media", headers={"Range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, whole.content[-5:])
    beyond = client.get(f"{job}/media", headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    assert client.head(f"{job}/media").headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("name", ["uneven", "old"])
def test_of_another_film_a_copy_with_the_same_frames_at_the_same_times_is_made_once(
    asking, films, name, tmp_path
):
    client, job = put(asking, films[name])
    assert client.get(f"{job}/media").status_code == 409
    said = ready(client, job)
    assert (said["state"], said["original"]) == ("ready", False)
    with open_video(films[name][0]) as video:
        times = [frame.time for frame in video]
    path, frames = played(client, job, tmp_path)
    assert [number_in(frame.image) for frame in frames] == list(range(len(times)))
    assert [frame.time + said["begins_s"] for frame in frames] == pytest.approx(times, abs=1e-3)
    assert played_as(path, None) == ("video/mp4" if name == "old" else None)  # the rate may vary here
    keys = [frame.number for frame in frames if frame.key]
    assert max(np.diff([*keys, len(frames)])) <= KEYS
    written = path.stat().st_mtime_ns
    assert ready(client, job)["state"] == "ready"
    assert path.stat().st_mtime_ns == written


def test_the_copy_keeps_the_sound_and_when_it_is_heard(asking, films, tmp_path):
    client, job = put(asking, films["uneven"])
    said = ready(client, job)
    path, _ = played(client, job, tmp_path)
    with av.open(str(path)) as file:
        heard = [(frame.time, frame.to_ndarray()) for frame in file.decode(audio=0)]
    assert any(np.abs(wave).max() > 0.3 for _, wave in heard)
    assert heard[-1][0] == pytest.approx(UNEVEN[-1] - said["begins_s"], abs=0.1)


@pytest.mark.parametrize("name", ["steady", "uneven", "old"])
def test_a_picture_is_that_of_the_frame_with_its_number(asking, films, name):
    client, job = put(asking, films[name])
    for number in (0, 17, 39):
        answer = client.get(f"{job}/pictures/{number}.jpg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert number_in(np.asarray(Image.open(io.BytesIO(answer.content)))) == number
    small = Image.open(io.BytesIO(client.get(f"{job}/pictures/5.jpg?size=40").content))
    assert (small.height, number_in(np.asarray(small))) == (40, 5)
    beyond = client.get(f"{job}/pictures/40.jpg")
    assert beyond.status_code == 404
    assert "no frame 40" in beyond.json()["detail"]


def test_where_faces_are_covered_only_the_covered_copy_is_shown(asking, short_covered, tmp_path):
    client, job = put(asking, short_covered)
    assert client.get(f"{job}/pictures/70.jpg").status_code == 409
    said = ready(client, job)
    assert (said["state"], said["original"]) == ("ready", False)
    path, _ = played(client, job, tmp_path)
    with open_video(short_covered[0]) as video:
        plain = next(frame for frame in video if frame.number == 70)
    with av.open(str(path)) as file:
        assert not file.streams.audio
    picture = np.asarray(Image.open(io.BytesIO(client.get(f"{job}/pictures/70.jpg").content)))
    boxes = client.get(f"{job}/boxes?from=0&to=10").json()
    place = boxes["frame"].index(70)
    x, y, width, height = (round(boxes[name][place]) for name in ("x", "y", "width", "height"))
    inside = np.s_[y + height // 4 : y + height * 3 // 4, x + width // 4 : x + width * 3 // 4]
    sharp = [
        float(np.abs(np.diff(one[inside].astype(float), axis=1)).mean()) for one in (plain.image, picture)
    ]
    assert sharp[1] < sharp[0] / 2
    assert client.get(f"{job}/events/1/apex.jpg").status_code == 404
    assert client.get(f"{job}/events/1/flow.jpg").status_code == 200
    assert "faces are covered" in client.get(f"{job}/events/1/magnified").json()["detail"]


@pytest.fixture(scope="module")
def short_covered(short_analysis, tmp_path_factory):
    """The short video as if its analysis had covered faces."""
    source, results = short_analysis
    folder = tmp_path_factory.mktemp("covered") / results.name
    shutil.copytree(results, folder)
    summary = json.loads((folder / "summary.json").read_text())
    summary["settings"] |= {"blur": True, "start": 2.2, "end": 2.6}  # few frames: each is searched for faces
    (folder / "summary.json").write_text(json.dumps(summary))
    return source, folder


def test_pictures_of_an_event_are_drawn_as_in_the_report(asking, short_analysis):
    client, job = put(asking, short_analysis)
    sizes = {}
    for what in ("onset", "apex", "offset", "flow", "mesti"):
        answer = client.get(f"{job}/events/1/{what}.jpg")
        assert answer.status_code == 200, answer.text
        sizes[what] = Image.open(io.BytesIO(answer.content)).size
    assert sizes["onset"] == sizes["apex"] == sizes["offset"] == sizes["mesti"] == (139, 170)
    assert sizes["flow"] == (278, 340)
    corrected = client.get(f"{job}/events/1/onset.jpg?face=0&onset=60&apex=70&offset=80")
    assert corrected.status_code == 200
    assert corrected.content != client.get(f"{job}/events/1/onset.jpg").content
    assert client.get(f"{job}/events/9/apex.jpg").status_code == 404
    wrong = client.get(f"{job}/events/1/apex.jpg?face=0&onset=80&apex=70&offset=60")
    assert wrong.status_code == 422


def test_a_movement_is_magnified_beside_itself(asking, short_analysis, tmp_path):
    client, job = put(asking, short_analysis)
    answer = client.get(f"{job}/events/1/magnified?gain=8")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] in ("video/mp4", "video/webm")
    (event,) = (one for one in client.get(f"{job}/events").json()["events"] if one["n"] == 1)
    film = tmp_path / "magnified.mp4"
    film.write_bytes(answer.content)
    with open_video(film) as video:
        frames = list(video)
    before = max(0, event["onset_frame"] - round(0.25 * 30))
    onset, apex = (frames[event[f"{name}_frame"] - before].image for name in ("onset", "apex"))
    filmed, magnified = np.s_[:, :278], np.s_[:, -278:]
    seen = [
        np.hypot(*flow(gray(np.ascontiguousarray(onset[half])), gray(np.ascontiguousarray(apex[half]))))
        for half in (filmed, magnified)
    ]
    small, large = (float(np.quantile(motion[60:], 0.95)) for motion in seen)  # below the mark of the gain
    assert large > 3 * small
    part = client.get(f"{job}/events/1/magnified?gain=8", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, answer.content[4:8])
    assert client.get(f"{job}/events/1/magnified?gain=40").status_code == 422
    assert client.get(f"{job}/events/9/magnified").status_code == 404


def test_there_is_nothing_to_explain_of_an_event_that_was_not_found(asking, short_analysis):
    """What the model looked at in one that was found: test_page.py."""
    client, job = put(asking, short_analysis)
    refused = client.get(f"{job}/events/7/explained.png")
    assert refused.status_code == 404
    assert "no event 7" in refused.json()["detail"]


def test_a_copy_that_cannot_be_made_says_why_in_a_sentence(asking, films):
    client, job = put(asking, films["old"])
    _, settings = asking
    source = job_folder(settings.folder, job.rpartition("/")[2]) / "source" / "old.avi"
    source.write_bytes(b"no video at all")
    said = ready(client, job)
    assert said["state"] == "failed"
    assert "old.avi" in said["error"]
    assert str(settings.folder) not in said["error"]
    assert client.get(f"{job}/media").status_code == 404


def test_a_half_made_copy_is_made_again(asking, films):
    client, job = put(asking, films["old"])
    _, settings = asking
    cache = job_folder(settings.folder, job.rpartition("/")[2]) / "page"
    cache.mkdir()
    (cache / STATE).write_text('{"state": "making", "progress": 0.4}')
    assert ready(client, job)["state"] == "ready"


def test_a_recording_that_is_not_there_or_not_done_is_named_in_a_sentence(asking):
    client, _ = asking
    for path in ("media", "media/state", "boxes?from=0&to=1", "pictures/0.jpg", "events/1/apex.jpg"):
        for id_ in ("0" * 32, "..", "x"):
            answer = client.get(f"/api/jobs/{id_}/{path}")
            assert answer.status_code in (404, 422)
            assert answer.json()["detail"]
