"""What the pytest suites share: programs on ports of their own, waiting with deadlines, HTTP, the embedded store."""
import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(os.environ.get("FILESURE_ROOT", Path(__file__).resolve().parents[2]))
BIN = Path(os.environ.get("FILESURE_BIN", ROOT / "build/test/bin"))
CORPUS = Path(os.environ.get("FILESURE_CORPUS", ROOT.parent / "shared/data/pdf"))
FACTOR = float(os.environ.get("FILESURE_DEADLINE_FACTOR", "1"))  # larger on sanitizer builds


def wait_until(condition, deadline_s, what):
    """The first true value of condition(); AssertionError naming `what` after the deadline."""
    end = time.monotonic() + deadline_s * FACTOR
    pause = 0.005
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s * FACTOR:g} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def program_path(program):
    return str(program) if "/" in str(program) else str(BIN / program)


def program_env(env=None):
    """The environment of the test run, LOG_FORMAT=json, then env; a value None takes the variable away."""
    full = dict(os.environ, LOG_FORMAT="json")
    for name, value in (env or {}).items():
        if value is None:
            full.pop(name, None)
        else:
            full[name] = str(value)
    return full


def run_program(program, *arguments, env=None, cwd=None, stdin=None, deadline_s=60):
    """Runs a program to its end and returns subprocess.CompletedProcess with text stdout and stderr."""
    return subprocess.run(
        [program_path(program), *map(str, arguments)],
        env=program_env(env),
        cwd=cwd,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=deadline_s * FACTOR,
        check=False,
    )


class Process:
    """A program running beside the test, its output kept in .lines and .out_lines (stderr, stdout)."""

    def __init__(self, program, *arguments, env=None, cwd=None):
        command = [program_path(program), *map(str, arguments)]
        self.name = Path(command[0]).name
        self.lines, self.out_lines = [], []
        self.popen = subprocess.Popen(
            command,
            env=program_env(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.pid = self.popen.pid
        self._readers = []
        for stream, lines in ((self.popen.stderr, self.lines), (self.popen.stdout, self.out_lines)):
            reader = threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            reader.start()
            self._readers.append(reader)

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def wait_line(self, pattern, deadline_s=20):
        """The match of the first line of stderr or stdout in which the pattern is found."""

        def found():
            for line in self.lines + self.out_lines:
                if match := re.search(pattern, line):
                    return match
            if self.popen.poll() is not None and not any(r.is_alive() for r in self._readers):
                raise AssertionError(f"{self.name} ended ({self.popen.returncode}) without {pattern!r}:\n{self.log()}")
            return None

        try:
            return wait_until(found, deadline_s, f"a line of {self.name} with {pattern!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def wait_address(self, deadline_s=20):
        """("127.0.0.1", port) from the line with which every server of ours says where it listens."""
        pattern = r'listening on (?:http://)?([\d.]+):(\d+)|"address":\s*"([\d.]+):(\d+)"'
        match = self.wait_line(pattern, deadline_s)
        return match[1] or match[3], int(match[2] or match[4])

    def wait_port(self, deadline_s=20):
        return self.wait_address(deadline_s)[1]

    def wait_exit(self, deadline_s=30):
        """The exit code (negative: the signal), with all output read."""
        try:
            code = self.popen.wait(deadline_s * FACTOR)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {deadline_s * FACTOR:g} s:\n{self.log()}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, deadline_s=30):
        """SIGTERM, then the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    def kill(self):
        """kill -9 of this process only; quiet when it has ended."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()

    def log(self):
        return "\n".join(self.lines[-80:] + self.out_lines[-20:])


def process_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(port, method, path, body=None, headers=None, host="127.0.0.1", deadline_s=20):
    """One HTTP request; a body that is not bytes or str is sent as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes | str):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection(host, port, timeout=deadline_s * FACTOR)
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())


def get(port, path, **options):
    return request(port, "GET", path, **options)


def post(port, path, body=None, **options):
    return request(port, "POST", path, body, **options)


@contextlib.contextmanager
def open_store(data):
    """The embedded job store of a data folder, read-only: with open_store(data) as db: db.execute("SELECT …")."""
    db = sqlite3.connect(f"file:{Path(data) / 'filesure.db'}?mode=ro", uri=True, timeout=10)
    db.row_factory = sqlite3.Row
    with contextlib.closing(db):
        yield db


def store_rows(data, sql, *values):
    """Rows of a query on the embedded store as dicts."""
    with open_store(data) as db:
        return [dict(row) for row in db.execute(sql, values)]
