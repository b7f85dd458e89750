"""Jobs taken in, listed, cancelled and forgotten; uploads that cannot be one, refused with a sentence."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fleeting.errors import OptionError
from fleeting.web.app import application
from fleeting.web.names import safe_name
from tests.fixtures.films import film

pytestmark = pytest.mark.slow  # each upload is looked at by a process of its own
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A small file that decodes, of a second."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    rng = np.random.default_rng(0)
    return film(path, [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(30)])


def send(client, content, name="clip.mp4", kind="video/mp4", **fields):
    return client.post("/api/jobs", files={"file": (name, content, kind)}, data=fields)


def left(settings):
    """What lies below the server's folder, besides the database."""
    return sorted(
        path.relative_to(settings.folder).as_posix()
        for path in settings.folder.rglob("*")
        if path.is_file() and not path.name.startswith("fleeting.db")
    )


def bomb():
    """A zip file of ten megabytes of zeros, in ten kilobytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(10_000_000))
    return file.getvalue()


def picture():
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, "png")
    return file.getvalue()


def test_an_upload_becomes_a_job_and_is_forgotten_whole(asking, settings, video):
    answer = send(asking, video.read_bytes(), settings=json.dumps({"people": 2}))
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["position"], job["name"]) == ("queued", 1, "clip.mp4")
    assert job["settings"] == {"people": 2}
    assert (job["media"]["width"], job["media"]["height"], job["media"]["frames"]) == (64, 48, 30)
    assert job["media"]["duration_s"] == pytest.approx(1, abs=0.05)
    assert asking.get(f"/api/jobs/{job['id']}").json() == job
    assert asking.get("/api/jobs").json() == {"jobs": [job]}
    early = asking.get(f"/api/jobs/{job['id']}/events")
    assert (early.status_code, "queued" in early.json()["detail"]) == (409, True)
    assert left(settings) == [f"jobs/{job['id']}/source/clip.mp4"]
    assert asking.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert left(settings) == []
    assert list((settings.folder / "jobs").iterdir()) == []
    assert asking.get("/api/jobs").json() == {"jobs": []}
    assert asking.delete(f"/api/jobs/{job['id']}").status_code == 404
    database = b"".join(path.read_bytes() for path in settings.folder.glob("fleeting.db"))
    assert b"clip.mp4" not in database  # the row is overwritten, not only unlisted


def test_a_job_that_waits_is_cancelled_and_the_queue_is_bounded(asking, settings, video):
    ids = [send(asking, video.read_bytes()).json()["id"] for _ in range(2)]
    full = send(asking, video.read_bytes())
    assert (full.status_code, "2 videos wait already" in full.json()["detail"]) == (429, True)
    assert asking.post(f"/api/jobs/{ids[0]}/cancel").json()["state"] == "cancelled"
    assert [asking.get(f"/api/jobs/{id_}").json()["position"] for id_ in ids] == [None, 1]
    assert left(settings) == sorted(f"jobs/{id_}/source/clip.mp4" for id_ in ids)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (bomb(), "film.mp4", "film.mp4 is no video that can be read"),
        (SVG, "film.mp4", "film.mp4"),
        (picture(), "film.mp4", "a single picture"),
        (b"", "film.mp4", "film.mp4 is empty"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "film.mp4", "film.mp4"),
    ],
)
def test_what_is_no_video_is_refused_whatever_it_is_called(asking, settings, content, name, said):
    answer = send(asking, content, name)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert str(settings.folder) not in answer.json()["detail"]
    assert left(settings) == []


@pytest.mark.parametrize("name", ["../../x.mp4", "/etc/x.mp4", "..\\x.mp4", "..", "nul.mp4"])
def test_a_name_is_never_a_path(asking, settings, video, name):
    answer = send(asking, video.read_bytes(), name)
    assert (answer.status_code, "the file" in answer.json()["detail"]) == (422, True)
    assert left(settings) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ü ß.mp4", "ü ß.mp4"),
        ("a:b?.mp4", "a_b_.mp4"),
        (".hidden", "hidden"),
        ("x" * 300 + ".mp4", "x" * 150 + ".mp4"),
    ],
)
def test_other_names_are_made_safe(given, kept):
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["a\x01.mp4", "a\x00.mp4", "a\u202egpm.mp4", "", ". .", "COM1", "a/../b"])
def test_names_that_deceive_are_refused(name):
    with pytest.raises(OptionError):
        safe_name(name)


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(asking, settings):
    announced = send(asking, bytes(3_000_000))
    unannounced = asking.post(
        "/api/jobs",
        content=iter(
            [
                b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
                *[bytes(500_000)] * 5,
            ]
        ),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    for answer in (announced, unannounced):
        assert answer.status_code == 413
        assert "2000000 bytes" in answer.json()["detail"]
    assert left(settings) == []


def test_a_long_video_is_refused(asking, settings, tmp_path):
    path = film(tmp_path / "long.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3, [0, 40, 80])
    answer = send(asking, path.read_bytes())
    assert (answer.status_code, "takes 60 s" in answer.json()["detail"]) == (422, True)
    assert left(settings) == []


def test_many_files_in_one_request_are_refused(asking, settings):
    files = [("file", (f"{number}.mp4", b"x", "video/mp4")) for number in range(10_000)]
    answer = asking.post("/api/jobs", files=files)
    assert (answer.status_code, "two files" in answer.json()["detail"]) == (422, True)
    fields = [(f"field{number}", (None, b"x")) for number in range(10_000)]
    assert "parts" in asking.post("/api/jobs", files=fields).json()["detail"]
    assert left(settings) == []


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ("{", "settings is no JSON"),
        ('{"people": 0}', "settings.people"),
        ('{"model": "../../weights"}', "no recogniser is called"),
        ('{"start": 5, "end": 1}', "expected a start before the end"),
        ('{"formats": ["video"]}', "settings.formats"),
        ('{"fps": NaN}', "settings.fps"),
        ("[" * 60_000, "settings is no JSON"),
    ],
)
def test_settings_that_cannot_be_are_refused(asking, settings, settings_, said):
    answer = send(asking, b"x", settings=settings_)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert left(settings) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "", "multipart/form-data; boundary=" + "x" * 999]
)
def test_what_is_no_form_is_refused(asking, kind):
    answer = asking.post("/api/jobs", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, "multipart/form-data" in answer.json()["detail"]) == (422, True)


def test_a_form_that_ends_in_the_middle_leaves_nothing(asking, settings):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nabc'
    answer = asking.post(
        "/api/jobs", content=head, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status_code, "ends in the middle" in answer.json()["detail"]) == (422, True)
    assert left(settings) == []


def test_what_a_killed_server_left_is_removed(settings):
    (settings.folder / "uploads").mkdir(parents=True)
    (settings.folder / "uploads" / ".1.abc").write_bytes(b"half")
    (settings.folder / "jobs" / ("a" * 32) / "source").mkdir(parents=True)
    with TestClient(application(settings), base_url="http://localhost") as client:
        assert client.get("/api/jobs").json() == {"jobs": []}
    assert left(settings) == []
    assert list((settings.folder / "jobs").iterdir()) == []


def test_videos_of_this_machine_are_read_where_they_lie(asking, settings, video, tmp_path):
    mine = settings.local_folder
    (mine / "day").mkdir()
    (mine / "day" / "a.mp4").write_bytes(video.read_bytes())
    (tmp_path / "other.mp4").write_bytes(video.read_bytes())
    os.symlink(tmp_path / "other.mp4", mine / "day" / "b.mp4")
    (job,) = asking.post("/api/jobs/local", json={"path": "day"}).json()["jobs"]
    assert (job["name"], job["state"]) == ("a.mp4", "queued")
    for path in ("../other.mp4", "day/b.mp4", str(tmp_path / "other.mp4"), "nowhere", "a\x00", "x" * 4000):
        answer = asking.post("/api/jobs/local", json={"path": path})
        assert answer.status_code == 422
        assert str(tmp_path) not in answer.json()["detail"]
    asking.delete(f"/api/jobs/{job['id']}")
    assert (mine / "day" / "a.mp4").exists()  # it is the user's
