"""Single pictures: classified as by the command, refused where they cannot be, and not kept."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import fleeting
from fleeting.errors import OptionError
from fleeting.recognition.picture import NOTE
from fleeting.recognition.recogniser import SHIPPED
from fleeting.web.app import application
from fleeting.web.page.texts import catalogue
from fleeting.web.settings import Limits, ServiceSettings
from fleeting.web.single_pictures import described
from tests.fixtures.frame_weights import frame_weights
from tests.fixtures.portraits import photograph

pytestmark = pytest.mark.slow  # weights are loaded by a process of its own
BASE = "http://127.0.0.1:8000"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) run\n%%EOF\n"


def in_file(image, kind="png"):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return frame_weights(tmp_path_factory.mktemp("weights") / "frames.safetensors")


@pytest.fixture(scope="module")
def asking(tmp_path_factory, weights):
    limits = Limits(photo=600_000, pixels=600_000)
    folder = tmp_path_factory.mktemp("pictures") / "service"
    settings = ServiceSettings(folder=folder, workers=0, picture_models=(weights,), limits=limits)
    with TestClient(application(settings), base_url=BASE) as client:
        yield client, folder


def sent(client, content, name="face.png", **fields):
    return client.post("/api/pictures", files={"file": (name, content, "image/png")}, data=fields)


def test_a_picture_gets_the_answer_of_the_command_and_is_not_kept(asking, weights, tmp_path):
    client, folder = asking
    listed = client.get("/api/pictures/models").json()
    assert listed["note"] == NOTE == catalogue("en")["pictures.note"]
    assert [one["name"] for one in listed["models"]] == ["frames"]
    face = tmp_path / "face.png"
    face.write_bytes(in_file(photograph("astronaut")))
    answer = sent(client, face.read_bytes(), model="frames")
    assert answer.status_code == 200, answer.text
    said = fleeting.picture(face, weights).as_dict()
    said["pictures"][0]["file"] = "face.png"
    assert answer.json() == said
    assert sent(client, face.read_bytes(), "../../face.png").status_code == 422
    assert [*(folder / "uploads").iterdir()] == []


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (b"no picture", 422, "a.png cannot be read as a picture"),
        (SVG, 422, "a.png cannot be read as a picture"),
        (EPS, 422, "a.png cannot be read as a picture"),
        (in_file(np.full((300, 400, 3), 90, np.uint8)), 422, "a.png: no face was found"),
        (in_file(np.zeros((1000, 1000, 3), np.uint8)), 422, "a.png has 1000 x 1000 pixels"),
        (bytes(700_000), 413, "more than 600000 bytes"),
    ],
    ids=["text", "svg", "program", "no face", "too many pixels", "too large"],
)
def test_what_is_no_picture_of_a_face_is_refused_in_a_sentence(asking, content, status, why):
    client, folder = asking
    answer = sent(client, content, "a.png")
    assert (answer.status_code, why in answer.json()["detail"]) == (status, True), answer.text
    assert str(folder) not in answer.text
    assert [*(folder / "uploads").iterdir()] == []


def test_weights_are_named_and_others_refused(asking, tmp_path):
    client, _ = asking
    answer = sent(client, b"x", model="frame")
    assert (answer.status_code, "did you mean 'frames'" in answer.json()["detail"]) == (422, True)
    with TestClient(application(ServiceSettings(tmp_path / "none", workers=0)), base_url=BASE) as bare:
        assert bare.get("/api/pictures/models").json()["models"] == []  # none ships
        answer = sent(bare, b"x")
        assert (answer.status_code, "--picture-model" in answer.json()["detail"]) == (422, True)
    with pytest.raises(OptionError, match="a movement, not one picture"):
        described([SHIPPED])


def test_a_server_is_not_started_with_weights_that_it_cannot_use(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    settings = ServiceSettings(tmp_path / "service", workers=0, picture_models=(broken,))
    with pytest.raises(OptionError, match="broken"):
        application(settings)
    with pytest.raises(OptionError, match="there are no weights at"):
        replace(settings, picture_models=(tmp_path / "nowhere",))
