"""What README.md shows of the demonstration is what the demonstration gives."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.fixtures.pages import blocks, commands

ROOT = Path(__file__).parents[1]


def shown():
    """The lines that README.md prints below the command."""
    (lines,) = [
        lines
        for block in blocks(ROOT / "README.md")
        for command, lines in commands(block.text)
        if command == "fleeting demo"
    ]
    return lines


def test_the_picture_is_of_the_demonstration_that_is_printed():
    with Image.open(ROOT / "docs" / "assets" / "report.png") as picture:
        assert picture.text["printed"] == shown(), "make picture"


@pytest.mark.slow
def test_the_demonstration_prints_what_is_shown(tmp_path):
    command = [sys.executable, "-m", "fleeting", "demo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown().splitlines(), "make picture"
