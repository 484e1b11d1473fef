"""filesure chaos: it hits the workers of one data folder and nothing else, mends what it broke, and says whether all is whole."""
import json
import signal

import judge
import processes
import pytest
import support
import workers
from support import wait_until

LEASE_S = 2
RULES = {"seed": 3, "rules": [{"fault": "503", "route": "document", "share": 0.01}]}
SHORT = ("--every-ms", 200, "--stop-ms", 2500, "--outage-ms", 400, "--drain-seconds", 200)


@pytest.fixture
def yard(start, run_program, data_dir):
    yard = workers.Yard(start, run_program, data_dir, "--latency-ms", "40-90").open_portal()
    support.request(yard.portal_port, "PUT", "/_faults", RULES)
    return yard


@pytest.fixture
def up(start, yard):
    """up(yard): a running `filesure up`; whatever it started is killed at the end."""
    started = []

    def start_up(yard=yard, *options, **env):
        env = yard.env(LEASE_SECONDS=LEASE_S, MAX_ATTEMPTS=1000, **env)
        arguments = ["--data", yard.data, "--port", 0, "--no-portal", "--workers", 4, "--orders", 0, *options]
        started.append(start("filesure", "up", *arguments, env=env))
        started[-1].wait_line('"filesure is up"', 60)
        return started[-1]

    yield start_up
    for process in started:
        children = processes.descendants(process.pid)
        process.kill()
        processes.kill(children)


def order(yard, count):
    result = yard.run_program("filesure", "order", "--data", yard.data, "--sample", count)
    assert result.returncode == 0, result.stderr


def chaos(yard, *options, deadline_s=250):
    result = yard.run_program("filesure", "chaos", "--data", yard.data, *options, deadline_s=deadline_s)
    events = [json.loads(line) for line in result.stdout.splitlines()] if "--json" in options else None
    return result, events


def check_clean(yard, count):
    support.request(yard.portal_port, "PUT", "/_faults", {"rules": []})
    judge.check_all_completed(yard.data, yard.portal_port, count=count)
    yard.check_fsck()


def test_a_storm_that_ends_clean(yard, up, start, run_program, tmp_path):
    """The workers of another data folder, and one that nobody's `up` started, live through it."""
    other_data = tmp_path / "other"
    other_data.mkdir()
    other = workers.Yard(start, run_program, other_data)
    other.portal_port = yard.portal_port
    order(other, 2)
    others_up = up(other, "--exit-when-idle")
    order(yard, 6)
    process = up()
    result, events = chaos(yard, "--seed", 5, "--seconds", 8, "--json", *SHORT)
    assert result.returncode == 0, (result.stderr, events, process.log())
    end = events[-1]
    assert end["event"] == "end" and end["clean"] and end["jobs"] == 6 and end["problems"] == []
    for event, count in (("kill", "kills"), ("stop", "stops"), ("outage", "outages")):
        assert end[count] == sum(e["event"] == event for e in events)
    assert end["kills"] >= 4 and end["liveKills"] >= 1 and end["stops"] >= 1 and end["outages"] >= 1, end
    jobs = {j["id"] for j in judge.jobs_of(yard.data)}
    hits = [e for e in events if e["event"] in ("kill", "stop")]
    assert {e["job"] for e in hits} <= jobs and all(e["run"] >= 1 and e["rows"] >= 0 for e in hits)
    died = [line for line in process.lines if "worker died" in line]
    assert end["liveKills"] <= len(died) <= end["kills"]
    assert support.get(yard.portal_port, "/_faults").json() == RULES  # put back
    assert others_up.wait_exit(100) == 0 and not any("worker died" in line for line in others_up.lines)
    assert process.stop() == 0
    check_clean(yard, 6)


def test_a_portal_without_faults_is_left_alone(yard, up, start):
    plain = start("filesure-portal", "--listen", "127.0.0.1:0", "--latency-ms", "20-40")
    order(yard, 2)
    up(yard, PORTAL_URL=f"http://127.0.0.1:{plain.wait_port()}")
    result, events = chaos(yard, "--seed", 2, "--seconds", 4, "--json", *SHORT)
    assert result.returncode == 0, (result.stderr, events)
    assert events[-1]["clean"] and events[-1]["outages"] == 0
    check_clean(yard, 2)


def test_as_text(yard, up):
    order(yard, 1)
    up()
    result, _ = chaos(yard, "--seed", 1, "--seconds", 1, *SHORT)
    assert result.returncode == 0, result.stderr
    assert "kills (" in result.stdout and "0 problems" in result.stdout


def test_dry_run_does_nothing_and_shows_the_plan(yard, up):
    order(yard, 2)
    process = up()
    process.wait_line("run started", 60)
    plans = [chaos(yard, "--seed", 9, "--minutes", 1, "--dry-run", "--json")[1] for _ in range(2)]
    assert plans[0] == plans[1] and len(plans[0]) > 10
    assert {e["action"] for e in plans[0]} == {"kill", "stop", "outage"}
    assert plans[0] != chaos(yard, "--seed", 10, "--minutes", 1, "--dry-run", "--json")[1]
    text = chaos(yard, "--seed", 9, "--seconds", 30, "--dry-run")[0].stdout
    assert f"process {process.pid} " in text
    wait_until(lambda: {j["status"] for j in judge.jobs_of(yard.data)} == {"completed"}, 90, "completed")
    assert not any("worker died" in line for line in process.lines)


def test_stopped_by_a_signal_it_mends_what_it_broke(yard, up, start):
    order(yard, 5)
    process = up()
    run = start("filesure", "chaos", "--data", yard.data, "--json", "--seed", 5, *SHORT, "--outage-ms", 600000)
    run.wait_line('"event":"outage"', 60)
    run.signal(signal.SIGTERM)
    assert run.wait_exit() == 1
    assert "nothing was checked" in run.log()
    assert support.get(yard.portal_port, "/_faults").json() == RULES
    wait_none_stopped(process)


def test_killed_it_leaves_no_worker_stopped(yard, up, start):
    order(yard, 5)
    process = up()
    run = start("filesure", "chaos", "--data", yard.data, "--json", "--seed", 5, *SHORT)
    run.wait_line('"event":"stop"', 60)
    children = processes.descendants(run.pid)
    run.kill()

    wait_none_stopped(process)
    processes.wait_gone(children)


def wait_none_stopped(up):
    wait_until(lambda: not any(map(stopped, processes.below(up.pid, "filesure-worker"))), 30, "no worker stopped")


def stopped(pid):
    try:
        return workers.state(pid) == "T"
    except OSError:
        return False


def test_damage_is_found(yard, up):
    """What fsck would say decides the exit code."""
    order(yard, 1)
    up()
    wait_until(lambda: {j["status"] for j in judge.jobs_of(yard.data)} == {"completed"}, 90, "completed")
    next((yard.data / "blobs/documents").rglob("*.txt")).unlink()
    result, events = chaos(yard, "--seconds", 1, "--json")
    assert result.returncode == 1
    assert not events[-1]["clean"] and events[-1]["problemCount"] >= 1


def test_without_up_it_does_nothing(yard, up):
    result, _ = chaos(yard, "--seconds", 1)
    assert result.returncode == 1 and 'no "filesure up" runs' in result.stderr
    process = up()
    assert process.stop() == 0
    result, _ = chaos(yard, "--seconds", 1)  # its lock file is still there
    assert result.returncode == 1 and 'no "filesure up" runs' in result.stderr
    (yard.data / "up.lock").write_text("1")
    result, _ = chaos(yard, "--seconds", 1)
    assert result.returncode == 1 and 'no "filesure up" runs' in result.stderr


@pytest.mark.parametrize("options", [("--seed", "x"), ("--minutes", "0"), ("--every-ms", "1"), ("more",)])
def test_bad_options(yard, options):
    result, _ = chaos(yard, *options)
    assert result.returncode == 2 and "chaos --help" in result.stderr
