"""The texts of the page: every language says the same things, and the page asks for no others."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from fleeting.web.page.texts import DEFAULT, catalogue, chosen, languages

PAGE = Path(str(files("fleeting.web.page")))
SOURCES = [*(PAGE / "templates").glob("*.html"), *(PAGE / "static").glob("*.js")]
ASKED = re.compile(r"""\b(?:t|counted)\(\s*["'`]([a-z_]+\.[a-z_$]+(?:\{[^}]*\})?[a-z_]*)""")
QUOTED = re.compile(r""""([a-z]+\.[a-z_]+)\"""")
COUNTED = re.compile(r"""counted\(\s*["']([a-z_.]+)["']""")
HOLES = re.compile(r"\{(\w+)\}")
IN_THE_LIST_OF_KEYS = "keys."
"""The viewer shows all texts of this part, whatever they are called."""


def asked():
    """What templates and scripts ask for: whole keys, and patterns of keys that are put together."""
    known, patterns = set(), set()
    parts = {key.partition(".")[0] for key in catalogue(DEFAULT)}
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        plural = set(COUNTED.findall(text))
        known |= {f"{key}_{number}" for key in plural for number in ("one", "many")}
        for key in ASKED.findall(text):
            if "$" in key:
                patterns.add(
                    re.compile(
                        re.escape(key.partition("$")[0])
                        + r"[a-z_]+"
                        + re.escape(key.rpartition("}")[2])
                        + "$"
                    )
                )
            elif key not in plural:
                known.add(key)
        known |= {key for key in QUOTED.findall(text) if key.partition(".")[0] in parts and key not in plural}
    return known, patterns


def test_all_languages_have_the_same_texts_with_the_same_holes():
    assert {"en", "de"} <= set(languages())
    reference = catalogue(DEFAULT)
    for code in languages():
        texts = catalogue(code)
        assert texts.keys() == reference.keys()
        assert {
            key for key in texts if set(HOLES.findall(texts[key])) != set(HOLES.findall(reference[key]))
        } == set()
        assert [key for key, text in texts.items() if not text.strip()] == []


def test_templates_and_scripts_ask_only_for_texts_that_there_are():
    known, patterns = asked()
    files_of_the_page = re.compile(r"\.(js|css|svg|html|csv)$")
    assert {key for key in known if not files_of_the_page.search(key)} - catalogue(DEFAULT).keys() == set()
    assert [one.pattern for one in patterns if not any(map(one.match, catalogue(DEFAULT)))] == []


def test_no_text_is_left_over():
    known, patterns = asked()
    spared = {"page.language"}
    left = {
        key
        for key in catalogue(DEFAULT).keys() - known - spared
        if not key.startswith(IN_THE_LIST_OF_KEYS) and not any(one.match(key) for one in patterns)
    }
    assert left == set()


def test_no_element_has_a_style_or_a_script_of_its_own():
    for source in (PAGE / "templates").glob("*.html"):
        html = source.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html), source.name
        assert not re.search(r"<script(?![^>]*(src=|application/json))", html), source.name


@pytest.mark.parametrize(
    ("wanted", "kept", "accepted", "language"),
    [
        (None, None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, None, "fr,de;q=0.5", "de"),
        (None, None, "fr", "en"),
        (None, "de", "en", "de"),
        ("en", "de", "de", "en"),
        ("../x", None, "", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_else_kept_else_accepted(wanted, kept, accepted, language):
    assert chosen(wanted, kept, accepted) == language


def test_vendored_files_are_those_whose_hashes_are_written_down():
    import hashlib

    folder = PAGE / "static" / "vendor"
    written = dict(re.findall(r"`(\S+)` \| `([0-9a-f]{64})`", (folder / "README.md").read_text()))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert written == {name: digest for name, digest in found.items() if name != "README.md"}
