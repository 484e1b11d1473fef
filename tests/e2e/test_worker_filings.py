"""What a run makes of filings that are not as they should be, and of a portal that is not."""
import hashlib
import json
import shutil

import judge
import pytest
import support
import workers
from workers import CIN, messages


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


@pytest.fixture
def closed_yard(start, run_program, data_dir):
    """No portal anywhere."""
    return workers.Yard(start, run_program, data_dir)


# ---- filings that are not as they should be ----


def test_unreadable_filings_do_not_stop_the_others(yard):
    srns = [f["srn"] for f in judge.portal_filings(yard.portal_port, CIN)]
    bad = {srns[0]: "damaged", srns[3]: "password", srns[5]: "damaged"}
    yard.faults(*({"fault": fault, "srn": srn} for srn, fault in bad.items()))
    job_id = yard.place()
    assert yard.run_until_completed(job_id) == [0, 0, 0]
    rows = {d["srn"]: d for d in yard.documents(job_id)}
    assert set(rows) == set(srns)
    job = yard.job(job_id)
    assert (job["expected"], job["stored"], job["unreadable"], job["missing"]) == (len(srns), len(srns) - 3, 3, 0)
    for srn, row in rows.items():
        text = judge.blob(yard.data, row["text_name"])
        fields = json.loads(judge.blob(yard.data, row["fields_name"]))
        original = judge.blob(yard.data, row["original_name"])
        assert (hashlib.md5(text).hexdigest(), len(text)) == (row["text_md5"], row["text_bytes"])
        assert hashlib.sha256(original).hexdigest() == row["original_sha256"]
        if srn in bad:
            assert (row["state"], row["reason"], fields["outcome"]) == ("unreadable", bad[srn], bad[srn])
            assert text.decode().startswith(f"unreadable: {bad[srn]}") and text.count(b"\n") == 1 and text.endswith(b"\n")
        else:
            assert (row["state"], row["reason"] or "", fields["outcome"]) == ("stored", "", "ok")
    manifest = json.loads(judge.blob(yard.data, job["manifest_name"]))
    assert (manifest["stored"], manifest["unreadable"]) == (len(srns) - 3, 3)
    yard.check_fsck()


def test_missing_filings(yard):
    srns = [f["srn"] for f in judge.portal_filings(yard.portal_port, CIN)]
    gone = {srns[1]: "404", srns[4]: "410"}
    yard.faults(*({"fault": status, "srn": srn} for srn, status in gone.items()))
    job_id = yard.place()
    assert yard.run_until_completed(job_id) == [0, 0, 0]
    job = yard.job(job_id)
    assert (job["stored"], job["unreadable"], job["missing"]) == (len(srns) - 2, 0, 2)
    for row in yard.documents(job_id):
        if row["srn"] in gone:
            text = judge.blob(yard.data, row["text_name"])
            assert row["state"] == "missing" and text.startswith(b"missing: ") and text.count(b"\n") == 1
            assert (row["text_bytes"], row["text_md5"]) == (len(text), hashlib.md5(text).hexdigest())
            assert not row["original_name"] and not row["fields_name"]
    yard.check_fsck()


def test_a_filing_that_answers_503_does_not_block_the_rest(yard):
    listed = judge.portal_filings(yard.portal_port, CIN)
    batch = (len(listed) * 35 + 99) // 100
    yard.faults({"fault": "503", "srn": listed[0]["srn"], "retryAfterSeconds": 0})
    job_id = yard.place()
    result = yard.worker(job_id)
    assert result.returncode == 0, result.stderr
    assert [d["number"] for d in yard.documents(job_id)] == list(range(2, batch + 2))
    assert {e["document"] for e in result.events if e["message"] == "filing not to be had now"} == {1}
    yard.faults()
    yard.run_until_completed(job_id)
    judge.check_all_completed(yard.data, yard.portal_port, count=1)


def test_a_filing_with_other_bytes_is_never_stored(yard):
    listed = judge.portal_filings(yard.portal_port, CIN)
    yard.faults({"fault": "md5", "srn": listed[2]["srn"]})
    job_id = yard.place()
    for _ in range(3):
        yard.worker(job_id)
    assert [f["number"] for f in yard.documents(job_id)] == [n for n in range(1, len(listed) + 1) if n != 3]
    job = yard.job(job_id)
    assert (job["status"], job["error_code"]) == ("pending", "portal_answer")
    yard.faults()
    yard.pass_time(301)
    yard.run_until_completed(job_id)
    judge.check_all_completed(yard.data, yard.portal_port, count=1)


def test_troubles_on_the_way_are_ridden_out(yard):
    """A little of everything a network does: no run fails, nothing is lost or doubled."""
    yard.faults(
        {"fault": "503", "share": 0.1, "retryAfterSeconds": 0},
        {"fault": "reset", "share": 0.1},
        {"fault": "truncate", "share": 0.1},
        {"fault": "session", "share": 0.05},
        {"fault": "html", "share": 0.03},
    )
    job_id = yard.place()
    yard.run_until_completed(job_id)
    yard.faults()
    judge.check_all_completed(yard.data, yard.portal_port, count=1)
    yard.check_fsck()


# ---- failed runs ----


def test_portal_outage_costs_no_attempt(closed_yard):
    job_id = closed_yard.place()
    result = closed_yard.worker(job_id)
    assert result.returncode == 1 and messages(result)[-1] == "run failed"
    job = closed_yard.job(job_id)
    assert (job["status"], job["attempts"], job["error_code"]) == ("pending", 0, "portal_down")
    assert 5000 <= job["backoff_ms"] <= 15000
    assert job["available_at"] >= job["updated_at"] + 5000
    assert "127.0.0.1" not in job["error_message"] and str(closed_yard.portal_port) not in job["error_message"]
    result = closed_yard.worker(job_id)
    assert result.returncode == 0 and result.events[0]["reason"] == "the job cannot be taken: it backs off after a failed run"


def test_retry_after_is_obeyed(yard):
    yard.faults({"fault": "429", "retryAfterSeconds": 120})
    job_id = yard.place()
    assert yard.worker(job_id).returncode == 1
    job = yard.job(job_id)
    assert (job["status"], job["error_code"]) == ("pending", "rate_limited")
    assert job["backoff_ms"] > 100_000
    assert job["attempts"] == 1  # the list was answered: this was no outage


def test_unknown_company(yard):
    job_id = yard.place(workers.UNKNOWN_CIN)
    assert yard.worker(job_id).returncode == 1
    job = yard.job(job_id)
    assert (job["status"], job["attempts"], job["error_code"]) == ("pending", 1, "unknown_company")


def test_attempts_used_up(yard, tmp_path):
    yard.faults({"fault": "html", "route": "filings"})
    job_id = yard.place()
    for attempt in (1, 2):
        assert yard.worker(job_id, MAX_ATTEMPTS=2).returncode == 1
        job = yard.job(job_id)
        assert (job["status"], job["attempts"], job["error_code"]) == ("pending", attempt, "portal_answer")
        yard.pass_time(301)
    yard.faults()
    log = tmp_path / "faults"
    result = yard.worker(job_id, MAX_ATTEMPTS=2, FILESURE_FAULT_LOG=log)
    assert result.returncode == 1 and workers.fault_names(log) & {"listed", "downloading"} == set()
    job = yard.job(job_id)
    assert (job["status"], job["error_code"], job["downloaded_documents"]) == ("failed", "too_many_attempts", 0)
    assert job["error_message"].startswith("2 runs in a row stored no new document; the last error was portal_answer: ")
    assert [r["outcome"] for r in yard.runs(job_id)] == ["failed", "failed", "exhausted"]
    assert yard.worker(job_id).returncode == 0  # finished
    assert yard.run_program("filesure", "retry", "--data", yard.data, job_id).returncode == 0
    yard.run_until_completed(job_id)


def test_a_reader_that_cannot_be_started_fails_the_run(yard, tmp_path):
    alone = tmp_path / "filesure-worker"  # no filesure-pdf beside it
    shutil.copy(support.program_path("filesure-worker"), alone)
    job_id = yard.place()
    assert yard.worker(job_id, program=alone).returncode == 1
    job = yard.job(job_id)
    assert (job["status"], job["attempts"], job["error_code"]) == ("pending", 1, "reader_unavailable")
    assert yard.documents(job_id) == []


@pytest.mark.parametrize("fault", ["404", "html"])
def test_a_company_that_cannot_be_named_is_fetched_all_the_same(yard, fault):
    """The name comes with a later run, when the portal has it again."""
    job_id = yard.place()
    yard.faults({"fault": fault, "route": "company"})
    assert yard.worker(job_id).returncode == 0, yard.last.stderr
    job = yard.job(job_id)
    assert job["status"] == "pending" and job["company_name"] == job["cin"] and yard.documents(job_id)
    yard.faults()
    assert yard.worker(job_id).returncode == 0, yard.last.stderr
    assert yard.job(job_id)["company_name"] != job["cin"]
