"""What every dataset must do: write a miniature of itself, read it back, name what is damaged."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from fleeting.benchmark.check import check
from fleeting.datasets import Drawing, datasets, label_sets, labelled
from fleeting.errors import DatasetError
from fleeting.types import Sample

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

FACTS = ("name", "title", "paper", "access", "licence", "label_sets")
WITH_FRAMES = [name for name in datasets.names() if datasets[name].has_frames]
READY = [name for name in datasets.names() if datasets[name].ready]
WITH_ROOT = [name for name in datasets.names() if datasets[name].needs_root]
WITH_SHEET = [name for name in datasets.names() if hasattr(datasets[name], "sheet")]
WRITERS = [name for name in datasets.names() if hasattr(datasets[name], "write")]


@pytest.fixture
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A fresh miniature of the dataset that the test is about."""
    datasets[request.getfixturevalue("name")].fabricate(tmp_path)
    return tmp_path


def blocking(name: str, root: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for problem in check(name, root).problems:
        if problem.blocks:
            assert "\n" not in str(problem)
            assert problem.what
            assert problem.do
            found[problem.clip].append(str(problem))
    return found


def sheets(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.suffix in {".xlsx", ".csv"}]


@pytest.mark.parametrize("name", datasets.names())
def test_facts_are_declared(name: str) -> None:
    dataset = datasets[name]
    assert dataset.name == name
    for fact in FACTS:
        assert getattr(dataset, fact), fact
    assert "\n" not in dataset.title
    assert set(dataset.label_sets) <= set(label_sets)
    assert dataset.has_frames or dataset.ready


@pytest.mark.parametrize("name", datasets.names())
def test_a_fresh_miniature_is_healthy(name: str, root: Path) -> None:
    checkup = check(name, root)
    assert checkup.problems == ()
    assert checkup.subjects >= 3
    assert len(checkup.labels) >= 3
    assert checkup.clips >= 5 * checkup.subjects


@pytest.mark.parametrize("name", datasets.names())
def test_ids_are_unique_and_subjects_global(name: str, root: Path) -> None:
    samples = datasets[name].samples(root)
    assert len({sample.id for sample in samples}) == len(samples)
    for sample in samples:
        assert sample.id.startswith(f"{sample.subject}/")
        assert sample.subject.count("/") == 1


@pytest.mark.parametrize("name", datasets.names())
def test_every_class_of_its_label_sets_has_two_subjects(name: str, root: Path) -> None:
    dataset = datasets[name]
    for label_set in dataset.label_sets:
        kept, classes = labelled(dataset.samples(root), label_set)
        people = Counter(label for label, _ in {(sample.label, sample.subject) for sample in kept})
        assert set(people) == set(classes)
        assert min(people.values()) >= 2
        assert list(dataset.problems(root, kept)) == []  # whatever the classes are called


@pytest.mark.parametrize("name", datasets.names())
def test_the_same_seed_gives_the_same_miniature(name: str, root: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    datasets[name].fabricate(again)
    assert datasets[name].samples(again) == datasets[name].samples(root)
    for sample in datasets[name].samples(root)[:3]:
        for modality in datasets[name].ready:
            arrays = [datasets[name].ready_array(place, sample, modality) for place in (root, again)]
            np.testing.assert_array_equal(*arrays)


@pytest.mark.parametrize("name", WITH_FRAMES)
def test_frames_run_from_onset_to_offset(name: str, root: Path) -> None:
    dataset = datasets[name]
    for sample in dataset.samples(root):
        files = dataset.frames(root, sample)
        assert len(files) == sample.offset - sample.onset + 1 > 10
        assert all(path.is_file() for path in files)
        one = replace(sample, id=f"{sample.id}#{sample.onset}", offset=sample.onset, apex=sample.onset)
        assert dataset.frames(root, one) == files[:1]


@pytest.mark.parametrize("name", READY)
def test_ready_arrays_are_finite_pictures(name: str, root: Path) -> None:
    dataset = datasets[name]
    for sample in dataset.samples(root):
        for modality in dataset.ready:
            array = dataset.ready_array(root, sample, modality)
            assert array.dtype == np.float32
            assert array.ndim == 3
            assert np.isfinite(array).all()
        if not dataset.has_frames:
            with pytest.raises(DatasetError, match=sample.id):
                dataset.frames(root, sample)


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_read_can_be_written_and_read_again(name: str, root: Path, tmp_path: Path) -> None:
    dataset = datasets[name]
    rows = []
    for sample in dataset.samples(root):
        if dataset.has_frames:
            frames = [np.asarray(Image.open(path)) for path in dataset.frames(root, sample)]
        else:
            frames = [dataset.ready_array(root, sample, dataset.ready[0]).transpose(1, 2, 0).astype(np.uint8)]
        rows.append(Drawing(sample, frames))
    copy = tmp_path / "copy"
    dataset.write(copy, rows)
    assert dataset.samples(copy) == [row.sample for row in rows]
    assert check(name, copy).problems == ()


@pytest.mark.parametrize("name", WITH_FRAMES)
def test_deleted_frames_are_named_by_clip(name: str, root: Path) -> None:
    dataset = datasets[name]
    first, second, third = dataset.samples(root)[:3]
    dataset.frames(root, first)[4].unlink()
    for path in dataset.frames(root, second):
        path.unlink()
    dataset.frames(root, third)[5].write_bytes(b"")
    found = blocking(name, root)
    assert set(found) == {first.id, second.id, third.id}
    with pytest.raises(DatasetError, match=second.id):
        dataset.frames(root, second)


@pytest.mark.parametrize("name", WITH_FRAMES)
def test_damaged_pictures_are_named_by_clip(name: str, root: Path) -> None:
    dataset = datasets[name]
    first, second = dataset.samples(root)[:2]
    for path, data in (
        (dataset.frames(root, first)[3], None),
        (dataset.frames(root, second)[6], b"no picture"),
    ):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if data is None else data)
    assert not [p for p in dataset.problems(root, dataset.samples(root)) if p.blocks]  # it decodes nothing
    found = blocking(name, root)
    assert set(found) == {first.id, second.id}


@pytest.mark.parametrize("name", [name for name in READY if datasets[name].needs_root])
def test_damaged_arrays_are_named_by_clip(name: str, root: Path) -> None:
    dataset = datasets[name]
    pictures = sorted(root.rglob("*.png"))
    pictures[0].unlink()
    pictures[1].write_bytes(b"")
    pictures[2].write_bytes(pictures[2].read_bytes()[:60])
    Image.new("L", (28, 28)).save(pictures[3])
    Image.new("RGB", (30, 28)).save(pictures[4])
    found = blocking(name, root)
    assert len(found) == 5
    for sample in dataset.samples(root):
        if sample.id in found:
            with pytest.raises(DatasetError, match=sample.id):
                dataset.ready_array(root, sample, dataset.ready[0])


@pytest.mark.parametrize("name", WITH_ROOT)
def test_a_root_that_is_not_the_dataset_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    for wrong in (tmp_path, tmp_path / "absent", tmp_path / "notes.txt"):
        with pytest.raises(DatasetError) as refused:
            check(name, wrong)
        assert str(wrong) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert ";" in str(refused.value)


@pytest.mark.parametrize(
    "damage",
    [b"", b"PK\x03\x04 not a zip", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut", "été,\x00".encode("utf-16")],
)
@pytest.mark.parametrize("name", WITH_SHEET)
def test_a_broken_sheet_is_one_line(name: str, root: Path, damage: bytes) -> None:
    files = sheets(root)
    for path in files:
        path.write_bytes(damage)
    with pytest.raises(DatasetError) as refused:
        check(name, root)
    assert files[0].suffix in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", WITH_SHEET)
def test_half_a_sheet_is_one_line(name: str, root: Path) -> None:
    for path in sheets(root):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match="not a whole Excel workbook"):
        check(name, root)


@pytest.mark.parametrize("value", ["soon", 999999])
@pytest.mark.parametrize("name", WITH_SHEET)
def test_an_apex_outside_its_clip_is_named(name: str, root: Path, value: object) -> None:
    before = datasets[name].samples(root)
    apexes = {sample.apex for sample in before} - {None}
    changed = set()
    for path in sheets(root):
        book = openpyxl.load_workbook(path)
        cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
        found = [cell for cell in cells if str(cell.value).isdecimal() and int(cell.value) in apexes]
        found[-1].value = value if isinstance(found[-1].value, int) else str(value)
        book.save(path)
        changed.add(path)
    found_clips = blocking(name, root)
    assert 1 <= len(found_clips) <= len(changed)
    assert "apex" in " ".join(text for texts in found_clips.values() for text in texts)
    assert check(name, root).clips == len(before)


@pytest.mark.parametrize("name", WITH_SHEET)
def test_an_apex_that_nobody_asks_for_may_be_anything(name: str, root: Path) -> None:
    dataset = datasets[name]
    victim = dataset.samples(root)[-1]
    for path in sheets(root):
        book = openpyxl.load_workbook(path)
        cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
        found = [cell for cell in cells if str(cell.value) == str(victim.apex)]
        for cell in found[-1:]:
            cell.value = "unclear"
        book.save(path)
    samples = dataset.samples(root)
    unclear = {before.id for before in samples if before.apex is None}
    assert victim.id in unclear

    def blocked(asked: list[Sample]) -> set[str]:
        return {problem.clip for problem in dataset.problems(root, asked) if problem.blocks}

    assert blocked(samples) == unclear
    assert blocked([sample for sample in samples if sample.id not in unclear]) == set()
    assert blocked([replace(sample, apex=None) for sample in samples]) == set()


@pytest.mark.parametrize("name", WITH_FRAMES)
def test_frames_of_several_sizes_are_named_by_clip(name: str, root: Path) -> None:
    dataset = datasets[name]
    sample = dataset.samples(root)[1]
    path = dataset.frames(root, sample)[4]
    Image.open(path).resize((11, 7)).save(path)
    found = blocking(name, root)
    assert list(found) == [sample.id]
    (text,) = found[sample.id]
    assert "2 sizes (11x7, 24x32)" in text


@pytest.mark.parametrize("name", WITH_FRAMES)
def test_damage_beside_a_clip_is_a_note_if_the_folder_is_its_own(name: str, root: Path) -> None:
    dataset = datasets[name]
    sample = dataset.samples(root)[1]
    spare = dataset.spare(root, sample)
    assert not set(spare) & set(dataset.frames(root, sample))
    for path in spare:
        path.write_bytes(b"")
    found = [(p.clip, p.blocks) for p in check(name, root).problems]
    assert found == [(sample.id, False)] * bool(spare)
