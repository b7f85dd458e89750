"""Jobs on a Ray cluster: what is sent, what a lost worker or node costs, and that nobody else is asked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleeting.errors import OptionError, RunError
from fleeting.executors import Needs, executors
from tests.fixtures.processes import children, wait_until

COMMAND = [sys.executable, "-m", "fleeting"]
HALF_A_MINUTE = ["run", "drawn/ststnet", "--set", "training.epochs=12", "--executor"]

LISTENER = """
import os, sys
def told(event, found):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["TOLD"], "a") as file:
            print(*map(repr, found[1:] if event == "socket.connect" else found[:1]), file=file)
sys.addaudithook(told)
"""


class Counted:
    """What all jobs share: a folder in which every process that unpacks it leaves a file."""

    def __init__(self, folder):
        self.folder = folder

    def __setstate__(self, state):
        self.__dict__.update(state)
        with (self.folder / "unpacked").open("a") as file:
            print(os.getpid(), file=file)


def perilous(shared, job):
    """Job 3 loses its worker once, a negative job each time."""
    marker = shared.folder / "begun"
    if job < 0 or (job == 3 and not marker.exists()):
        marker.touch()
        os._exit(1)
    return job * 10, os.getpid(), os.environ.get("RAY_USAGE_STATS_ENABLED")


def on_gpu(shared, job):
    return os.environ["CUDA_VISIBLE_DEVICES"]


on_gpu.needs = lambda _: Needs(device="cuda")


@pytest.mark.slow
def test_a_lost_worker_costs_only_its_job(tmp_path, caplog):
    given = executors["ray"](perilous, Counted(tmp_path), [*range(7), -1], 2)
    found = []
    with pytest.raises(RunError, match=r"^1 of 8 jobs lost their workers 3 times each"):
        found.extend(given)
    assert sorted(ten for ten, _, _ in found) == [0, 10, 20, 30, 40, 50, 60]
    assert os.getpid() not in {process for _, process, _ in found}
    assert {usage for _, _, usage in found} == {"0"}
    unpacked = (tmp_path / "unpacked").read_text().split()
    assert len(unpacked) == len(set(unpacked)), "each worker unpacks once what all jobs share"
    said = [record.message.partition(":")[0] for record in caplog.records if "lost" in record.message]
    assert "job 4 of 8 lost its worker, for the 1. time of 3; it is done again" in said
    assert "job 8 of 8 lost its worker, for the 3. time of 3; it is given up" in said
    assert len(said) == 4


@pytest.mark.slow
def test_a_cluster_that_cannot_do_the_jobs_says_so():
    with pytest.raises(OptionError, match="1 cores and 1 GPUs, and no node"):
        list(executors["ray"](on_gpu, None, [1], 1))


@pytest.mark.slow
def test_a_cluster_that_the_program_has_joined_is_used_and_kept():
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False)
    try:
        assert list(executors["ray"](on_gpu, None, [1], 1)) == ["0"]
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RunError, match=r"^no Ray cluster can be joined at 127\.0\.0\.1:1 \(.*refused\)"):
        list(executors["ray"](perilous, None, [1], 1))


def marked(mark):
    """The command lines of the processes that have a mark in their environment (on Linux)."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (place / "environ").read_bytes().split(b"\0"):
                found[place.name] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended, or is another user's
            continue
    return found


def at_work(raylet):
    """Whether a worker of this node is doing a job: Ray then calls the process after its function."""
    return any(b"ray::_do" in Path(f"/proc/{one}/cmdline").read_bytes() for one in children(raylet))


def listened_on(processes):
    """The addresses on which these processes listen, as `/proc/net` writes them."""
    inodes = set()
    for process in processes:
        for file in Path(f"/proc/{process}/fd").glob("*"):
            try:
                inodes.add(file.readlink().name.removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()
    ]
    return {line[1].partition(":")[0] for line in lines if line[9] in inodes and line[3] == "0A"}


@pytest.mark.slow
def test_a_run_asks_nobody_and_an_interrupt_leaves_nobody(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LISTENER)
    told, mark = tmp_path / "told", str(tmp_path)
    ours = {**os.environ, "PYTHONPATH": mark, "TOLD": str(told), "MARK": mark}
    words = ["run", "drawn/ststnet", "--set", "training.epochs=5000", "--executor", "ray", "--workers", "1"]
    command = [*COMMAND, *words, "--out", tmp_path / "run"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, env=ours)
    wait_until(lambda: any("ray::_do" in line for line in marked(mark).values()), process)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert listened_on(marked(mark)) <= loopback
    assert not any("dashboard.py" in line for line in marked(mark).values())
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to Ray's processes too
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"fleeting: interrupted; give the same command again\n")
    wait_until(lambda: not marked(mark))
    asked = set(told.read_text().splitlines()) if told.exists() else set()
    assert not {line for line in asked if "127.0.0.1" not in line and "localhost" not in line}


@pytest.mark.slow
def test_a_node_that_is_killed_costs_only_its_folds(tmp_path, monkeypatch):
    """Two nodes of one machine; one dies with all its processes when folds are done and others begun."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 10**8}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        node = cluster.add_node(**small, node_ip_address="127.0.0.2")
        process = subprocess.Popen(
            [*COMMAND, *HALF_A_MINUTE, "ray", "--out", tmp_path / "ray"],
            stderr=subprocess.PIPE,
            env={**os.environ, "RAY_ADDRESS": cluster.address},
        )
        raylet = node.all_processes["raylet"][0].process.pid
        wait_until(lambda: list((tmp_path / "ray" / "folds").glob("*")) and at_work(raylet), process)
        for lost in [str(raylet), *children(raylet)]:
            os.kill(int(lost), signal.SIGKILL)
        _, said = process.communicate(timeout=100)
    finally:
        cluster.shutdown()
    assert process.returncode == 0
    assert b"lost its worker, for the 1. time of 3; it is done again" in said
    subprocess.run([*COMMAND, *HALF_A_MINUTE, "serial", "--out", tmp_path / "serial"], check=True)
    for name in ("predictions.csv", "log.txt", "experiment.toml"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "serial" / name).read_bytes()
    folds = {place.name for place in (tmp_path / "serial" / "folds").iterdir()}
    assert {place.name for place in (tmp_path / "ray" / "folds").iterdir()} == folds
