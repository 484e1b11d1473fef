"""The audit log over HTTP: who changed what, exactly; what changed nothing is not in it."""

import json
import os
import pwd
import re

import api_client as api
import pytest
import support
from api_client import cin
from test_api_orders import NOWHERE, is_problem, orders

CLI = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
WHOEVER = {
    "X-Forwarded-User": "mallory",
    "X-Forwarded-For": "mallory",
    "Authorization": "Bearer mallory",
    "From": "mallory@example.org",
    "User-Agent": "mallory/1.0",
    "Cookie": "user=mallory",
}


@pytest.fixture
def server(start, data_dir):
    return api.Api(start, data_dir).wait_ready()


def log(server):
    """Every entry, oldest first, by Link; each has an id of its own, and time never goes back."""
    path, entries = "/api/v1/audit?limit=3", []
    while path:
        answer = server.get(path)
        assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", answer
        page = answer.json()
        assert list(page) == ["entries", "next"] and len(page["entries"]) <= 3
        entries += page["entries"]
        link = answer.headers["Link"]
        path = re.fullmatch(r'<(/api/v1/audit\?limit=3&cursor=[^>]*)>; rel="next"', link)[1] if link else None
        assert (link is None) == (page["next"] is None) and (path is None or path.endswith(f"cursor={page['next']}"))
    entries.reverse()
    for entry in entries:
        assert list(entry) == ["id", "at", "actor", "action", "jobId", "detail"]
        assert re.fullmatch("[0-9a-f]{24}", entry["id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["at"])
    assert len({e["id"] for e in entries}) == len(entries)
    assert [e["at"] for e in entries] == sorted(e["at"] for e in entries)
    rows = support.store_rows(server.data, "SELECT id, actor, action, job_id, detail FROM audit ORDER BY seq")
    assert [(r["id"], r["actor"], r["action"], r["job_id"], json.loads(r["detail"])) for r in rows] == [
        (e["id"], e["actor"], e["action"], e["jobId"], e["detail"]) for e in entries
    ]
    return entries


def said(entry):
    return entry["actor"], entry["action"], entry["jobId"], entry["detail"]


def order(*job_ids, actor="http", jobs=None, one=None, priority=0, force=False):
    """An order of several jobs names none as its own."""
    detail = {
        "jobs": jobs or len(job_ids),
        "created": len(job_ids),
        "priority": priority,
        "force": force,
        "jobIds": list(job_ids),
    }
    return actor, "order", one or (job_ids[0] if detail["jobs"] == 1 else None), detail


def change(action, job_id, number, status, actor="http"):
    return actor, action, job_id, {"cin": cin(number), "status": status}


# ---- HTTP ----


def test_every_change_is_in_it_and_nothing_else(server):
    def place(status, body, **headers):
        answer = server.post("/api/v1/jobs", body, **headers)
        assert answer.status == status, answer
        return [job["jobId"] for job in answer.json().get("jobs", [])]

    def act(job_id, action, status, body=None):
        answer = server.post(f"/api/v1/jobs/{job_id}/{action}", body)
        assert answer.status == status, answer

    assert log(server) == []
    two = place(200, orders(cin(1), cin(2), priority=5), Idempotency_Key="k")
    assert place(200, orders(cin(1), cin(2), priority=5), Idempotency_Key="k") == two  # replayed
    place(422, orders(cin(3)), Idempotency_Key="k")
    place(400, orders("X7"))
    place(400, orders(cin(3), cin(3)[:-1]))
    place(400, {"companies": []})
    place(403, orders(cin(3)), Sec_Fetch_Site="cross-site")
    place(415, b"{}", Content_Type="text/plain")
    assert place(200, orders(cin(1))) == two[:1]  # open already: nothing was made
    three = place(200, orders(cin(3)))
    forced = place(200, orders(cin(3), force=True))
    mixed = place(200, orders(cin(2), cin(4), priority=-1))
    assert mixed[0] == two[1]
    samples = [job["jobId"] for job in server.post("/create-job", {"num_jobs": 3}).json()["jobs"]]
    assert server.post("/create-job", {"num_jobs": 11}).status == 400
    assert server.post("/create-job", {"cin": cin(3)}).json()["jobs"][0]["jobId"] in three + forced
    act(two[0], "retry", 409)
    act(two[0], "cancel", 400, {"x": 1})
    act(two[0], "cancel", 200)
    act(two[0], "cancel", 409)
    act(NOWHERE, "cancel", 404)
    act("nonsense", "retry", 404)
    act(two[0], "retry", 200)
    entries = log(server)
    assert {job for entry in entries[4:-2] for job in entry["detail"]["jobIds"]} == set(samples)
    assert sum(entry["detail"]["created"] for entry in entries[4:-2]) == 3  # one entry, or more if a drawn company was open
    assert list(map(said, entries[:4] + entries[-2:])) == [
        order(*two, priority=5),
        order(*three),
        order(*forced, force=True),
        order(mixed[1], jobs=2, priority=-1),
        change("cancel", two[0], 1, "cancelled"),
        change("retry", two[0], 1, "pending"),
    ]


def test_a_large_order_names_a_hundred(server):
    ids = server.order(*map(cin, range(1, 251)))
    assert [said(e) for e in log(server)] == [
        ("http", "order", None, {"jobs": 250, "created": 250, "priority": 0, "force": False, "jobIds": ids[:100]})
    ]


def test_a_job_at_work(server, run_program, tmp_path):
    job_id = server.order(cin(1))[0]
    env = {"FILESURE_DATA": server.data, "JOB_ID": None, "LEASE_TOKEN": None}
    assert run_program("filesure-worker", "claim", "--out", tmp_path / "claim", env=env).returncode == 0
    for _ in range(2):  # asked for twice: two entries, as both were done
        assert server.post(f"/api/v1/jobs/{job_id}/cancel").json()["cancelRequested"] is True
    assert {said(e)[:3] for e in log(server)[1:]} == {("http", "cancel", job_id)}
    assert {e["detail"]["status"] for e in log(server)[1:]} == {"processing"}


def test_a_client_cannot_say_who_it_is(server):
    answer = support.post(server.port, "/api/v1/jobs", orders(cin(1)), headers=WHOEVER)
    job_id = answer.json()["jobs"][0]["jobId"]
    for action in ("cancel", "retry"):
        assert support.post(server.port, f"/api/v1/jobs/{job_id}/{action}", headers=WHOEVER).status == 200
    assert support.post(server.port, "/create-job", {"num_jobs": 1}, headers=WHOEVER).status == 200
    text = server.get("/api/v1/audit").text
    assert [e["actor"] for e in json.loads(text)["entries"]] == ["http"] * 4 and "mallory" not in text


# ---- pages ----


def test_pages_stay_while_more_is_entered(server):
    for number in range(1, 8):
        server.order(cin(number))
    first = server.get("/api/v1/audit?limit=4").json()
    assert [e["detail"]["jobs"] for e in first["entries"]] == [1] * 4
    server.order(cin(8), cin(9))
    second = server.get(f"/api/v1/audit?limit=4&cursor={first['next']}").json()
    assert second["next"] is None and len(second["entries"]) == 3
    everything = server.get("/api/v1/audit?limit=500").json()
    assert everything["next"] is None and everything["entries"][1:] == first["entries"] + second["entries"]
    assert everything["entries"][0]["detail"]["jobs"] == 2
    assert server.get("/api/v1/audit").json() == everything
    assert server.get("/api/v1/audit?cursor=").json() == everything  # as in the list of jobs


@pytest.mark.parametrize(
    "query,code",
    [
        ("limit=0", "bad_query"),
        ("limit=501", "bad_query"),
        ("limit=x", "bad_query"),
        ("limit=", "bad_query"),
        ("cursor=nonsense!", "bad_cursor"),
        ("cursor=-1", "bad_cursor"),
        ("cursor=99999999999999999999", "bad_cursor"),
        ("page=2", None),
        ("limit=1&limit=2", None),
    ],
)
def test_a_bad_question_is_a_problem(server, query, code):
    server.order(cin(1))
    answer = server.get(f"/api/v1/audit?{query}")
    is_problem(answer, 400, code or answer.json()["type"].removeprefix("/problems/"))


def test_only_reading(server):
    for method in ("POST", "PUT", "DELETE"):
        answer = server.raw(api.request_bytes(method, "/api/v1/audit"))
        assert answer.status == 405 and answer.header("Allow") == "GET, HEAD, OPTIONS"


def test_the_log_is_not_read_for_the_reconciliation(server):
    server.order(cin(1))
    assert [row["purged"] for row in server.get("/api/v1/reconcile").json()["counters"]] == [0, 0, 0]
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
    entry = "INSERT INTO audit (id, at, actor, action, detail)"
    api.change_store(server.data, f"{entry} {many} SELECT 'x', 0, 'x', 'purge', '{{\"rows\": 1, \"runs\": 1}}' FROM n")
    report = server.get("/api/v1/reconcile").json()["counters"]
    assert [(row["purged"], row["difference"]) for row in report] == [(0, 0)] * 3


# ---- the others ----


def test_the_command_line_says_whose_it_is(server, run_program):
    def run(*words, code=0):
        result = run_program("filesure", words[0], "--data", server.data, "--json", *words[1:])
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout) if result.stdout else None

    placed = run("order", "--priority", 3, cin(1), cin(2))
    run("order", cin(1))  # open already
    run("cancel", placed[0]["jobId"])
    run("cancel", placed[0]["jobId"], code=1)
    run("retry", placed[0]["jobId"])
    sample = run("order", "--sample", 1)[0]["jobId"]
    first = placed[0]["jobId"]
    assert list(map(said, log(server))) == [
        order(first, placed[1]["jobId"], actor=CLI, priority=3),
        change("cancel", first, 1, "cancelled", actor=CLI),
        change("retry", first, 1, "pending", actor=CLI),
        order(sample, actor=CLI),
    ]


def test_sample_orders_of_the_first_start(start, run_program, data_dir):
    words = ("--data", data_dir, "--port", 0, "--portal-port", 0, "--orders", 2, "--latency-ms", "0-0", "--exit-when-idle")
    result = run_program("filesure", "up", *words, deadline_s=100)
    assert result.returncode == 0, result.stderr
    ids = [r["id"] for r in support.store_rows(data_dir, "SELECT id FROM jobs ORDER BY seq")]
    assert list(map(said, log(api.Api(start, data_dir).wait_ready()))) == [order(job_id, actor="up") for job_id in ids]
    assert len(ids) == 2
