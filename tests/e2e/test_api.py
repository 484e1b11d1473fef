"""POST /create-job as the public contract has it, and what operators and scrapers ask."""

import json
import re
import signal
import subprocess

import api_client as api
import pytest
import support
from support import wait_until

BETWEEN = {"error": "num_jobs must be between 1 and 10"}
INTEGER = {"error": "num_jobs must be a valid integer"}


@pytest.fixture
def server(start, data_dir):
    return api.Api(start, data_dir).wait_ready()


def create(server, body, **headers):
    return server.raw(api.json_post("/create-job", body, **headers))


# ---- POST /create-job ----


@pytest.mark.parametrize(
    "body,count",
    [
        ("{}", 1),
        ('{"num_jobs":1}', 1),
        ('{"num_jobs":5}', 5),
        ('{"num_jobs":10}', 10),
        ('{"num_jobs":"3"}', 3),
        ('{"num_jobs":3.0}', 3),
    ],
)
def test_create_job_makes_n_jobs(server, body, count):
    answer = create(server, body + " " if count == 5 else body)
    assert answer.status == 200 and answer.header("Content-Type") == "application/json"
    result = answer.json()
    assert list(result) == ["message", "jobs", "totalJobs"]
    assert result["message"] == f"Successfully created {count} job(s)" and result["totalJobs"] == count
    assert len(result["jobs"]) == count
    for job in result["jobs"]:
        assert list(job) == ["jobId", "cin", "companyName"]
        assert re.fullmatch("[0-9a-f]{24}", job["jobId"])
        assert re.fullmatch("[LU][0-9]{5}[A-Z]{2}[0-9]{4}[A-Z]{3}[0-9]{6}", job["cin"]) and job["companyName"]
    rows = support.store_rows(server.data, "SELECT id, cin, company_name, status FROM jobs")
    assert {(r["id"], r["cin"], r["company_name"]) for r in rows} == {
        (j["jobId"], j["cin"], j["companyName"]) for j in result["jobs"]
    }
    assert {r["status"] for r in rows} == {"pending"} and len(rows) == count


@pytest.mark.parametrize(
    "body,error",
    [
        ('{"num_jobs":0}', BETWEEN),
        ('{"num_jobs":11}', BETWEEN),
        ('{"num_jobs":-1}', BETWEEN),
        ('{"num_jobs":"11"}', BETWEEN),
        ('{"num_jobs":123456789012345678901234567890}', BETWEEN),
        ('{"num_jobs":"three"}', INTEGER),
        ('{"num_jobs":""}', INTEGER),
        ('{"num_jobs":2.5}', INTEGER),
        ('{"num_jobs":null}', INTEGER),
        ('{"num_jobs":true}', INTEGER),
        ('{"num_jobs":[3]}', INTEGER),
        ("null", None),
        ("[]", None),
        ("3", None),
        ("", None),
        ("{", None),
        ('{"num_jobs":3}}', None),
        ('{"num_jobs":3,"num_jobs":4}', None),
        (b'{"num_jobs":"\xff"}', None),
        ("[" * 1000, None),
        (f'{{"num_jobs":2,"cin":"{api.CIN}"}}', None),
        ('{"cin":"nonsense"}', None),
        ('{"cin":7}', None),
    ],
)
def test_create_job_refuses(server, body, error):
    answer = create(server, body)
    assert answer.status == 400 and answer.header("Content-Type") == "application/json"
    assert list(answer.json()) == ["error"] and (error is None or answer.json() == error)
    assert support.store_rows(server.data, "SELECT id FROM jobs") == []


def test_create_job_ignores_unknown_fields(server):
    answer = create(server, '{"num_jobs":2,"anything":{"at":["all"]}}')
    assert answer.status == 200 and answer.json()["totalJobs"] == 2


def test_create_job_takes_a_cin(server):
    first = create(server, json.dumps({"cin": api.CIN}))
    assert first.status == 200 and first.json()["totalJobs"] == 1
    assert first.json()["jobs"][0]["cin"] == api.CIN
    again = create(server, json.dumps({"cin": api.CIN}))
    assert again.json()["jobs"] == first.json()["jobs"]  # open already: not doubled


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_create_job_is_post_only(server, method):
    answer = server.raw(api.request_bytes(method, "/create-job"))
    assert answer.status == 405 and answer.header("Allow") == "POST, OPTIONS"
    assert list(answer.json()) == ["error"]


def test_create_job_options(server):
    answer = server.raw(api.request_bytes("OPTIONS", "/create-job"))
    assert answer.status == 204 and answer.header("Allow") == "POST, OPTIONS"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data; boundary=x"]
)
def test_create_job_media_type(server, kind):
    answer = server.raw(api.request_bytes("POST", "/create-job", b'{"num_jobs":1}', Content_Type=kind))
    assert answer.status == 415 and list(answer.json()) == ["error"]


def test_create_job_without_media_type(server):
    for body in (b"", b"{}"):
        answer = server.raw(api.request_bytes("POST", "/create-job", body))
        assert answer.status == 415 and list(answer.json()) == ["error"]


def test_create_job_media_type_with_charset(server):
    answer = server.raw(api.request_bytes("POST", "/create-job", b"{}", Content_Type="Application/JSON; charset=utf-8"))
    assert answer.status == 200


def test_create_job_too_large(server):
    answer = create(server, b'{"a":"' + b"x" * (1024 * 1024) + b'"}')
    assert answer.status == 413 and list(answer.json()) == ["error"]


def test_create_job_counts_requests(server):
    for _ in range(3):
        create(server, '{"num_jobs":4}')
    create(server, '{"num_jobs":99}')
    assert server.metrics()['jobs_created_total{num_jobs="4"}'] == 3  # one for each request, as before
    server.wait_metric("filesure_jobs_created_total", 12)
    server.wait_metric('filesure_jobs{status="pending"}', 12)


# ---- operations ----


def test_health_ready_version(server):
    assert server.get("/healthz").json() == {"status": "ok"}
    ready = server.get("/readyz")
    assert ready.status == 200 and ready.json()["ready"] is True and ready.json()["blobStore"] == {"answers": True}
    version = server.get("/version").json()
    assert version["name"] == "filesure" and version["license"] == "AGPL-3.0-or-later"
    assert version["source"].startswith("https://") and version["version"] and version["commit"]


CONTRACT_METRICS = {
    "requests_total": "counter",
    "db_write_failures_total": "counter",
    "request_duration_seconds": "histogram",
    "jobs_created_total": "counter",
    "jobs_created_failures_total": "counter",
    "mongodb_operations_total": "counter",
    "mongodb_operation_duration_seconds": "histogram",
    "filesure_jobs": "gauge",
    "filesure_jobs_created_total": "counter",
    "filesure_runs_total": "counter",
    "filesure_jobs_finished_total": "counter",
    "filesure_job_oldest_waiting_seconds": "gauge",
    "filesure_jobs_claimable": "gauge",
    "filesure_workers_active": "gauge",
    "filesure_run_seconds": "histogram",
    "filesure_leases_expired_total": "counter",
    "filesure_documents_total": "counter",
    "filesure_document_seconds": "histogram",
    "filesure_document_bytes_total": "counter",
    "filesure_pages_total": "counter",
    "filesure_portal_requests_total": "counter",
    "filesure_http_request_seconds": "histogram",
    "filesure_build_info": "gauge",
    "process_resident_memory_bytes": "gauge",
}


def test_metrics_page(server):
    for path in ("/", "/api/v1/jobs", "/api/v1/jobs/000000000000000000000000", "/nowhere", "/api/v1/stats"):
        server.get(path)
    create(server, '{"num_jobs":2}')
    server.wait_metric("filesure_jobs_created_total", 2)
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", answer.text, re.M))
    assert {name: types.get(name) for name in CONTRACT_METRICS} == CONTRACT_METRICS
    assert set(re.findall(r"^# HELP (\S+) .", answer.text, re.M)) == set(types)
    numbers = server.metrics()
    assert len(numbers) <= 500
    assert numbers['filesure_runs_total{outcome="lost"}'] == 0  # label sets are fixed and start at 0
    assert numbers['filesure_documents_total{result="missing"}'] == 0
    assert "000000000000000000000000" not in answer.text and "nowhere" not in answer.text
    assert numbers['mongodb_operations_total{operation="place"}'] == 1
    assert numbers['filesure_http_request_seconds_count{method="GET",route="unmatched",code="4xx"}'] == 1


def test_stats_and_reconcile(server):
    create(server, '{"num_jobs":3}')
    stats = wait_until(
        lambda: (s := server.get("/api/v1/stats").json())["totals"]["jobsPlaced"] == 3 and s, 20, "stats of three jobs"
    )
    assert stats["jobs"] == {"pending": 3, "processing": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 3}
    assert stats["claimable"] == 3 and stats["workersActive"] == 0 and stats["storeUp"] is True
    report = server.get("/api/v1/reconcile").json()
    assert report["settled"] is True
    assert {row["name"]: (row["counter"], row["counted"], row["difference"]) for row in report["counters"]} == {
        "filesure_jobs_created_total": (3, 3, 0),
        "filesure_documents_total": (0, 0, 0),
        "filesure_runs_total": (0, 0, 0),
    }


def test_openapi_is_served(server):
    answer = server.get("/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.body == (support.ROOT / "docs/api/openapi.json").read_bytes()


def test_the_page_and_its_files(server):
    page = server.get("/")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    paths = re.findall(r'(?:src|href)="(/[\w.-]+)"', page.text)
    assert "/app.js" in paths and "/style.css" in paths
    for path in paths:
        answer = server.get(path)
        assert answer.status == 200, path
        again = server.get(path, If_None_Match=answer.headers["ETag"] or '"no"')
        assert again.status == (304 if answer.headers["ETag"] else 200), path


def test_the_page_is_small():
    web = [p for p in (support.ROOT / "web").iterdir() if p.name != "openapi.json"]
    sizes = {p.name: len(subprocess.run(["gzip", "-9c", p], capture_output=True, check=True).stdout) for p in web}
    assert sum(sizes.values()) <= 60 * 1024, sizes


# ---- start and stop ----


def test_start_refuses_what_it_does_not_understand(run_program, data_dir):
    for arguments in (["--port", "1"], ["extra"], ["--listen"]):
        result = run_program("filesure-api", *arguments, env={"FILESURE_DATA": data_dir})
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    result = run_program("filesure-api", "--listen", "nonsense", env={"FILESURE_DATA": data_dir})
    assert result.returncode == 1 and "API_LISTEN" in result.stderr


def test_open_listening_needs_a_decision(run_program, start, data_dir):
    result = run_program("filesure-api", "--listen", "0.0.0.0:0", env={"FILESURE_DATA": data_dir})
    assert result.returncode == 1
    assert all(name in result.stderr for name in ("API_LISTEN", "API_TOKENS_FILE", "API_OPEN"))
    process = start("filesure-api", "--listen", "0.0.0.0:0", env={"FILESURE_DATA": data_dir, "API_OPEN": "yes"})
    assert support.get(process.wait_port(), "/healthz").status == 200


def test_help_and_version(run_program):
    shown = run_program("filesure-api", "--help")
    assert shown.returncode == 0 and "--listen" in shown.stdout and "API_LISTEN" in shown.stdout
    assert re.match(r"filesure-api \d+\.\d+", run_program("filesure-api", "--version").stdout)


def test_a_port_in_use_is_said(server, run_program, data_dir):
    result = run_program("filesure-api", "--listen", f"127.0.0.1:{server.port}", env={"FILESURE_DATA": data_dir})
    assert result.returncode == 1 and "cannot listen" in result.stderr


def test_the_log_says_where_it_listens(server):
    line = json.loads(server.process.wait_line("listening").string)
    assert line["message"] == "listening" and line["address"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_listeners_connected(server, number):
    listeners = [api.Events(server.port) for _ in range(3)]
    with api.connect(server.port) as idle:
        idle.sendall(b"GET / HT")
        server.process.signal(number)
        assert server.process.wait_exit(5) == 0
    for listener in listeners:
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                listener.next()
        listener.close()


# ---- events ----


def test_events_tell_of_jobs(server):
    events = api.Events(server.port)
    assert events.status == 200 and events.headers["content-type"] == "text/event-stream"
    job_id = create(server, '{"num_jobs":1}').json()["jobs"][0]["jobId"]
    placed = events.until(lambda e: e["event"] == "job" and e["data"]["jobId"] == job_id)
    assert placed["data"]["status"] == "pending" and placed["id"]
    stats = events.until(lambda e: e["event"] == "stats" and e["data"]["jobs"]["pending"] == 1)
    assert stats["data"]["storeUp"] is True
    server.post(f"/api/v1/jobs/{job_id}/cancel")
    cancelled = events.until(
        lambda e: e["event"] == "job" and e["data"]["jobId"] == job_id and e["data"]["status"] == "cancelled"
    )
    events.close()
    again = api.Events(server.port, last_id=placed["id"])  # what came after it, and only that
    replayed = again.until(lambda e: e["id"] == cancelled["id"])
    assert replayed == cancelled
    assert placed["id"] not in [event["id"] for event in again.seen]
    again.close()


def test_events_tell_of_what_others_change(server, run_program):
    job_id = create(server, '{"num_jobs":1}').json()["jobs"][0]["jobId"]
    server.wait_metric('filesure_jobs{status="pending"}', 1)
    events = api.Events(server.port)
    result = run_program("filesure", "cancel", "--data", server.data, job_id)
    assert result.returncode == 0, result.stderr
    events.until(lambda e: e["event"] == "job" and e["data"]["jobId"] == job_id and e["data"]["status"] == "cancelled")
    events.close()


def test_too_many_listeners(server):
    listeners = [api.Events(server.port) for _ in range(100)]
    refused = server.get("/api/v1/events")
    assert refused.status == 503 and refused.headers["Retry-After"]
    for listener in listeners:
        listener.close()
    wait_until(lambda: server.raw(api.request_bytes("GET", "/api/v1/events"), head_only=True).status == 200, 20, "a free place")
