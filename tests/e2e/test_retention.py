"""RETENTION_DAYS: old finished jobs go with everything they had, once, whatever is killed; the sums stay.

The store's clock is moved on (its anchor), as if days had passed: nothing of the rows is touched.
"""

import contextlib
import re
import shutil
import signal
import time

import api_client as api
import judge
import pytest
import support
import workers
from api_client import cin
from support import wait_until

HOUR = 3600
OLD_OPEN, OLD, MIDDLE, YOUNG = cin(1), cin(2), cin(3), cin(4)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return judge.make_finished(tmp_path_factory.mktemp("finished"))


class Aged(workers.Yard):
    """Jobs of three ages: 60 hours (two completed, one cancelled, one open), 36 (cancelled) and 12 (cancelled)."""

    def make(self):
        self.completed = [j["id"] for j in judge.jobs_of(self.data)]
        self.open = self.place(OLD_OPEN)
        self.old = self.cancelled(OLD)
        self.pass_time(24 * HOUR)
        self.middle = self.cancelled(MIDDLE)
        self.pass_time(24 * HOUR)
        self.young = self.cancelled(YOUNG)
        self.pass_time(12 * HOUR)
        self.sums = judge.fact_sums(self.data)
        server = self.api()
        wait_until(lambda: server.get("/api/v1/stats").json()["totals"] == self.sums, 20, "the sums of every fact")
        entries = sum(self.sums["runs"].values()) + 3
        wait_until(lambda: self.rows("SELECT count(*) n FROM runs")[0]["n"] == entries, 20, "the cancels recorded")
        assert server.process.stop() == 0
        return self

    def cancelled(self, number):
        """Each program reads the clock once, when it starts."""
        job_id = self.place(number)
        assert self.run_program("filesure", "cancel", "--data", self.data, job_id).returncode == 0
        return job_id

    def goes(self, days):
        return [*self.completed, self.old, *([self.middle] if days == 1 else [])]

    def ids(self):
        return [r["id"] for r in self.rows("SELECT id FROM jobs ORDER BY seq")]

    def blob_folders(self):
        return sorted(p.name for p in (self.data / "blobs/documents/jobs").iterdir())

    def unfinished(self):
        return [r["job_id"] for r in self.rows("SELECT job_id FROM purged")]

    def purges(self):
        return self.rows("SELECT actor, job_id FROM audit WHERE action = 'purge' ORDER BY job_id")

    def api(self, days=None, **env):
        return api.Api(self.start_program, self.data, RETENTION_DAYS=days, **env).wait_ready()

    def wait_purged(self, ids, deadline_s=30):
        wait_until(lambda: not set(ids) & set(self.ids()) and not self.unfinished(), deadline_s, f"{ids} purged")

    def wait_keeper(self, path):
        """The keeper has made its first pass, and one more that sees a lease expire which was taken after the start."""
        assert self.claim(path, LEASE_SECONDS=2)[0] == self.open
        wait_until(lambda: self.job(self.open)["status"] == "pending", 20, "the lease expired")

    def check_gone(self, ids):
        """Nothing names these jobs any more but the audit log."""
        for table, column in [
            ("jobs", "id"), ("documents", "job_id"), ("runs", "job_id"), ("filings", "job_id"), ("companies", "open_job"),
        ]:  # fmt: skip
            left = {r["id"] for r in self.rows(f"SELECT {column} AS id FROM {table}")}
            assert not left & set(ids), table
        assert not set(self.blob_folders()) & set(ids)
        assert [p["job_id"] for p in self.purges()] == sorted(ids)


def counters(server):
    """The cluster's counters: they outlive processes."""
    return {
        name: value
        for name, value in server.metrics().items()
        if re.match(r"filesure_\w*(_total|_sum|_count|_bucket)\b", name) and "http" not in name and "keeper" not in name
    }


@pytest.fixture
def aged(start, run_program, finished, data_dir):
    shutil.copytree(finished, data_dir, dirs_exist_ok=True)
    return Aged(start, run_program, data_dir).make()


# ---- what goes and what stays ----


@pytest.mark.parametrize("days", [1, 2])
def test_what_is_old_goes(aged, days):
    beside = aged.api()  # another replica, which removes nothing of its own
    before = counters(beside)
    details = {j["id"]: j for j in judge.jobs_of(aged.data)}
    document = aged.documents(aged.completed[0])[0]["id"]
    rows = {i: (len(aged.documents(i)), len(aged.runs(i))) for i in details}
    events = api.Events(beside.port)
    server = aged.api(days=days)
    goes = aged.goes(days)
    stays = [i for i in details if i not in goes]
    aged.wait_purged(goes)
    assert aged.ids() == stays
    aged.check_gone(goes)
    aged.check_fsck()

    counts = {"pending": 1, "processing": 0, "completed": 0, "failed": 0, "cancelled": len(stays) - 1, "total": len(stays)}
    events.until(lambda e: e["event"] == "stats" and e["data"]["jobs"] == counts, 20)
    events.close()
    for each in (server, beside):
        wait_until(lambda s=each: s.get("/api/v1/stats").json()["jobs"] == counts, 10, f"{counts}")
        assert each.get("/api/v1/stats").json()["totals"] == aged.sums and counters(each) == before
        assert [j["jobId"] for j in each.get("/api/v1/jobs").json()["jobs"]] == stays[::-1]
        for job_id in goes:
            for path in ("", "/documents"):
                assert each.get(f"/api/v1/jobs/{job_id}{path}").status == 404
            assert each.post(f"/api/v1/jobs/{job_id}/retry").status == 404
        for path in ("", "/content?as=pdf"):
            assert each.get(f"/api/v1/documents/{document}{path}").status == 404
        report = each.get("/api/v1/reconcile").json()
        assert report["settled"] and [r["difference"] for r in report["counters"]] == [0, 0, 0], report
        assert report["counters"][0]["purged"] == len(goes)

    entries = [e for e in server.get("/api/v1/audit?limit=500").json()["entries"] if e["action"] == "purge"]
    assert sorted((e["jobId"], e["actor"]) for e in entries) == sorted((i, "retention") for i in goes)
    for entry in entries:
        job = details[entry["jobId"]]
        assert entry["detail"].pop("endedAt") == rfc3339(job["updated_at"])
        documents, runs = rows[job["id"]]
        assert entry["detail"] == {"cin": job["cin"], "status": job["status"], "rows": documents, "runs": runs}
    assert sum(e["detail"]["rows"] for e in entries) == aged.sums["documents"]["stored"] > 0
    assert server.order(OLD)[0] not in goes  # its company may be ordered anew
    assert aged.job(aged.open)["status"] == "pending"


def rfc3339(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"


@pytest.mark.parametrize("days", [None, 36500])  # the start of 36,500 days lies before all time
def test_not_set_nothing_goes(aged, days, tmp_path):
    before = aged.ids(), aged.blob_folders()
    server = aged.api(days=days)
    aged.wait_keeper(tmp_path / "claim")
    assert (aged.ids(), aged.blob_folders()) == before and aged.purges() == [] and aged.unfinished() == []
    assert "keeper step fails" not in server.process.log()


@pytest.mark.parametrize("value", ["0", "-1", "36501", "1.5", "a week", "", "99999999999999999999"])
def test_a_bad_value_is_refused_by_name(run_program, data_dir, value):
    result = run_program("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data_dir, "RETENTION_DAYS": value})
    assert result.returncode == 1 and "RETENTION_DAYS" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (data_dir / "filesure.db").exists()


# ---- crashes ----

# (point, hit) at which the API dies on its first pass
DEATHS = [("blob_removed", 1), ("blob_removed", 20), ("purge_blobs_removed", 1), ("purge_blobs_removed", 2)]
DEATHS += [(f"store_{when}_commit", hit) for when in ("before", "after") for hit in (2, 3, 4, 6, 8)]


@pytest.mark.parametrize("point,hit", DEATHS, ids=[f"{p}:{h}" for p, h in DEATHS])
def test_killed_in_the_middle(aged, start, point, hit):
    goes, everything = aged.goes(1), set(aged.ids())
    env = {"FILESURE_DATA": aged.data, "RETENTION_DAYS": 1, "FILESURE_FAULT": f"kill:{point}:{hit}"}
    process = start("filesure-api", "--listen", "127.0.0.1:0", env=env)
    assert process.wait_exit() == -signal.SIGKILL, process.log()
    half = [i for i in everything if i not in aged.ids()]
    assert set(half) <= set(goes) and (half or "commit" in point)

    server = aged.api()  # RETENTION_DAYS is not even set any more
    aged.wait_purged(half)
    aged.check_gone(half)
    assert set(aged.ids()) == everything - set(half)
    for job_id in set(aged.completed) - set(half):
        judge_whole(aged, job_id)
    aged.check_fsck()
    assert server.get("/api/v1/stats").json()["totals"] == aged.sums
    assert server.process.stop() == 0

    server = aged.api(days=1)
    aged.wait_purged(goes)
    aged.check_gone(goes)
    assert set(aged.ids()) == everything - set(goes)
    wait_until(lambda: server.get("/api/v1/stats").json()["totals"] == aged.sums, 20, "the same sums")
    aged.check_fsck()


def judge_whole(aged, job_id):
    rows = aged.documents(job_id)
    assert rows and aged.job(job_id)["stored"] == len(rows)
    for row in rows:
        for kind in ("text", "original", "fields"):
            judge.blob(aged.data, row[f"{kind}_name"])


def test_two_replicas_purge_each_job_once(aged, start):
    env = {"FILESURE_DATA": aged.data, "RETENTION_DAYS": 1}
    replicas = [start("filesure-api", "--listen", "127.0.0.1:0", env=env) for _ in range(3)]
    aged.wait_purged(aged.goes(1))
    aged.check_gone(aged.goes(1))
    for replica in replicas:
        assert replica.stop() == 0 and "keeper step fails" not in replica.log(), replica.log()
    aged.check_fsck()


# ---- many ----


def many_cancelled(start, data, count):
    server = api.Api(start, data).wait_ready()
    server.order(*map(cin, range(1, count + 1)))
    api.change_store(data, "UPDATE jobs SET status = 'cancelled'")
    api.change_store(data, "UPDATE store SET anchor_ms = anchor_ms + ?", 48 * HOUR * 1000)
    assert server.process.stop() == 0


def left(data):
    return support.store_rows(data, "SELECT count(*) AS n FROM jobs")[0]["n"]


def test_many_go_without_waiting_for_the_next_minute(start, data_dir):
    many_cancelled(start, data_dir, 170)
    server = api.Api(start, data_dir, RETENTION_DAYS=1).wait_ready()
    wait_until(lambda: left(data_dir) == 0, 20, "all of them purged")
    wait_until(lambda: not support.store_rows(data_dir, "SELECT * FROM purged"), 20, "their blobs removed")
    wait_until(lambda: server.get("/api/v1/stats").json()["jobs"]["total"] == 0, 10, "counts of nothing")
    assert server.metrics()["filesure_jobs_created_total"] == 170
    passes = [int(m[1]) for line in server.process.lines if (m := re.search(r'jobs purged".*"count":(\d+)', line))]
    assert sum(passes) == 170 and max(passes) <= 50, passes


def test_the_rest_of_the_keeper_goes_on_and_so_does_the_end(start, data_dir, run_program):
    """While a thousand jobs go, a lease expires in time; SIGTERM ends it within its time, and the next start goes on."""
    many_cancelled(start, data_dir, 1500)
    yard = workers.Yard(start, run_program, data_dir)
    open_job = yard.place(cin(3000))
    assert yard.claim(data_dir / "claim", LEASE_SECONDS=2)[0] == open_job
    server = api.Api(start, data_dir, RETENTION_DAYS=1).wait_ready()
    wait_until(lambda: yard.job(open_job)["status"] == "pending", 10, "the lease expired")
    with contextlib.suppress(AssertionError):  # on a quick machine all are gone by then
        wait_until(lambda: 0 < left(data_dir) < 1450, 10, "some purged")
    begin = time.monotonic()
    assert server.process.stop(10) == 0
    assert time.monotonic() - begin < 2 * support.FACTOR + 0.5
    assert '"stopped"' in server.process.log()
    server = api.Api(start, data_dir, RETENTION_DAYS=1).wait_ready()
    wait_until(lambda: left(data_dir) == 1, 60, "the rest purged")
    yard.check_fsck()
