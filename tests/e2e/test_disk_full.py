"""A full disk: whatever was being written, the error says so, nothing acknowledged is lost, and with room again it goes on.

The disk is a tmpfs in a mount namespace of the test's own, so that nothing stays mounted whatever happens; a ballast file takes
the room. Where that is not allowed, RLIMIT_FSIZE plays the part for single files.
"""
import contextlib
import ctypes
import functools
import json
import os
import sqlite3
import threading

import judge
import pytest
import support
import workers
from support import wait_until

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
DISK_KB = 16 * 1024
LEASE_S = 2

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Disk:
    def __init__(self, path):
        self.path, self.ballast = path, path / "ballast"

    def leave(self, kilobytes):
        """Takes all room but so much."""
        self.free()
        with open(self.ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with open(self.ballast, "r+b") as file:
            file.truncate(max(0, os.path.getsize(self.ballast) - kilobytes * 1024))

    def free(self):
        self.ballast.unlink(missing_ok=True)


def on_small_disk(test):
    """The test in a thread with a mount namespace of its own, in which disk.path is the small disk; both end with it."""

    def body(disk, yard, arguments, ret):
        try:
            try:
                call(libc.unshare, CLONE_NEWNS)
            except OSError as error:
                pytest.skip(f"no mount namespace: {error.strerror}")
            call(libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            call(libc.mount, b"tmpfs", os.fsencode(disk.path), b"tmpfs", 0, f"size={DISK_KB}k".encode())
            yard.data.mkdir()
            test(disk=disk, yard=yard, **arguments)
        except BaseException as error:
            ret.append(error)

    @functools.wraps(test)
    def run(disk, yard, **arguments):
        errors = []
        thread = threading.Thread(target=body, args=(disk, yard, arguments, errors), daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]

    return run


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return Disk(tmp_path / "disk")


@pytest.fixture
def yard(start, run_program, disk):
    return workers.Yard(start, run_program, disk.path / "data").open_portal()


def facts(yard):
    """What is there and must stay."""
    tables = ("documents", "filings", "runs")
    return {t: {tuple(r.values()) for r in yard.rows(f"SELECT * FROM {t}")} for t in tables}


def check_kept(yard, before):
    after = facts(yard)
    for table, rows in before.items():
        assert rows <= after[table], table
    for document in yard.rows("SELECT * FROM documents"):
        for name in ("text_name", "original_name", "fields_name"):
            content = judge.blob(yard.data, document[name])
            file = f"document_{document['number']}.{document[name].rpartition('.')[2]}"
            judge.check_name(document[name], content, document["job_id"], file)


def check_end(yard, count=1):
    assert judge.check_all_completed(yard.data, yard.portal_port, count=count) == set()
    yard.check_fsck()
    db = sqlite3.connect(yard.data / "filesure.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


# From no room at all to room for the whole run: it ends at each write in turn.
@pytest.mark.parametrize("step", range(4))
@on_small_disk
def test_a_run_that_fills_the_disk(yard, disk, tmp_path, step):
    job_id = yard.place()
    said = []
    for kilobytes in range(step * 12, 700, 48):
        before = facts(yard)
        disk.leave(kilobytes)
        result = yard.worker(job_id, LEASE_SECONDS=LEASE_S, DOWNLOAD_PARALLEL=1, BATCH_PERCENT=100)
        disk.free()
        check_kept(yard, before)
        yard.pass_time(600)
        if result.returncode == 0 and yard.job(job_id)["status"] == "completed":
            break
        assert result.returncode == 1, result.stderr
        assert "no room is left" in result.stderr or "No space left" in result.stderr, result.stderr
        assert yard.job(job_id)["status"] in ("pending", "processing")
        said.append(result.stderr)
    assert said
    yard.complete(job_id, tmp_path / "job.env")
    assert yard.job(job_id)["attempts"] <= 2  # a full disk takes no attempts
    check_end(yard)


@on_small_disk
def test_orders_on_a_full_disk(yard, disk, run_program, tmp_path):
    """An order is refused or kept, and what was acknowledged is done."""
    acknowledged, refused = [yard.place()], 0
    for kilobytes in range(0, 200, 8):
        cin = f"U72900KA2015PTC{200000 + kilobytes}"
        disk.leave(kilobytes)
        result = run_program("filesure", "order", "--data", yard.data, "--json", cin)
        disk.free()
        if result.returncode == 0:
            acknowledged.append(json.loads(result.stdout)[0]["jobId"])
            if len(acknowledged) > 3:
                break
        else:
            refused += 1
            assert result.returncode == 1 and "room" in result.stderr, result.stderr
        assert {j["id"] for j in judge.jobs_of(yard.data)} == set(acknowledged)
    assert refused and len(acknowledged) > 1
    for job_id in acknowledged:
        yard.run_until_completed(job_id)
    check_end(yard, len(acknowledged))


@on_small_disk
def test_the_api_on_a_full_disk(yard, disk, start):
    """503 while it is full, and it goes on by itself."""
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": yard.data})
    port = api.wait_port()
    wait_until(lambda: support.get(port, "/readyz").status == 200, 30, "the API ready")

    def order():
        return support.post(port, "/create-job", {"num_jobs": 10})

    assert order().status == 200
    disk.leave(0)
    count, answer = 10, order()
    while answer.status == 200:  # pages of the log that are there already
        count += 10
        answer = order()
    assert answer.status == 503, answer
    assert answer.json()["error"] and str(yard.data) not in answer.text, answer
    assert len(judge.jobs_of(yard.data)) == count
    disk.free()
    wait_until(lambda: order().status == 200, 30, "an order taken again")
    assert len(judge.jobs_of(yard.data)) == count + 10
    assert api.running() and api.stop() == 0


@on_small_disk
def test_up_goes_on_when_there_is_room(yard, disk):
    for cin in judge.CINS:
        yard.place(cin)
    env = yard.env(LEASE_SECONDS=LEASE_S)
    disk.leave(1500)
    up = yard.start_program("filesure", "up", "--data", yard.data, "--port", 0, "--no-portal", "--exit-when-idle", env=env)
    up.wait_line("disk_full", 60)
    disk.free()

    def completed():
        return all(j["status"] == "completed" for j in judge.jobs_of(yard.data))

    wait_until(completed, 90, "every job completed")
    assert up.wait_exit(60) == 0, up.log()
    check_end(yard, 3)


# ---- without a disk of one's own: no file may grow past a limit ----


@pytest.mark.parametrize("kilobytes", [40, 60, 120, 400])
def test_files_that_may_not_grow(start, run_program, data_dir, tmp_path, kilobytes):
    yard = workers.Yard(start, run_program, data_dir).open_portal()
    job_id = yard.place()
    before = facts(yard)
    limit = f"--fsize={kilobytes * 1024}"
    limited = run_program("/usr/bin/prlimit", limit, support.BIN / "filesure-worker", job_id, env=yard.env(BATCH_PERCENT=100))
    assert limited.returncode == 1, limited.stderr
    assert "room" in limited.stderr or "disk_full" in limited.stderr, limited.stderr
    check_kept(yard, before)
    yard.pass_time(4000)
    yard.complete(job_id, tmp_path / "job.env")
    check_end(yard)
