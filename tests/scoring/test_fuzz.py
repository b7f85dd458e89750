"""Logs and lists as nobody expects them: scored or refused in one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleeting.errors import FleetingError
from fleeting.scoring import megc_log
from fleeting.scoring.interval_lists import read_lists
from fleeting.scoring.intervals import score_intervals
from fleeting.scoring.null import read_labels
from tests.fixtures.fuzzing import examples, fingerprint

TOKENS = ["casme2", "samm 006", "sub01", "EP02_01f", "0", "1", "2", "3", "1.0", "-1", "positive", "happiness"]
LINES = [
    "Subject: 1",
    "Predicted: [0, 1]",
    "Ground Truth: [0, 2]",
    "UF1: 0.5",
    "id,dataset,subject",
    '"',
    "\x00",
]
WORDS = st.sampled_from([*TOKENS, *LINES]) | st.text(max_size=6)
LOGS = st.lists(st.lists(WORDS, max_size=4).map(" ".join), max_size=12).map("\n".join)
HEADS = st.permutations(["video", "onset", "offset", "label", "kind"]) | st.permutations(
    ["event", "face", "kind", "onset_frame", "offset_frame", "label"]
)
NUMBERS = ["1", "5", "9", "12.0", "3.6", "1.200", "1,200", "1e3", "-1"]
CELLS = st.sampled_from(["a.mp4", "a", "", *NUMBERS, "micro", "macro", "happy", '"']) | st.text(max_size=5)
LISTS = st.builds(
    lambda head, rows, mark, end: end.join(mark.join(row) for row in [head, *rows]),
    HEADS,
    st.lists(st.lists(CELLS, max_size=7), max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
)


def refusal(call, *arguments):
    """The line in which a call refuses its arguments, "" where it takes them."""
    try:
        call(*arguments)
    except FleetingError as error:
        return str(error)
    return ""


@examples(150)
@given(text=LOGS | st.binary(max_size=200).map(lambda data: data.decode("latin-1")), broken=st.booleans())
def test_any_log_is_read_or_refused(tmp_path_factory, text, broken):
    path = tmp_path_factory.mktemp("log") / "log.txt"
    path.write_bytes(text.encode("latin-1" if broken else "utf-8", "replace"))
    before = fingerprint(path.parent)
    for reader in (megc_log.read, megc_log.score_log, read_labels):
        assert "\n" not in refusal(reader, path)
    assert fingerprint(path.parent) == before


@examples(150)
@given(truth=LISTS, found=LISTS)
def test_any_two_lists_are_scored_or_refused(tmp_path_factory, truth, found):
    folder = tmp_path_factory.mktemp("lists")
    paths = [folder / "a" / "events.csv", folder / "b" / "events.csv"]
    for path, text in zip(paths, (truth, found), strict=True):
        path.parent.mkdir()
        path.write_bytes(text.encode("utf-8", "replace"))
    before = fingerprint(folder)
    assert "\n" not in refusal(score_intervals, *paths)
    assert "\n" not in refusal(read_lists, folder)
    assert fingerprint(folder) == before
