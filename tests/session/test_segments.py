"""A video is cut at fixed times: each segment alone gives what a session sees, and joints are not seen."""

from dataclasses import fields, replace

import numpy as np
import pytest

from fleeting.faces.skin_motion import REGIONS, Motion
from fleeting.faces.tracking import find_face
from fleeting.session.following import LASTS, LEAD, Follower, Sight, leads_to, segment_of
from fleeting.session.joining import Joiner
from fleeting.session.session import Session
from fleeting.video.reader import open_video
from tests.fixtures.portraits import scene
from tests.fixtures.short_video import drawn_video, overlap


def test_cuts_are_at_fixed_times():
    assert [segment_of(time) for time in (-0.1, 0.0, LASTS - 0.01, LASTS, 3 * LASTS + 1)] == [-1, 0, 0, 1, 3]
    assert [leads_to(time) for time in (0.0, LASTS - LEAD - 0.01, LASTS)] == [None] * 3
    assert [leads_to(time) for time in (-0.1, LASTS - LEAD, LASTS - 0.01)] == [0, 1, 1]


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """The drawn movement, at 2.5 to 2.7 seconds, once before the first cut and once across it."""
    with open_video(drawn_video(tmp_path_factory.mktemp("drawn") / "a.mp4")) as video:
        return list(video)


def shifted(frames, seconds):
    return [replace(frame, time=frame.time + seconds) for frame in frames]


def watched(session, frames):
    """What a session says of each frame, and all its events."""
    states, events = [], []
    for frame in frames:
        events += session.push(frame)
        states.append((session.faces, session.motions))
    return states, events + session.finish()


def alike(one, other):
    """Whether two values are equal to the last digit, arrays in them too."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return type(one) is type(other) and (one == other or one != one)


@pytest.mark.slow
@pytest.mark.parametrize("cut_at", [1.5, 2.6, 4.0])
def test_a_movement_is_found_wherever_the_cut_is(frames, cut_at):
    states, ((event),) = watched(Session(), shifted(frames, LASTS - cut_at))
    assert overlap(event) > 0.5
    motions = [motions[0] for _, motions in states]
    assert {(motion.stretch, motion.places is None) for motion in motions} == {(0, False)}
    steps = np.linalg.norm(np.diff([motion.places for motion in motions], axis=0), axis=2).mean(axis=1)
    at = round(30 * cut_at)
    assert steps[at - 1] < 3 * np.median(steps[at - 10 : at + 10])


@pytest.mark.slow
def test_segments_that_were_seen_alone_are_what_a_session_sees(frames):
    pushed = shifted(frames, LASTS - 2.0)
    states, events = watched(Session(), pushed)
    alone, found = Session(), []
    for number in (0, 1):
        follower, lead = Follower(4), []
        for frame in pushed:
            if leads_to(frame.time) == number:
                lead.append(follower.push(frame, follower.look(frame)))
            elif segment_of(frame.time) == number:
                first = segment_of(pushed[frame.number - 1].time) != number if frame.number else True
                sight = follower.push(frame, follower.look(frame))
                found += alone.take(frame, sight, lead if first else None)
                assert alike((alone.faces, alone.motions), states[frame.number])
    assert found + alone.finish() == events
    assert len(events) == 1


@pytest.fixture(scope="module")
def faces():
    """Two faces, far from one another, and one that is near the first."""
    left, right = (find_face(scene((name, x, 240))) for name, x in (("hopper", 200), ("astronaut", 440)))
    near = replace(left, mesh=left.mesh + np.array([4, 0, 0], np.float32))
    return left, right, near


def sight(number, faces, places=0.0, stretch=0, lost=()):
    """A sight of frame ``number``, 0.1 s after the one before, in which all skin is at ``places``."""
    at = None if places is None else np.full((len(REGIONS), 2), places, np.float32)
    head = None if places is None else np.zeros(4, np.float32)
    time = number / 10
    motions = {id_: Motion(number, time, at, stretch, 1.0, 0.0, head=head) for id_ in (*faces, *lost)}
    shown = tuple(replace(face, id=id_) for id_, face in faces.items())
    return Sight(number, time, shown, motions, tuple(lost), 0)


def joined(before, lead, after):
    """Whom the first of ``after`` shows, who is gone, and the motions, once segments are joined."""
    joiner = Joiner()
    assert joiner.begin([]) == ()
    for one in before:
        joiner.joined(one)
    gone = joiner.begin(lead)
    result = [joiner.joined(one) for one in after]
    return [face.id for face in result[0].faces], gone, [one.motions for one in result]


def test_who_is_in_the_same_place_keeps_the_number(faces):
    left, right, near = faces
    before = [sight(number, {0: left, 1: right}) for number in (8, 9)]
    lead = [sight(number, {5: right, 7: near}) for number in (8, 9)]
    numbers, gone, _ = joined(before, lead, [sight(10, {5: right, 7: near})])
    assert (numbers, gone) == ([1, 0], ())


def test_who_is_elsewhere_is_somebody_else(faces):
    left, right, _ = faces
    numbers, gone, _ = joined([sight(9, {0: left})], [sight(9, {0: right})], [sight(10, {0: right})])
    assert (numbers, gone) == ([1], (0,))
    numbers, gone, _ = joined([sight(9, {0: left})], [], [sight(400, {0: left})])
    assert (numbers, gone) == ([1], (0,))


def test_the_last_frame_that_shows_both_decides(faces):
    left, right, _ = faces
    before = [sight(7, {0: left, 1: right}), sight(8, {0: right, 1: left}), sight(9, {})]
    lead = [sight(7, {0: left, 1: right}), sight(8, {0: left, 1: right}), sight(9, {0: left, 1: right})]
    before[2] = replace(before[2], motions=before[1].motions)
    numbers, gone, _ = joined(before, lead, [sight(10, {0: left, 1: right})])
    assert (numbers, gone) == ([1, 0], ())


def test_who_was_lost_before_the_cut_is_not_joined(faces):
    left, *_ = faces
    before = [sight(8, {0: left}), sight(9, {}, lost=(0,))]
    numbers, gone, _ = joined(before, [sight(8, {0: left}), sight(9, {0: left})], [sight(10, {0: left})])
    assert (numbers, gone) == ([1], ())


def test_places_go_on_from_where_they_were(faces):
    left, *_ = faces
    before = [sight(number, {0: left}, places) for number, places in ((7, 9.0), (8, 2.0), (9, 3.0))]
    lead = [sight(number, {4: left}, places, 2) for number, places in ((7, 0.0), (8, 0.5), (9, 1.0))]
    after = [sight(10, {4: left}, 1.5, 2), sight(11, {4: left}, 0.0, 3)]
    _, _, (first, second) = joined(before, lead, after)
    assert (first[0].stretch, second[0].stretch) == (0, 1)
    assert first[0].places == pytest.approx(1.5 + (2.0 - 0.5 + 3.0 - 1.0) / 2)
    assert first[0].places.dtype == np.float32
    assert second[0].places == pytest.approx(0.0)


def test_skin_that_was_not_followed_on_both_sides_begins_anew(faces):
    left, *_ = faces
    before = [sight(8, {0: left}), sight(9, {0: left}, None)]
    lead = [sight(8, {0: left}, None), sight(9, {0: left}, 1.0)]
    _, _, (first,) = joined(before, lead, [sight(10, {0: left}, 1.5)])
    assert first[0].stretch == 1
    assert first[0].places == pytest.approx(1.5)
