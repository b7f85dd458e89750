"""The page in a real browser, on a real server with a real worker: all that a person does there, by hand."""

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from fleeting.video.reader import open_video
from tests.fixtures.browser import CHROMIUM, QUIET
from tests.fixtures.films import film
from tests.fixtures.frame_weights import frame_weights
from tests.fixtures.numbered import BITS, numbered_film
from tests.fixtures.portraits import photograph
from tests.fixtures.service import serving, wait_for

pytestmark = pytest.mark.slow  # the videos that these tests share take seconds to analyse

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "page.py"
SECONDS = 1000
PATIENCE = 300 * SECONDS
READ = f"""() => {{
  const video = document.getElementById("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const pen = canvas.getContext("2d", {{ willReadFrequently: true }});
  pen.drawImage(video, 0, 0);
  let number = 0;
  for (let place = 0; place < {BITS}; place += 1) {{
    const x = Math.floor(((place + 0.5) * canvas.width) / {BITS});
    number = 2 * number + (pen.getImageData(x, canvas.height / 2, 1, 1).data[1] > 127 ? 1 : 0);
  }}
  return number;
}}"""
"""Reads the number that is drawn into the picture that the video element shows."""


@pytest.fixture(scope="module")
def camera_browser():
    if CHROMIUM is None:
        pytest.skip("no chromium is installed; install one to look at the page")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *CAMERA])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def twice(short_analysis, tmp_path_factory):
    """The drawn movement twice in one film of seven seconds."""
    with open_video(short_analysis[0]) as video:
        images = [frame.image for frame in video if 30 <= frame.number < 135]
    return film(tmp_path_factory.mktemp("twice") / "twice.mp4", images * 2)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    weights = frame_weights(tmp_path_factory.mktemp("weights") / "frames.safetensors")
    with serving(tmp_path_factory.mktemp("page") / "service", "--picture-model", weights) as server:
        yield server


@pytest.fixture
def page(camera_browser):
    """A page; anything in its console that is no news, and any fault in a script, fails the test."""
    context = camera_browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    context.grant_permissions(["camera"])
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    faults = []
    opened.on("console", lambda said: said.type in ("error", "warning") and faults.append(said.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.allowed = []
    yield opened
    context.close()
    assert [one for one in faults if not any(word in one for word in opened.allowed)] == []


def until(page, expression, seconds=120):
    """Wait until an expression is true in the page, whose policy bars playwright's own way of waiting."""
    wait_for(lambda: page.evaluate(expression), seconds)


def opened_viewer(page, served, job):
    page.goto(f"{served.url}/jobs/{job}")
    page.wait_for_selector("#events .entry button")
    until(page, "document.getElementById('now').dataset.frame !== undefined")


def chosen(page, served, job, **asked):
    """The event that is chosen in the list, as the API has it."""
    n = page.get_attribute("[aria-current=true][data-n]", "data-n")
    (event,) = [one for one in served.client.events(job, **asked) if one["n"] == int(n)]
    return event


def shown_frame(page):
    return int(page.get_attribute("#now", "data-frame"))


def wait_for_frame(page, number):
    until(page, f"document.getElementById('now').dataset.frame === '{number}'")


@pytest.fixture(scope="module")
def job(camera_browser, served, twice):
    """The id of the recording that the first test uploads, by way of the page."""
    context = camera_browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(served.url)
    assert "not a lie" in page.inner_text(".note")
    page.click("#options summary")
    page.check("#settings [name=units]")
    page.set_input_files("#files", str(twice))
    page.wait_for_selector("#jobs li progress:visible")
    seen = set()
    page.expose_function("noted", lambda share: seen.add(share))
    page.evaluate(
        "setInterval(() => document.querySelectorAll('#jobs progress').forEach("
        "(bar) => noted(bar.value)), 50)"
    )
    page.wait_for_selector("#jobs li[data-state=done]")
    between = [share for share in seen if 0 < share < 1]
    assert len(between) >= 2, f"progress was {sorted(seen)}"
    found = page.get_attribute("#jobs li", "data-job")
    page.click("#jobs li a")
    page.wait_for_url(f"**/jobs/{found}")
    context.close()
    return found


def test_a_recording_is_reviewed_exported_and_found_again(page, served, job):
    opened_viewer(page, served, job)
    assert page.locator("#events .entry").count() >= 2
    until(page, "document.querySelector('#events .entry img').naturalWidth > 0")
    page.click("#events .entry button >> nth=0")
    event = chosen(page, served, job)
    wait_for_frame(page, event["apex_frame"])
    page.keyboard.press(",")
    wait_for_frame(page, event["apex_frame"] - 1)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_frame(page, event["apex_frame"] + 2)
    press = "dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true}))"
    page.evaluate(f"for (let n = 0; n < 7; n++) document.body.{press}")  # before any is shown
    wait_for_frame(page, event["apex_frame"] - 5)
    page.fill(".moment.onset input", str(event["onset_frame"] + 1))
    page.keyboard.press("Enter")
    page.wait_for_selector(".moment.onset .was:has-text('found at frame')")
    page.fill("#comment", "left brow <b>first</b>")
    page.locator("#comment").blur()
    page.wait_for_selector(".entry[data-state=accepted]")
    page.keyboard.press("ArrowDown")
    until(page, f"document.querySelector('[aria-current=true][data-n]').dataset.n !== '{event['n']}'")
    other = int(page.get_attribute("[aria-current=true][data-n]", "data-n"))
    page.keyboard.press("r")
    page.wait_for_selector(".entry[data-state=rejected]")
    with page.expect_download() as download:
        page.click(".menu > summary")
        page.click("#exports a >> nth=1")
    assert Path(download.value.path()).read_text().count(str(event["onset_frame"] + 1)) >= 1
    page.reload()
    page.wait_for_selector(f".entry[data-state=rejected] [data-n='{other}']")
    page.click(f"[data-n='{event['n']}']")
    assert page.input_value(".moment.onset input") == str(event["onset_frame"] + 1)
    assert page.input_value("#comment") == "left brow <b>first</b>"
    page.click("#history-open")
    page.wait_for_selector("#changes tbody tr >> nth=2")
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    page.wait_for_selector(f".entry[data-state=open] [data-n='{other}']")


def test_a_moment_is_set_by_keys_and_by_dragging_and_an_event_added_and_deleted(page, served, job):
    opened_viewer(page, served, job)
    page.fill("#rater", "ada")
    page.locator("#rater").blur()
    page.click("#events .entry button >> nth=0")
    event = chosen(page, served, job, rater="ada")
    wait_for_frame(page, event["apex_frame"])
    page.keyboard.press(",")
    wait_for_frame(page, event["apex_frame"] - 1)
    page.keyboard.press("p")
    until(page, f"document.querySelector('.moment.apex input').value === '{event['apex_frame'] - 1}'")
    knob = page.locator(".knob.offset")
    box = knob.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + 60, steps=5)
    page.mouse.up()
    until(page, f"Number(document.querySelector('.moment.offset input').value) > {event['offset_frame']}")
    before = page.locator("#events .entry").count()
    page.keyboard.press("n")
    until(page, f"document.querySelectorAll('#events .entry').length === {before + 1}")
    page.click("#decide .danger")
    until(page, f"document.querySelectorAll('#events .entry').length === {before}")
    page.click(f"[data-n='{event['n']}']")
    now = chosen(page, served, job, rater="ada")
    assert now["offset_frame"] > event["offset_frame"]
    assert (now["apex_frame"], now["state"], now["by"]) == (event["apex_frame"] - 1, "accepted", "ada")


def test_two_raters_are_compared_and_a_blind_one_sees_no_guess(page, served, job):
    for rater, key in (("bo", "a"), ("cy", "r")):
        opened_viewer(page, served, job)
        page.fill("#rater", rater)
        page.locator("#rater").blur()
        page.check("#blind")
        until(page, "!document.querySelector('.entry .likelihood')")
        assert page.is_hidden("#units")
        page.click("#events .entry button >> nth=0")
        assert page.locator("#bars *").count() == 0
        assert "hidden until you decide" in page.inner_text("#facts-of")
        n = page.get_attribute("[aria-current=true][data-n]", "data-n")
        page.keyboard.press(key)
        page.wait_for_selector(f".entry:not([data-state=open]) [data-n='{n}']")
        page.click(f"[data-n='{n}']")
        page.wait_for_selector("#bars .bar")
    page.click("#agreement-open")
    page.select_option("#rater-a", "bo")
    page.select_option("#rater-b", "cy")
    page.wait_for_selector("#agreed td:has-text('0 of 1')")


def test_the_slider_says_how_many_false_alarms_to_expect(page, served, job):
    opened_viewer(page, served, job)
    usual = page.inner_text("#expected")
    assert "about 60 false alarms an hour" in usual
    page.focus("#rate")
    page.keyboard.press("End")
    assert "about 960 false alarms an hour" in page.inner_text("#expected")
    page.keyboard.press("Home")
    assert "about 15 false alarms an hour" in page.inner_text("#expected")


def test_an_event_is_played_slowed_again_and_again_until_told_otherwise(page, served, job):
    opened_viewer(page, served, job)
    page.click("#events .entry button >> nth=0")
    until(page, "!document.getElementById('slow').disabled")
    page.keyboard.press("s")
    until(page, "!document.getElementById('video').paused")
    assert page.evaluate("document.getElementById('video').playbackRate") == 0.25
    page.keyboard.press("s")
    until(page, "document.getElementById('video').paused")
    assert page.evaluate("document.getElementById('video').playbackRate") == 1


def test_an_event_is_played_magnified_until_told_otherwise(page, served, job):
    opened_viewer(page, served, job)
    page.click("#events .entry button >> nth=0")
    page.select_option("#gain", "4")
    page.keyboard.press("m")
    until(page, "document.getElementById('film').currentTime > 0")
    assert page.evaluate("document.getElementById('film').playbackRate") == 0.25
    assert "magnified ×4: what you see is exaggerated" in page.inner_text("#film-says")
    width, height = page.evaluate("[film.videoWidth, film.videoHeight]")
    assert width > 1.5 * height  # the face as it was filmed, and beside it magnified
    page.keyboard.press("m")
    assert page.is_hidden("#magnified")


def test_curves_of_action_units_are_chosen_where_there_are_some(page, served, job):
    opened_viewer(page, served, job)
    page.click("#units summary")
    boxes = page.locator("#units-list input")
    for place in range(4):
        boxes.nth(place).check()
    assert boxes.nth(4).is_disabled()
    page.wait_for_selector("#units-list label:has(i.unit-4):has-text('up to')")
    boxes.nth(0).uncheck()
    assert boxes.nth(4).is_enabled()
    assert page.locator("#plot canvas").count() == 1


def test_what_the_model_looked_at_is_shown_without_torch_in_the_server(page, served, job):
    opened_viewer(page, served, job)
    page.click("#events .entry button >> nth=0")
    page.click("#explained button")
    page.wait_for_selector(".explained")
    page.wait_for_selector("#explained p", state="detached")  # it says that the model is being asked
    assert page.evaluate("document.querySelector('.explained').naturalWidth") > 100
    assert "libtorch" not in Path(f"/proc/{served.process.pid}/maps").read_text()


def test_a_single_picture_is_classified_and_one_without_a_face_refused(page, served, tmp_path):
    page.allowed = ["422"]
    wall = Image.new("RGB", (400, 300), "grey")
    for name, image in (("face.png", Image.fromarray(photograph("astronaut"))), ("wall.png", wall)):
        image.save(tmp_path / name)
    assert served.client.picture(tmp_path / "face.png", "frames")["pictures"][0]["file"] == "face.png"
    page.goto(f"{served.url}/pictures")
    assert "a single picture cannot show one" in page.inner_text(".note")
    page.wait_for_selector("#ask:visible")
    page.set_input_files("#files", [str(tmp_path / "face.png"), str(tmp_path / "wall.png")])
    page.wait_for_selector("#answers li:has-text('face.png') .bars .best")
    page.wait_for_selector("#answers li:has-text('wall.png') .fault:has-text('no face was found')")


def test_without_weights_the_page_of_single_pictures_says_how_to_train_some(page, served):
    page.route("**/api/pictures/models", lambda route: route.fulfill(json={"models": [], "note": ""}))
    page.goto(f"{served.url}/pictures")
    page.wait_for_selector("#none:has-text('fleeting train')")
    assert page.is_hidden("#ask")


@pytest.mark.parametrize("rate", ["steady", "variable"])
def test_the_frame_that_is_shown_is_the_one_that_is_meant(page, served, tmp_path, rate):
    """Every picture shows its number. Of a variable rate the page plays a copy, of a steady one the file."""
    gaps = [0.04] if rate == "steady" else [0.02, 0.09, 0.04, 0.13]
    times = [0.0]
    while len(times) < 48:
        times.append(times[-1] + gaps[len(times) % len(gaps)])
    source = numbered_film(tmp_path / f"{rate}.mp4", times)
    found = served.client.wait(served.client.upload(source, model="none").id)
    page.goto(f"{served.url}/jobs/{found.id}")
    until(page, "document.getElementById('now').dataset.frame !== undefined")
    for number in (17, 3, 44, 45, 30):
        plot = page.locator("#plot .u-over").bounding_box()
        across = times[number] / times[-1]
        page.mouse.click(plot["x"] + across * plot["width"], plot["y"] + 40)
        until(page, f"Math.abs(Number(document.getElementById('now').dataset.frame) - {number}) <= 1")
        settled(page)
        assert page.evaluate(READ) == shown_frame(page)
        for key, step in ((".", 1), (",", -1), (",", -1)):
            before = shown_frame(page)
            page.keyboard.press(key)
            wait_for_frame(page, before + step)
            settled(page)
            assert page.evaluate(READ) == before + step


def settled(page):
    until(
        page, "!document.getElementById('video').seeking && document.getElementById('video').readyState >= 2"
    )


def test_a_broken_file_is_refused_with_a_sentence_and_others_go_on(page, served, tmp_path):
    page.allowed = ["422"]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x18ftypisom" + b"\x00" * 500)
    page.goto(served.url)
    page.set_input_files("#files", str(broken))
    page.wait_for_selector("#uploads .fault")
    assert "broken.mp4" in page.inner_text("#uploads")
    assert re.search(r"video|decode|read", page.inner_text("#uploads .fault"))
    page.click("#uploads button")
    assert page.locator("#uploads li").count() == 0


def test_a_recording_is_forgotten_by_one_click_and_a_yes(page, served, tmp_path):
    source = numbered_film(tmp_path / "gone.mp4", [number / 30 for number in range(12)])
    page.goto(served.url)
    page.set_input_files("#files", str(source))
    page.wait_for_selector("#jobs li:has-text('gone.mp4') button:has-text('Forget'):visible")
    page.click("#jobs li:has-text('gone.mp4') button:has-text('Forget')")
    page.click("#forget button.danger")
    until(page, "!document.getElementById('jobs').innerText.includes('gone.mp4')")
    assert all(one.name != "gone.mp4" for one in served.client.jobs())


def test_the_camera_is_sent_and_what_comes_back_is_drawn(page, served):
    page.add_init_script(
        "const pack = HTMLCanvasElement.prototype.toBlob; HTMLCanvasElement.prototype.toBlob = "
        "function (done, ...rest) { pack.call(this, (blob) => setTimeout(done, 300, blob), ...rest); };"
    )  # one picture is always being packed when it stops
    page.goto(f"{served.url}/live")
    page.select_option("#fps", "10")
    page.click("#start")
    until(page, "/^[5-9]|^[1-9][0-9]/.test(document.getElementById('state').innerText)")
    page.wait_for_selector("#curve canvas")
    page.click("#stop")
    until(page, "document.getElementById('state').innerText.startsWith('Stopped')")
    page.wait_for_timeout(500)
    assert page.inner_text("#state").startswith("Stopped")


def test_a_page_is_there_in_german_and_in_both_colours(page, served):
    page.goto(f"{served.url}/?lang=de")
    assert page.inner_text("nav a >> nth=0") == "Aufnahmen"
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.select_option("#language", "en")
    page.wait_for_selector("html[lang=en]", state="attached")


def test_a_recording_of_a_minute_opens_and_its_timeline_scrolls(camera_browser, tmp_path):
    """The benchmark of an hour, small: bounds are wide, since other programs run beside a test."""
    script = runpy.run_path(str(BENCHMARK), run_name="imported")
    (tmp_path / "service").mkdir()
    script["write_job"](tmp_path / "service", 60, 24)
    with script["serving"](tmp_path / "service") as url:
        found = script["measure"](camera_browser, url)
    assert found["entries"] == 24
    assert found["frames_ms"]["drawn"] > 20
    assert found["again_s"] < 20


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, served, job, theme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=theme)
    for path in ("/", "/runs", "/live", "/pictures", f"/jobs/{job}"):
        page.goto(f"{served.url}{path}")
        if "jobs" in path:
            page.wait_for_selector("#events .entry button")
            page.click("#events .entry button >> nth=0")
            page.wait_for_selector("#bars .bar")
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"][:200])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], path
