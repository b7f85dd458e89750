"""Reviews: accepted, rejected, corrected, added, undone, by several raters, blind, and compared."""

import pytest

from fleeting.web.agreement import kappa

pytestmark = pytest.mark.slow  # the analysis that they review


def events(client, address, **asked):
    return client.get(f"{address}/events", params=asked).json()["events"]


def test_what_was_found_is_shown(reviewing):
    client, address = reviewing
    (one,) = events(client, address)
    assert (one["n"], one["origin"], one["state"], one["candidate"]) == (1, "found", "open", False)
    assert one["found"]["onset_frame"] == one["onset_frame"]
    assert one["label"] == max(one["probabilities"], key=one["probabilities"].get)
    assert one["onset_s"] < one["apex_s"] < one["offset_s"]
    assert (one["by"], one["when"]) == (None, None)


def test_a_correction_accepts_and_leaves_what_was_found(reviewing):
    client, address = reviewing
    (before,) = events(client, address)
    change = {"rater": "ann", "onset_frame": before["onset_frame"] - 3, "label": "disgust"}
    after = client.patch(f"{address}/events/1", json=change).json()
    assert (after["state"], after["label"], after["by"]) == ("accepted", "disgust", "ann")
    assert after["onset_s"] == pytest.approx(before["onset_s"] - 0.1)
    assert after["found"] == before["found"]
    assert after["confidence"] is None  # the model's was for another class
    assert events(client, address) == [before]  # the unnamed rater's review
    history = client.get(f"{address}/history").json()["changes"]
    assert [(one["rater"], one["field"], one["before"], one["after"]) for one in history] == [
        ("ann", "state", "open", "accepted"),
        ("ann", "onset_frame", before["onset_frame"], change["onset_frame"]),
        ("ann", "label", before["label"], "disgust"),
    ]
    assert len({one["batch"] for one in history}) == 1


def test_undo_takes_back_the_last_request_of_that_rater_alone(reviewing):
    client, address = reviewing
    (before,) = events(client, address, rater="ann")
    client.patch(f"{address}/events/1", json={"rater": "ann", "state": "rejected", "comment": "a blink"})
    client.patch(f"{address}/events/1", json={"rater": "bob", "state": "accepted"})
    taken = client.post(f"{address}/undo", json={"rater": "ann"}).json()["changes"]
    assert {one["field"] for one in taken} == {"state", "comment"}
    assert events(client, address, rater="ann") == [before]
    assert events(client, address, rater="bob")[0]["state"] == "accepted"
    assert client.post(f"{address}/undo", json={"rater": "ann"}).json() == {"changes": []}
    assert [one["undone"] is None for one in client.get(f"{address}/history").json()["changes"]] == [
        False,
        False,
        True,
    ]


def test_an_added_event_can_be_deleted_and_brought_back(reviewing):
    client, address = reviewing
    fields = {"onset_frame": 10, "apex_frame": 13, "offset_frame": 18, "label": "surprise", "rater": "ann"}
    answer = client.post(f"{address}/events", json=fields)
    assert answer.status_code == 201
    added = answer.json()
    assert (added["origin"], added["found"], added["state"], added["kind"]) == (
        "added",
        None,
        "accepted",
        "micro",
    )
    assert added["n"] not in [one["n"] for one in events(client, address, candidates=True)]
    left = client.delete(f"{address}/events/{added['n']}", params={"rater": "ann"}).json()["events"]
    assert [one["n"] for one in left] == [1]
    client.post(f"{address}/undo", json={"rater": "ann"})
    assert [one["n"] for one in events(client, address, rater="ann")] == [added["n"], 1]
    other = client.post(f"{address}/events", json={**fields, "rater": "bob"}).json()
    assert other["n"] == added["n"] + 1  # a number is never given twice, whoever adds


def test_deleting_what_was_found_rejects_it(reviewing):
    client, address = reviewing
    (one,) = client.delete(f"{address}/events/1").json()["events"]
    assert one["state"] == "rejected"


def test_a_blind_rater_sees_the_guess_after_deciding(reviewing):
    client, address = reviewing
    (one,) = events(client, address, rater="ann", blind=True)
    hidden = ("label", "confidence", "likelihood", "probabilities")
    assert [one[name] for name in hidden] == [one["found"][name] for name in hidden] == [None] * 4
    client.patch(f"{address}/events/1", json={"rater": "ann", "state": "accepted"})
    (one,) = events(client, address, rater="ann", blind=True)
    assert None not in [one[name] for name in hidden]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"onset_frame": 90, "apex_frame": 80}, "not in this order"),
        ({"offset_frame": 100_000}, "frame 100000 was not analysed, expected one of 0 to 160"),
        ({"onset_frame": -1}, "onset_frame"),
        ({"label": "a\nb"}, "label"),
        ({"rater": "x" * 65}, "rater"),
        ({"comment": "\x00"}, "comment"),
        ({"colour": "red"}, "colour"),
        ({"state": "perhaps"}, "state"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(reviewing, change, said):
    client, address = reviewing
    before = events(client, address)
    answer = client.patch(f"{address}/events/1", json=change)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert events(client, address) == before
    assert client.get(f"{address}/history").json() == {"changes": []}


def test_an_event_that_is_not_there_is_said_so(reviewing):
    client, address = reviewing
    answer = client.patch(f"{address}/events/77", json={"state": "accepted"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no event 77 of this rater; see the list of events",
    )


def test_raters_are_listed_and_compared(reviewing):
    client, address = reviewing
    added = {"onset_frame": 10, "apex_frame": 13, "offset_frame": 18, "label": "surprise"}
    for rater, shift in (("ann", 0), ("bob", 1)):
        client.patch(f"{address}/events/1", json={"rater": rater, "state": "accepted"})
        frames = {name: value + shift if name != "label" else value for name, value in added.items()}
        client.post(f"{address}/events", json={**frames, "rater": rater})
    client.post(
        f"{address}/events", json={**added, "onset_frame": 100, "apex_frame": 103, "offset_frame": 108}
    )
    listed = client.get(f"{address}/raters").json()["raters"]
    assert {"rater": "ann", "decided": 1, "of": 1, "added": 1} in listed
    found = client.get(f"{address}/agreement", params={"raters": "ann,bob"}).json()
    assert found["decisions"] == {"n": 1, "agreed": 1, "kappa": None}
    intervals = found["intervals"]
    assert (intervals["matched"], intervals["only_first"], intervals["only_second"]) == (2, 0, 0)
    assert intervals["f1"] == 1.0
    assert intervals["mean_iou"] == pytest.approx((1 + 8 / 10) / 2)
    assert any("too few" in note for note in found["notes"])
    alone = client.get(f"{address}/agreement", params={"raters": "ann"})
    assert alone.status_code == 422


def test_kappa_is_cohens():
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(pairs) == pytest.approx(0.4)  # agreed 0.7, by chance 0.5
    assert kappa([("a", "a")] * 9) is None
    assert kappa([]) is None
