"""filesure up: the whole system on one machine, and what must hold whatever dies in it."""
import json
import shutil
import signal
import socket
import sqlite3
import time

import judge
import processes
import pytest
import support
from support import FACTOR, wait_until

FAST = ("--latency-ms", "0-0")
WATCHABLE = ("--latency-ms", "60-120")  # slow enough to be caught in the middle
CIN = judge.CINS[0]


@pytest.fixture
def up(start, data_dir):
    """up("--orders", 3, env={…}): a running `filesure up` on ports of its own; whatever it started is killed at the end."""
    started = []

    def start_up(*options, env=None, portal=("--portal-port", 0)):
        process = start("filesure", "up", "--data", data_dir, "--port", 0, *portal, *options, env=env)
        started.append(process)
        return process

    yield start_up
    for process in started:
        children = processes.descendants(process.pid)
        process.kill()
        processes.kill(children)


@pytest.fixture
def portal(start):
    """The port of a portal that the run under test never talks to."""
    return start("filesure-portal", "--listen", "127.0.0.1:0", *FAST).wait_port()


def finish(process, code=0, deadline_s=100):
    assert process.wait_exit(deadline_s) == code, process.log()


def page_port(process):
    return int(process.wait_line(r'"filesure is up","page":"127\.0\.0\.1:(\d+)"', 60)[1])


def wait_worker(process):
    """The process of a worker that has started its run."""
    process.wait_line("run started", 60)

    def running():
        return processes.below(process.pid, "filesure-worker")

    return wait_until(running, 60, "a worker under way")[0]


def wait_documents(data, count):
    def enough():
        return support.store_rows(data, "SELECT count(*) AS n FROM documents")[0]["n"] >= count

    wait_until(enough, 60, f"{count} documents")


def fsck(run_program, data, *options):
    result = run_program("filesure", "fsck", "--data", data, "--json", *options)
    report = json.loads(result.stdout)
    assert (result.returncode == 0) == (report["problemCount"] == 0)
    return report


def check_clean(run_program, data, notes=()):
    report = fsck(run_program, data)
    assert report["problems"] == []
    assert {n["code"] for n in report["notes"]} <= set(notes)


def check_three_runs(data):
    for job in judge.jobs_of(data):
        runs = judge.runs_of(data, job["id"])
        assert [(r["run"], r["outcome"], r["job_status"]) for r in runs] == [
            (1, "pending", "pending"),
            (2, "pending", "pending"),
            (3, "completed", "completed"),
        ]
        assert job["runs"] == 3
        assert sum(r["run_stored"] for r in runs) == job["total_documents"]
        batch = (job["total_documents"] * 35 + 99) // 100
        assert [r["run_stored"] for r in runs[:2]] == [batch, batch]


# ---- the first start ----


def test_first_start_completes_everything(up, portal, data_dir, run_program):
    began = time.monotonic()
    process = up(*FAST, "--orders", 3, "--exit-when-idle", "--json")
    finish(process)
    seconds = time.monotonic() - began
    unnamed = judge.check_all_completed(data_dir, portal, count=3)
    assert unnamed == set()
    check_three_runs(data_dir)
    check_clean(run_program, data_dir)
    said = [json.loads(line) for line in process.out_lines]
    assert [line["event"] for line in said] == ["up", "down"]
    assert said[1] == {"event": "down", "completed": 3, "failed": 0, "cancelled": 0, "open": 0}
    assert seconds < 15 * FACTOR


def test_totals_are_the_rows_on_both_sides_of_the_watermark(up, start, data_dir, run_program):
    finish(up(*FAST, "--orders", 2, "--exit-when-idle"))
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data_dir})
    judge.check_totals(api.wait_port(), data_dir)
    assert api.stop() == 0

    # An hour later by the store's clock the keeper takes all facts below the watermark.
    with sqlite3.connect(data_dir / "filesure.db") as db:
        db.execute("UPDATE store SET anchor_ms = anchor_ms + 3600000")
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data_dir})
    newest = "SELECT max(at) AS at FROM (SELECT at FROM jobs UNION SELECT at FROM documents UNION SELECT at FROM runs)"

    def advanced():
        return support.store_rows(data_dir, "SELECT up_to_ms FROM totals")[0]["up_to_ms"]

    last = support.store_rows(data_dir, newest)[0]["at"]
    wait_until(lambda: advanced() > last, 60, "the watermark above every fact")
    judge.check_totals(api.wait_port(), data_dir)
    assert api.stop() == 0

    ordered = run_program("filesure", "order", "--data", data_dir, "--sample", 2)
    assert ordered.returncode == 0, ordered.stderr
    finish(up(*FAST, "--exit-when-idle"))
    mark = advanced()
    for table in ("jobs", "documents", "runs"):
        sides = support.store_rows(data_dir, f"SELECT at >= ? AS above FROM {table} GROUP BY 1 ORDER BY 1", mark)
        assert [s["above"] for s in sides] == [0, 1], table
    api = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data_dir})
    judge.check_totals(api.wait_port(), data_dir)
    assert api.stop() == 0
    check_clean(run_program, data_dir)


def test_orders_placed_while_it_runs_are_served(up, portal, data_dir):
    process = up(*FAST, "--orders", 0)
    port = page_port(process)
    answer = support.post(port, "/api/v1/jobs", {"companies": [{"cin": CIN}]})
    assert answer.status in (200, 201), answer

    def completed():
        return support.get(port, "/api/v1/stats").json()["jobs"]["completed"] == 1

    wait_until(completed, 60, "the job completed")
    children = processes.descendants(process.pid)
    assert {processes.name(pid) for pid in children} >= {"filesure-api", "filesure-portal"}
    assert process.stop() == 0
    processes.wait_gone(children)
    assert judge.check_all_completed(data_dir, portal, count=1) == set()
    check_three_runs(data_dir)


# ---- options ----


def test_sample_orders_go_into_an_empty_store_only(up, run_program, data_dir):
    placed = run_program("filesure", "order", "--data", data_dir, CIN)
    assert placed.returncode == 0, placed.stderr
    finish(up(*FAST, "--orders", 3, "--exit-when-idle"))
    assert [j["cin"] for j in judge.jobs_of(data_dir)] == [CIN]


def test_no_orders_means_nothing_to_do(up, data_dir):
    finish(up(*FAST, "--orders", 0, "--exit-when-idle"))
    assert judge.jobs_of(data_dir) == []


def test_one_worker_at_a_time(up, data_dir):
    finish(up(*FAST, "--orders", 2, "--workers", 1, "--exit-when-idle"))
    runs = support.store_rows(data_dir, "SELECT started_at, ended_at FROM runs ORDER BY started_at, ended_at")
    assert len(runs) == 6
    for before, after in zip(runs, runs[1:], strict=False):
        assert before["ended_at"] <= after["started_at"]


def test_list_of_workers_for_prometheus(up, data_dir):
    process = up(*FAST, "--orders", 0, "--workers", 3)
    page_port(process)
    targets = json.loads((data_dir / "prometheus/workers.json").read_text())
    assert targets == [
        {
            "targets": ["127.0.0.10:9100", "127.0.0.11:9100", "127.0.0.12:9100"],
            "labels": {"job": "filesure-worker"},
        }
    ]
    assert process.stop() == 0


def test_most_workers_is_what_there_are_addresses_for(up, data_dir):
    process = up(*FAST, "--orders", 0, env={"MAX_WORKERS": 200})
    page_port(process)
    targets = json.loads((data_dir / "prometheus/workers.json").read_text())[0]["targets"]
    assert len(targets) == len(set(targets)) == 64
    assert process.stop() == 0


def test_a_failed_job_makes_exit_when_idle_fail(up, run_program, data_dir):
    unknown = "U72900KA2015PTC000050"  # the portal's reserved range: no such company
    run_program("filesure", "order", "--data", data_dir, unknown)
    finish(up(*FAST, "--exit-when-idle", env={"MAX_ATTEMPTS": 1}), 1)
    job = judge.jobs_of(data_dir)[0]
    assert job["status"] == "failed"
    assert job["error_code"]


@pytest.mark.parametrize(
    "options, text",
    [
        (("--port", "70000"), "--port"),
        (("--port", "x"), "--port"),
        (("--portal-port", "-1"), "--portal-port"),
        (("--workers", "0"), "--workers"),
        (("--workers", "65"), "--workers"),
        (("--orders", "1001"), "--orders"),
        (("--orders",), "--orders"),
        (("--no-such",), "--no-such"),
        (("extra",), "extra"),
    ],
)
def test_bad_options(run_program, data_dir, options, text):
    result = run_program("filesure", "up", "--data", data_dir, *options)
    assert result.returncode == 2
    assert text in result.stderr and "filesure up --help" in result.stderr
    assert not (data_dir / "filesure.db").exists()


def test_a_portal_that_cannot_start_ends_it(run_program, data_dir):
    result = run_program("filesure", "up", "--data", data_dir, "--port", 0, "--portal-port", 0, "--latency-ms", "much")
    assert result.returncode == 1
    assert "filesure-portal did not start" in result.stderr


def test_a_port_in_use_ends_it(start, up):
    taken = start("filesure-portal", "--listen", "127.0.0.1:0").wait_port()
    process = up("--orders", 0, portal=("--portal-port", taken))
    finish(process, 1)
    assert "filesure-portal did not start" in process.log()


def test_programs_that_are_missing_are_named(run_program, tmp_path, data_dir):
    alone = tmp_path / "filesure"
    shutil.copy(support.BIN / "filesure", alone)
    result = run_program(alone, "up", "--data", data_dir)
    assert result.returncode == 1
    assert "filesure-worker is not beside filesure" in result.stderr


def test_settings_file_rules_the_children_too(up, tmp_path, data_dir):
    (tmp_path / ".env").write_text("LOG_FORMAT=text\nBATCH_PERCENT=100\n")
    process = up(*FAST, "--orders", 1, "--exit-when-idle", env={"LOG_FORMAT": None})
    finish(process)
    assert not [line for line in process.lines if line.startswith("{")]
    assert {line.split()[2] for line in process.lines} >= {"filesure:", "filesure-api:", "filesure-worker:"}
    assert judge.jobs_of(data_dir)[0]["runs"] == 1


@pytest.mark.parametrize("form", ["json", "text"])
def test_it_starts_without_info_lines(up, data_dir, form):
    process = up(*FAST, "--orders", 1, "--exit-when-idle", env={"LOG_LEVEL": "warn", "LOG_FORMAT": form})
    finish(process)
    assert [line for line in process.lines if "metrics not served" not in line] == []  # its address is fixed


# ---- ends ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_a_second_start_goes_on(up, portal, data_dir, run_program, number):
    process = up(*WATCHABLE, "--orders", 3)
    wait_worker(process)
    wait_documents(data_dir, 3)
    children = processes.descendants(process.pid)
    began = time.monotonic()
    process.signal(number)
    assert process.wait_exit(30) == 0, process.log()
    assert time.monotonic() - began < 8 * FACTOR
    assert not [pid for pid in children if support.process_alive(pid)]
    jobs = judge.jobs_of(data_dir)
    assert {j["status"] for j in jobs} <= {"pending", "completed"}  # nobody's lease is left to run out
    assert "pending" in {j["status"] for j in jobs}

    finish(up(*FAST, "--orders", 5, "--exit-when-idle"))
    judge.check_all_completed(data_dir, portal, count=3)
    check_clean(run_program, data_dir, {"unnamed_blob"})
    lost = [r for j in jobs for r in judge.runs_of(data_dir, j["id"]) if r["outcome"] == "lost"]
    assert lost == []


def test_kill_9_of_up_ends_its_children(up, portal, data_dir, run_program):
    process = up(*WATCHABLE, "--orders", 3)
    wait_worker(process)
    wait_documents(data_dir, 3)
    process.signal(signal.SIGSTOP)
    children = processes.descendants(process.pid)
    assert "filesure-worker" in map(processes.name, children)
    process.kill()
    processes.wait_gone(children, 10)
    finish(up(*FAST, "--exit-when-idle"))
    judge.check_all_completed(data_dir, portal, count=3)
    check_clean(run_program, data_dir, {"unnamed_blob"})


def test_kill_9_of_everything_at_once(up, portal, data_dir, run_program):
    env = {"LEASE_SECONDS": 2}
    for documents in (2, 20, 45):
        process = up(*WATCHABLE, "--orders", 3, env=env)
        wait_worker(process)
        wait_documents(data_dir, documents)
        process.signal(signal.SIGSTOP)
        children = processes.descendants(process.pid)
        processes.kill(children | {process.pid})
        processes.wait_gone(children, 10)
        process.kill()
    finish(up(*FAST, "--exit-when-idle", env=env))
    judge.check_all_completed(data_dir, portal, count=3)
    check_clean(run_program, data_dir, {"unnamed_blob"})


def test_kill_9_of_a_worker(up, portal, data_dir, run_program):
    process = up(*WATCHABLE, "--orders", 2, "--exit-when-idle", env={"LEASE_SECONDS": 2})
    page_port(process)
    killed = 0
    for documents in (1, 15, 30):
        wait_documents(data_dir, documents)
        victim = wait_worker(process)
        processes.kill([victim])
        killed += 1
    finish(process)
    assert sum("worker died" in line for line in process.lines) >= killed - 1  # one may have ended just before
    judge.check_all_completed(data_dir, portal, count=2)
    lost = [r for j in judge.jobs_of(data_dir) for r in judge.runs_of(data_dir, j["id"]) if r["outcome"] == "lost"]
    assert lost
    check_clean(run_program, data_dir, {"unnamed_blob"})


def test_a_signal_while_workers_start_leaves_no_lease(up, portal, data_dir):
    """A worker that has not come as far as catching the signal dies of it; its lease is given back all the same."""
    for _ in range(6):
        process = up(*WATCHABLE, "--orders", 4, "--workers", 4)
        page_port(process)
        assert process.stop() == 0
        assert {j["status"] for j in judge.jobs_of(data_dir)} <= {"pending", "completed"}
    finish(up(*FAST, "--exit-when-idle"))
    judge.check_all_completed(data_dir, portal, count=4)


def test_a_start_after_kill_9_waits_for_the_ports(start, data_dir):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
    options = ["--data", data_dir, "--port", ports[0], "--portal-port", ports[1], "--orders", 0, *FAST]
    for _ in range(4):
        process = start("filesure", "up", *options)
        assert page_port(process) == ports[0]
        children = processes.descendants(process.pid)
        process.kill()
    processes.wait_gone(children)


def test_a_second_up_on_the_same_data_is_refused(up, run_program, data_dir):
    process = up(*FAST, "--orders", 0)
    port = page_port(process)
    second = run_program("filesure", "up", "--data", data_dir, "--port", 0, "--portal-port", 0)
    assert second.returncode == 1
    assert "another" in second.stderr and str(data_dir) in second.stderr
    assert support.get(port, "/healthz").status == 200
    assert process.stop() == 0


@pytest.mark.parametrize("program", ["filesure-api", "filesure-portal"])
def test_a_part_that_dies_ends_it(up, program):
    process = up(*WATCHABLE, "--orders", 2)
    wait_worker(process)
    children = processes.descendants(process.pid)
    processes.kill(processes.below(process.pid, program))
    finish(process, 1)
    assert not [pid for pid in children if support.process_alive(pid)]
    assert any("a part has ended" in line and program in line for line in process.lines)
