"""filesure purge: what is finished goes with all it has, nothing else does, and the counters stay.

Judged with Python's sqlite3 and a look into the folder of the blobs; `filesure fsck` comes last.
"""
import json
import shutil
import signal
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import judge
import pytest
import stores
import support
import workers
from support import wait_until

CIN, CIN_2, CIN_3 = judge.CINS
UNKNOWN_ID = "0123456789abcdef01234567"
FAST = ("--latency-ms", "0-0")
LATER = "2100-01-01"
# point: at which of its arrivals a purge of one job dies
POINTS = {
    "after_purge_store": (1,),  # the store has forgotten the job, its blobs are all there
    "blob_removed": (1, 40),
    "purge_blobs_removed": (1,),  # nothing is left but its id
    "store_before_commit": (3,),  # the first two move the watermark
    "store_after_commit": (2, 3, 4, 5),
}
CASES = [(point, hit) for point, hits in POINTS.items() for hit in hits]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return judge.make_finished(tmp_path_factory.mktemp("finished"), judge.CINS)


class Store:
    """Three completed jobs, two days old."""

    def __init__(self, data, run_program):
        self.data, self.run_program = data, run_program
        self.ids = [job["id"] for job in judge.jobs_of(data)]

    def run(self, *words, **options):
        return self.run_program("filesure", words[0], "--data", self.data, *words[1:], **options)

    def json(self, *words, code=0, **options):
        result = self.run(words[0], "--json", *words[1:], **options)
        assert result.returncode == code, (result.stdout, result.stderr)
        return json.loads(result.stdout)

    def refused(self, *words):
        result = self.run("purge", *words)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    def change(self, sql, *values):
        stores.change(self.data, sql, *values)

    def ended(self, job, days):
        """The job ended so many days ago by the store's clock."""
        now_ms = stores.rows(self.data, "SELECT anchor_ms FROM store")[0]["anchor_ms"] + boot_ms()
        ended_ms = now_ms - int(days * stores.DAY_MS)
        self.change("UPDATE jobs SET updated_at = ?, completed_at = ? WHERE id = ?", ended_ms, ended_ms, job)

    def traces(self, job):
        """Where anything of the job is, but for the log of who purged it."""
        with stores.look_into(self.data) as db:
            tables = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
            found = {t for t in tables for row in db.execute(f"SELECT * FROM {t}") if job in map(str, row)}
        with open(self.data / "filesure.db", "rb") as file:
            assert file.read(16) == b"SQLite format 3\0"
        return (found - {"audit"}) | ({"blobs"} if job in stores.job_folders(self.data) else set())

    def fsck(self, *options, notes=()):
        report = self.json("fsck", *options)
        assert report["problems"] == []
        assert {n["code"] for n in report["notes"]} == set(notes)
        return report


def boot_ms():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@pytest.fixture
def store(finished, tmp_path, run_program):
    shutil.copytree(finished, tmp_path / "store")
    stores.pass_days(tmp_path / "store", 2)
    return Store(tmp_path / "store", run_program)


def totals(data, start):
    """What the counters say, from the API and its /metrics."""
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data})
    port = api.wait_port()

    def said():
        return support.get(port, "/api/v1/stats").json().get("totals")

    found = wait_until(said, 30, "totals")
    wanted = ("filesure_jobs_created_total", "filesure_documents_total", "filesure_document_bytes_total", "filesure_pages_total",
              "filesure_runs_total")  # fmt: skip
    lines = {line for line in support.get(port, "/metrics").text.splitlines() if line.startswith(wanted)}
    assert api.stop() == 0
    return found, lines


# ---- what goes ----


def test_a_purge_leaves_nothing_of_the_job(store, start):
    before = totals(store.data, start)
    victim, *kept = store.ids
    rows = len(stores.rows(store.data, "SELECT id FROM documents WHERE job_id = ?", victim))
    blobs = [name for name in stores.blobs(store.data) if victim in name]
    others = {name: content for name, content in stores.blobs(store.data).items() if victim not in name}
    facts = stores.facts(store.data)
    gone = {t: {row for row in facts[t] if any(victim in str(v) for v in row)} for t in ("jobs", "documents", "filings", "runs")}
    assert store.traces(victim) >= {"jobs", "documents", "filings", "runs", "companies", "blobs"}

    report = store.json("purge", "--job", victim)
    assert (report["purged"], report["rows"], report["runs"], report["blobs"]) == (1, rows, 3, len(blobs))
    [job] = report["jobs"]
    assert (job["jobId"], job["cin"], job["status"], job["rows"]) == (victim, CIN, "completed", rows)
    assert (report["dryRun"], report["finishedEarlier"]) == (False, 0)
    assert store.traces(victim) <= {"batches"}  # the answer to a repeated order, which is kept for a day
    after = stores.facts(store.data)
    assert {t: facts[t] - after[t] for t in gone} == gone and all(after[t] <= facts[t] for t in gone)
    assert stores.blobs(store.data) == others
    assert stores.job_ids(store.data) == set(kept)
    store.fsck()
    assert totals(store.data, start) == before
    [(job, detail)] = stores.audit(store.data, "purge")
    assert (job, detail["cin"], detail["status"], detail["rows"], detail["runs"]) == (victim, CIN, "completed", rows, 3)
    assert "no such job" in store.run("show", victim).stderr


def test_only_what_ended_before_the_day(store):
    """Of jobs that ended 40, 10 and half a day ago."""
    for job, days in zip(store.ids, (40, 10, 0.5), strict=True):
        store.ended(job, days)
    now = datetime.now(UTC) + timedelta(days=2)  # by the store's clock

    def before(days):
        return (now - timedelta(days=days)).strftime("%Y-%m-%d")

    assert store.json("purge", "--before", before(60))["purged"] == 0
    assert [j["jobId"] for j in store.json("purge", "--before", before(30))["jobs"]] == [store.ids[0]]
    moment = (now - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [j["jobId"] for j in store.json("purge", "--before", moment)["jobs"]] == [store.ids[1]]
    assert store.json("purge", "--before", LATER)["purged"] == 0  # it ended less than a day ago
    assert stores.job_ids(store.data) == {store.ids[2]} == stores.job_folders(store.data)
    store.fsck()


@pytest.mark.parametrize(
    "columns, reason",
    [
        ({"status": "pending"}, "pending"),
        ({"status": "processing"}, "processing"),
        ({"updated_at": None}, "nobody wrote down"),
        ("young", "less than a day ago"),
        ("facts", "watermark"),
    ],
)
def test_what_may_not_go(store, columns, reason):
    victim = store.ids[0]
    if columns == "young":
        store.ended(victim, 0.99)
    elif columns == "facts":
        now_ms = stores.rows(store.data, "SELECT anchor_ms FROM store")[0]["anchor_ms"] + boot_ms()
        store.change("UPDATE documents SET at = ? WHERE job_id = ? AND number = 3", now_ms, victim)
    else:
        for column, value in columns.items():
            store.change(f"UPDATE jobs SET {column} = ? WHERE id = ?", value, victim)
    facts, blobs = stores.facts(store.data), stores.blobs(store.data)
    assert reason in store.refused("--job", victim)
    assert store.json("purge", "--job", victim, code=1)["code"] == "not_purgeable"
    assert victim not in {j["jobId"] for j in store.json("purge", "--before", LATER, "--dry-run")["jobs"]}
    assert stores.facts(store.data) == facts and stores.blobs(store.data) == blobs
    assert store.json("purge", "--before", LATER)["purged"] == 2
    assert store.traces(victim) >= {"jobs", "documents", "filings", "runs", "blobs"}


def test_failed_and_cancelled_jobs_go_too(store):
    for job, status in zip(store.ids, ("failed", "cancelled"), strict=False):
        store.change("UPDATE jobs SET status = ?, manifest_name = NULL, completed_at = NULL WHERE id = ?", status, job)
    assert {j["status"] for j in store.json("purge", "--before", LATER)["jobs"]} == {"failed", "cancelled", "completed"}
    assert stores.blobs(store.data) == {} and stores.job_folders(store.data) == set()
    assert all(store.traces(job) <= {"batches"} for job in store.ids)
    store.fsck()


def test_a_store_whose_watermark_was_never_moved(store):
    """A laptop where the API ran for minutes: the purge moves the watermark itself."""
    up_to = stores.rows(store.data, "SELECT up_to_ms FROM totals")[0]["up_to_ms"]
    newest = stores.rows(store.data, "SELECT max(at) AS at FROM documents")[0]["at"]
    assert up_to <= newest
    assert len(store.json("purge", "--before", LATER, "--dry-run")["jobs"]) == 3
    assert store.json("purge", "--before", LATER)["purged"] == 3
    store.fsck()


def test_a_dry_run_changes_nothing(store):
    tables = (*stores.FACTS, "audit", "purged")
    before = stores.facts(store.data, tables), stores.blobs(store.data)
    report = store.json("purge", "--before", LATER, "--dry-run")
    rows = len(stores.rows(store.data, "SELECT id FROM documents"))
    assert (report["dryRun"], report["purged"], report["rows"], report["runs"], report["blobs"]) == (True, 3, rows, 9, 0)
    assert {j["jobId"] for j in report["jobs"]} == set(store.ids)
    text = store.run("purge", "--before", LATER, "--dry-run").stdout.splitlines()
    assert {line.split()[0] for line in text[:-1]} == set(store.ids) and all("ended 20" in line for line in text[:-1])
    assert text[-1] == f"3 jobs, {rows} documents, 9 runs would be purged"
    one = store.json("purge", "--job", store.ids[1], "--dry-run")
    assert [j["jobId"] for j in one["jobs"]] == [store.ids[1]]
    assert (stores.facts(store.data, tables), stores.blobs(store.data)) == before
    done = store.run("purge", "--before", LATER).stdout.splitlines()
    assert set(text[:-1]) == set(done[:-1])
    assert done[-1] == f"3 jobs, {rows} documents, 9 runs purged, {len(before[1])} blobs removed"


@pytest.mark.parametrize(
    "words, text",
    [
        ((), "--before DATE or --job JOB"),
        (("--before", "2026-01-01", "--job", UNKNOWN_ID), "--before DATE or --job JOB"),
        (("--before", "01.02.2026"), '"01.02.2026" is not a date'),
        (("--before", "2026-02-30"), "is not a date"),
        (("--before", ""), "is not a date"),
        (("--before", "2026-02-03T10:00:00+02:00"), "time in UTC"),
        (("--job", "x"), "is not a job id"),
        (("x",), "unexpected: x"),
    ],
)
def test_bad_options(store, words, text):
    result = store.run("purge", *words)
    assert result.returncode == 2 and text in result.stderr, result.stderr


def test_a_job_that_is_not_there(store):
    assert "no such job" in store.refused("--job", UNKNOWN_ID)
    assert store.json("purge", "--job", UNKNOWN_ID, code=1)["code"] == "unknown_job"


def test_other_files_stay(store):
    """A person's own file in the job's folder is none of ours."""
    note = stores.root(store.data) / "jobs" / store.ids[0] / "notes.txt"
    note.write_text("call them back")
    store.json("purge", "--job", store.ids[0])
    assert note.exists() and list(note.parent.iterdir()) == [note]
    store.fsck()


def test_jobs_that_never_ran(run_program, data_dir):
    assert run_program("filesure", "order", "--data", data_dir, CIN).returncode == 0
    store = Store(data_dir, run_program)
    assert store.run("cancel", store.ids[0]).returncode == 0
    stores.pass_days(data_dir, 2)
    report = store.json("purge", "--before", LATER)
    assert (report["purged"], report["rows"], report["blobs"]) == (1, 0, 0)
    store.fsck()
    assert not (data_dir / "blobs").exists()


def test_a_job_that_is_asked_for_again_meanwhile(store, start):
    """Between the list of what may go and its turn: it stays, and the purge goes on."""
    for job in store.ids:
        store.change("UPDATE jobs SET status = 'failed' WHERE id = ?", job)
    env = {"FILESURE_FAULT": "stop:after_purge_store"}
    purge = start("filesure", "purge", "--data", store.data, "--before", LATER, "--json", env=env)
    wait_until(lambda: workers.state(purge.pid) in "TZ", 30, "stopped")
    left = sorted(stores.job_ids(store.data))
    assert store.run("retry", left[0]).returncode == 0
    purge.signal(signal.SIGCONT)
    assert purge.wait_exit() == 0, purge.log()
    assert json.loads("\n".join(purge.out_lines))["purged"] == 2
    assert stores.job_ids(store.data) == {left[0]} == stores.job_folders(store.data)
    store.fsck()


def test_an_order_after_a_purge_is_a_new_job(store, start):
    """What was purged can be ordered again, and comes back whole."""
    store.json("purge", "--job", store.ids[0])
    assert store.run("order", CIN).returncode == 0
    up = ("--port", 0, "--portal-port", 0, *FAST, "--exit-when-idle")
    assert store.run("up", *up, deadline_s=100).returncode == 0
    portal = start("filesure-portal", "--listen", "127.0.0.1:0", *FAST).wait_port()
    judge.check_all_completed(store.data, portal, count=3)
    [again] = [job for job in judge.jobs_of(store.data) if job["cin"] == CIN]
    assert again["id"] not in store.ids
    store.fsck()


def test_a_purge_while_everything_runs(store, start):
    """Beside `up` with its own keeper and page, and new orders."""
    assert store.run("order", "--sample", 2).returncode == 0
    options = ("--port", 0, "--portal-port", 0, "--latency-ms", "10-30", "--exit-when-idle")
    up = start("filesure", "up", "--data", store.data, *options)
    up.wait_line("run started", 60)
    report = store.json("purge", "--before", LATER)
    assert {j["jobId"] for j in report["jobs"]} == set(store.ids)
    while up.running():
        assert store.json("fsck")["problems"] == []
    assert up.wait_exit(60) == 0
    store.fsck()
    assert len(stores.job_ids(store.data)) == 2 and stores.job_folders(store.data) == stores.job_ids(store.data)


@pytest.mark.parametrize("point", ["fsck_rows", "fsck_rows:3", "fsck_blobs_listed", "fsck_blobs_listed:2"])
def test_a_check_while_a_purge_runs(store, start, point):
    """fsck calls no damage what a purge takes away under its eyes."""
    check = start("filesure", "fsck", "--data", store.data, "--json", env={"FILESURE_FAULT": f"stop:{point}"})
    wait_until(lambda: workers.state(check.pid) in "TZ", 30, f"stopped at {point}")
    assert store.json("purge", "--before", LATER)["purged"] == 3
    check.signal(signal.SIGCONT)
    assert check.wait_exit() == 0, check.log()
    report = json.loads("\n".join(check.out_lines))
    assert report["problems"] == [] and {n["code"] for n in report["notes"]} == {"written_to"}


# ---- killed ----


@pytest.mark.parametrize("point,hit", CASES, ids=[f"{p}:{h}" for p, h in CASES])
@pytest.mark.parametrize("finisher", ["purge", "job", "fsck"])
def test_a_purge_killed(store, start, point, hit, finisher):
    """Whoever comes next finishes it: another purge, the same one again, or fsck --repair."""
    victim = store.ids[0]
    before = len([n for n in stores.blobs(store.data) if victim in n])
    killed = store.run("purge", "--job", victim, env={"FILESURE_FAULT": f"kill:{point}:{hit}"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = len([n for n in stores.blobs(store.data) if victim in n])
    begun = victim not in stores.job_ids(store.data)
    assert begun == ((point, hit) not in (("store_before_commit", 3), ("store_after_commit", 2)))
    known = bool(stores.rows(store.data, "SELECT * FROM purged WHERE job_id = ?", victim))
    if begun:
        assert len(stores.audit(store.data, "purge")) == 1
        assert left == {"after_purge_store": before, "purge_blobs_removed": 0}.get(point, left)
        report = store.fsck(notes=("purge_unfinished",) if known else ())
        assert not known or f"{left} of its blobs" in report["notes"][0]["message"]
        assert left == 0 or known
    if finisher == "purge":
        other = store.json("purge", "--job", store.ids[1])
        assert (other["purged"], other["finishedEarlier"]) == (1, int(known))
    elif finisher == "job":
        result = store.run("purge", "--job", victim)
        assert result.returncode == (0 if known or not begun else 1), result.stderr
    else:
        report = store.fsck("--repair")
        assert report["removed"] == (left if begun else 0)
        assert len(stores.audit(store.data, "repair")) == (1 if begun and left else 0)
    if begun or finisher == "job":
        assert store.traces(victim) <= {"batches"}
        assert len([e for e in stores.audit(store.data, "purge") if e[0] == victim]) == 1
    else:
        assert len([n for n in stores.blobs(store.data) if victim in n]) == before
    assert stores.rows(store.data, "SELECT * FROM purged") == []
    store.fsck()


def test_a_purge_of_nothing_finishes_what_was_left(store):
    store.run("purge", "--job", store.ids[0], env={"FILESURE_FAULT": "kill:after_purge_store"})
    result = store.run("purge", "--before", "2020-01-01")
    assert result.returncode == 0
    assert result.stdout.splitlines()[0] == "1 jobs of a purge that was cut short are gone now"
    assert store.traces(store.ids[0]) <= {"batches"}


def test_blobs_that_were_never_found(store):
    """Of the wrong blob store nothing is taken for removed; the rest goes, and only a person's word ends it."""
    lost = store.ids[0]
    shutil.move(stores.root(store.data) / "jobs" / lost, store.data / "elsewhere")
    result = store.run("purge", "--before", LATER)
    assert result.returncode == 1 and "is it the right one?" in result.stderr and lost in result.stderr
    assert result.stdout.splitlines()[-1].startswith("3 jobs, ")
    assert stores.job_ids(store.data) == set() == stores.job_folders(store.data)
    again = store.json("purge", "--before", LATER, code=1)
    assert (again["purged"], again["finishedEarlier"]) == (0, 0) and lost in again["problem"]
    for options in ((), ("--repair",)):
        report = store.fsck(*options, notes=("purge_unfinished",))
        assert "none of them is here" in report["notes"][0]["message"]
    shutil.move(store.data / "elsewhere", stores.root(store.data) / "jobs" / lost)  # the right one again
    assert store.json("purge", "--before", LATER)["finishedEarlier"] == 1
    assert stores.job_folders(store.data) == set()
    store.fsck()


def test_lost_blobs_are_forgotten_when_a_person_says_so(store):
    shutil.rmtree(stores.root(store.data) / "jobs" / store.ids[0])
    assert store.run("purge", "--job", store.ids[0]).returncode == 1
    store.fsck("--remove-unknown")
    store.fsck()
    assert stores.rows(store.data, "SELECT * FROM purged") == []


def test_a_dry_run_finishes_nothing(store):
    store.run("purge", "--job", store.ids[0], env={"FILESURE_FAULT": "kill:after_purge_store"})
    blobs = stores.blobs(store.data)
    assert store.json("purge", "--before", LATER, "--dry-run")["purged"] == 2
    assert stores.blobs(store.data) == blobs
    store.fsck(notes=("purge_unfinished",))


def test_every_point_is_reached(store, tmp_path):
    log = tmp_path / "faults"
    store.json("purge", "--job", store.ids[0], env={"FILESURE_FAULT_LOG": log})
    assert workers.fault_names(log) == set(POINTS)


def test_stopped_by_a_person(store, start):
    env = {"FILESURE_FAULT": "stop:after_purge_store"}
    process = start("filesure", "purge", "--data", store.data, "--before", LATER, env=env)
    wait_until(lambda: workers.state(process.pid) in "TZ", 30, "stopped")
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGCONT)
    assert process.wait_exit() == 1 and "stopped after 1 jobs" in process.log()
    assert len(stores.job_ids(store.data)) == 2
    store.fsck()


# ---- what fsck makes of it ----


def test_totals_that_are_not_the_rows_after_a_purge(store):
    """The log of purges says how many facts only the totals still count."""
    store.json("purge", "--job", store.ids[0])
    store.fsck()
    for key, more in (("jobsPlaced", [1]), ("jobsPlaced", [-2]), ("documents", [1, 0, 0]), ("documentBytes", [-(10**9)])):
        sums = json.loads(stores.rows(store.data, "SELECT sums FROM totals")[0]["sums"])
        changed = sums | {key: [a + b for a, b in zip(sums[key], more, strict=True)]}
        store.change("UPDATE totals SET sums = ?", json.dumps(changed))
        report = store.json("fsck", code=1)
        assert {p["code"] for p in report["problems"]} == {"totals"}, key
        store.change("UPDATE totals SET sums = ?", json.dumps(sums))
    store.fsck()


def test_a_job_that_vanished_otherwise(store):
    """Beside a purge, what is simply gone is still a problem."""
    store.json("purge", "--job", store.ids[0])
    store.change("DELETE FROM documents WHERE job_id = ?", store.ids[1])
    store.change("DELETE FROM jobs WHERE id = ?", store.ids[1])
    report = store.json("fsck", code=1)
    assert {p["code"] for p in report["problems"]} == {"totals", "unknown_job"}


def test_a_repair_is_in_the_log(store):
    left = stores.root(store.data) / f"jobs/{UNKNOWN_ID}/document_1.{'0' * 16}.txt"
    left.parent.mkdir()
    left.write_bytes(b"x")
    assert store.json("fsck", "--repair", code=1)["removed"] == 0
    assert stores.audit(store.data, "repair") == []
    text = store.run("fsck", "--remove-unknown")
    assert text.returncode == 0 and text.stdout.endswith(", 1 unnamed blobs removed\n")
    assert stores.audit(store.data, "repair") == [(None, {"blobs": 1, "unknown": True})]
    assert store.run("fsck").stdout.endswith("0 notes\n")


# ---- the log ----


def test_the_audit_log(store, run_program, tmp_path):
    assert store.run("order", "--force", CIN).returncode == 0
    store.json("purge", "--job", store.ids[0])
    assert store.run("backup", tmp_path / "backup").returncode == 0
    entries = store.json("audit")
    assert [e["action"] for e in entries[:3]] == ["backup", "purge", "order"]
    assert [e["at"] for e in entries] == sorted((e["at"] for e in entries), reverse=True)
    assert {e["actor"].split(":")[0] for e in entries} == {"cli"}
    assert [e["jobId"] for e in entries[:2]] == [None, store.ids[0]]
    assert entries[0]["detail"]["directory"] == str(tmp_path / "backup") and entries[1]["detail"]["cin"] == CIN
    assert store.json("audit", "--limit", 2) == entries[:2]
    text = store.run("audit", "--limit", 2).stdout.splitlines()
    assert len(text) == 2 and text[1].split()[:4] == [entries[1]["at"], entries[1]["actor"], "purge", store.ids[0]]
    for bad in (0, "x", 100001):
        assert store.run("audit", "--limit", bad).returncode == 2


def test_more_entries_than_a_page(store):
    with sqlite3.connect(store.data / "filesure.db") as db:
        db.executemany(
            "INSERT INTO audit (id, at, actor, action, job_id, detail) VALUES (?, ?, 'test', 'retry', NULL, '{}')",
            [(f"{n:024x}", 1795000000000 + n) for n in range(1200)],
        )
    db.close()
    assert len(store.json("audit")) == 50
    listed = store.json("audit", "--limit", 1100)
    assert [e["id"] for e in listed] == [f"{n:024x}" for n in range(1199, 99, -1)]
    assert len(store.json("audit", "--limit", 5000)) > 1200
