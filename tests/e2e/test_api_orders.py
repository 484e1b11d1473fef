"""Orders over /api/v1: all or none, once for each key; lists by cursor; one job; cancel and retry."""

import json
import threading
from pathlib import Path

import api_client as api
import pytest
import support
from api_client import cin
from support import wait_until

NOWHERE = "000000000000000000000000"


@pytest.fixture
def server(start, data_dir):
    return api.Api(start, data_dir).wait_ready()


def orders(*cins, **more):
    return {"companies": [{"cin": c} for c in cins], **more}


def count(server):
    return len(support.store_rows(server.data, "SELECT id FROM jobs"))


def is_problem(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{code}" and problem["status"] == status
    assert problem["title"] and problem["detail"]
    return problem


# ---- placing ----


def test_orders_are_answered_in_order(server):
    answer = server.post(
        "/api/v1/jobs", {"companies": [{"cin": cin(2), "companyName": "Two Ltd"}, {"cin": cin(1)}], "priority": 7}
    )
    assert answer.status == 200 and answer.json()["totalJobs"] == 2
    first, second = answer.json()["jobs"]
    assert (first["cin"], first["companyName"]) == (cin(2), "Two Ltd")
    assert (second["cin"], second["companyName"]) == (cin(1), cin(1))
    assert server.job(first["jobId"])["priority"] == 7


def test_an_open_job_is_returned_not_doubled(server):
    first = server.order(cin(1))
    assert server.order(cin(1)) == first
    assert server.order(cin(1), cin(1)) == first * 2
    forced = server.post("/api/v1/jobs", orders(cin(1), force=True)).json()["jobs"][0]["jobId"]
    assert forced != first[0] and count(server) == 2


@pytest.mark.parametrize(
    "body,pointer",
    [
        (orders(cin(0), cin(1), cin(2), "U72900KA2015PTC08298"), "companies[3].cin"),
        (orders("u72900KA2015PTC082988"), "companies[0].cin"),
        ({"companies": [{"cin": cin(1), "companyName": "a\u0001b"}]}, "companies[0].companyName"),
        ({"companies": [{"cin": cin(1), "companyName": "x" * 201}]}, "companies[0].companyName"),
        ({"companies": [{"cin": cin(1), "company": "x"}]}, "companies[0].company"),
        ({"companies": [cin(1)]}, "companies[0]"),
        ({"companies": []}, "companies"),
        ({}, "companies"),
        (orders(cin(1), urgent=True), "urgent"),
        (orders(cin(1), priority=101), "priority"),
        (orders(cin(1), force="yes"), "force"),
    ],
)
def test_a_fault_is_named_by_its_place(server, body, pointer):
    problem = is_problem(server.post("/api/v1/jobs", body), 400, "bad_order")
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["detail"].startswith(pointer + ": ")
    assert count(server) == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"companies":[],"companies":[]}', b'{"companies":"\xff"}', b"{} x"]
)
def test_a_body_that_is_no_order(server, body):
    answer = server.raw(api.json_post("/api/v1/jobs", body))
    assert answer.status == 400 and answer.json()["type"] == "/problems/bad_json"


def test_an_order_of_ten_thousand(server):
    answer = server.post("/api/v1/jobs", orders(*map(cin, range(10_000))))
    assert answer.status == 200 and answer.json()["totalJobs"] == 10_000
    assert [job["cin"] for job in answer.json()["jobs"]] == [cin(n) for n in range(10_000)]
    assert count(server) == 10_000
    is_problem(server.post("/api/v1/jobs", orders(*map(cin, range(10_001)))), 400, "bad_order")


def test_a_body_of_four_mebibytes_is_the_most(server):
    for size, status in ((4 * 1024 * 1024, 400), (4 * 1024 * 1024 + 1, 413)):
        body = b'{"x":"' + b"x" * (size - 8) + b'"}'
        assert server.raw(api.json_post("/api/v1/jobs", body)).status == status


# ---- Idempotency-Key ----


def test_the_same_key_gives_the_same_answer(server):
    body = orders(cin(1), cin(2))
    first = server.post("/api/v1/jobs", body, Idempotency_Key="key-1")
    again = server.post("/api/v1/jobs", body, Idempotency_Key="key-1")
    assert (first.status, again.status) == (200, 200) and first.body == again.body
    assert first.headers["Idempotency-Replayed"] is None and again.headers["Idempotency-Replayed"] == "true"
    assert count(server) == 2


def test_the_same_key_with_force_makes_one_job(server):
    body = orders(cin(1), force=True)
    answers = {server.post("/api/v1/jobs", body, Idempotency_Key="key-1").body for _ in range(3)}
    assert len(answers) == 1 and count(server) == 1


def test_a_key_stands_for_one_body(server):
    server.order(cin(1), Idempotency_Key="key-1")
    for other in (orders(cin(2)), orders(cin(1), priority=1)):
        is_problem(server.post("/api/v1/jobs", other, Idempotency_Key="key-1"), 422, "idempotency_mismatch")
    assert count(server) == 1


def test_a_key_outlives_the_server(start, data_dir):
    body = orders(cin(1), force=True)
    first = api.Api(start, data_dir)
    answer = first.post("/api/v1/jobs", body, Idempotency_Key="k")
    first.process.kill()  # at any instant after the answer
    second = api.Api(start, data_dir)
    assert second.post("/api/v1/jobs", body, Idempotency_Key="k").body == answer.body
    assert count(second) == 1


def test_one_key_from_many_clients_at_once(server):
    answers = []
    body = orders(*map(cin, range(20)), force=True)

    def place():
        answers.append(server.post("/api/v1/jobs", body, Idempotency_Key="race").body)

    threads = [threading.Thread(target=place) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12 and len(set(answers)) == 1 and count(server) == 20


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
def test_a_key_that_is_none(server, key):
    answer = server.raw(api.json_post("/api/v1/jobs", json.dumps(orders(cin(1))), Idempotency_Key=key))
    assert answer.status == 400 and count(server) == 0


# ---- lists ----


def walk(server, query):
    """Every job of every page, by Link."""
    path, found = f"/api/v1/jobs?{query}", []
    while path:
        answer = server.get(path)
        assert answer.status == 200, answer
        found.append([job["jobId"] for job in answer.json()["jobs"]])
        link = answer.headers["Link"]
        assert (link is None) == (answer.json()["next"] is None)
        path = link and link[link.index("<") + 1 : link.index(">")]
        assert link is None or link.endswith('; rel="next"')
    return found


def test_pages_are_whole_and_stay_while_orders_come(server):
    ids = [job for n in range(25) for job in server.order(cin(n))]
    assert [job for page in walk(server, "limit=10") for job in page] == ids[::-1]
    assert [len(page) for page in walk(server, "limit=10")] == [10, 10, 5]
    first = server.get("/api/v1/jobs?limit=10").json()
    server.order(cin(100))
    second = server.get(f"/api/v1/jobs?limit=10&cursor={first['next']}").json()
    assert [job["jobId"] for job in second["jobs"]] == ids[::-1][10:20]


def test_filters(server):
    first, second = server.order(cin(1), cin(2))
    named = server.post(
        "/api/v1/jobs", {"companies": [{"cin": "L17110MH1973PLC019786", "companyName": "Ärger & Söhne Ltd"}]}
    ).json()["jobs"][0]["jobId"]
    server.post(f"/api/v1/jobs/{second}/cancel")

    def ids(query):
        return [job["jobId"] for job in server.get(f"/api/v1/jobs?{query}").json()["jobs"]]

    assert ids("status=cancelled") == [second]
    assert ids("status=pending") == [named, first]
    assert ids("status=failed") == []
    assert ids(f"cin={cin(1)}") == [first]
    assert ids("q=U72900KA") == [second, first]
    assert ids("q=U72900KA&status=pending") == [first]
    assert ids("q=%C3%84RGER%20%26") == ids("q=%C3%84rger") == [named]
    assert ids("q=S%C3%B6hne") == []
    assert ids("q=%25") == ids("q=_") == []
    assert ids("q=") == [named, second, first]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=",
        "status=open",
        "cin=x",
        "cursor=%00",
        "cursor=nonsense!",
        "offset=5",
        "limit=5&limit=6",
        "q=" + "x" * 201,
    ],
)
def test_a_query_that_is_wrong(server, query):
    assert server.get(f"/api/v1/jobs?{query}").status == 400


# ---- one job ----


def test_one_job_says_what_it_waits_for(server):
    job_id = server.order(cin(1))[0]
    job = server.job(job_id)
    assert (job["jobId"], job["cin"], job["status"]) == (job_id, cin(1), "pending")
    assert job["waiting"]["reason"] == "queued" and job["waiting"]["until"] is None
    assert job["waiting"]["since"].endswith("Z") and job["createdAt"] == job["waiting"]["since"]
    assert job["progress"] == {"totalDocuments": 0, "downloadedDocuments": 0, "pendingDocuments": 0, "percent": 0}
    assert job["runs"] == [] and job["errors"] == [] and job["lastError"] is None and job["lease"] is None


def test_etag_changes_with_the_job(server):
    job_id = server.order(cin(1))[0]
    path = f"/api/v1/jobs/{job_id}"
    first = server.get(path)
    same = server.get(path, If_None_Match=first.headers["ETag"])
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == first.headers["ETag"]
    assert server.get(path, If_None_Match='"other"').status == 200
    server.post(path + "/cancel")
    changed = server.get(path, If_None_Match=first.headers["ETag"])
    assert changed.status == 200 and changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [f"/api/v1/jobs/{NOWHERE}", "/api/v1/jobs/xyz", f"/api/v1/jobs/{NOWHERE}/documents", f"/api/v1/jobs/{NOWHERE.upper()}x"],
)
def test_a_job_that_is_not_there(server, path):
    is_problem(server.get(path), 404, "unknown_job")


# ---- cancel and retry ----


def test_cancel_and_retry(server):
    job_id = server.order(cin(1))[0]
    path = f"/api/v1/jobs/{job_id}"
    is_problem(server.post(path + "/retry"), 409, "not_retryable")
    cancelled = server.post(path + "/cancel")
    assert cancelled.status == 200 and cancelled.json()["status"] == "cancelled" and cancelled.json()["waiting"] is None
    is_problem(server.post(path + "/cancel"), 409, "not_cancellable")
    wait_until(lambda: server.job(job_id)["runs"], 20, "the cancel in the job's history")
    assert server.job(job_id)["runs"][0]["run"] == 0 and server.job(job_id)["runs"][0]["outcome"] == "cancelled"
    retried = server.post(path + "/retry", {})
    assert retried.status == 200 and retried.json()["status"] == "pending"
    for action in ("cancel", "retry"):
        is_problem(server.post(f"/api/v1/jobs/{NOWHERE}/{action}"), 404, "unknown_job")
        is_problem(server.post(f"{path}/{action}", {"why": "x"}), 400, "unknown_field")
        assert server.get(f"{path}/{action}").headers["Allow"] == "POST, OPTIONS"


def test_retry_names_the_open_job_of_the_company(server):
    first = server.order(cin(1))[0]
    server.post(f"/api/v1/jobs/{first}/cancel")
    second = server.order(cin(1))[0]
    assert second != first
    problem = is_problem(server.post(f"/api/v1/jobs/{first}/retry"), 409, "company_has_open_job")
    assert second in problem["detail"]


def test_cancel_of_a_job_at_work_is_a_request(server, run_program, tmp_path):
    job_id = server.order(cin(1))[0]
    claim = run_program(
        "filesure-worker", "claim", "--out", tmp_path / "claim", env={"FILESURE_DATA": server.data, "JOB_ID": None}
    )
    assert claim.returncode == 0, claim.stderr
    assert server.job(job_id)["waiting"]["reason"] == "leased" and server.job(job_id)["lease"]["owner"]
    token = Path(tmp_path / "claim").read_text().split("LEASE_TOKEN='")[1][:32]
    assert token not in server.get(f"/api/v1/jobs/{job_id}").text
    cancelled = server.post(f"/api/v1/jobs/{job_id}/cancel").json()
    assert (cancelled["status"], cancelled["cancelRequested"]) == ("processing", True)
    assert cancelled["waiting"]["reason"] == "cancelling"


# ---- the keeper ----


def test_an_expired_lease_is_given_back(server, run_program, tmp_path):
    job_id = server.order(cin(1))[0]
    env = {"FILESURE_DATA": server.data, "JOB_ID": None, "LEASE_SECONDS": 2}
    assert run_program("filesure-worker", "claim", "--out", tmp_path / "claim", env=env).returncode == 0
    wait_until(lambda: server.job(job_id)["status"] == "pending" and server.job(job_id)["runs"], 20, "the lease given back")
    assert server.job(job_id)["runs"][0]["outcome"] == "lost"
    server.wait_metric("filesure_leases_expired_total", 1)
    server.process.wait_line("leases expired")
