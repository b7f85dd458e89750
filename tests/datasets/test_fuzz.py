"""Sheets and folders as nobody expects them: the check names what is wrong, and touches nothing."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.benchmark.check import Checkup, check
from fleeting.datasets import datasets
from fleeting.errors import FleetingError
from tests.fixtures.fuzzing import examples, fingerprint
from tests.fixtures.unprivileged import unprivileged

NAMES = ("casme2", "samm", "samm-lv", "casme3", "casme-sq", "mmew")
TREES = (*NAMES, "clips", "smic", "megc2019", "megc2019-flow")
ACTS = ("delete", "empty", "cut", "rename", "copy", "link", "loop", "pipe", "folder", "close")
FRESH = ("1.jpg", "img46.bmp", "x", "Copy.png", "a" * 200, "caf\udce9 7.jpg", ".hidden")
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
cells = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.times()
    | st.timedeltas(max_value=timedelta(days=10**5))
    | text
    | st.sampled_from(["=A1+1", "=1/0", "=", "#REF!", "1.200", "3,5", "46.0", "1e400", "1;2", '"', "\t", "/"])
)


def looked(name: str, root: Path) -> Checkup | None:
    """What the doctor says of a folder, which is as it was; None where it refuses it in one line."""
    before = fingerprint(root)
    try:
        with unprivileged():
            found = check(name, root)
    except FleetingError as error:
        refusal = str(error)
    else:
        refusal = ""
    finally:
        assert fingerprint(root) == before
    assert "\n" not in refusal
    if refusal:
        return None
    assert not any("\n" in line for line in (*found.lines(), *map(str, found.problems)))
    dataset = datasets[name]
    blocked = {problem.clip for problem in found.problems if problem.blocks}
    if "" not in blocked and dataset.has_frames:
        with unprivileged():
            kept = [sample for sample in dataset.samples(root) if sample.id not in blocked]
            assert all(dataset.frames(root, sample) for sample in kept)
    return found


@pytest.fixture(scope="module", params=NAMES)
def sheet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    root = tmp_path_factory.mktemp(request.param)
    datasets[request.param].fabricate(root)
    return request.param, next(
        p for p in root.glob("*.xlsx") if p.stem in datasets[request.param].sheet.files
    )


@pytest.mark.slow
@examples(3)
@given(data=st.data(), text_file=st.booleans(), mark=st.sampled_from(",;\t"))
def test_any_sheet_is_read_or_refused(
    sheet: tuple[str, Path], data: st.DataObject, text_file: bool, mark: str
) -> None:
    name, path = sheet
    whole = path.read_bytes()
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    for _ in range(data.draw(st.integers(1, 6))):
        row, column = data.draw(st.integers(1, page.max_row)), data.draw(st.integers(1, page.max_column))
        with suppress(openpyxl.utils.exceptions.IllegalCharacterError, ValueError):
            page.cell(row, column).value = data.draw(cells)
    if data.draw(st.booleans()):
        book.copy_worksheet(page).title = "another"
    beside = path.with_suffix(".csv")
    try:
        if text_file:
            with beside.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, delimiter=mark).writerows(page.iter_rows(values_only=True))
            if data.draw(st.booleans()):
                path.unlink()
        else:
            book.save(path)
        looked(name, path.parent)
    finally:
        beside.unlink(missing_ok=True)
        path.write_bytes(whole)


@pytest.mark.slow
@examples(12)
@given(data=st.data(), text_file=st.booleans(), mark=st.sampled_from(",;\t"))
def test_any_table_of_own_clips_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, text_file: bool, mark: str
) -> None:
    root = tmp_path_factory.mktemp("own")
    datasets["clips"].fabricate(root)
    path = root / "clips.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))[:8]
    rows[0] += ["onset_s", "first_frame"]
    for _ in range(data.draw(st.integers(1, 8))):
        row = data.draw(st.sampled_from(rows))
        row += [""] * (len(rows[0]) - len(row))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(cells)
    if text_file:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=mark).writerows(rows)
    else:
        path.unlink()
        book = openpyxl.Workbook()
        for row in rows:
            with suppress(openpyxl.utils.exceptions.IllegalCharacterError, ValueError):
                book.active.append(row)
        book.save(root / "clips.xlsx")
    looked("clips", root)


def _open(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError):
        path.chmod(mode)


def damage(data: st.DataObject, root: Path, closed: ExitStack) -> None:
    """Change one thing below a folder: create, damage, rename, link, hide, close."""
    paths = sorted(root.rglob("*")) or [root]
    path = data.draw(st.sampled_from(paths))
    act = data.draw(
        st.sampled_from(
            ["delete", "empty", "cut", "rename", "copy", "link", "loop", "pipe", "folder", "close"]
        )
    )
    name = data.draw(
        st.sampled_from(["1.jpg", "img46.bmp", "x", "Copy.png", "a" * 200, "caf\udce9 7.jpg", ".h"])
    )
    fresh = path.parent / name
    with suppress(OSError):
        if act == "delete":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif act == "empty" and path.is_file():
            path.write_bytes(b"")
        elif act == "cut" and path.is_file():
            path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, 300))])
        elif act == "rename":
            path.rename(
                path.parent / data.draw(st.sampled_from([name, path.name.upper(), f"{path.name} - Copy"]))
            )
        elif act == "copy":
            twin = path.with_name(
                data.draw(st.sampled_from([f"{path.stem} - Copy{path.suffix}", f"x_{path.name}"]))
            )
            (shutil.copytree if path.is_dir() else shutil.copy)(path, twin)
        elif act == "link":
            fresh.symlink_to(data.draw(st.sampled_from(paths)))
        elif act == "loop":
            fresh.symlink_to(fresh)
        elif act == "pipe":
            path.unlink()
            os.mkfifo(path)
        elif act == "folder":
            path.unlink()
            path.mkdir()
        elif act == "close" and path.exists():
            closed.callback(_open, path, path.stat().st_mode)
            path.chmod(0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TREES)
@examples(4)
@given(data=st.data())
def test_any_folder_is_read_or_refused(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, ExitStack() as closed:
        root = Path(place) / "tree"
        datasets[name].fabricate(root)
        Path(place).chmod(0o755)
        for _ in range(data.draw(st.integers(1, 5))):
            damage(data, root, closed)
        looked(name, root)
