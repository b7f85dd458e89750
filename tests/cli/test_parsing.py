"""Times as users type them."""

import pytest

from fleeting.cli.parsing import seconds
from tests.fixtures.command import typed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("70.5", 70.5),
        ("0", 0),
        (".5", 0.5),
        ("-1.5", -1.5),
        ("1:10.5", 70.5),
        ("00:01:10.5", 70.5),
        ("90:00", 5400),
        ("2:05:07", 7507),
    ],
)
def test_seconds_and_clock_times(text, value):
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "1:75", "1:60:00", "1:1:1:1", "nan", "inf", "1e3", "ten", "1:-5", "00:01:10,5", ":30", "1m10s"],
)
@pytest.mark.parametrize("command", ["analyze", "faces"])
@pytest.mark.parametrize("option", ["--start", "--end"])
def test_another_form_is_refused_with_the_right_ones(capsys, tmp_path, text, command, option):
    status, _, error = typed(capsys, command, "a.mp4", "--out", tmp_path / "out", f"{option}={text}")
    assert status == 2
    assert "00:01:10.5" in error
    assert option in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
