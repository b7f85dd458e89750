"""The code hashes that a run and the cache keep change with every file that may change a number."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest

import fleeting
from fleeting.experiments.provenance import code_digest
from fleeting.experiments.recipe import read_recipe
from fleeting.inputs.cache import code_of
from fleeting.inputs.loading import CROPPING, MAKING

PACKAGE = Path(fleeting.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    package = tmp_path_factory.mktemp("copy") / "fleeting"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    return package


def changes(copy, digest, folder):
    """Whether a comment in a room's last file, or in the last top-level module, changes ``digest()``."""
    found = copy.glob("*.py") if folder == "." else (copy / folder).rglob("*.py")
    path = sorted(found)[-1]
    before, text = digest(), path.read_text()
    path.write_text(f"{text}# another line\n")
    after = digest()
    path.write_text(text)
    assert digest() == before
    return after != before


@pytest.mark.parametrize("room", [".", *ROOMS])
def test_a_run_is_of_the_code_in_every_room(copy, room):
    recipe = read_recipe("megc2019/linear-flow").completed()
    assert changes(copy, lambda: code_digest(recipe, copy), room)


def copied(modules, copy):
    """The same packages and modules, as they lie in the copy."""
    for module in modules:
        other = ModuleType(module.__name__)
        other.__file__ = str(copy / Path(module.__file__).relative_to(PACKAGE))
        if hasattr(module, "__path__"):
            other.__path__ = []
        yield other


@pytest.mark.parametrize(
    ("modules", "rooms"),
    [(CROPPING, {"faces", "inputs"}), (MAKING, {"faces", "inputs", "apex", "modalities"})],
    ids=["crops", "arrays"],
)
def test_what_is_kept_is_of_the_code_that_made_it(copy, modules, rooms):
    twins = list(copied(modules, copy))
    assert code_of(*twins) == code_of(*modules)
    found = {room for room in ROOMS if changes(copy, lambda: code_of(*twins), room)}
    assert found >= rooms
    pictures = copy / "video" / "pictures.py"
    before, text = code_of(*twins), pictures.read_text()
    pictures.write_text(f"{text}# another line\n")
    assert code_of(*twins) != before
    pictures.write_text(text)
    assert not found & {"analysis", "benchmark", "reports", "scoring"}  # what they do changes no array
