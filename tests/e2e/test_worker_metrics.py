"""/metrics of filesure-worker: the names of the contract, while it runs and after."""
import http.server

import judge
import pytest
import support
import workers
from support import FACTOR, wait_until
from workers import OTHER_CIN, messages, timed_stop


@pytest.fixture
def yard(start, run_program, data_dir):
    return workers.Yard(start, run_program, data_dir).open_portal()


@pytest.fixture
def slow_yard(start, run_program, data_dir):
    """Documents come so slowly that a run is caught in the middle."""
    return workers.Yard(start, run_program, data_dir, *workers.SLOW).open_portal()


# ---- metrics ----

CONTRACT_METRICS = {
    "jobs_processed_total": "counter",
    "jobs_found_total": "counter",
    "jobs_locked_total": "counter",
    "jobs_failed_total": "counter",
    "documents_downloaded_total": "counter",
    "documents_uploaded_total": "counter",
    "blob_operations_total": "counter",
    "blob_operation_duration_seconds": "histogram",
    "job_processing_duration_seconds": "histogram",
    "lock_cleanup_total": "counter",
    "active_jobs": "gauge",
    "pending_jobs": "gauge",
    "completed_jobs": "gauge",
    "download_batch_size": "histogram",
}


def metrics_port(process):
    return int(process.wait_line(r'"metrics","address":"127\.0\.0\.1:(\d+)"')[1])


def test_metrics_while_it_runs(slow_yard):
    job_id = slow_yard.place()
    slow_yard.place(OTHER_CIN)
    process = slow_yard.start(job_id)
    port = metrics_port(process)
    answer = support.get(port, "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    types = dict(line.split()[2:4] for line in answer.text.splitlines() if line.startswith("# TYPE"))
    assert types == CONTRACT_METRICS

    def value(name):
        return judge.metric(support.get(port, "/metrics").text, name)

    assert (value("active_jobs"), value("jobs_locked_total"), value("jobs_found_total")) == (1, 1, 1)
    for status in ("completed", "pending", "failed"):
        assert value(f'jobs_processed_total{{status="{status}"}}') == 0
    wait_until(lambda: value("pending_jobs") == 1, 30, "the other job counted as pending")
    assert support.get(port, "/").status == 404
    assert process.stop() == 0


def test_final_metrics_are_kept_until_they_were_seen(yard):
    job_id = yard.place()
    process = yard.start(job_id, METRICS_LINGER_SECONDS=60)
    port = metrics_port(process)
    process.wait_line('"run ended"')
    assert yard.job(job_id)["lease_token"] is None  # the lease is not held any longer
    text = support.get(port, "/metrics").text
    rows = yard.documents(job_id)
    assert judge.metric(text, "documents_downloaded_total") == len(rows)
    assert judge.metric(text, "documents_uploaded_total") == len(rows)
    assert judge.metric(text, 'blob_operations_total{operation="upload"}') == 3 * len(rows)
    assert judge.metric(text, 'blob_operation_duration_seconds_count{operation="upload"}') == 3 * len(rows)
    assert judge.metric(text, 'jobs_processed_total{status="pending"}') == 1
    assert judge.metric(text, "job_processing_duration_seconds_count") == 1
    assert judge.metric(text, "download_batch_size_sum") == len(rows)
    assert judge.metric(text, "active_jobs") == 0
    assert process.wait_exit() == 0


def test_lingering_ends_by_sigterm(yard):
    process = yard.start(yard.place(), METRICS_LINGER_SECONDS=60)
    process.wait_line('"run ended"')
    code, seconds = timed_stop(process)
    assert code == 0 and seconds < 5 * FACTOR


def test_a_metrics_port_that_is_taken_is_no_reason_not_to_run(yard):
    job_id = yard.place()
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    try:
        result = yard.worker(job_id, WORKER_METRICS_LISTEN=f"127.0.0.1:{server.server_address[1]}")
    finally:
        server.server_close()
    assert result.returncode == 0 and "metrics not served" in messages(result)
    assert yard.documents(job_id)
