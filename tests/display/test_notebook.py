"""What a notebook shows: short names, escaped HTML with few pictures, tables, figures outside of pyplot."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import fleeting
from fleeting.analysis.analyze import Analysed
from fleeting.analysis.event_files import events_csv, events_json
from fleeting.analysis.result_folder import Analysis
from fleeting.display.html import MOST, card, grid
from fleeting.errors import MissingExtraError
from fleeting.types import Clip, Event, Frame, Sample

CLASSES = ("negative", "<b>positive</b>")


def clip(channels=3):
    frames = np.random.default_rng(0).integers(0, 256, (9, 200, 160, channels), dtype=np.uint8)
    return Clip(frames, np.arange(9) / 30, 1, 4, 7)


def event(number=1, kind="micro", **changes):
    facts = {"onset_frame": 3, "apex_frame": 6, "offset_frame": 9}
    facts |= {name.replace("frame", "s"): frame / 30 for name, frame in facts.items()}
    said = {
        "label": CLASSES[1],
        "confidence": 0.7,
        "probabilities": dict(zip(CLASSES, (0.3, 0.7), strict=True)),
    }
    told = said if kind == "micro" else {}
    return Event(number, 0, kind, **facts, strength=4.2, regions=("brow left",), **{**told, **changes})


def analysis(folder, events, name="interview"):
    place = folder / name
    place.mkdir()
    rows = [
        f"{n},{n / 30:.6f},1,0,1,1,9,9,0.9,0.9,{n % 7 / 10},{'no face: 3' if n == 5 else ''}"
        for n in range(12)
    ]
    head = "frame,time_s,faces,face,x,y,width,height,score,quality,motion,reason"
    (place / "frames.csv").write_text("\n".join((head, *rows)) + "\n")
    (place / "events.csv").write_text(events_csv(events, CLASSES))
    (place / "events.json").write_text(events_json(events, CLASSES))
    summary = {"frames_decoded": 12, "frames_with_face": 12, "duration_s": 0.4, "events": len(events)}
    return Analysis(Path(f"{name}.mp4"), place, summary | {"warnings": ["<few> frames"], "model": "none"})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    changes = ["training.epochs=1", "training.trace_oracle=true", "protocol.name=kfold", "protocol.folds=2"]
    experiment = fleeting.read_recipe("drawn/ststnet", changes=changes)
    return fleeting.run(experiment, out=tmp_path_factory.mktemp("runs") / "run")


class Whole(HTMLParser):
    """Raises where a tag is closed that is not the last one opened; collects addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def pictures_in(html):
    """The pictures of a fragment that is whole and asks no server for anything."""
    page = Whole()
    page.feed(html)
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert len(html) < 150_000
    return page.addresses


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (clip(), "Clip(9 RGB frames of 160 x 200, 0.267 s; onset 1, apex 4, offset 7)"),
        (clip(1), "Clip(9 gray frames of 160 x 200, 0.267 s; onset 1, apex 4, offset 7)"),
        (Frame(3, 0.1, np.zeros((4, 6, 3), np.uint8), "a.png"), "Frame(3 at 0.100 s, 6 x 4, a.png)"),
        (event(kind="macro"), "Event(1, macro, 0.100 to 0.300 s, apex 0.200 s)"),
        (
            event(unsure=True),
            "Event(1, micro, 0.100 to 0.300 s, apex 0.200 s; <b>positive</b> 0.70, unsure)",
        ),
    ],
)
def test_a_value_is_named_in_one_line_without_its_arrays(value, text):
    assert repr(value) == text


@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_shows_its_three_frames(channels):
    assert len(pictures_in(clip(channels)._repr_html_())) == 3


def test_an_event_shows_no_picture_and_escapes_its_class():
    html = event()._repr_html_()
    assert pictures_in(html) == []
    assert "&lt;b&gt;positive&lt;/b&gt;" in html
    assert "<b>positive" not in html


def test_a_recogniser_says_what_it_is_and_that_it_has_no_score_of_its_own():
    recogniser = fleeting.Recogniser.load()
    assert len(repr(recogniser)) < 200
    html = recogniser._repr_html_()
    assert pictures_in(html) == []
    assert "they have no score of their own" in html
    assert f"{recogniser.facts.clean.uf1:.4g}" in html


def test_an_analysis_shows_its_events_and_warnings(tmp_path):
    html = analysis(tmp_path, [event(), event(2, "macro")])._repr_html_()
    assert pictures_in(html) == []
    assert "&lt;few&gt; frames" in html
    assert html.count("<tr>") == 1 + 2 + 4  # heads, events, facts


@pytest.mark.slow
def test_a_run_shows_its_clean_score_beside_the_oracle(run):
    html = run._repr_html_()
    assert pictures_in(html) == []
    for rule in ("clean", "oracle"):
        assert f"{run.scores[rule]['uf1']:.4g}" in html
    assert "inflated" in html
    assert "no published score" in html
    assert len(repr(run)) < 300


def test_long_tables_are_cut_and_say_so():
    html = grid(["n"], [(n,) for n in range(MOST + 3)])
    assert "and 3 more" in html
    assert html.count("<td") == MOST
    assert grid(["n"], []) == ""
    assert "hidden" not in card("t", [("hidden", None), ("hidden", ""), ("shown", 0)])


@pytest.mark.parametrize("value", [clip(), clip(1), event(), event(kind="macro")], ids=str)
def test_a_value_draws_itself_outside_of_pyplot(value, tmp_path):
    figure = value.plot()
    figure.savefig(tmp_path / "a.png", dpi=40)
    assert isinstance(figure, Figure)
    assert pyplot.get_fignums() == []


def test_the_curve_has_a_band_for_each_event(tmp_path):
    figure = analysis(tmp_path, [event(), event(2, "macro")]).plot()
    (axes,) = figure.axes
    assert len(axes.patches) == 2
    assert list(axes.lines[0].get_xdata()) == pytest.approx([n / 30 for n in range(12)], abs=1e-5)


@pytest.mark.slow
def test_the_oracle_is_drawn_beside_the_clean_run_and_called_inflated(run):
    clean, oracle = run.plot().axes
    assert (clean.get_title(), oracle.get_title()) == ("clean", "oracle (inflated)")
    drawn = sum(int(text.get_text().split("\n")[0]) for text in clean.texts)
    assert drawn == run.scores["clean"]["n"]


@pytest.mark.slow
def test_the_table_of_a_run_is_its_predictions(run):
    table = run.table()
    assert list(table["id"]) == [one.id for one in run.by_seed[0]]
    assert list(table.columns[-3:]) == [f"p_{name}" for name in run.classes]
    assert float((table["truth"] == table["predicted"]).mean()) == pytest.approx(
        run.scores["clean"]["accuracy"]
    )


def test_the_table_of_videos_has_the_columns_of_their_events(tmp_path):
    first = analysis(tmp_path, [event(), event(2, "macro")])
    second = analysis(tmp_path, [], "empty")
    table = Analysed((first, second)).table()
    assert list(table["video"]) == ["interview", "interview"]
    header = (first.folder / "events.csv").read_text().splitlines()[0]
    assert list(table.columns) == ["video", *header.split(",")]
    assert table["regions"][0] == "brow left"
    assert list(second.table().columns) == list(table.columns)
    assert len(second.table()) == 0


def test_the_table_of_samples(tmp_path):
    (tmp_path / "clips.csv").write_text("file,subject,onset,apex,offset,label\n")
    table = fleeting.samples("drawn", tmp_path, labels="megc3").table()
    assert set(table["label"]) == {"negative", "positive", "surprise"}
    assert list(table.columns) == list(Sample.__dataclass_fields__)


def test_without_pandas_an_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pandas is not installed.*fleeting\[tables\]"):
        analysis(tmp_path, []).table()
