"""Every script of benchmarks/ and studies/ can be imported: no script names what is not there any more."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "studies").glob("*.py")])


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=[f"{one.parent.name}/{one.stem}" for one in SCRIPTS])
def test_a_script_imports_what_it_uses(script, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    assert callable(runpy.run_path(str(script), run_name="imported").get("main"))
