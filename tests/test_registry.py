"""A new model, dataset or the like is one file: found in its folder, and covered by the contract tests."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fleeting
from fleeting import registry as registry_module
from fleeting.errors import OptionError, UnknownNameError
from fleeting.protocols import protocols
from fleeting.registry import Registry, options

NAIVE_KFOLD = '''
from sklearn.model_selection import KFold
from fleeting.protocols import protocols
from fleeting.types import Fold

@protocols.register("naive-kfold")
def naive(samples):
    """K-fold over samples, as much code has it."""
    for number, (train, test) in enumerate(KFold(4, shuffle=True, random_state=0).split(samples)):
        yield Fold(str(number), tuple(samples[i] for i in train), tuple(samples[i] for i in test))
'''
MODEL = '''
from torch import nn
from fleeting.models import models

@models.register("one-layer")
class OneLayer(nn.Module):
    """A single linear layer."""
    inputs = {"maps": (3, 28, 28)}
    paper = "nobody"
    def __init__(self, classes):
        super().__init__()
        self.head = nn.Linear(3 * 28 * 28, classes)
    def forward(self, maps):
        return self.head(maps.flatten(1))
'''
MODALITY = '''
import numpy as np
from fleeting.modalities import modalities

@modalities.register("last-frame")
def last(clip):
    """The last frame of the movement."""
    return clip.frames[clip.offset].transpose(2, 0, 1).astype(np.float32)
'''
DATASET = """
from dataclasses import replace
from fleeting.datasets import datasets
from fleeting.datasets.casme2 import CASME2
AGAIN = replace(CASME2, name="casme2-again", cohort="casme2-again", label_sets=("raw",))
datasets.register("casme2-again")(AGAIN)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, copied to where files may be dropped in."""
    root = tmp_path_factory.mktemp("copy")
    package, tests = Path(fleeting.__file__).parent, Path(__file__).parent
    shutil.copytree(package, root / "src" / "fleeting", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(tests, root / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tests.parent / "pyproject.toml", root)
    return root


def contract(copy, kind, name, folder, source):
    """What pytest says of the contract tests for one dropped-in file; the file is taken out again."""
    dropped = copy / "src" / "fleeting" / folder / f"dropped_{kind}.py"
    dropped.write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", name]
    try:
        return subprocess.run(
            [*command, f"tests/contracts/test_every_{kind}.py"],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        dropped.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "folder", "source"),
    [
        ("model", "one-layer", "models", MODEL),
        ("modality", "last-frame", "modalities", MODALITY),
        ("dataset", "casme2-again", "datasets", DATASET),
    ],
)
def test_a_dropped_in_file_exists_and_is_tested(copy, kind, name, folder, source):
    done = contract(copy, kind, name, folder, source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.slow
def test_a_naive_kfold_dropped_in_is_refused_by_the_contract(copy):
    done = contract(copy, "protocol", "naive-kfold", "protocols", NAIVE_KFOLD)
    assert done.returncode == 1
    assert "LeakError" in done.stdout
    assert "trains and tests on" in done.stdout


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'loso'"):
        protocols["losso"]
    with pytest.raises(UnknownNameError, match=r"known: .*kfold"):
        protocols["xyz"]


def test_two_things_cannot_share_a_name():
    registry = Registry("thing", "fleeting.protocols")
    registry.register("a")(1)
    with pytest.raises(OptionError, match="two things"):
        registry.register("a")(2)


def test_a_plugin_is_found_by_its_entry_point(monkeypatch):
    loaded = []

    class Plugin(EntryPoint):
        def load(self):
            loaded.append(self.name)
            registry.register("from-afar")("here")

    plugin = Plugin("afar", "plugin", "fleeting.protocols")
    monkeypatch.setattr(registry_module, "entry_points", lambda **_: [plugin])
    registry = Registry("thing", "fleeting.protocols")
    assert registry["from-afar"] == "here"
    assert loaded == ["afar"]


def test_a_file_that_cannot_be_imported_is_named(copy):
    dropped = copy / "src" / "fleeting" / "protocols" / "broken.py"
    dropped.write_text("import nothing_of_that_name")
    code = "from fleeting.cli import main; main(['list', 'protocols'])"
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
    finally:
        dropped.unlink()
    assert done.returncode == 2
    assert done.stderr.startswith("fleeting: fleeting.protocols.broken cannot be imported")
    assert done.stderr.count("\n") == 1


def test_options_come_from_the_signature():
    def protocol(samples, *, folds: int = 5, share: float = 0.1):
        return samples, folds, share

    assert options(protocol, {"folds": 3}, "p") == {"folds": 3, "share": 0.1}
    assert options(protocol, {"share": 1}, "p") == {"folds": 5, "share": 1}
    with pytest.raises(UnknownNameError, match="did you mean 'folds'"):
        options(protocol, {"fold": 3}, "p")
    with pytest.raises(OptionError, match="expected int"):
        options(protocol, {"folds": "three"}, "p")


def test_importing_the_package_is_quick_and_touches_nothing():
    code = "import sys, fleeting; sys.exit(bool({'torch', 'numpy', 'pandas', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_there():
    for name in fleeting.__all__:
        assert getattr(fleeting, name)
    with pytest.raises(AttributeError):
        _ = fleeting.nothing


def test_a_list_is_a_tuple_where_the_default_is_one():
    def thing(*, repeats: tuple[int, ...] = (1, 2), name: str = "a"): ...

    assert options(thing, {"repeats": [3]}, "thing") == {"repeats": (3,), "name": "a"}
    with pytest.raises(OptionError, match="expected str"):
        options(thing, {"name": ["b"]}, "thing")
