"""What ends a run of filesure-worker early: SIGTERM, a cancel, its time, a lease that is lost."""
import signal
import sqlite3
import time

import judge
import pytest
import workers
from support import FACTOR, wait_until
from workers import timed_stop, wait_downloading


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


@pytest.fixture
def slow_yard(start, run_program, data_dir):
    """Documents come so slowly that a run is caught in the middle."""
    return workers.Yard(start, run_program, data_dir, *workers.SLOW).open_portal()


# ---- SIGTERM, cancel, the run's time ----


def test_sigterm_in_the_middle(slow_yard, run_program):
    job_id = slow_yard.place()
    process = slow_yard.start(job_id)
    wait_downloading(process, slow_yard, job_id)
    code, seconds = timed_stop(process)
    assert code == 0 and seconds < 5 * FACTOR, process.log()
    job = slow_yard.job(job_id)
    assert (job["status"], job["attempts"], job["lease_token"]) == ("pending", 0, None)
    assert [(r["outcome"], r["job_status"]) for r in slow_yard.runs(job_id)] == [("interrupted", "pending")]
    slow_yard.portal_options = ("--latency-ms", "0-0")
    slow_yard.open_portal().run_until_completed(job_id)  # at once: no back-off
    judge.check_all_completed(slow_yard.data, slow_yard.portal_port, count=1)


def test_sigterm_while_the_portal_says_nothing(yard):
    yard.faults({"fault": "hang", "route": "filings"})
    job_id = yard.place()
    process = yard.start(job_id)
    process.wait_line('"run started"')
    code, seconds = timed_stop(process)
    assert code == 0 and seconds < 5 * FACTOR, process.log()
    assert yard.runs(job_id)[0]["outcome"] == "interrupted"


def test_sigterm_while_the_store_is_locked(slow_yard):
    """The end cannot be written: the process goes nevertheless, its lease runs out."""
    job_id = slow_yard.place()
    process = slow_yard.start(job_id)
    wait_downloading(process, slow_yard, job_id)
    db = sqlite3.connect(slow_yard.data / "filesure.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    code, seconds = timed_stop(process)
    db.execute("ROLLBACK")
    db.close()
    assert code == 0 and seconds < 2.5 * FACTOR, process.log()
    assert slow_yard.job(job_id)["status"] == "processing"


def test_cancel_during_a_run(slow_yard):
    job_id = slow_yard.place()
    process = slow_yard.start(job_id, LEASE_SECONDS=2)
    wait_downloading(process, slow_yard, job_id)
    assert slow_yard.run_program("filesure", "cancel", "--data", slow_yard.data, job_id).returncode == 0
    assert process.wait_exit() == 0, process.log()
    job = slow_yard.job(job_id)
    assert (job["status"], job["cancel_requested"]) == ("cancelled", 0)
    assert [r["outcome"] for r in slow_yard.runs(job_id)] == ["cancelled"]


def test_run_seconds_end_a_run(slow_yard):
    job_id = slow_yard.place()
    process = slow_yard.start(job_id, RUN_SECONDS=1)
    code = process.wait_exit()
    run = slow_yard.runs(job_id)[0]
    assert run["run_stored"] < slow_yard.batch(job_id) and run["run_ms"] >= 1000
    if run["run_stored"]:  # it got on: the rest is for the next run
        assert (code, run["outcome"]) == (0, "pending")
    else:
        assert (code, run["outcome"], run["error_code"]) == (1, "failed", "run_time")


# ---- leases ----


def test_a_worker_that_lost_its_lease_changes_nothing(yard):
    job_id = yard.place()
    process = yard.start_stopped(job_id, "after_read:2", LEASE_SECONDS=2)
    stopped = time.monotonic()
    yard.pass_time(3)
    yard.run_until_completed(job_id, LEASE_SECONDS=2)
    before, blobs = yard.everything(), yard.blobs()
    wait_until(lambda: time.monotonic() > stopped + 2, 30, "its lease over for it too")
    process.signal(signal.SIGCONT)
    assert process.wait_exit() == 1, process.log()
    assert [e["level"] for e in workers.events(process.lines) if e["message"] == "lease lost"] == ["error"]
    assert (yard.everything(), yard.blobs()) == (before, blobs)
    yard.check_fsck()


def test_heartbeats_keep_the_lease(slow_yard, tmp_path):
    job_id = slow_yard.place()
    process = slow_yard.start(job_id, LEASE_SECONDS=2)
    wait_downloading(process, slow_yard, job_id)
    ends = set()

    def renewed():
        ends.add(slow_yard.job(job_id)["available_at"])
        return len(ends) >= 5

    wait_until(renewed, 30, "four heartbeats")
    assert slow_yard.claim(tmp_path / "job.env", LEASE_OWNER="another") == ("", "")
    assert process.stop() == 0


def test_a_store_that_is_away_stops_the_run(slow_yard):
    job_id = slow_yard.place()
    process = slow_yard.start(job_id, LEASE_SECONDS=2)
    wait_downloading(process, slow_yard, job_id)
    db = sqlite3.connect(slow_yard.data / "filesure.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    locked = time.monotonic()
    wait_until(lambda: time.monotonic() > locked + 3 * FACTOR, 60, "more than the lease")
    db.execute("ROLLBACK")
    db.close()
    assert process.wait_exit() == 1, process.log()
    job = slow_yard.job(job_id)
    if job["status"] == "pending":  # its end came through: not held against the job
        assert (job["attempts"], job["error_code"]) == (0, "store_down")
    else:
        assert "lease lost" in process.log() or "end not written" in process.log()
