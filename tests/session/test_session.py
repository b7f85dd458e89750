"""A session takes frames one by one and gives events as soon as they are certain."""

import subprocess
import sys
import tracemalloc
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fleeting.errors import OptionError, UnknownNameError
from fleeting.faces.clips import clip_of
from fleeting.faces.tracking import FaceTracker, find_face
from fleeting.recognition.recogniser import Recogniser
from fleeting.session import session as module
from fleeting.session.buffer import ClipBuffer
from fleeting.session.following import MEMORY
from fleeting.session.session import Session
from fleeting.spotting import DEFAULT, LONGEST_MICRO, Spotted
from fleeting.types import Event, Frame
from fleeting.video.reader import open_video
from tests.fixtures.portraits import lit, photograph, placed, scene
from tests.fixtures.short_video import TRUTH, drawn_video, overlap

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    with open_video(drawn_video(tmp_path_factory.mktemp("drawn") / "a.mp4")) as video:
        return list(video)


def fed(session, frames):
    """Each event with its clip and the time at which it was given out; those of the end at infinity."""
    found = []
    for frame in frames:
        found += [(event, session.clips.get(event.number), frame.time) for event in session.push(frame)]
    return found + [(event, session.clips.get(event.number), np.inf) for event in session.finish()]


@pytest.fixture(scope="module")
def found(frames):
    return fed(Session(recogniser=Recogniser.load().recognise), frames)


def test_the_drawn_movement_is_found_once_and_recognised(found):
    ((event, clip, _),) = found
    assert overlap(event) > 0.5
    assert abs(event.apex_frame - TRUTH.apex_frame) <= 1
    assert (event.number, event.face, event.kind) == (1, 0, "micro")
    assert event.label == "surprise"
    assert event.confidence == max(event.probabilities.values())
    assert sum(event.probabilities.values()) == pytest.approx(1)
    assert event.offset_s - event.onset_s <= LONGEST_MICRO
    assert {"AU1+ inner brow raiser", "AU2+ outer brow raiser"} & {*event.action_units}
    assert len(clip.frames) == event.offset_frame - event.onset_frame + 1
    assert clip.times[[0, clip.apex, -1]].tolist() == [event.onset_s, event.apex_s, event.offset_s]


def test_reading_gives_what_pushing_gives(found, frames):
    session = Session(recogniser=Recogniser.load().recognise)
    read = [(frame.number, event) for frame, events in session.read(frames) for event in events]
    late = [event for event, _, given in found if given == np.inf]
    assert [event for _, event in read] + session.finish() == [event for event, _, _ in found]
    assert session.finish() == []
    assert len(read) == len(found) - len(late)


def test_the_clip_is_that_of_the_whole_frames(found, frames):
    ((event, clip, _),) = found
    span, tracker = slice(event.onset_frame, event.offset_frame + 1), FaceTracker()
    meshes = [tracker.push(frame.image, frame.time)[0].mesh for frame in frames][span]
    images = [frame.image for frame in frames[span]]
    whole, how = clip_of(images, clip.times, clip.onset, clip.apex, clip.offset, meshes=meshes)
    assert how == "aligned"
    away = np.abs(whole.frames.astype(int) - clip.frames)[:, 20:-20, 20:-20]
    assert away.mean() < 0.5
    searched, _ = clip_of(images, clip.times, clip.onset, clip.apex, clip.offset)
    step, theirs = (np.abs(np.diff(one.frames.astype(int), axis=0)).mean() for one in (clip, searched))
    assert step < 1.05 * theirs


def test_the_end_gives_what_was_still_held(frames):
    cut = [frame for frame in frames if frame.number <= TRUTH.offset_frame + 25]
    ((event, _, given),) = fed(Session(), cut)
    assert given == np.inf
    assert overlap(event) > 0.5
    assert (event.label, event.confidence, event.unsure) == ("", None, False)


def test_missing_frames_keep_the_numbers_and_times_of_the_others(frames):
    kept = [frame for frame in frames if frame.number % 7 != 3]
    times = {frame.number: frame.time for frame in kept}
    for event, _, _ in fed(Session(), kept):
        assert times[event.onset_frame] == event.onset_s
        assert times[event.offset_frame] == event.offset_s


class Given:
    """A spotter that gives one event of the frames it was told, as soon as it has seen them."""

    latency = 0.1

    def __init__(self, kind="micro", onset=4, apex=6, offset=9, likelihood=None):
        self.kind, self.frames, self.times, self.held = kind, (onset, apex, offset), {}, True
        self.likelihood = likelihood

    def point(self, alarms_per_minute):
        return 1 / (1 + alarms_per_minute)  # 0.5 by default

    def push(self, motion):
        self.times[motion.frame] = motion.time
        return self.finish() if motion.frame == self.frames[2] else []

    def finish(self):
        held, self.held = self.held, False
        known = all(frame in self.times for frame in self.frames)
        return (
            [Spotted(self.kind, *self.frames, *map(self.times.get, self.frames), 5.0, (), self.likelihood)]
            if held and known
            else []
        )


@pytest.fixture
def given(monkeypatch):
    def use(**facts):
        monkeypatch.setattr(module, "spotters", {DEFAULT: lambda: Given(**facts)})

    return use


def still(image, count, fps=30, first=0):
    return [Frame(number, number / fps, image) for number in range(first, first + count)]


def sure(_clip):
    return SimpleNamespace(label="a", confidence=0.9, unsure=False, probabilities={"a": 0.9, "b": 0.1})


def test_everybody_has_events_and_clips_of_their_own(given):
    given()
    both = scene(("hopper", 200, 240), ("astronaut", 440, 240))
    events = fed(Session(recogniser=sure), still(both, 12))
    assert [(event.number, event.face, event.label) for event, _, _ in events] == [(1, 0, "a"), (2, 1, "a")]
    alone = {
        name: clip_of([scene((name, x, 240))] * 6, np.arange(6), 0, 2, 5)[0].frames
        for name, x in (("hopper", 200), ("astronaut", 440))
    }
    for _, clip, _ in events:
        away = {
            name: np.abs(clip.frames[:1].astype(int) - frames[:1]).mean() for name, frames in alone.items()
        }
        assert min(away.values()) < 4
        assert max(away.values()) > 20
    first, second = (clip for _, clip, _ in events)
    assert np.abs(first.frames[0].astype(int) - second.frames[0]).mean() > 20


def test_a_macro_event_has_a_sparse_clip_and_no_label(given):
    given(kind="macro", onset=5, apex=40, offset=88)
    ((event, clip, given_at),) = fed(Session(recogniser=sure), still(scene(("hopper", 200, 240)), 95))
    assert given_at == event.offset_s
    assert (event.label, event.unsure) == ("", False)
    assert 20 <= len(clip.frames) <= 40
    assert clip.times[clip.apex] == pytest.approx(40 / 30, abs=0.06)
    assert np.diff(clip.times).max() < 0.2


def test_no_movement_rests_on_frames_that_are_too_dark(given):
    given(kind="micro")
    session = Session(recogniser=sure)
    dark = lit(scene(("hopper", 200, 240)), 0.1)
    assert fed(session, still(dark, 12)) == []
    assert session.unjudged == 1
    assert session.faces[0].reason.startswith("too dark")
    assert np.isnan(session.motions[0].amount)


@pytest.mark.parametrize(
    ("kind", "likelihood", "asked", "is_event"),
    [
        ("micro", 0.5, {}, True),
        ("micro", 0.49, {}, False),
        ("micro", 0.49, {"alarms_per_minute": 2.0}, True),
        ("micro", 0.7, {"alarms_per_minute": 0.25}, False),
        ("micro", None, {"alarms_per_minute": 0.25}, True),
        ("macro", 0.0, {}, True),
    ],
)
def test_what_is_too_unlikely_is_a_candidate(given, kind, likelihood, asked, is_event):
    given(kind=kind, likelihood=likelihood)
    asked_about = []
    session = Session(recogniser=lambda clip: asked_about.append(clip) or sure(clip), **asked)
    both, candidates = scene(("hopper", 200, 240), ("astronaut", 440, 240)), []
    events = []
    for frame in still(both, 12):
        events += session.push(frame)
        candidates += session.candidates
        assert all(number in (1, 2) for number in session.clips)
    assert session.finish() == session.candidates == []
    some, none = (events, candidates) if is_event else (candidates, events)
    assert none == []
    assert [(one.number, one.face, one.likelihood) for one in some] == [
        (1, 0, likelihood),
        (2, 1, likelihood),
    ]
    assert len(asked_about) == (2 if is_event and kind == "micro" else 0)
    assert not any(one.label for one in candidates)


def test_the_last_frames_have_candidates_too(given):
    given(likelihood=0.1, offset=11)
    session = Session()
    for frame in still(scene(("hopper", 200, 240)), 12):
        session.push(frame)
    assert len(session.candidates) == 1
    assert session.finish() == session.candidates == []


@pytest.mark.parametrize("asked", [0, -1, np.nan, np.inf])
def test_alarms_are_a_number_above_none(asked):
    with pytest.raises(OptionError, match="expected a number above 0"):
        Session(alarms_per_minute=asked)


@pytest.mark.parametrize(
    ("facts", "images", "doubt"),
    [
        ({}, {}, ""),
        ({"apex": 4}, {}, "first or last frame"),
        ({"apex": 9}, {}, "first or last frame"),
        ({}, dict.fromkeys(range(12), "small"), "the face is small"),
    ],
)
def test_a_class_that_rests_on_little_is_unsure(given, facts, images, doubt):
    given(**facts)
    near = scene(("hopper", 320, 240))
    half = cv2.resize(near, None, fx=0.5, fy=0.5)
    far = cv2.copyMakeBorder(half, 120, 120, 160, 160, cv2.BORDER_REPLICATE)
    shown = {"near": near, "small": far}
    frames = [Frame(n, n / 30, shown[images.get(n, "near")]) for n in range(12)]
    ((event, _, _),) = fed(Session(recogniser=sure), frames)
    assert (event.label, event.unsure) == ("a", bool(doubt))
    assert doubt in event.doubt


def test_linear_algebra_has_one_thread_while_a_session_works(given, monkeypatch):
    def threads():
        return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")

    seen = []
    monkeypatch.setattr(Given, "push", lambda *_: seen.append(threads()) or [])
    monkeypatch.setattr(Given, "finish", lambda *_: seen.append(threads()) or [])
    given()
    with threadpool_limits(2, user_api="blas"):
        before, session = threads(), Session()
        for _ in session.read(still(scene(("hopper", 200, 240)), 3)):
            assert threads() == before
        session.finish()
        assert threads() == before
    assert seen == [1] * 4


def test_who_is_gone_is_forgotten(given):
    given(onset=1, apex=2, offset=200)
    session = Session()
    assert not fed(session, [])
    for frame in still(scene(("hopper", 200, 240)), 3):
        session.push(frame)
    assert list(session.motions) == [0]
    for frame in still(scene(), MEMORY + 1, first=3):
        session.push(frame)
    assert session.motions == {}
    assert session.faces == ()


def test_a_large_face_is_kept_smaller(given):
    image = placed(photograph("hopper"), scale=3.0, size=(1536, 1800))
    face = find_face(image)
    assert face.measures.size > 300
    past = ClipBuffer(0.1)
    tracemalloc.start()
    try:
        for frame in still(image, 6):
            past.add(frame, face, [])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    clip = past.clip(Spotted("micro", 1, 2, 4, 1 / 30, 2 / 30, 4 / 30, 1.0, ()))
    square = image.nbytes / 5  # bytes of the part around the face; at half its size it takes a quarter
    assert square / 8 < kept / 6 < square / 2
    assert clip.frames.shape[1:] == (170, 139, 3)


def test_memory_does_not_grow():
    image = scene(("hopper", 200, 240))
    face, past = find_face(image), ClipBuffer(0.3)
    tracemalloc.start()
    try:
        sizes = []
        for frame in still(image, 2400):
            past.add(frame, face, [])
            if frame.number in (600, 2399):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] < 1.15 * sizes[0]


def test_frames_come_in_order_and_in_colour():
    session = Session()
    session.push(Frame(3, 0.1, scene()))
    for number, time in ((3, 0.2), (4, 0.1), (2, 0.0)):
        with pytest.raises(OptionError, match=r"came after frame 3 at 0\.1 s"):
            session.push(Frame(number, time, scene()))
    with pytest.raises(OptionError, match="expected RGB uint8"):
        session.push(Frame(4, 0.2, scene()[..., 0]))


def test_unknown_options_are_named():
    with pytest.raises(UnknownNameError, match="did you mean 'matched'"):
        Session(spotter="match")
    with pytest.raises(OptionError, match="most is 0"):
        Session(people=0)


def test_an_event_is_in_order_and_its_label_is_one_of_the_classes():
    facts = {"number": 1, "face": 0, "kind": "micro", "strength": 1.0}
    times = {"onset_s": 0.1, "apex_s": 0.2, "offset_s": 0.3}
    with pytest.raises(OptionError, match="onset 5, apex 4, offset 6 are not in this order"):
        Event(**facts, **times, onset_frame=5, apex_frame=4, offset_frame=6)
    for likelihood in (-0.1, 1.1, np.nan):
        with pytest.raises(OptionError, match="expected 0 to 1"):
            Event(**facts, **times, onset_frame=3, apex_frame=4, offset_frame=6, likelihood=likelihood)
    with pytest.raises(OptionError, match="label 'b' has no probability; there are a"):
        Event(
            **facts, **times, onset_frame=3, apex_frame=4, offset_frame=6, label="b", probabilities={"a": 1.0}
        )


def test_a_camera_program_runs_without_torch():
    program = (
        "import sys, fleeting; fleeting.Session(recogniser=fleeting.Recogniser.load().recognise);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def alternating(pictures, length, times=1):
    """The pictures of two films in turn, ``length`` frames of each, ``times`` times."""
    one, other = pictures
    return [picture for _ in range(times) for part in (one[:length], other[:length]) for picture in part]


def faintly_moving(name, count):
    rng = np.random.default_rng(0)
    turned = [placed(photograph(name), turn=np.sin(i / 30), size=(512, 600)) for i in range(count)]
    return [np.clip(p + rng.normal(0, 2, p.shape), 0, 255).astype(np.uint8) for p in turned]


def test_another_person_behind_a_cut_has_another_number():
    films = [faintly_moving(name, 15) for name in ("astronaut", "hopper")]
    session, numbers = Session(), []
    for i, picture in enumerate(alternating(films, 15, times=2)):
        session.push(Frame(i, i / 30, picture))
        numbers.append([face.id for face in session.faces])
    assert session.cuts == 3
    assert [numbers[i] for i in (14, 29, 44, 59)] == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    ("facts", "image", "is_left_out"),
    [
        ({"onset": 4, "apex": 6, "offset": 9}, "bright", False),
        ({"onset": 10, "apex": 12, "offset": 16}, "bright", True),
        ({"onset": 18, "apex": 19, "offset": 20}, "bright", True),
        ({"kind": "macro", "onset": 2, "apex": 10, "offset": 26}, "bright", False),
        ({"kind": "macro", "onset": 2, "apex": 16, "offset": 26}, "bright", True),
        ({"onset": 14, "apex": 18, "offset": 22}, "empty", True),
        ({"onset": 4, "apex": 6, "offset": 9}, "empty", False),
    ],
)
def test_no_movement_rests_on_frames_that_cannot_be_judged(given, facts, image, is_left_out):
    given(**facts)
    shown = {"bright": lambda picture: lit(picture, 1.25), "empty": lambda _: np.full_like(faint[0], 100)}
    faint, session = faintly_moving("astronaut", 30), Session()
    events = fed(
        session,
        [
            Frame(i, i / 30, shown[image](p) if i >= 15 and (image == "bright" or i < 18) else p)
            for i, p in enumerate(faint)
        ],
    )
    assert len(events) == (not is_left_out)
    assert session.unjudged == is_left_out


def test_those_who_are_not_followed_are_counted():
    session = Session(people=1)
    picture = scene(("hopper", 150, 200), ("astronaut", 450, 200))
    for i in range(3):
        session.push(Frame(i, i / 30, picture))
    assert len(session.faces) == 1
    assert session.unfollowed == 1
