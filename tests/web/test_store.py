"""The store: jobs claimed by one worker at a time and never lost, in SQLite and in PostgreSQL."""

import shutil
import subprocess
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, inspect, text

from fleeting.errors import OptionError
from fleeting.web.store import Batch, Store
from fleeting.web.store.queue import ATTEMPTS, FullQueueError, UnknownJobError

NEEDS = "no PostgreSQL is installed (initdb); apt-get install postgresql, to test the store on it"


def programs():
    """The folder of PostgreSQL's programs, None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgresql():
    """The address of a server of PostgreSQL that runs for these tests, over a socket in a folder."""
    if (place := programs()) is None:
        pytest.skip(NEEDS)
    with TemporaryDirectory(prefix="postgresql-") as folder:  # not below pytest's, which is root's alone
        data = Path(folder) / "data"
        is_root = subprocess.run(["id", "-u"], capture_output=True, check=True).stdout.strip() == b"0"
        if is_root:  # it refuses to run as root
            shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"] if is_root else []

        def call(*words):
            subprocess.run([*as_user, *map(str, words)], check=True, capture_output=True, cwd="/")

        call(place / "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        call(place / "pg_ctl", "-w", "-D", data, "-l", data / "log", "-o", options, "start")
        yield f"postgresql://postgres@/postgres?host={folder}"
        call(place / "pg_ctl", "-w", "-m", "immediate", "-D", data, "stop")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    found = request.getfixturevalue("postgresql")
    engine = create_engine(found.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return found


@pytest.fixture
def store(url):
    opened = Store(url)
    yield opened
    opened.close()


def add(store, number=0, most=1000):
    facts = {
        "name": f"{number}.mp4",
        "source": "source/a.mp4",
        "settings": {"people": 2},
        "media": {"fps": 30},
    }
    return store.add(most, id=f"{number:032x}", **facts)


def test_a_job_goes_through_its_states(store):
    job = add(store)
    assert (job.state, job.position, job.settings, job.media) == ("queued", 1, {"people": 2}, {"fps": 30})
    claimed = store.claim("w", 60)
    assert (claimed.id, claimed.state, claimed.attempts) == (job.id, "running", 1)
    assert store.claim("other", 60) is None
    assert store.tell(job.id, "w", done=5, total=10, stage="analysing", time_left=2.5)
    assert store.job(job.id).as_dict()["progress"] == 0.5
    assert store.end(job.id, "w", "done", events=3, warnings=["w"], done=10, total=10)
    ended = store.job(job.id).as_dict()
    assert (ended["state"], ended["events"], ended["warnings"], ended["progress"]) == ("done", 3, ["w"], 1.0)
    assert ended["created"] <= ended["started"] <= ended["ended"]
    assert store.counts() == {"done": 1}


def test_no_job_is_given_to_two_workers(url):
    opened = [Store(url) for _ in range(4)]
    for number in range(40):
        add(opened[0], number)
    got = [[] for _ in opened]

    def work(store, mine):
        while (job := store.claim(f"{id(mine)}", 60)) is not None:
            mine.append(job.id)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(opened, got, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [id_ for mine in got for id_ in mine]
    assert sorted(every) == [f"{number:032x}" for number in range(40)]
    for store in opened:
        store.close()


def test_a_job_whose_worker_shows_no_life_goes_to_another_which_alone_may_end_it(store):
    job = add(store)
    store.claim("dead", 60)
    assert store.claim("next", 60) is None
    store.tell(job.id, "dead", lease=time.time() - 1)
    again = store.claim("next", 60)
    assert (again.id, again.attempts) == (job.id, 2)
    assert store.alive(job.id, "dead", 60) is None  # it has lost the job, and is told so
    assert store.tell(job.id, "dead", done=9) is None
    assert not store.end(job.id, "dead", "failed", "wrong")
    assert store.job(job.id).state == "running"
    assert store.alive(job.id, "next", 60) is True


def test_a_worker_that_ended_gives_its_job_back(store):
    job = add(store)
    store.claim("a", 60)
    assert store.release("a", died=False) == 1
    assert (store.job(job.id).state, store.job(job.id).attempts) == ("queued", 0)


def test_a_job_that_kills_its_workers_fails_at_last(store):
    job = add(store)
    for attempt in range(ATTEMPTS):
        assert store.claim(f"w{attempt}", 60) is not None
        store.release(f"w{attempt}", died=True)
    assert store.claim("last", 60) is None
    assert (store.job(job.id).state, "died" in store.job(job.id).error) == ("failed", True)


def test_a_running_job_is_cancelled_through_its_worker(store):
    job = add(store)
    store.claim("a", 60)
    assert store.cancel(job.id).stage == "cancelling"
    assert store.alive(job.id, "a", 60) is False
    assert store.release("a", died=True) == 1
    assert store.job(job.id).state == "cancelled"
    assert store.cancel(job.id).state == "cancelled"


def test_what_is_forgotten_takes_its_changes_along(store, url):
    job = add(store)
    store.change(job.id, "ann", lambda _: Batch(1, [("comment", "", "of a person")]))
    store.forget(job.id)
    with pytest.raises(UnknownJobError):
        store.job(job.id)
    with pytest.raises(UnknownJobError):
        store.forget(job.id)
    assert store.changes(job.id) == []
    with pytest.raises(UnknownJobError):
        store.change(job.id, "ann", lambda _: Batch(1, []))


def test_changes_keep_their_order_and_values(store):
    job = add(store)
    for _ in range(3):
        store.change(job.id, "ann", lambda past: Batch(1, [("n", len(past), len(past) + 1), ("t", "", "ü")]))
    rows = store.changes(job.id)
    assert [(one.field, one.before, one.after) for one in rows[::2]] == [("n", n, n + 1) for n in (0, 2, 4)]
    assert [one.field for one in store.undo(job.id, "ann")] == ["n", "t"]
    assert [one.undone is None for one in store.changes(job.id)] == [True] * 4 + [False] * 2
    assert store.undo(job.id, "bob") == []


def test_the_queue_is_bounded_and_old_jobs_are_found(store):
    add(store, 0, most=1)
    with pytest.raises(FullQueueError, match="1 videos wait"):
        add(store, 1, most=1)
    store.cancel(f"{0:032x}")
    assert store.ended_before(time.time() - 60) == []
    assert store.ended_before(time.time() + 1) == [f"{0:032x}"]


def test_tables_are_those_of_the_models(store, url):
    from fleeting.web.store.tables import Base

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    found = inspect(engine)
    for name, table in Base.metadata.tables.items():
        assert {one["name"] for one in found.get_columns(name)} == {one.name for one in table.columns}
        nullable = {one["name"]: one["nullable"] for one in found.get_columns(name)}
        assert nullable == {one.name: one.nullable for one in table.columns}
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_and_an_old_one_kept(url):
    store = Store(url)
    add(store)
    store.close()
    again = Store(url)
    assert len(again.jobs()) == 1
    again.close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(OptionError, match="newer version"):
        Store(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://a/b", "expected sqlite"),
        ("nonsense", "no address of a database"),
        ("sqlite:////nowhere/at/all.db", "cannot be opened"),
        ("postgresql://me:secret@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_said_so_without_its_password(url, said):
    with pytest.raises(OptionError, match=said) as raised:
        Store(url)
    assert "secret" not in str(raised.value)
