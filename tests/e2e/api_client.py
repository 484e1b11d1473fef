"""A running filesure-api, requests byte by byte over a socket, server-sent events, and one worker run after the other."""

import contextlib
import json
import socket
import sqlite3
import time

import support

CIN = "U72900KA2015PTC082988"


def cin(number):
    """A valid CIN of the range the simulated registry knows."""
    return f"U72900KA2015PTC{number:06d}"


class Api:
    def __init__(self, start, data, **env):
        self.data = data
        self.process = start("filesure-api", "--listen", "127.0.0.1:0", env={"FILESURE_DATA": data, **env})
        self.port = self.process.wait_port()

    def get(self, path, **headers):
        return support.get(self.port, path, headers=names(headers))

    def post(self, path, body=None, **headers):
        return support.post(self.port, path, body, headers=names(headers))

    def order(self, *cins, **headers):
        answer = self.post("/api/v1/jobs", {"companies": [{"cin": c} for c in cins]}, **headers)
        assert answer.status == 200, answer
        return [job["jobId"] for job in answer.json()["jobs"]]

    def job(self, job_id):
        answer = self.get(f"/api/v1/jobs/{job_id}")
        assert answer.status == 200, answer
        return answer.json()

    def metrics(self):
        """{'name{label="value"}': number}"""
        lines = self.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and not line.startswith("#")}

    def wait_metric(self, name, value, deadline_s=20):
        support.wait_until(lambda: self.metrics().get(name) == value, deadline_s, f"{name} {value}")

    def wait_ready(self):
        support.wait_until(lambda: self.get("/readyz").status == 200, 20, "ready")
        return self

    def raw(self, data, **options):
        return raw(self.port, data, **options)


def names(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


# ---- byte by byte ----


class Raw:
    def __init__(self, head, body, closed):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.strip().lower(), []).append(value.strip())
        self.body, self.closed = body, closed

    def header(self, name):
        return ", ".join(self.headers.get(name.lower(), []))

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def read_reply(connection, head_only=False):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise AssertionError(f"the connection ended within the head: {data!r}")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    reply = Raw(head, b"", False)
    length = int(reply.header("Content-Length") or 0)
    if head_only or reply.status in (204, 304):
        length = 0
    while len(body) < length:
        more = connection.recv(65536)
        assert more, f"the connection ended within the body: {len(body)} of {length}"
        body += more
    reply.body = body
    return reply


def connect(port, deadline_s=20):
    connection = socket.create_connection(("127.0.0.1", port), timeout=deadline_s * support.FACTOR)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return contextlib.closing(connection)


def ends(connection):
    """The other side closes: nothing more comes."""
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def raw(port, data, must_close=False, head_only=False):
    """Sends bytes as they are and reads one reply."""
    with connect(port) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data if isinstance(data, bytes) else data.encode())
        reply = read_reply(connection, head_only)
        if must_close:
            assert ends(connection), f"the connection was kept: {reply}"
        return reply


def request_bytes(method, path, body=b"", host="127.0.0.1", **headers):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in names(headers).items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def json_post(path, body, **headers):
    body = body if isinstance(body, bytes) else body.encode()
    return request_bytes("POST", path, body, Content_Type="application/json", **headers)


# ---- events ----


class Events:
    """GET /api/v1/events: .next() is the next event as {"id", "event", "data"}."""

    def __init__(self, port, last_id=None):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30 * support.FACTOR)
        headers = {"Last_Event_ID": last_id} if last_id else {}
        self.connection.sendall(request_bytes("GET", "/api/v1/events", **headers))
        self.file = self.connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        self.text = b""

    def _more(self):
        if not self.chunked:
            data = self.file.read1(65536)
        else:
            size = int(self.file.readline() or b"0", 16)
            data = self.file.read(size)
            self.file.readline()
        if not data:
            raise EOFError
        self.text += data

    def next(self):
        while True:
            while b"\n\n" not in self.text:
                self._more()
            block, _, self.text = self.text.partition(b"\n\n")
            event = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line and not line.startswith(":"))
            if "data" in event:
                event["data"] = json.loads(event["data"])
                return event

    def until(self, condition, deadline_s=30):
        """The first event for which the condition holds; the ones before are in .seen."""
        end = time.monotonic() + deadline_s * support.FACTOR
        self.seen = []
        while time.monotonic() < end:
            event = self.next()
            if condition(event):
                return event
            self.seen.append(event)
        raise AssertionError(f"not within {deadline_s} s; came: {self.seen[-3:]}")

    def close(self):
        self.file.close()
        self.connection.close()


# ---- the rest of the system ----


class Portal:
    """A portal, and workers that are run one by one."""

    def __init__(self, start, run_program, data, *options):
        process = start("filesure-portal", "--listen", "127.0.0.1:0", *(options or ("--latency-ms", "0-0")))
        self.url = f"http://127.0.0.1:{process.wait_port()}"
        self.run_program, self.data = run_program, data

    def run(self, job_id):
        env = {"FILESURE_DATA": self.data, "PORTAL_URL": self.url, "WORKER_METRICS_LISTEN": "127.0.0.1:0", "LEASE_TOKEN": None}
        result = self.run_program("filesure-worker", job_id, env=env, deadline_s=90)
        assert result.returncode == 0, result.stderr

    def complete(self, api, job_id):
        for _ in range(3):
            self.run(job_id)
        job = api.job(job_id)
        assert job["status"] == "completed", job
        return job


def change_store(data, sql, *values):
    """A change behind the API's back, as another process would make it."""
    with contextlib.closing(sqlite3.connect(data / "filesure.db", timeout=20)) as db, db:
        return db.execute(sql, values).rowcount
