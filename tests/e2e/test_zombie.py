"""A worker stopped (SIGSTOP) at each fault point until another one has finished its job: it goes on, and nothing changes.

What it may have left is compared byte by byte: every row of every table, every file of the blob store.
"""
import fcntl
import os
import signal
import struct
import time

import judge
import pytest
import workers
from support import wait_until

LEASE_S = 2
F_OFD_SETLK = 37  # a lock of the open file, as the store takes it
LOST, NOTHING_TO_DO, ENDED = (1, "lease lost"), (0, "nothing to do"), (0, "run ended")

# point: (at which of its arrivals, the exit code and message of the worker when it goes on). The first run takes 13 filings.
POINTS = {
    "before_claim_ack": [(1, NOTHING_TO_DO)],  # not adopted: the lease was nobody's yet
    "claimed": [(1, NOTHING_TO_DO)],
    "adopted": [(1, LOST)],
    "listed": [(1, LOST)],
    "downloading": [(1, LOST), (9, LOST)],
    "after_download": [(1, LOST)],
    "after_read": [(1, LOST)],
    "between_blobs": [(1, LOST)],
    "after_blob_put": [(1, LOST), (10, LOST)],
    "before_row": [(1, LOST), (3, LOST)],
    "after_row": [(1, LOST), (13, LOST)],
    "before_end": [(1, LOST)],
    "end_applied": [(1, ENDED)],  # its end was in time: only the reply comes late
}
LAST_RUN_POINTS = {"before_manifest": [(1, LOST)], "after_manifest": [(1, LOST)]}
# Stopped here it holds the lock of the embedded store, so nobody can take the job over meanwhile.
LOCKED_POINTS = {"store_before_commit": (1, 2, 3, 6), "store_after_commit": (1, 2, 3, 6)}


def cases(table):
    return pytest.mark.parametrize(
        "point,hit,ending",
        [(point, hit, ending) for point, hits in table.items() for hit, ending in hits],
        ids=[f"{point}:{hit}" for point, hits in table.items() for hit, _ in hits],
    )


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


def check(yard, job_id):
    assert judge.check_all_completed(yard.data, yard.portal_port, count=1) == set()
    runs = yard.runs(job_id)
    assert [r["run"] for r in runs] == list(range(1, yard.job(job_id)["runs"] + 1))
    yard.check_fsck()


def go_on(process, ending):
    code, message = ending
    process.signal(signal.SIGCONT)
    assert process.wait_exit() == code and message in process.log(), process.log()


def store_is_held(data):
    with open(data / "filesure.lock", "r+b") as file:
        try:
            fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 2, 0))
        except (BlockingIOError, PermissionError):
            return True
    return False


def stop_at(yard, job_id, point, hit):
    """A worker stopped there, but not while another thread of it stands in a write: then nobody could take the job over."""
    for _ in range(10):
        process = yard.start_stopped(job_id, f"{point}:{hit}", LEASE_SECONDS=LEASE_S)
        if not store_is_held(yard.data):
            return process
        process.signal(signal.SIGKILL)
        process.wait_exit()
        yard.pass_time(LEASE_S + 1)
    pytest.fail(f"always stopped at {point}:{hit} in a write")


def outlive(yard, job_id, path, point, hit, ending):
    process = stop_at(yard, job_id, point, hit)
    stopped_at = time.monotonic()
    yard.complete(job_id, path)
    wait_until(lambda: time.monotonic() > stopped_at + LEASE_S, 60, "its lease over for it too")
    before, blobs = yard.everything(), yard.blobs()
    go_on(process, ending)
    assert yard.everything() == before
    assert yard.blobs() == blobs
    check(yard, job_id)


@cases(POINTS)
def test_stopped_past_its_lease(yard, tmp_path, point, hit, ending):
    outlive(yard, yard.place(), tmp_path / "job.env", point, hit, ending)


@cases(LAST_RUN_POINTS)
def test_stopped_in_the_last_run(yard, tmp_path, point, hit, ending):
    job_id = yard.place()
    for _ in range(2):
        assert yard.worker(job_id).returncode == 0
    outlive(yard, job_id, tmp_path / "job.env", point, hit, ending)


@pytest.mark.parametrize("point,hit", [(point, hit) for point, hits in LOCKED_POINTS.items() for hit in hits])
def test_stopped_in_a_write(yard, tmp_path, point, hit):
    """Its one write is whole or not there; past its lease it writes nothing more but the end of its run."""
    job_id = yard.place()
    process = yard.start(job_id, LEASE_SECONDS=LEASE_S, FILESURE_FAULT=f"stop:{point}:{hit}")
    wait_until(lambda: workers.state(process.pid) == "T", 30, f"a worker stopped at {point}:{hit}")
    assert store_is_held(yard.data)
    stopped_at = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped_at + LEASE_S, 60, "its lease over")
    rows, blobs = len(yard.documents(job_id)), yard.blobs()
    process.signal(signal.SIGCONT)
    assert process.wait_exit() == 1 and '"run failed"' in process.log(), process.log()
    assert len(yard.documents(job_id)) <= rows + 4  # what was in the write it was stopped in: at most one row a thread
    assert set(yard.blobs()) >= set(blobs)
    yard.pass_time(600)  # its back-off
    yard.complete(job_id, tmp_path / "job.env")
    check(yard, job_id)


def test_every_fault_point_of_a_run_has_a_case():
    assert workers.run_fault_points() == set(POINTS) | set(LAST_RUN_POINTS) | set(LOCKED_POINTS)
