"""Workers whose clock is an hour off: time is the store's, so nobody takes a job early and nobody takes it late.

libfaketime shifts the clocks of one process: the wall clock alone, or every clock of libc. A sanitizer's runtime asks for the
time before libfaketime can answer and hangs, so a sanitizer build has no test here.
"""
import contextlib
import glob
import os
import re
import subprocess
import time

import judge
import pytest
import support
import workers
from support import FACTOR, wait_until

LEASE_S = 3
SHM = "/dev/shm/*faketime_s*_[0-9]*"
CLOCKS = [(shift, every) for shift in ("+3600", "-3600") for every in (False, True)]
clocks = pytest.mark.parametrize("shift,every", CLOCKS, ids=[f"{s}{' all clocks' if e else ''}" for s, e in CLOCKS])


def sanitized():
    linked = subprocess.run(["ldd", support.BIN / "filesure-worker"], capture_output=True, text=True, check=True).stdout
    return re.search(r"lib[at]san\.so", linked) is not None


def preload():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert found, "libfaketime is not installed (tools/bootstrap --tests)"
    return found[0]


def off(shift, every):
    env = {"LD_PRELOAD": preload(), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "0" if every else "1"}
    return env | {"NO_FAKE_STAT": "1"}  # times of files are the file system's


@pytest.fixture(autouse=True)
def clean_shm():
    """A process under libfaketime that is killed leaves its files in /dev/shm."""
    before = set(glob.glob(SHM))
    yield
    for path in set(glob.glob(SHM)) - before:
        if not support.process_alive(int(path.rpartition("_")[2])):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir, *workers.SLOW).open_portal()


def store_ms(yard):
    """The store's time: its anchor plus the time since the machine started."""
    return yard.rows("SELECT anchor_ms FROM store")[0]["anchor_ms"] + time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def claim(yard, job_id, path, **env):
    """True when a pod got the job."""
    return yard.claim(path, JOB_ID=job_id, LEASE_SECONDS=LEASE_S, **env)[0] == job_id


def wait_taken_over(yard, job_id, path, **env):
    """A pod tries until it gets the job: no earlier than the end of the lease, and soon after it."""
    lease_ends_ms = yard.job(job_id)["available_at"]
    assert lease_ends_ms <= store_ms(yard) + LEASE_S * 1000
    wait_until(lambda: claim(yard, job_id, path, **env), 30, "a lease taken over")
    taken_ms = yard.job(job_id)["available_at"] - LEASE_S * 1000
    assert lease_ends_ms <= taken_ms <= lease_ends_ms + 5000 * FACTOR


def test_the_clock_is_shifted(tmp_path):
    """What this file relies on."""
    source = "import time; print(time.time(), time.monotonic())"
    for shift, every in CLOCKS:
        command = ["python3", "-c", source]
        wall, mono = map(float, subprocess.run(command, env=support.program_env(off(shift, every)), capture_output=True,
                                               text=True, check=True).stdout.split())  # fmt: skip
        assert abs(wall - time.time() - int(shift)) < 60 * FACTOR
        assert (abs(mono - time.monotonic()) > 60 * FACTOR) == every


@clocks
def test_a_worker_with_a_wrong_clock_keeps_its_lease(yard, tmp_path, shift, every):
    job_id = yard.place()
    worker = yard.start(job_id, LEASE_SECONDS=LEASE_S, **off(shift, every))
    workers.wait_downloading(worker, yard, job_id)
    token = yard.job(job_id)["lease_token"]
    first_end_ms = yard.job(job_id)["available_at"]
    assert abs(first_end_ms - store_ms(yard)) < 60_000 * FACTOR

    def renewed():
        assert not claim(yard, job_id, tmp_path / "job.env")  # a right clock
        assert not claim(yard, job_id, tmp_path / "job.env", **off(shift, every))
        assert worker.running(), worker.log()
        return yard.job(job_id)["available_at"] > first_end_ms + LEASE_S * 1000

    wait_until(renewed, 60, "heartbeats past the first lease")
    assert yard.job(job_id)["lease_token"] == token
    worker.kill()
    wait_taken_over(yard, job_id, tmp_path / "job.env")


@clocks
def test_a_worker_with_a_wrong_clock_takes_nothing_early_and_nothing_late(yard, tmp_path, shift, every):
    job_id = yard.place()
    worker = yard.start(job_id, LEASE_SECONDS=LEASE_S)
    workers.wait_downloading(worker, yard, job_id)
    for _ in range(3):
        assert not claim(yard, job_id, tmp_path / "job.env", **off(shift, every))
    worker.kill()
    wait_taken_over(yard, job_id, tmp_path / "job.env", **off(shift, every))


@clocks
def test_jobs_done_under_wrong_clocks(start, run_program, data_dir, tmp_path, shift, every):
    """Runs that alternate between a wrong and a right clock: completed, in order of the store's time, clean."""
    yard = workers.Yard(start, run_program, data_dir).open_portal()
    placed = run_program("filesure", "order", "--data", data_dir, workers.CIN, env=off(shift, every))  # it makes the store
    assert placed.returncode == 0, placed.stderr
    job_id = judge.jobs_of(data_dir)[0]["id"]
    assert abs(yard.job(job_id)["at"] - time.time() * 1000) < 60_000 * FACTOR
    for run in range(3):
        more = off(shift, every) if run % 2 == 0 else {}
        assert yard.worker(job_id, **more).returncode == 0, yard.last.stderr
    assert judge.check_all_completed(data_dir, yard.portal_port, count=1) == set()
    runs = yard.runs(job_id)
    times = [t for run in runs for t in (run["started_at"], run["ended_at"])]
    assert times == sorted(times) and 0 <= times[-1] - times[0] < 120_000 * FACTOR
    for document in yard.documents(job_id):
        assert abs(document["at"] - time.time() * 1000) < 120_000 * FACTOR
    yard.check_fsck()


def test_a_fast_clock_removes_no_file_that_is_being_written(yard):
    """What a crash left is removed when it is an hour old, by the file system's clock."""
    container = yard.data / "blobs/documents"
    container.mkdir(parents=True)
    fresh, old = container / ".tmp-00000000000000aa", container / ".tmp-00000000000000bb"
    for path in (fresh, old):
        path.write_bytes(b"half of it")
    os.utime(old, (time.time() - 3700,) * 2)
    job_id = yard.place()
    worker = yard.start(job_id, **off("+7200", False))
    workers.wait_downloading(worker, yard, job_id)
    assert not old.exists() and fresh.exists()


if sanitized():
    for test in [name for name in globals() if name.startswith("test_")]:
        del globals()[test]
