"""filesure-worker: exit codes, one run after the other, and the claim that goes before."""
import http.server
import json
import signal
import threading

import judge
import pytest
import workers
from support import wait_until
from workers import CIN, OTHER_CIN, messages

NOWHERE = "650000000000000000000000"


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


@pytest.fixture
def closed_yard(start, run_program, data_dir):
    """No portal anywhere."""
    return workers.Yard(start, run_program, data_dir)


# ---- exit codes: contract.md ----


def test_help_and_version(run_program):
    answer = run_program("filesure-worker", "--help")
    assert answer.returncode == 0 and answer.stdout.startswith("usage: filesure-worker") and answer.stderr == ""
    answer = run_program("filesure-worker", "--version")
    assert answer.returncode == 0 and answer.stdout.startswith("filesure-worker 0.")


def test_no_job_id_is_usage_on_stdout(closed_yard):
    result = closed_yard.worker()
    assert result.returncode == 1 and result.stdout.startswith("usage: filesure-worker")
    assert not (closed_yard.data / "filesure.db").exists()


def test_empty_job_id_is_nothing_to_do(closed_yard):
    result = closed_yard.worker(JOB_ID="", LEASE_TOKEN="")
    assert result.returncode == 0 and messages(result) == ["nothing to do"]
    assert not (closed_yard.data / "filesure.db").exists()


@pytest.mark.parametrize("bad", ["x", "65", "65000000000000000000000g", "650000000000000000000000 ", "../../etc/passwd", "{}"])
def test_malformed_id(closed_yard, bad):
    assert closed_yard.worker(bad).returncode == 1
    assert messages(closed_yard.last) == ["malformed job id"]
    assert closed_yard.worker(JOB_ID=bad).returncode == 1


def test_unknown_id(closed_yard):
    closed_yard.place()
    for arguments, env in (((NOWHERE,), {}), ((), {"JOB_ID": NOWHERE}), ((), {"JOB_ID": NOWHERE, "LEASE_TOKEN": "0" * 32})):
        result = closed_yard.worker(*arguments, **env)
        assert result.returncode == 1 and messages(result) == ["unknown job"]


WRONG = [("--no-such",), ("run", "a", "b"), ("claim",), ("claim", "--out"), ("claim", NOWHERE), ("run", "--env-file")]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments(closed_yard, arguments):
    result = closed_yard.worker(*arguments)
    assert result.returncode == 1 and "usage: filesure-worker" in result.stdout and result.stderr.startswith("filesure-worker: ")


def test_bad_setting_is_named(closed_yard):
    result = closed_yard.worker(NOWHERE, LEASE_SECONDS="1")
    assert result.returncode == 1 and "LEASE_SECONDS" in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_argument_wins(yard):
    first, second = yard.place(), yard.place(OTHER_CIN)
    assert yard.worker("run", first, JOB_ID=second, LEASE_TOKEN="f" * 32).returncode == 0
    assert yard.worker(first, JOB_ID="no id at all").returncode == 0
    assert [yard.job(j)["runs"] for j in (first, second)] == [2, 0]


def test_held_by_another_worker(closed_yard, tmp_path):
    job_id = closed_yard.place()
    held, _token = closed_yard.claim(tmp_path / "job.env")
    assert held == job_id
    before = closed_yard.everything()
    result = closed_yard.worker(job_id)
    assert result.returncode == 0 and result.events[0]["reason"] == "the job cannot be taken: another worker holds it"
    result = closed_yard.worker(JOB_ID=job_id, LEASE_TOKEN="0" * 32)
    assert result.returncode == 0 and messages(result) == ["nothing to do"]
    assert closed_yard.everything() == before


def test_finished_and_cancelled_jobs(yard):
    finished, cancelled = yard.place(), yard.place(OTHER_CIN)
    yard.run_until_completed(finished)
    assert yard.run_program("filesure", "cancel", "--data", yard.data, cancelled).returncode == 0
    before, blobs = yard.everything(), yard.blobs()
    for job_id, word in ((finished, "completed"), (cancelled, "cancelled")):
        result = yard.worker(job_id)
        assert result.returncode == 0
        assert [(e["message"], e["reason"]) for e in result.events] == [("nothing to do", f"the job cannot be taken: {word}")]
    assert (yard.everything(), yard.blobs()) == (before, blobs)


# ---- runs ----


def test_three_runs_and_a_fourth_that_changes_nothing(yard, run_program):
    job_id = yard.place()
    listed = judge.portal_filings(yard.portal_port, CIN)
    batch = (len(listed) * 35 + 99) // 100
    for run, status in ((1, "pending"), (2, "pending"), (3, "completed")):
        result = yard.worker(job_id)
        assert result.returncode == 0, result.stderr
        job = yard.job(job_id)
        assert (job["status"], job["runs"], job["downloaded_documents"]) == (status, run, min(batch * run, len(listed)))
        assert [d["number"] for d in yard.documents(job_id)] == list(range(1, min(batch * run, len(listed)) + 1))
        assert [e["message"] for e in result.events if e["level"] == "info"] == ["run started", "metrics", "run ended"]
    judge.check_all_completed(yard.data, yard.portal_port, count=1)
    assert [(r["run"], r["outcome"]) for r in yard.runs(job_id)] == [(1, "pending"), (2, "pending"), (3, "completed")]
    before, blobs = yard.everything(), yard.blobs()
    assert yard.worker(job_id).returncode == 0
    assert (yard.everything(), yard.blobs()) == (before, blobs)
    yard.check_fsck()


def test_the_company_gets_its_name(yard):
    job_id = yard.place()
    assert yard.job(job_id)["company_name"] == CIN
    yard.worker(job_id)
    name = yard.job(job_id)["company_name"]
    assert name != CIN and {d["company_name"] for d in yard.documents(job_id)} == {name}


def test_the_list_is_written_once(yard):
    """Whoever was first wins: a list that is there is used, whatever the portal says now."""
    model, job_id = yard.place(), yard.place(CIN, "--force")
    yard.worker(model)
    yard.change(
        "INSERT INTO filings SELECT ?, 3, (SELECT json_group_array(json(value)) FROM json_each(items) WHERE key < 3), at"
        " FROM filings WHERE job_id = ?",
        job_id,
        model,
    )
    assert yard.worker(job_id).returncode == 0
    assert yard.job(job_id)["status"] == "pending" and yard.job(job_id)["total_documents"] == 3
    yard.run_until_completed(job_id)
    assert [d["number"] for d in yard.documents(job_id)] == [1, 2, 3]
    assert len(yard.filings(job_id)) == 3


def test_rows_of_another_run_are_not_fetched_again(yard, tmp_path):
    job_id = yard.place()
    yard.worker(job_id)
    done = {d["number"] for d in yard.documents(job_id)}
    log = tmp_path / "faults"
    yard.worker(job_id, FILESURE_FAULT_LOG=log)
    arrivals = [line.split()[1] for line in log.read_text().splitlines()]
    assert arrivals.count("downloading") == len(yard.documents(job_id)) - len(done)


class EmptyRegistry(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer(201, {}, {"Set-Cookie": "session=1"})

    def do_GET(self):
        empty = {"cin": CIN, "filings": []}
        company = {"cin": CIN, "name": "NOTHING FILED PRIVATE LIMITED", "status": "Active"}
        self.answer(200, empty if "/filings" in self.path else company, {})

    def answer(self, status, body, headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


def test_no_filings_completes_at_once(closed_yard):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyRegistry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        job_id = closed_yard.place()
        closed_yard.portal_port = server.server_address[1]
        assert closed_yard.worker(job_id).returncode == 0, closed_yard.last.stderr
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    job = closed_yard.job(job_id)
    assert (job["status"], job["runs"], job["expected"]) == ("completed", 1, 0)
    assert job["company_name"] == "NOTHING FILED PRIVATE LIMITED"
    manifest = json.loads(judge.blob(closed_yard.data, job["manifest_name"]))
    assert (manifest["expected"], manifest["documents"]) == (0, [])
    closed_yard.check_fsck()


# ---- claim ----


def test_claim_hands_the_lease_to_a_run(yard, tmp_path):
    job_id = yard.place()
    out = tmp_path / "job.env"
    claimed, token = yard.claim(out, LEASE_OWNER="pod-1")
    assert claimed == job_id and len(token) == 32
    assert out.stat().st_mode & 0o777 == 0o600 and list(tmp_path.glob("*.tmp")) == []
    job = yard.job(job_id)
    assert (job["status"], job["lease_token"], job["lease_owner"], job["attempts"]) == ("processing", token, "pod-1", 0)
    assert yard.claim(out, LEASE_OWNER="pod-1") == (job_id, token)  # the init container was started again
    assert yard.claim(tmp_path / "other.env", LEASE_OWNER="pod-2") == ("", "")  # nothing claimable
    assert yard.worker(JOB_ID=job_id, LEASE_TOKEN=token).returncode == 0
    assert yard.job(job_id)["runs"] == 1 and yard.job(job_id)["attempts"] == 1
    assert yard.worker(JOB_ID=job_id, LEASE_TOKEN=token).returncode == 0  # its lease is over
    assert yard.job(job_id)["runs"] == 1
    assert yard.claim(out, LEASE_OWNER="pod-1")[1] != token
    assert yard.worker("run", "--env-file", out).returncode == 0
    assert yard.job(job_id)["runs"] == 2


def test_claim_of_a_named_job(yard, tmp_path):
    yard.place()
    second = yard.place(OTHER_CIN)
    assert yard.claim(tmp_path / "job.env", JOB_ID=second)[0] == second
    assert yard.claim(tmp_path / "job.env", JOB_ID=second) == ("", "")
    assert yard.worker("claim", "--out", tmp_path / "job.env", JOB_ID=NOWHERE).returncode == 1


def test_claim_that_cannot_write_gives_back(yard, tmp_path):
    job_id = yard.place()
    result = yard.worker("claim", "--out", tmp_path / "no/such/folder/job.env")
    assert result.returncode == 1 and "claim file not written" in messages(result)
    assert (yard.job(job_id)["status"], yard.job(job_id)["lease_token"]) == ("pending", None)


@pytest.mark.parametrize("point", ["before_claim_ack", "claimed"])
def test_sigterm_releases_a_claim(yard, tmp_path, point):
    job_id = yard.place()
    out = tmp_path / "job.env"
    process = yard.start("claim", "--out", out, FILESURE_FAULT=f"stop:{point}")
    wait_until(lambda: workers.state(process.pid) == "T", 30, "stopped")
    assert yard.job(job_id)["status"] == "processing"
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGCONT)
    assert process.wait_exit() == 0
    job = yard.job(job_id)
    assert (job["status"], job["lease_token"], job["attempts"]) == ("pending", None, 0)
    assert workers.read_claim(out) == ("", "")
    assert yard.worker(job_id).returncode == 0  # at once
