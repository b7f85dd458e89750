"""The page about a video in a real browser, without a network; and the shapes that it draws."""

import re
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.analysis.frame_tables import FrameTables
from fleeting.analysis.motion_curves import (
    HEIGHT,
    POINTS,
    WIDTH,
    Track,
    clock,
    gaps,
    plot,
    read_main,
    read_people,
    spread,
)
from fleeting.analysis.page import write_page
from fleeting.analysis.stills import stills
from fleeting.analysis.watch import facts
from fleeting.faces.disturbances import BLURRED, CUT, FLICKER, LIGHT, PART
from fleeting.faces.skin_motion import COVERED, UNLIKE
from fleeting.faces.tracking import find_face
from fleeting.recognition.recogniser import Recogniser
from fleeting.session.session import Session
from fleeting.types import Event, Frame
from fleeting.video.reader import open_video
from tests.fixtures.bumps import bumped_clip
from tests.fixtures.portraits import scene
from tests.fixtures.tables import rows

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

HOSTILE = '<script>alert("a")</script> & "b".mp4'


def event(number, face=0, kind="micro", at=1.0, lasts=0.3, **said):
    return Event(
        number=number,
        face=face,
        kind=kind,
        onset_frame=round(at * 30),
        apex_frame=round((at + lasts / 2) * 30),
        offset_frame=round((at + lasts) * 30),
        onset_s=at,
        apex_s=at + lasts / 2,
        offset_s=at + lasts,
        strength=12.0,
        regions=("left inner brow",),
        **said,
    )


CLASSES = {"negative": 0.2, "positive": 0.7, "surprise": 0.1}
UNSURE = {**CLASSES, "positive": 0.4}
EVENTS = [
    event(
        1,
        label="positive",
        confidence=0.7,
        probabilities=CLASSES,
        likelihood=0.62,
        action_units=("AU12+ lip corner puller", "AU4- brow lowerer"),
    ),
    event(2, at=2.0, label="positive", confidence=0.4, unsure=True, probabilities=UNSURE, likelihood=0.9),
    event(3, face=1, kind="macro", at=3.0, lasts=1.5),
    event(4, at=5.0, unsure=True, likelihood=0.33),
]


def tables(folder, reasons, faces=2, moved=0.2):
    """frames.csv and faces.csv of six seconds, 30 frames each; a reason for each frame, or ""."""
    folder.mkdir(parents=True, exist_ok=True)
    header = "frame,time_s,faces,face,x,y,width,height,score,quality,motion,reason\n"

    def row(number, face, reason):
        where = f"{face},10,10,50,50,1,0.9" if face != "" else ",,,,,,"
        move = "" if reason else f"{moved * abs(np.sin(number / 7)):.4f}"
        return f"{number},{number / 30:.6f},{faces},{where},{move},{reason}\n"

    lines = [row(n, "" if reason == "no face" else 0, reason) for n, reason in enumerate(reasons)]
    (folder / "frames.csv").write_text(header + "".join(lines))
    seen = [
        row(n, face, reason)
        for n, reason in enumerate(reasons)
        for face in range(faces)
        if reason != "no face"
    ]
    (folder / "faces.csv").write_text(header + "".join(seen))


def summary(count=180, **changed):
    seen = {"frames_decoded": count, "frames_with_face": count - 30, "frames_usable": count - 60, "fps": 30.0}
    seen |= {"fps_assumed": False, "container_start_s": 0.0}
    said = {"duration_s": count / 30, "variable_frame_rate": True, "warnings": ["30 frames per second: few"]}
    settings = {"blur": False, "alarms_per_minute": 1.0}
    how = {"version": "0", "model": "m", "weights_sha256": "0", "settings": settings, "candidates": 7}
    return {"input": {"file": HOSTILE, "sha256": "0"}, **seen, **said, **how, **changed}


REASONS = [*[""] * 60, *["too dark: mean brightness 12 of 255"] * 30, *["no face"] * 30, *[""] * 60]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    tables(folder, REASONS)
    shown = {1: stills(bumped_clip()), 2: stills(bumped_clip(), blur=True)}
    write_page(folder, summary(), EVENTS, shown, Recogniser.load())
    return folder / "report.html"


@pytest.fixture(params=[1100, 400])
def page(browser, written, request):
    context = browser.new_context(offline=True, viewport={"width": request.param, "height": 800})
    opened = context.new_page()
    opened.asked, opened.errors = [], []
    opened.on("request", lambda asked: opened.asked.append(asked.url))
    opened.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("dialog", lambda dialog: opened.errors.append(dialog.message))
    opened.goto(written.as_uri())
    yield opened
    context.close()


def test_it_opens_offline_asks_for_nothing_and_fits(page):
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.errors == []
    assert page.title().startswith(HOSTILE)
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= seen
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.evaluate("document.querySelectorAll('script').length") == 0


def test_it_says_what_was_found_and_what_it_must_not_be_used_for(page):
    text = page.inner_text("body")
    assert "3 short movements and 1 longer movement in 6.0 s of video." in text
    for word in ("lie detection", "hiring", "policing", "Art. 5"):
        assert word in text
    assert "2 short movements got a class" in text
    assert "The program is unsure of 1: do not rely on this." in text
    assert "In 17 % of the pictures: too dark." in text
    assert "In 17 % of the pictures: no face." in text
    assert "30 frames per second: few" in text
    assert "There is no class" in text


def test_it_says_how_many_to_expect_to_be_false(page):
    text = page.inner_text("body")
    assert "Expect about 1 of the 3 short movements to be false alarms." in text
    assert "gives about 1 false alarm a minute, 60 in an hour." in text
    assert "7 less likely movements can be found in candidates.json." in text


def test_the_likeliest_come_first(page):
    titles = page.locator(".card h3").all_inner_texts()
    assert [title[: len("Event 1")] for title in titles] == ["Event 2", "Event 1", "Event 4", "Event 3"]
    cells = page.locator("tbody tr td:nth-last-child(3)").all_inner_texts()[:4]
    assert cells == ["90 %", "62 %", "33 %", "–"]
    assert "Likelihood 90 %. Of ten movements like this, about 9 were real" in page.inner_text("#event-2")
    assert "Likelihood" not in page.inner_text("#event-3")


def test_action_units_are_named(page):
    cells = page.locator("tbody tr td:last-child").all_inner_texts()[:4]
    assert [cell.strip() for cell in cells] == ["–", "AU12+ AU4-", "–", "–"]
    assert "AU12+ lip corner puller, AU4- brow lowerer" in page.inner_text("#event-1")
    assert "Action units" not in page.inner_text("#event-3")


@pytest.mark.parametrize(
    ("likelihoods", "rate", "said"),
    [
        ([0.7], 1.0, "The short movement is a false alarm with a chance of 30 %."),
        ([0.95] * 4, 1.0, "Expect hardly any of the 4 short movements to be false alarms."),
        ([0.1] * 4, 1.0, "Expect nearly all of the 4 short movements to be false alarms."),
        ([0.5] * 9, 2.5, "gives about 2.5 false alarms a minute, 150 in an hour."),
        ([], 1.0, ""),
        ([0.5, None], 1.0, ""),
    ],
)
def test_false_alarms_are_counted_in_words(tmp_path, likelihoods, rate, said):
    tables(tmp_path, [""] * 180, faces=1)
    events = [event(n, likelihood=likelihood) for n, likelihood in enumerate(likelihoods, start=1)]
    asked = {"blur": False, "alarms_per_minute": rate}
    write_page(tmp_path, summary(settings=asked, candidates=0), events, {}, None)
    text = (tmp_path / "report.html").read_text()
    assert said in text
    assert ("The list ends" in text) == bool(said)
    assert "candidates.json" not in text


def test_a_class_can_be_unsure_for_other_reasons_than_its_confidence(tmp_path):
    tables(tmp_path, [""] * 180, faces=1)
    said = {"label": "positive", "confidence": 0.99, "unsure": True, "probabilities": CLASSES}
    for doubt, words in (("the face is small", "on these: the face is small."), ("", "rely on these.")):
        write_page(tmp_path, summary(), [event(1, doubt=doubt, **said)], {}, Recogniser.load())
        assert words in (tmp_path / "report.html").read_text()


def test_each_event_can_be_reached_and_read(page):
    for number in range(1, 5):
        assert page.locator(f"svg a[href='#event-{number}']").count() >= 1
        assert page.locator(f"#event-{number}").bounding_box()["height"] > 100
    assert page.locator("#event-1 img").count() == 5
    assert page.locator("#event-2 img").count() == 1
    assert page.locator("#event-3 img").count() == 0
    assert page.locator("#event-1 .unsure").count() == 0
    assert "unsure" in page.inner_text("#event-2")
    assert "Longer movements get no class." in page.inner_text("#event-3")
    widths = [bar.bounding_box()["width"] for bar in page.locator("#event-1 .bar i").all()]
    assert widths[0] / widths[1] == pytest.approx(0.7 / 0.2, rel=0.05)


def test_it_can_be_read_without_eyes(page):
    assert all(image.get_attribute("alt") for image in page.locator("img").all())
    assert all(chart.get_attribute("aria-label") for chart in page.locator("svg").all())
    assert all(head.get_attribute("scope") for head in page.locator("th").all())
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.get_attribute("html", "lang") == "en"


def test_nothing_found_is_said_plainly(tmp_path):
    tables(tmp_path, [""] * 60, faces=1)
    write_page(tmp_path, summary(60, frames_with_face=60), [], {}, None)
    text = (tmp_path / "report.html").read_text()
    assert "No movement of the face was found in 2.0 s of video." in text
    tables(tmp_path, ["no face"] * 60)
    write_page(tmp_path, summary(60, frames_with_face=0), [], {}, None)
    assert (
        "No face was found in this video, so there is nothing to read."
        in (tmp_path / "report.html").read_text()
    )


def test_an_hour_makes_no_heavier_page(tmp_path):
    tables(tmp_path, [""] * 20_000, faces=1)
    write_page(tmp_path, summary(20_000), [], {}, None)
    assert (tmp_path / "report.html").stat().st_size < 60_000


def track(count=300, fps=30.0):
    return Track(np.arange(count) / fps, np.abs(np.sin(np.arange(count) / 9)), ("",) * count)


@given(
    st.lists(
        st.tuples(st.floats(0.001, 5), st.one_of(st.just(np.nan), st.floats(0, 1e6)), st.booleans()),
        min_size=1,
    ),
    st.floats(-100, 1e5),
)
def test_any_track_is_drawn_inside_its_field(rows, start):
    steps, moved, lost = map(np.array, zip(*rows, strict=True))
    whole = Track(start + np.cumsum(steps), moved, tuple("no face" if gone else "" for gone in lost))
    shapes = plot(whole, [])
    points = re.findall(r"[ML](\S+?) (-?[\d.]+)", shapes.line)
    assert all(-1e-6 <= float(x) <= WIDTH and -1e-6 <= float(y) <= HEIGHT for x, y in points)
    assert len(points) <= POINTS
    assert bool(points) == bool(np.isfinite(moved).any())
    assert sum(gap.frames for gap in gaps(whole)) == int(lost.sum())
    assert 0 <= len(shapes.ticks) <= 12 or shapes.ticks


def test_bands_lie_where_the_events_are():
    shapes = plot(track(), [event(1, at=2.0, lasts=1.0)])
    (band,) = shapes.events
    last = 299 / 30
    assert band.x == pytest.approx(WIDTH * 2 / last, abs=0.1)
    assert band.width == pytest.approx(WIDTH / last, abs=0.2)


def test_gaps_are_told_apart_by_their_reason():
    whole = Track(
        np.arange(6) / 10, np.zeros(6), ("", "no face", "too dark: 3", "too dark: 4", "", "no face")
    )
    assert [(gap.start, gap.end, gap.reason, gap.frames) for gap in gaps(whole)] == [
        (0.1, 0.2, "no face", 1),
        (pytest.approx(0.2), pytest.approx(0.4), "too dark", 2),
        (0.5, 0.5, "no face", 1),
    ]


def test_bands_are_of_the_kind_of_their_reason():
    blurred = BLURRED.format(0.4, 0.6)
    reasons = ("", CUT.format(70), LIGHT, FLICKER, blurred, PART.format(3), COVERED, "no face", UNLIKE)
    track = Track(np.arange(len(reasons)) / 10, np.zeros(len(reasons)), reasons)
    kinds = [band.kind for band in plot(track, []).gaps]
    assert kinds == ["cut", "light", "light", "unsharp", "covered", "covered", "gap", "gap"]


def test_a_gap_keeps_the_words_of_its_reason():
    reasons = ("the skin could not be followed: fast turn",) * 2 + ("the skin could not be followed: blur",)
    found = gaps(Track(np.arange(3) / 10, np.zeros(3), reasons))
    assert [(gap.reason, gap.frames) for gap in found] == [(reasons[0], 2), (reasons[2], 1)]


def test_a_face_that_has_no_row_was_not_seen():
    times = np.arange(5) / 10
    part = spread(Track(times[1:3], np.array([0.5, 0.7]), ("", "x")), times)
    assert part.reasons == ("not seen", "", "x", "not seen", "not seen")
    assert np.isnan(part.moved).tolist() == [True, False, False, True, True]


def test_tables_of_a_real_session_are_read_back(tmp_path):
    images = np.full((5, 64, 96, 3), 90, np.uint8)
    session = Session()
    with open_video(images, fps=25) as video, FrameTables(tmp_path) as written:
        for frame in video:
            session.push(frame)
            written.add(frame, session.faces)
    whole = read_main(tmp_path / "frames.csv")
    np.testing.assert_allclose(whole.times, np.arange(5) / 25, atol=1e-6)
    assert whole.reasons == ("no face",) * 5
    assert read_people(tmp_path / "faces.csv") == {}
    assert facts(video.report, written)["frames_with_face"] == 0


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({}, "the skin could not be followed"),
        ({"reason": "the skin could not be followed: blur"}, "the skin could not be followed: blur"),
    ],
)
def test_a_frame_that_was_not_judged_has_its_reason(tmp_path, said, written):
    image = scene(("hopper", 200, 240))
    face = find_face(image)
    lost = SimpleNamespace(places=None, amount=np.nan, **said)
    seen = SimpleNamespace(places=np.zeros((45, 2)), amount=0.25, reason="")
    with FrameTables(tmp_path) as tables:
        for number, motion in enumerate((seen, lost)):
            tables.add(Frame(number, number / 30, image), [face], {face.id: motion})
        dark = replace(face, measures=replace(face.measures, brightness=9.0))
        tables.add(Frame(2, 2 / 30, image), [dark], {face.id: lost})
    for name in ("frames.csv", "faces.csv"):
        found = [(row["motion"], row["reason"]) for row in rows(tmp_path / name)]
        assert found[:2] == [("0.2500", ""), ("", written)]
        assert found[2] == ("", "too dark: mean brightness 9 of 255")
    assert (tables.with_face, tables.usable) == (3, 1)


def test_arrows_point_where_the_skin_went():
    clip = bumped_clip(pixels=2.0, noise=0.0)
    shown = stills(clip)
    assert shown.keys() == {"onset", "apex", "offset", "flow", "mesti", "reach"}
    assert 1.0 < float(shown["reach"].removesuffix(" %")) < 2.5  # 2 px of 108
    assert stills(clip, blur=True).keys() == {"flow", "reach"}
    assert stills(clip) == shown


def test_a_still_clip_has_no_arrows():
    assert stills(bumped_clip(pixels=0.0, noise=0.0))["reach"] == "0.0 %"


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [
        (0, 2, "0.00 s"),
        (12.345, 2, "12.35 s"),
        (59.999, 2, "1:00.00"),
        (62.5, 0, "1:02"),
        (3723.5, 2, "1:02:03.50"),
        (-1.5, 1, "-1.5 s"),
    ],
)
def test_times_are_written_as_people_read_them(seconds, digits, text):
    assert clock(seconds, digits) == text


def test_an_assumed_rate_is_called_so(tmp_path):
    tables(tmp_path, [""] * 60, faces=1)
    write_page(tmp_path, summary(60, frames_with_face=60, fps_assumed=True, fps=25.0), [], {}, None)
    text = (tmp_path / "report.html").read_text()
    assert "in 2.0 s of video, if it has 25 frames a second as is assumed." in text
    assert "25 pictures a second, which is assumed" in text


def test_times_count_from_where_the_file_begins(tmp_path):
    tables(tmp_path, [*[""] * 60, *["no face"] * 30, *[""] * 60])
    write_page(tmp_path, summary(150, container_start_s=-60.0), EVENTS[:1], {}, None)
    text = (tmp_path / "report.html").read_text()
    assert "movement at 1:01.00" in text
    assert "<td>1:02.00</td><td>1:03.00</td><td>30</td>" in text
