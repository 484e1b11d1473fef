"""A store, a portal, and workers that the test starts one by one, as KEDA or a person would."""
import json
import re
import sqlite3
import time

import support

CIN = "U72900KA2015PTC082988"
OTHER_CIN = "U72900KA2015PTC082989"
UNKNOWN_CIN = "U72900KA2015PTC000001"  # of the range the simulated registry does not know


FAST = ("--latency-ms", "0-0")
SLOW = ("--latency-ms", "0-0", "--bytes-per-second", "20000")  # documents come so slowly that a run is caught in the middle


class Yard:
    def __init__(self, start, run_program, data, *portal_options):
        self.start_program, self.run_program, self.data = start, run_program, data
        self.portal = None
        self.portal_port = 1  # nobody listens there
        self.portal_options = ("--allow-faults", *(portal_options or FAST))
        self.last = None

    # ---- the portal ----

    def open_portal(self, faults=None):
        options = ("--faults", json.dumps({"rules": faults})) if faults else ()
        self.portal = self.start_program("filesure-portal", "--listen", "127.0.0.1:0", *self.portal_options, *options)
        self.portal_port = self.portal.wait_port()
        return self

    def faults(self, *rules):
        answer = support.request(self.portal_port, "PUT", "/_faults", {"rules": list(rules)})
        assert answer.status in (200, 204), answer

    # ---- the store ----

    def rows(self, sql, *values):
        return support.store_rows(self.data, sql, *values)

    def change(self, sql, *values):
        with sqlite3.connect(self.data / "filesure.db", timeout=20) as db:
            db.execute(sql, values)
        db.close()

    def pass_time(self, seconds):
        """The store's clock goes on: what waits for a lease or a back-off to end need not wait."""
        self.change("UPDATE store SET anchor_ms = anchor_ms + ?", int(seconds * 1000))

    def place(self, cin=CIN, *options):
        result = self.run_program("filesure", "order", "--data", self.data, "--json", *options, cin)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)[0]["jobId"]

    def job(self, job_id):
        return self.rows("SELECT * FROM jobs WHERE id = ?", job_id)[0]

    def documents(self, job_id):
        return self.rows("SELECT * FROM documents WHERE job_id = ? ORDER BY number", job_id)

    def runs(self, job_id):
        return self.rows("SELECT * FROM runs WHERE job_id = ? AND run > 0 ORDER BY seq", job_id)

    def filings(self, job_id):
        rows = self.rows("SELECT items FROM filings WHERE job_id = ?", job_id)
        return json.loads(rows[0]["items"]) if rows else None

    def batch(self, job_id):
        return (len(self.filings(job_id)) * 35 + 99) // 100

    def everything(self):
        """Every row of every table but the store's clock, to see that nothing changed."""
        tables = [r["name"] for r in self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        return {t: self.rows(f"SELECT * FROM {t}") for t in tables if t != "store"}

    def blobs(self):
        root = self.data / "blobs"
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name[0] != "."}

    def check_fsck(self):
        result = self.run_program("filesure", "fsck", "--data", self.data, "--json")
        report = json.loads(result.stdout)
        assert report["problems"] == [] and result.returncode == 0, report

    # ---- workers ----

    def env(self, **more):
        return {
            "FILESURE_DATA": self.data,
            "PORTAL_URL": f"http://127.0.0.1:{self.portal_port}",
            "WORKER_METRICS_LISTEN": "127.0.0.1:0",
            "JOB_ID": None,
            "LEASE_TOKEN": None,
        } | more

    def worker(self, *arguments, program="filesure-worker", deadline_s=90, **env):
        """A worker run to its end; the result's .events are its log lines."""
        result = self.run_program(program, *arguments, env=self.env(**env), deadline_s=deadline_s)
        result.events = events(result.stderr.splitlines())
        self.last = result
        return result

    def start(self, *arguments, **env):
        return self.start_program("filesure-worker", *arguments, env=self.env(**env))

    def start_stopped(self, job_id, point, **env):
        """A worker that has stopped itself (SIGSTOP) at a fault point, not while it held the lock of the embedded store."""
        for _ in range(10):
            process = self.start(job_id, FILESURE_FAULT=f"stop:{point}", **env)
            support.wait_until(lambda process=process: state(process.pid) in "TZ", 30, f"a worker stopped at {point}")
            assert process.running(), process.log()
            if self.writable():
                return process
            process.kill()
            self.pass_time(3601)
        raise AssertionError("the store was locked each time")

    def writable(self):
        db = sqlite3.connect(self.data / "filesure.db", isolation_level=None, timeout=0.1)
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            db.close()

    def claim(self, path, **env):
        """filesure-worker claim: (job id, token) as written to the file."""
        result = self.worker("claim", "--out", path, **env)
        assert result.returncode == 0, result.stderr
        return read_claim(path)

    def run_until_completed(self, job_id, deadline_s=60, **env):
        """Workers, one after the other, until the job is completed; the exit codes."""
        codes = []

        def completed():
            if self.job(job_id)["status"] != "completed":
                codes.append(self.worker(job_id, **env).returncode)
            return self.job(job_id)["status"] == "completed"

        support.wait_until(completed, deadline_s, f"{job_id} completed")
        return codes


    def claim_and_run(self, path, lease_s=2, **env):
        """One pod: the init container claims, the container runs what was claimed; its exit code, None: nothing to do."""
        job_id, token = self.claim(path, LEASE_SECONDS=lease_s)
        return self.worker(JOB_ID=job_id, LEASE_TOKEN=token, LEASE_SECONDS=lease_s, **env).returncode if job_id else None

    def complete(self, job_id, path):
        """Pods, one after the other, as the job's lease runs out, until it is completed."""

        def completed():
            assert self.claim_and_run(path) in (None, 0), self.last.stderr
            return self.job(job_id)["status"] == "completed"

        support.wait_until(completed, 60, "completed by later workers")


def events(lines):
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({"level": "text", "message": line})
    return found


def messages(result):
    return [event["message"] for event in result.events]


def state(pid):
    """The process's letter in /proc: R, S, T (stopped), Z …"""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def read_claim(path):
    match = re.fullmatch(r"JOB_ID='([0-9a-f]*)'\nLEASE_TOKEN='([0-9a-f]*)'\n", path.read_text())
    assert match, path.read_text()
    return match[1], match[2]


def wait_downloading(process, yard, job_id):
    process.wait_line('"run started"')
    support.wait_until(lambda: yard.filings(job_id), 30, "the list")


def timed_stop(process):
    """SIGTERM: the exit code, and how long it took."""
    began = time.monotonic()
    code = process.stop()
    return code, time.monotonic() - began


def fault_names(log):
    """The fault points that processes with FILESURE_FAULT_LOG came to."""
    return {line.split()[1] for line in log.read_text().splitlines()} if log.exists() else set()


def fault_points(files):
    return {name for file in files for name in re.findall(r'FAULT_POINT\(\s*"([^"]*)"', file.read_text(encoding="utf-8"))}


def source_fault_points():
    return fault_points((support.ROOT / "src").rglob("*.[ch]"))


def run_fault_points():
    """Those that a run or a claim comes to."""
    source = support.ROOT / "src"
    return fault_points([*(source / "worker").glob("*.c"), source / "jobs/jobs_sqlite_write.c"])
