"""What a session takes for a frame: a `Frame`, or a picture with its time; all else leaves it as it was."""

import numpy as np
import pytest

import fleeting
from fleeting.errors import OptionError
from fleeting.session.given import frame_of
from fleeting.types import Frame

BLANK = np.zeros((48, 64, 3), np.uint8)


def test_pictures_with_times_are_numbered_in_their_order():
    session = fleeting.Session()
    for time in (0.0, 0.04, 0.1):
        assert session.push(BLANK, time=time) == []
    with pytest.raises(OptionError, match="came after frame 2"):
        session.push(Frame(2, 0.2, BLANK))
    assert session.push(Frame(7, 0.2, BLANK)) == []


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 3)])
def test_gray_becomes_rgb(shape):
    frame = frame_of(np.full(shape, 9, np.uint8), 0.5, Frame(3, 0.4, BLANK))
    assert (frame.number, frame.time, frame.image.shape) == (4, 0.5, (48, 64, 3))
    assert (frame.image == 9).all()


@pytest.mark.parametrize(
    ("frame", "time", "said"),
    [
        (BLANK, None, "without its time"),
        (BLANK, float("nan"), "has the time nan, expected seconds"),
        (BLANK, "0.2", "has the time '0.2', expected seconds"),
        (BLANK, 0.0, "expected a later one"),
        (BLANK.astype(float), 0.2, "is float64"),
        (BLANK[..., :2], 0.2, "expected RGB uint8"),
        (BLANK[:0], 0.2, "expected RGB uint8"),
        (np.uint8(3), 0.2, "a frame is uint8"),
        ("face.png", 0.2, "a frame is str"),
        (Frame(1, 0.2, BLANK), 0.2, "which has its own"),
        (Frame(1, 0.2, BLANK.astype(float)), None, "is float64"),
    ],
)
def test_what_is_refused_leaves_the_session_as_it_was(frame, time, said):
    session = fleeting.Session()
    session.push(BLANK, 0.1)
    with pytest.raises(OptionError, match=said):
        session.push(frame, time)
    assert session.push(BLANK, 0.2) == []
