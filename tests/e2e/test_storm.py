"""The kill storm: a bad portal, workers killed at random and at every fault point, `up` killed twice: nothing lost or doubled.

Beside `filesure up` the test starts pods of its own, as a cluster would; each dies at a fault point.
The end is judged with Python's sqlite3 and hashlib and the portal's own list; `filesure fsck` comes last.
"""
import collections
import json
import os
import random
import time

import judge
import processes
import pytest
import support
import workers
from support import FACTOR, wait_until

LEASE_S = 2
FAULTS = (
    {"fault": "503", "route": "any", "share": 0.05, "retryAfterSeconds": 1},
    {"fault": "reset", "route": "any", "share": 0.02},
    {"fault": "truncate", "route": "document", "share": 0.02},
    {"fault": "hang", "route": "document", "share": 0.01},
)
# Which arrivals a pod may die at; the first write of a process is its claim.
RUN_POINTS = {
    "before_claim_ack": (1,),
    "claimed": (1,),
    "adopted": (1,),
    "listed": (1,),
    "downloading": (1, 4, 9),
    "after_download": (1, 5, 8),
    "after_read": (1, 5, 8),
    "between_blobs": (1, 5, 8),
    "after_blob_put": (1, 5, 8),
    "before_row": (1, 5, 8),
    "after_row": (1, 5, 8),
    "before_manifest": (1,),
    "after_manifest": (1,),
    "before_end": (1,),
    "end_applied": (1,),
    "store_before_commit": (1, 2, 3, 6),
    "store_after_commit": (1, 2, 3, 6),
}
NEED_WHOLE_JOB = ("before_manifest", "after_manifest")
ENV = {
    "LEASE_SECONDS": LEASE_S,
    "MAX_ATTEMPTS": 1000,  # a storm must not be what fails a job
    "PORTAL_TIMEOUT_SECONDS": int(5 * FACTOR),
}


class Pod:
    """A worker that claims a job of its own and dies at a fault point."""

    def __init__(self, storm, point):
        self.point, self.storm = point, storm
        self.ends_at = time.monotonic() + 20 * FACTOR
        self.process = None
        self.job = storm.pick_job()
        if self.job:
            hit = storm.random.choice(RUN_POINTS[point])
            more = {"BATCH_PERCENT": 100, "DOWNLOAD_PARALLEL": 16} if point in NEED_WHOLE_JOB else {}
            self.process = storm.yard.start(self.job, FILESURE_FAULT=f"kill:{point}:{hit}", **ENV, **more)

    def ended(self):
        """True once it has; a death at its point is counted."""
        if self.process is None:
            return True
        if self.process.running():
            if time.monotonic() > self.ends_at:
                self.process.stop()  # it never came to its point
            return False
        if self.process.wait_exit() == -9:
            self.storm.killed(self.job, self.process.pid, self.point)
        return True


class Storm:
    def __init__(self, yard, seed, path):
        self.yard, self.random = yard, random.Random(seed)
        self.up = None
        self.ups_killed = 0
        self.log = open(path, "w", encoding="utf-8")  # noqa: SIM115
        self.kills = self.live = 0
        self.next_at = 0.0
        self.at_points = collections.Counter()
        self.pods = []

    # ---- the system ----

    def start_up(self):
        options = ["--port", 0, "--no-portal", "--workers", 4, "--exit-when-idle"]
        self.up = self.yard.start_program("filesure", "up", "--data", self.yard.data, *options, env=self.yard.env(**ENV))
        self.up.wait_line('"filesure is up"', 60)

    def kill_up(self):
        below = processes.descendants(self.up.pid)
        self.up.kill()
        self.ups_killed += 1
        self.note(killed="up")
        processes.wait_gone(below, 30)
        self.start_up()

    def order(self, count):
        while count > 0:
            sample = min(count, 10)
            result = self.yard.run_program("filesure", "order", "--data", self.yard.data, "--sample", sample)
            assert result.returncode == 0, result.stderr
            count -= sample

    def open_jobs(self):
        return self.yard.rows("SELECT count(*) AS n FROM jobs WHERE status IN ('pending', 'processing')")[0]["n"]

    def keep_busy(self, at_least):
        if (missing := at_least - self.open_jobs()) > 0:
            self.order(missing)
        if not self.up.running():  # it was idle for a moment
            assert self.up.wait_exit() == 0, self.up.log()
            self.start_up()

    def pick_job(self):
        rows = self.yard.rows("SELECT id FROM jobs WHERE status = 'pending' ORDER BY available_at DESC LIMIT 20")
        return self.random.choice(rows)["id"] if rows else None

    # ---- kills ----

    def note(self, **what):
        self.log.write(json.dumps({"at": round(time.monotonic(), 3), **what}) + "\n")
        self.log.flush()

    def job_now(self, job_id):
        rows = "(SELECT count(*) FROM documents WHERE job_id = jobs.id) AS rows"
        return self.yard.rows(f"SELECT runs, lease_token, {rows} FROM jobs WHERE id = ?", job_id)[0]

    def killed(self, job_id, pid, point):
        now = self.job_now(job_id)
        self.at_points[point] += 1
        self.kills += 1
        self.live += now["lease_token"] is not None
        self.note(killed=pid, job=job_id, run=now["runs"], rows=now["rows"], live=now["lease_token"] is not None, point=point)

    def kill_worker(self):
        """SIGKILL to a random worker of `up`; it hit a live lease when the lease is still there once the worker is not."""
        victims = processes.below(self.up.pid, "filesure-worker")
        if not victims:
            return
        pid = self.random.choice(victims)
        lease = environment(pid)
        before = self.job_now(lease["JOB_ID"]) if "JOB_ID" in lease else None
        if not before or not processes.name(pid) == "filesure-worker":
            return
        processes.kill([pid])
        wait_until(lambda: not support.process_alive(pid), 30, "the victim dead")
        live = self.job_now(lease["JOB_ID"])["lease_token"] == lease.get("LEASE_TOKEN")
        self.kills += 1
        self.live += live
        self.note(killed=pid, job=lease["JOB_ID"], run=before["runs"], rows=before["rows"], live=live, point=None)

    def keep_pods(self, count, points):
        self.pods = [pod for pod in self.pods if not pod.ended()]
        while len(self.pods) < count and points:
            waiting = collections.Counter(pod.point for pod in self.pods)
            self.pods.append(Pod(self, min(points, key=lambda p: self.at_points[p] + waiting[p])))

    def due(self):
        return time.monotonic() >= self.next_at

    def pod_ended(self):
        return any(pod.process and not pod.process.running() for pod in self.pods)

    def drop_pods(self):
        for pod in self.pods:
            if pod.process:
                pod.process.kill()
        self.pods = []

    def summary(self):
        return f"{self.kills} kills, {self.live} hit a live lease, up {self.ups_killed}, at fault points {dict(self.at_points)}"


def environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return dict(line.split("=", 1) for line in os.fsdecode(file.read()).split("\0") if "=" in line)
    except OSError:
        return {}


@pytest.fixture
def storm(start, run_program, data_dir, tmp_path):
    yard = workers.Yard(start, run_program, data_dir, "--latency-ms", "20-80").open_portal(list(FAULTS))
    storm = Storm(yard, 20, tmp_path / "kills.jsonl")
    yield storm
    children = processes.descendants(storm.up.pid) if storm.up else ()
    if storm.up:
        storm.up.kill()
    processes.kill(children)
    storm.log.close()


def rage(storm, *, kills, live, each, busy, pods):
    """Kills until there were enough of every kind; `up` dies after a third and after two thirds of them."""
    wanted = kills + each * len(RUN_POINTS)
    end = time.monotonic() + 420 * FACTOR
    storm.next_at = time.monotonic()
    while True:
        short = [p for p in RUN_POINTS if storm.at_points[p] < each]
        if storm.kills >= wanted and storm.live >= live and not short:
            break
        assert time.monotonic() < end, storm.summary()
        storm.keep_busy(busy)
        storm.keep_pods(pods, short)
        if storm.due():
            storm.next_at = time.monotonic() + 0.3
            storm.kill_worker()
        if storm.ups_killed < 2 and storm.kills >= wanted * (storm.ups_killed + 1) // 3:
            storm.kill_up()
        wait_until(lambda: storm.due() or storm.pod_ended(), 30, "the time of the next kill")
    storm.drop_pods()


def judge_end(storm, start, orders, deadline_s):
    """`up` ends by itself with every job completed; then nothing may be missing, doubled or left over."""
    yard = storm.yard
    if storm.up.wait_exit(deadline_s) != 0:
        raise AssertionError(storm.up.log())
    yard.faults()
    count = len(judge.jobs_of(yard.data))
    assert count >= orders
    assert judge.check_all_completed(yard.data, yard.portal_port, count=count) == set()
    for job in judge.jobs_of(yard.data):
        runs = yard.runs(job["id"])
        assert [r["run"] for r in runs] == list(range(1, job["runs"] + 1))
        assert [r["outcome"] for r in runs].count("completed") == 1 and len({r["token"] for r in runs}) == len(runs)
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": yard.data})
    port = api.wait_port()
    wait_until(lambda: support.get(port, "/readyz").status == 200, 30, "the API ready")
    judge.check_totals(port, yard.data)
    assert api.stop() == 0
    yard.check_fsck()
    return count


def test_a_short_storm(storm, start):
    storm.order(8)
    storm.start_up()
    rage(storm, kills=12, live=6, each=0, busy=3, pods=0)
    judge_end(storm, start, 8, 100)
    assert storm.ups_killed == 2
    print(storm.summary())


@pytest.mark.slow
@pytest.mark.timeout(900 * FACTOR)
def test_the_storm(storm, start):
    began = time.monotonic()
    storm.order(60)
    storm.start_up()
    rage(storm, kills=120, live=100, each=10, busy=16, pods=3)
    count = judge_end(storm, start, 60, 300)
    seconds = time.monotonic() - began
    print(f"{count} orders, {seconds:.0f} s, {storm.summary()}")
    assert storm.ups_killed == 2 and storm.live >= 100
    assert seconds < 600 * FACTOR
