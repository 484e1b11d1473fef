"""The job store is away: 503 with Retry-After within a second, /healthz 200, and everything goes on when it is back."""

import contextlib
import fcntl
import json
import sqlite3
import threading
import time

import api_client as api
import pytest
import support
from support import wait_until


@contextlib.contextmanager
def write_locked(data):
    """Another process holds the write lock of the store and does not let go."""
    with contextlib.closing(sqlite3.connect(data / "filesure.db", timeout=30, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


@contextlib.contextmanager
def read_locked(data):
    """Nobody can begin to read: SQLite's read locks are bytes 123 to 127 of the -shm file (its WAL format)."""
    with open(data / "filesure.db-shm", "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 5, 123)
        yield


def order(server, number):
    begin = time.monotonic()
    answer = server.post("/api/v1/jobs", {"companies": [{"cin": api.cin(number)}]})
    return answer, time.monotonic() - begin


def test_writes_are_answered_503_within_a_second(start, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    job_id = server.order(api.cin(0))[0]
    with write_locked(data_dir):
        answers = []

        def place(number):
            answers.append(order(server, number))

        threads = [threading.Thread(target=place, args=(n,)) for n in range(1, 41)]
        for thread in threads:
            thread.start()
        health = [server.get("/healthz").status for _ in range(10)]
        for thread in threads:
            thread.join()
        assert set(health) == {200}
        for answer, seconds in answers:
            assert answer.status == 503 and answer.headers["Retry-After"] == "1"
            assert answer.json()["type"] == "/problems/store_unavailable"
            assert "filesure.db" not in answer.text and str(data_dir) not in answer.text
            assert seconds < 5 * support.FACTOR
        create = server.post("/create-job", {"num_jobs": 1})
        assert create.status == 503 and list(create.json()) == ["error"] and create.headers["Retry-After"] == "1"
        assert server.post(f"/api/v1/jobs/{job_id}/cancel").status == 503
        assert server.job(job_id)["status"] == "pending"  # reads go on
        assert server.get("/readyz").status == 200
        numbers = server.metrics()
        assert numbers["db_write_failures_total"] >= 1 and numbers["jobs_created_failures_total"] == 1
    wait_until(lambda: order(server, 99)[0].status == 200, 5, "orders taken again")
    warnings = [line for line in server.process.lines if '"level":"warn"' in line]
    assert 1 <= len(warnings) <= 6, warnings  # said once, not each second


def test_a_store_known_to_be_down_costs_no_time(start, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    with write_locked(data_dir):
        begin = time.monotonic()
        for number in range(30):
            assert order(server, number)[0].status == 503
        assert time.monotonic() - begin < 8 * support.FACTOR  # not 30 times the deadline


def test_keeper_failures_are_said_once(start, run_program, tmp_path, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    job_id = server.order(api.cin(0))[0]
    env = {"FILESURE_DATA": data_dir, "JOB_ID": None, "LEASE_SECONDS": 2}
    assert run_program("filesure-worker", "claim", "--out", tmp_path / "claim", env=env).returncode == 0
    with write_locked(data_dir):  # so the lease that runs out cannot be given back
        server.process.wait_line("keeper step fails", deadline_s=40)
        wait_until(lambda: server.metrics()['filesure_keeper_failures_total{step="expire"}'] >= 2, 40, "a second failure")
    server.process.wait_line("keeper step works again", deadline_s=40)
    assert sum("keeper step fails" in line for line in server.process.lines) == 1
    wait_until(lambda: server.job(job_id)["status"] == "pending", 20, "the job given back")


@pytest.mark.slow
def test_not_ready_after_30_seconds_without_the_store(start, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    server.order(api.cin(0))
    server.wait_metric("filesure_jobs_created_total", 1)
    events = api.Events(server.port)
    with read_locked(data_dir):
        begin = time.monotonic()
        events.until(lambda e: e["event"] == "stats" and not e["data"]["storeUp"], 40)
        answer = server.get("/api/v1/jobs")
        assert answer.status == 503 and answer.headers["Retry-After"] == "1"
        assert server.get("/api/v1/stats").json()["jobs"]["pending"] == 1  # the last that was seen
        wait_until(lambda: server.get("/readyz").status == 503, 60, "not ready")
        assert time.monotonic() - begin > 28
        assert server.get("/healthz").status == 200 and server.metrics()["filesure_store_up"] == 0
        assert server.metrics()["filesure_jobs_created_total"] == 1
    events.until(lambda e: e["event"] == "stats" and e["data"]["storeUp"], 40)
    server.wait_ready()
    assert server.get("/api/v1/jobs").status == 200
    events.close()


def test_a_store_that_cannot_be_opened_yet(start, data_dir):
    """Locked whole before the start: the API serves, is not ready, and opens the store when it can."""
    db = sqlite3.connect(data_dir / "filesure.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("CREATE TABLE x (y)")
    db.execute("BEGIN EXCLUSIVE")
    server = api.Api(start, data_dir)
    assert server.get("/healthz").status == 200
    ready = server.get("/readyz")
    assert ready.status == 503 and ready.json()["ready"] is False and ready.json()["jobStore"] == {"msSinceAnswer": None}
    for path in (
        "/api/v1/jobs", "/api/v1/stats", "/api/v1/reconcile", "/api/v1/audit", "/api/v1/jobs/000000000000000000000000",
    ):  # fmt: skip
        answer = server.get(path)
        assert answer.status == 503 and answer.headers["Retry-After"] == "1", path
    assert server.post("/create-job", {"num_jobs": 1}).status == 503
    assert "filesure_jobs_created_total" not in server.metrics()  # a zero would look like a counter that was reset
    assert server.get("/").status == 200
    db.execute("ROLLBACK")
    db.execute("DROP TABLE x")
    db.close()
    server.wait_ready()
    assert server.post("/create-job", {"num_jobs": 1}).status == 200


def test_sigterm_while_the_store_is_away(start, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    with write_locked(data_dir), api.connect(server.port) as waiting:
        waiting.sendall(api.json_post("/create-job", "{}"))
        assert server.get("/healthz").status == 200
        begin = time.monotonic()
        assert server.process.stop(10) == 0
        assert time.monotonic() - begin < 4 * support.FACTOR


@pytest.mark.parametrize("damage", ["a folder", "no database"])
def test_a_store_that_can_never_be_opened(run_program, data_dir, damage):
    path = data_dir / "filesure.db"
    path.mkdir() if damage == "a folder" else path.write_bytes(b"this is no database at all" * 100)
    result = run_program("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data_dir})
    assert result.returncode == 1
    line = json.loads(result.stderr)  # one line
    assert line["level"] == "error" and line["message"] == "cannot start"
