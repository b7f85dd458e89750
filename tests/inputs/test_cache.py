"""What is kept comes back as it was, from one process or several, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fleeting.errors import CacheError, OptionError
from fleeting.faces import landmarks, optical_flow
from fleeting.inputs.cache import Cache, code_of

FUZZ = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEETING_CACHE", raising=False)


@pytest.mark.slow
@FUZZ
@given(
    arrays=st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1) | st.just("file"),
        hnp.arrays(
            hnp.scalar_dtypes().filter(lambda kind: kind.kind not in "Mm"),
            hnp.array_shapes(min_dims=0, min_side=0),
        ),
        max_size=3,
    )
)
def test_arrays_come_back_as_they_were(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    cache = Cache(tmp_path)
    cache.put("key", arrays)
    found = cache.get("key")
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_key_depends_on_every_fact_and_not_on_their_order() -> None:
    key = Cache.key(video="a", size=[2, 3], gray=True)
    assert key == Cache.key(gray=True, size=(2, 3), video="a")
    others = [{"video": "b"}, {"size": [3, 2]}, {"gray": 1}, {"gray": False}, {"more": None}]
    keys = {Cache.key(**{"video": "a", "size": [2, 3], "gray": True, **other}) for other in others}
    assert len(keys | {key}) == 6
    assert len(key) == 64


@pytest.mark.parametrize("fact", [np.float32(1), Path("a"), math.nan, {1, 2}])
def test_facts_that_json_cannot_hold(fact: object) -> None:
    with pytest.raises(OptionError, match="plain values"):
        Cache.key(fact=fact)


def test_what_was_never_put_is_a_miss(tmp_path: Path) -> None:
    assert Cache(tmp_path / "nowhere").get("key") is None


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'faces' holds objects"):
        Cache(tmp_path).put("key", {"faces": np.array([{}])})
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "fleeting-key.npz", faces=np.array([{}]))
    assert Cache(tmp_path).get("key") is None


@FUZZ
@given(data=st.data())
def test_a_damaged_entry_is_a_miss_and_is_replaced(tmp_path: Path, data: st.DataObject) -> None:
    cache, arrays = Cache(tmp_path), {"a": np.arange(50.0), "b": np.ones((2, 3), np.uint8)}
    cache.put("key", arrays)
    path = tmp_path / "fleeting-key.npz"
    whole = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=5)):
        whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    found = cache.get("key")
    for name in (
        found or {}
    ):  # damage to what zip does not check may leave an array as it was, never change it
        np.testing.assert_array_equal(found[name], arrays.get(name, found[name]))
    cache.put("key", arrays)
    np.testing.assert_array_equal(cache.get("key")["a"], arrays["a"])


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "made" / "here")
    before = os.umask(0)
    try:
        cache.put("key", {"face": np.zeros(3)})
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()] == [0o600]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    arrays = {"a": np.zeros(1000, np.uint8)}
    cache = Cache(tmp_path, limit=4000)
    (tmp_path / "fleeting-being_written.part").write_bytes(bytes(5000))
    (tmp_path / "my_own.npz").write_bytes(bytes(5000))
    (tmp_path / "fleeting-killed.part").write_bytes(bytes(500))
    for age, key in enumerate("abc"):
        cache.put(key, arrays)
        os.utime(tmp_path / f"fleeting-{key}.npz", (100 + age, 100 + age))
    os.utime(tmp_path / "fleeting-killed.part", (50, 50))
    assert cache.get("a") is not None
    cache.put("d", arrays)
    left = {path.name.removeprefix("fleeting-") for path in tmp_path.iterdir()}
    assert left == {"a.npz", "c.npz", "d.npz", "being_written.part", "my_own.npz"}
    cache.put("huge", {"a": np.zeros(5000, np.uint8)})
    assert cache.get("huge") is None
    assert cache.get("a") is not None


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache().folder == tmp_path / "fleeting"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cache().folder == tmp_path / ".cache" / "fleeting"
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "mine"))
    assert Cache().folder == tmp_path / "mine"
    assert Cache(tmp_path / "argument").folder == tmp_path / "argument"


def test_off_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETING_CACHE", "off")
    cache = Cache(tmp_path)
    cache.put("key", {"a": np.zeros(3)})
    assert cache.get("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for part in ("", "faces"):
        cache = Cache(part=part)
        cache.put("key", {"a": np.zeros(3)})
        assert cache.folder is None
        assert cache.get("key") is None
    (note,) = caplog.messages
    assert "FLEETING_CACHE" in note


def test_a_usual_folder_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache = Cache()
    for _ in range(2):
        cache.put("key", {"a": np.zeros(3)})
        assert cache.get("key") is None
    (note,) = caplog.messages
    assert "cannot be written" in note
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "file" / "mine"))
    with pytest.raises(CacheError):
        Cache(part="faces").put("key", {"a": np.zeros(3)})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"cannot be written .not a directory.; set FLEETING_CACHE"):
        Cache(tmp_path / "file" / "below").put("key", {"a": np.zeros(3)})


WRITER = """
import sys, numpy as np
from pathlib import Path
from fleeting.inputs.cache import Cache
cache, mine = Cache(Path(sys.argv[1]), limit=30_000), int(sys.argv[2])
broken = 0
for turn in range(150):
    cache.put(f"key{turn % 5}", {"a": np.full(2000, mine), "b": np.full(10, mine)})
    found = cache.get(f"key{(turn + mine) % 5}")
    if found is not None:
        values = set(found["a"]) | set(found["b"])
        broken += len(found["a"]) != 2000 or len(values) != 1
print(broken)
"""


def test_two_processes_may_write_at_once() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", WRITER, folder]
        writers = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in (1, 2)]
        results = [(writer.communicate(timeout=60)[0].strip(), writer.returncode) for writer in writers]
        assert results == [("0", 0), ("0", 0)]
        assert not list(Path(folder).glob("*.part"))
        assert sum(path.stat().st_size for path in Path(folder).iterdir()) <= 30_000


def test_the_hash_of_code_follows_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_step.py").write_text("GAIN = 1\n")
    import own_step

    before = code_of(optical_flow, own_step)
    assert before == code_of(optical_flow, own_step) != code_of(landmarks, own_step)
    assert code_of(optical_flow) != before
    (tmp_path / "own_step.py").write_text("GAIN = 2\n")
    assert code_of(optical_flow, own_step) != before
    assert Cache.key(code=before, **json.loads('{"side": 28}')) != Cache.key(
        code=code_of(optical_flow), side=28
    )
    with pytest.raises(OptionError, match="module sys has no source"):
        code_of(sys)
