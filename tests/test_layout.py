"""The layout of the package: what docs/architecture.md promises of every module, and of those to come."""

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

import fleeting

PACKAGE = Path(fleeting.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
TOP = {"docs"}
"""Folders of tests that mirror a folder beside src/, not a room."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def imports(path):
    """The dotted names that a file imports from, and each name that it takes from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_private(name):
    """Whether a dotted name is of the package, and its last part is private."""
    parts = name.split(".")
    return parts[0] == "fleeting" and parts[-1].startswith("_") and not parts[-1].startswith("__")


def private_modules(path):
    """The package's private modules that a file imports, as paths."""
    for name in set(imports(path)):
        found = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        if is_private(name) and found.exists():
            yield found


def lengths():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, FUNCTIONS):
                yield node.end_lineno - node.lineno + 1, f"{path.relative_to(PACKAGE)}: {node.name}"


def test_the_top_level_holds_at_most_ten_modules():
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_no_module_imports_a_private_module_of_another_package():
    found = [(p, other) for p in MODULES for other in private_modules(p) if other.parent != p.parent]
    assert found == []


def test_no_test_imports_a_private_module():
    assert [(path, other) for path in TESTS.rglob("*.py") for other in private_modules(path)] == []


def test_no_test_imports_a_private_name():
    found = [(path, name) for path in TESTS.rglob("*.py") for name in imports(path) if is_private(name)]
    assert found == []


def test_a_private_module_is_seen(tmp_path):
    path = tmp_path / "nosy.py"
    path.write_text("from fleeting.models._blocks import Gate\nfrom fleeting.modalities import _frames\n")
    names = {found.relative_to(PACKAGE).as_posix() for found in private_modules(path)}
    assert names == {"models/_blocks.py", "modalities/_frames.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is_for_and_a_long_one_why_it_is_long(path):
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) or ""
    assert said.partition("\n")[0].endswith((".", "?"))
    assert len(text.splitlines()) <= 300 or "300 lines" in said


def test_a_file_of_tests_says_what_it_tests():
    said = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in TESTS.rglob("test_*.py")}
    assert [path for path, text in said.items() if not text.partition("\n")[0].endswith((".", "?"))] == []


def test_functions_are_short():
    found = sorted(lengths(), reverse=True)
    assert median(length for length, _ in found) < 10
    assert found[0][0] <= 60, found[0][1]


def test_tests_mirror_the_rooms():
    having = {path.name for path in TESTS.iterdir() if any(path.glob("test_*.py"))}
    contracts = {"executors", "protocols", "augment"}  # their contract tests say all there is
    assert {room.name for room in ROOMS} - contracts <= having


def test_every_folder_of_tests_mirrors_a_room():
    folders = {path.name for path in TESTS.iterdir() if any(path.glob("*.py"))}
    shared = {"contracts", "fixtures"}  # tests and helpers of many rooms
    assert folders - shared - TOP <= {room.name for room in ROOMS}


def test_no_room_bears_the_name_of_a_public_call():
    assert not {room.name for room in ROOMS} & set(fleeting.__all__)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "printed"), [(["list", "recipes"], "drawn/linear-flow"), (["--help"], "Usage: fleeting")]
)
def test_what_needs_no_torch_does_not_load_it(words, printed):
    program = (
        "import sys\nfrom fleeting.cli import main\n"
        f"try:\n    status = main({words!r})\nexcept SystemExit as end:\n    status = end.code\n"
        "print('status', status or 0, 'torch', 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "status 0 torch False", done.stderr
    assert printed in done.stdout
