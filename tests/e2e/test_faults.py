"""kill -9 of a worker at every named fault point: later workers complete the job, and nothing is lost or doubled.

The judges are Python's sqlite3 on the store, hashlib on the blobs and the portal's own list; `filesure fsck` comes last.
"""
import os
import re
import signal

import judge
import pytest
import support
import workers
from support import wait_until
from workers import CIN

LEASE_S = 2

# point: at which of its arrivals in a process the worker dies. A run of this company takes 13, 13 and 11 filings, four at a time.
RUN_POINTS = {
    "before_claim_ack": (1,),  # the claim is in the store, nobody knows its token
    "claimed": (1,),  # between claim and adoption
    "adopted": (1,),
    "listed": (1,),
    "downloading": (1, 9),
    "after_download": (1, 7),
    "after_read": (1, 13),
    "between_blobs": (1, 5),
    "after_blob_put": (1, 10),  # all blobs, no row
    "before_row": (3,),
    "after_row": (1, 13),  # the last row of the batch
    "before_manifest": (1,),
    "after_manifest": (1,),  # between manifest and completion
    "before_end": (1,),
    "end_applied": (1,),  # the end is in the store, its reply is not
    "store_before_commit": (1, 2, 3, 8),
    "store_after_commit": (1, 2, 3, 8),
}
CLAIM_POINTS = ("before_claim_ack", "claimed", "store_before_commit", "store_after_commit")
RUN_CASES = [(point, hit) for point, hits in RUN_POINTS.items() for hit in hits]


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


def check(yard, start, job_id):
    """Completed, every filing once, every blob whole, totals equal the rows, fsck clean."""
    unnamed = judge.check_all_completed(yard.data, yard.portal_port, count=1)
    assert unnamed == set()  # what is made again has the same bytes, so the same name
    runs = yard.runs(job_id)
    assert [r["run"] for r in runs] == list(range(1, yard.job(job_id)["runs"] + 1))
    assert [r["outcome"] for r in runs][-1] == "completed" and len({r["token"] for r in runs}) == len(runs)
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": yard.data})
    port = api.wait_port()
    wait_until(lambda: support.get(port, "/readyz").status == 200, 30, "the API ready")
    judge.check_totals(port, yard.data)
    assert api.stop() == 0
    yard.check_fsck()


@pytest.mark.parametrize("point,hit", RUN_CASES, ids=[f"{p}:{h}" for p, h in RUN_CASES])
def test_run_killed(yard, start, tmp_path, point, hit):
    job_id = yard.place()
    code = 0
    for _ in range(3):  # some points lie in the last run only
        result = yard.worker(job_id, LEASE_SECONDS=LEASE_S, FILESURE_FAULT=f"kill:{point}:{hit}")
        code = result.returncode
        if code != 0:
            break
    assert code == -signal.SIGKILL, result.stderr
    yard.complete(job_id, tmp_path / "job.env")
    check(yard, start, job_id)


@pytest.mark.parametrize("point", CLAIM_POINTS)
def test_claim_killed(yard, start, tmp_path, point):
    job_id = yard.place()
    out = tmp_path / "job.env"
    pod = {"LEASE_OWNER": "pod-1", "LEASE_SECONDS": 600}
    result = yard.worker("claim", "--out", out, FILESURE_FAULT=f"kill:{point}", **pod)
    assert result.returncode == -signal.SIGKILL
    assert out.exists() == (point == "claimed")
    held = yard.job(job_id)["lease_token"]
    assert (held is None) == (point == "store_before_commit")
    again = yard.claim(out, **pod)  # the init container starts again in the same pod: it gets the lease it has
    assert again == (job_id, held or again[1])
    yard.pass_time(601)
    yard.complete(job_id, tmp_path / "other.env")
    check(yard, start, job_id)


def test_every_write_of_a_run_killed(yard, start, tmp_path):
    """One worker after the other dies right after its first, second … write to the store."""
    job_id = yard.place()
    for write in range(1, 12):
        fault = {"FILESURE_FAULT": f"kill:store_after_commit:{write}"}
        yard.worker(job_id, LEASE_SECONDS=LEASE_S, DOWNLOAD_PARALLEL=1, MAX_ATTEMPTS=100, **fault)
        assert yard.last.returncode == -signal.SIGKILL, yard.last.stderr
        numbers = [d["number"] for d in yard.documents(job_id)]
        assert numbers == sorted(set(numbers))
        yard.pass_time(LEASE_S + 1)
    yard.complete(job_id, tmp_path / "job.env")
    check(yard, start, job_id)


def test_killed_again_and_again(yard, start, tmp_path):
    """Deaths without a new document use up attempts; deaths after one do not."""
    job_id = yard.place()
    for point in ("after_row:3", "listed", "after_blob_put:2", "downloading", "after_row:1", "before_row"):
        result = yard.worker(job_id, LEASE_SECONDS=LEASE_S, MAX_ATTEMPTS=4, FILESURE_FAULT=f"kill:{point}")
        assert result.returncode == -signal.SIGKILL, result.stderr
        yard.pass_time(LEASE_S + 1)
    assert yard.job(job_id)["status"] == "processing"
    yard.complete(job_id, tmp_path / "job.env")
    check(yard, start, job_id)


def test_a_reader_dies_with_its_worker(yard, start, tmp_path):
    job_id = yard.place()
    process = yard.start_stopped(job_id, "after_read:2", LEASE_SECONDS=LEASE_S)
    readers = children(process.pid)
    assert readers
    process.kill()
    wait_until(lambda: not any(map(support.process_alive, readers)), 30, "the reader gone")
    yard.complete(job_id, tmp_path / "job.env")
    check(yard, start, job_id)


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
            found += map(int, file.read().split())
    return found


def test_every_fault_point_has_a_case():
    """Here, or, for points that no run comes to, in another test that kills a process there."""
    of_runs = workers.run_fault_points()
    assert of_runs == set(RUN_POINTS) | set(CLAIM_POINTS)
    tests = [*(support.ROOT / "tests/contract").glob("*.c"), *(support.ROOT / "tests/e2e").glob("*.py")]
    others = "".join(path.read_text(encoding="utf-8") for path in tests if path.name != os.path.basename(__file__))
    assert [p for p in sorted(workers.source_fault_points() - of_runs) if not re.search(rf"""[:"']{p}[:"']""", others)] == []


def test_every_fault_point_is_reached(yard, tmp_path):
    """A case for a point that no run comes to would kill nobody."""
    log = tmp_path / "faults"
    job_id = yard.place()
    yard.run_until_completed(job_id, FILESURE_FAULT_LOG=log)
    assert workers.fault_names(log) == set(RUN_POINTS)
    assert len(yard.documents(job_id)) == len(judge.portal_filings(yard.portal_port, CIN))
