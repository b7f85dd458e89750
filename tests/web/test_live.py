"""The live socket: pictures in, what is seen and found out; limits; recording."""

import io
import struct
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import fleeting
from fleeting.errors import OptionError
from fleeting.web.app import application
from fleeting.web.live import picture_of
from fleeting.web.settings import Limits

HOST = {"Host": "127.0.0.1:8000"}


def jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=95)
    return file.getvalue()


def message(moment, content):
    return struct.pack(">d", moment) + content


def heard(socket, *last):
    """Messages up to and with one of these kinds."""
    found = []
    while not found or found[-1]["kind"] not in last:
        found.append(socket.receive_json())
    return found


@pytest.mark.slow
def test_a_movement_is_found_while_it_happens_and_recorded(asking, settings, short_analysis):
    source, _ = short_analysis
    with fleeting.open_video(source, start=1.5, end=4.0) as video:
        pictures = [(frame.time, jpeg(frame.image)) for frame in video]
    seen = []
    with asking.websocket_connect("/api/live?record=1&people=1", headers=HOST) as socket:
        assert socket.receive_json()["kind"] == "ready"
        for moment, content in pictures:
            socket.send_bytes(message(moment, content))
            seen += heard(socket, "frame")  # at its own pace, so that none is dropped
        socket.send_text("end")
        seen += heard(socket, "recorded")
    frames = [one for one in seen if one["kind"] == "frame"]
    assert [one["time_s"] for one in frames] == [pytest.approx(moment, abs=1e-6) for moment, _ in pictures]
    assert frames[-1]["faces"][0]["width"] > 50
    assert max(one["motion"] or 0 for one in frames) > 0
    (event,) = [one["event"] for one in seen if one["kind"] == "event"]
    assert (event["kind"], 2.3 < event["apex_s"] < 2.9) == ("micro", True)
    assert {"kind": "end", "frames": len(pictures), "dropped": 0} in seen
    job = asking.get(f"/api/jobs/{seen[-1]['job']}").json()
    assert (job["state"], job["name"].startswith("live-")) == ("queued", True)
    assert job["media"]["duration_s"] == pytest.approx(2.5, abs=0.1)
    assert list((settings.folder / "uploads").iterdir()) == []


def test_too_many_pictures_are_dropped_and_that_is_said(asking):
    content = jpeg(np.zeros((480, 640, 3), np.uint8))
    with asking.websocket_connect("/api/live?model=none", headers=HOST) as socket:
        for number in range(60):
            socket.send_bytes(message(number / 1000, content))
        socket.send_text("end")
        seen = heard(socket, "end")
    dropped = [one["frames"] for one in seen if one["kind"] == "dropped"]
    assert dropped == [*range(1, len(dropped) + 1)]
    assert seen[-1]["dropped"] == len(dropped) > 0
    assert seen[-1]["frames"] + len(dropped) == 60
    assert f"fleeting_live_dropped_total {len(dropped)}.0" in asking.get("/metrics").text


def test_what_cannot_be_a_picture_ends_the_socket_with_a_sentence(asking):
    picture = jpeg(np.zeros((48, 64, 3), np.uint8))
    other = jpeg(np.zeros((48, 32, 3), np.uint8))
    cases = [
        ([b"short"], "send 8 bytes of time and a JPEG"),
        ([message(0, b"no picture")], "no JPEG"),
        ([message(float("nan"), picture)], "no time in seconds"),
        ([message(1, picture), message(1, picture)], "expected a later one"),
        ([message(0, picture), message(1, other)], "change their size"),
        ([message(0, picture[:100])], "no JPEG"),
        ([message(0, bytes(5_000_000))], "more than 4194304 bytes"),
    ]
    for sent, said in cases:
        with asking.websocket_connect("/api/live?model=none", headers=HOST) as socket:
            for one in sent:
                socket.send_bytes(one)
            assert said in heard(socket, "error")[-1]["detail"]
    with asking.websocket_connect("/api/live?model=../x", headers=HOST) as socket:
        assert "no recogniser is called" in heard(socket, "error")[-1]["detail"]


def test_a_huge_picture_is_refused_before_it_is_decoded():
    started = time.process_time()
    with pytest.raises(OptionError, match="sides of at most 4096"):
        picture_of(message(0, jpeg(np.zeros((16, 5000, 3), np.uint8))))
    assert time.process_time() - started < 1


def test_no_more_sockets_are_open_than_may(settings):
    few = replace(settings, limits=Limits(live=1))
    with (
        TestClient(application(few), base_url="http://localhost") as client,
        client.websocket_connect("/api/live?model=none", headers={"Host": "localhost"}) as first,
    ):
        assert first.receive_json()["kind"] == "ready"
        with client.websocket_connect("/api/live", headers={"Host": "localhost"}) as second:
            assert "open already" in second.receive_json()["detail"]
