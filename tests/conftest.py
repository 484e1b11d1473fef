"""Fixtures of the pytest suites (e2e, ui), and the results for tools/run-tests."""
import json
import os

import pytest
import support


@pytest.fixture
def data_dir(tmp_path):
    """An empty data folder (FILESURE_DATA) of this test's own."""
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def start(tmp_path):
    """start("filesure-api", "--listen", "127.0.0.1:0", env={…}) → support.Process; killed at the end of the test."""
    started = []

    def start_program(program, *arguments, **options):
        options.setdefault("cwd", tmp_path)
        process = support.Process(program, *arguments, **options)
        started.append(process)
        return process

    yield start_program
    for process in reversed(started):
        process.kill()


@pytest.fixture
def run_program(tmp_path):
    """run_program("filesure", "jobs", env={…}, stdin="") → subprocess.CompletedProcess with text stdout and stderr."""

    def run(program, *arguments, **options):
        options.setdefault("cwd", tmp_path)
        return support.run_program(program, *arguments, **options)

    return run


# One JSON line per test for tools/run-tests.

_outcomes = {}


def _write(name, status, seconds, output):
    if path := os.environ.get("FILESURE_RESULTS"):
        line = {"name": name, "status": status, "seconds": seconds, "output": output, "retry": name}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _reason(report):
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def pytest_runtest_logreport(report):
    status, seconds, output = _outcomes.get(report.nodeid, ("passed", 0.0, ""))
    if report.failed:
        status, output = "failed", str(report.longrepr)
    elif report.skipped and status == "passed":
        status, output = "skipped", _reason(report)
    _outcomes[report.nodeid] = (status, seconds + report.duration, output)
    if report.when == "teardown":
        _write(report.nodeid, *_outcomes.pop(report.nodeid))


def pytest_collectreport(report):
    if report.failed:
        _write(report.nodeid, "failed", 0.0, str(report.longrepr))
    elif report.skipped:
        _write(report.nodeid, "skipped", 0.0, _reason(report))
