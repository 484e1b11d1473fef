"""What filesure-api refuses before a handler sees it: framing, sizes, methods, media types, slow clients, foreign pages."""

import contextlib
import json
import resource
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import api_client as api
import pytest
import support

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /create-job HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
ORDER = b"POST /api/v1/jobs HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guards")
    (folder / "data").mkdir()
    started = []

    def start(program, *arguments, **options):
        started.append(support.Process(program, *arguments, cwd=folder, **options))
        return started[-1]

    yield api.Api(start, folder / "data").wait_ready()
    started[0].kill()


@pytest.fixture(autouse=True)
def nothing_placed_and_alive(server):
    """Whatever was sent: no order came of it, and the server answers."""
    before = len(support.store_rows(server.data, "SELECT id FROM jobs"))
    yield
    assert server.get("/healthz").status == 200
    assert len(support.store_rows(server.data, "SELECT id FROM jobs")) == before


# ---- framing: refused and closed, so that no second request hides in a body ----

FRAMING = {
    "length and transfer encoding": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "transfer encoding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two different lengths": b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "a list of lengths": b"Content-Length: 2, 2\r\n\r\n{}",
    "a negative length": b"Content-Length: -2\r\n\r\n{}",
    "a signed length": b"Content-Length: +2\r\n\r\n{}",
    "a hexadecimal length": b"Content-Length: 0x2\r\n\r\n{}",
    "an empty length": b"Content-Length: \r\n\r\n{}",
    "an enormous length": b"Content-Length: 99999999999999999999999999\r\n\r\n{}",
    "gzip": b"Transfer-Encoding: gzip\r\n\r\n{}",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\n{}",
    "xchunked": b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a control byte in a value": b"X-A: a\x01b\r\nContent-Length: 2\r\n\r\n{}",
    "a lone CR in a value": b"X-A: a\rb\r\nContent-Length: 2\r\n\r\n{}",
    "DEL in a value": b"X-A: a\x7fb\r\nContent-Length: 2\r\n\r\n{}",
    "NUL in a value": b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "a control byte in a name": b"X-\x02A: b\r\nContent-Length: 2\r\n\r\n{}",
    "a blank before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a folded line": b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "a line without a colon": b"nonsense\r\nContent-Length: 2\r\n\r\n{}",
    "a second Host": b"Host: 127.0.0.2\r\nContent-Length: 2\r\n\r\n{}",
    "a second media type": b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
    "a second key": b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}",
    "two authorizations": b"Authorization: a\r\nAuthorization: b\r\nContent-Length: 2\r\n\r\n{}",
    "a trailer": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-A: b\r\n\r\n",
}


@pytest.mark.parametrize("what", FRAMING)
def test_framing(server, what):
    smuggled = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    reply = server.raw(POST + FRAMING[what] + smuggled, must_close=True)
    assert reply.status == (413 if what == "an enormous length" else 400), reply


def test_an_order_with_trailers(server):
    order = b'{"companies":[{"cin":"%s"}]}' % api.CIN.encode()
    data = ORDER + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(order), order)
    assert server.raw(data + b"Content-Length: 5\r\nX\x01: 1\r\n\r\n", must_close=True).status == 400


def test_another_expectation(server):
    assert server.raw(POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", must_close=True).status == 417


def test_http_1_0_with_transfer_encoding(server):
    data = (
        b"POST /create-job HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    assert server.raw(data, must_close=True).status == 400


def test_no_host(server):
    assert server.raw(b"GET /healthz HTTP/1.1\r\n\r\n", must_close=True).status == 400


@pytest.mark.parametrize(
    "line", [b"GET /healthz", b"GET /healthz HTTP/2.0", b"/healthz", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
)
def test_a_malformed_request_line_is_no_request(server, line):
    with api.connect(server.port) as connection:
        connection.sendall(line + b"\r\n" + HOST + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while more := connection.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        assert data == b"" or data.split(b" ")[1][:1] in (b"4", b"5"), data


# ---- sizes ----


def test_a_length_over_the_limit_is_refused_before_the_body(server):
    for path, limit in ((POST, 1024 * 1024), (ORDER, 4 * 1024 * 1024)):
        begin = time.monotonic()
        reply = server.raw(path + b"Content-Length: %d\r\n\r\n" % (limit + 1))  # not one byte of the body
        assert reply.status == 413 and time.monotonic() - begin < 15 * support.FACTOR
    assert "error" in server.raw(POST + b"Content-Length: 2000000\r\n\r\n").json()
    assert server.raw(ORDER + b"Content-Length: 5000000\r\n\r\n").json()["type"] == "/problems/body_too_large"


def test_a_client_that_asks_first_is_refused_at_once(server):
    reply = server.raw(POST + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n")
    assert reply.status == 413


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(server):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    reply = server.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 40)  # never ends
    assert reply.status == 413


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/healthz", "/"])
def test_a_get_has_no_body(server, path):
    assert server.raw(b"GET %s HTTP/1.1\r\n" % path.encode() + HOST + b"Content-Length: 1\r\n\r\nx").status == 413


def test_too_many_headers(server):
    for lines in (b"".join(b"X-%d: y\r\n" % n for n in range(101)), b"X-A: " + b"y" * 20000 + b"\r\n"):
        assert server.raw(b"GET /healthz HTTP/1.1\r\n" + HOST + lines + b"\r\n", must_close=True).status == 431


def test_a_long_target(server):
    for target in (b"/" + b"a" * 10000, b"/api/v1/jobs?q=" + b"a" * 10000, b"/a" * 200, b"/api/v1/jobs?" + b"a=b&" * 1000):
        assert server.raw(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n").status == 414


@pytest.mark.parametrize(
    "target", ["/api/v1/jobs?q=%", "/api/v1/jobs?q=%zz", "/api/v1/jobs?q=%00", "/%00", "/%ff", "/a%2", "http://127.0.0.1"]
)
def test_a_bad_target(server, target):
    assert server.raw(api.request_bytes("GET", target)).status in (400, 404)


@pytest.mark.parametrize(
    "target",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/app.js/..",
        "//healthz",
        "/healthz/",
        "/API/v1/jobs",
        "/index.html%00.js",
    ],
)
def test_paths_are_not_resolved(server, target):
    assert server.raw(api.request_bytes("GET", target)).status in (400, 404)


# ---- methods and media types ----

ALLOW = {
    "/create-job": "POST, OPTIONS",
    "/api/v1/jobs": "POST, GET, HEAD, OPTIONS",
    "/api/v1/jobs/000000000000000000000000": "GET, HEAD, OPTIONS",
    "/api/v1/jobs/000000000000000000000000/cancel": "POST, OPTIONS",
    "/api/v1/jobs/000000000000000000000000/documents": "GET, HEAD, OPTIONS",
    "/healthz": "GET, HEAD, OPTIONS",
    "/": "GET, HEAD, OPTIONS",
    "/app.js": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOW)
def test_methods(server, path):
    refused = server.raw(api.request_bytes("DELETE", path))
    assert refused.status == 405 and refused.header("Allow") == ALLOW[path]
    options = server.raw(api.request_bytes("OPTIONS", path))
    assert options.status == 204 and options.header("Allow") == ALLOW[path]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "get"])
def test_other_methods(server, method):
    assert server.raw(api.request_bytes(method, "/healthz")).status in (400, 405, 501)


def test_head_is_get_without_a_body(server):
    for path in ("/", "/healthz", "/api/v1/jobs", "/openapi.json", "/nowhere"):
        status = server.get(path).status
        with api.connect(server.port) as connection:
            connection.sendall(api.request_bytes("HEAD", path) + api.request_bytes("GET", "/healthz", Connection="close"))
            head = api.read_reply(connection, head_only=True)
            data = b""
            while more := connection.recv(65536):
                data += more
        assert head.status == status
        assert (head.body + data).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("kind", [b"text/plain", b"application/x-www-form-urlencoded", b"application/json5", b"", b"json"])
def test_media_types(server, kind):
    for path in (b"/create-job", b"/api/v1/jobs"):
        data = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind + b"\r\nContent-Length: 2\r\n\r\n{}"
        assert server.raw(data).status == 415


def test_an_encoded_body(server):
    assert server.raw(POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}").status == 415


# ---- JSON ----

BAD_JSON = {
    "a name twice": b'{"a":1,"a":2}',
    "a name twice, deep": b'{"a":[{"b":1,"b":1}]}',
    "text after the end": b"{} {}",
    "bad UTF-8": b'{"a":"\xc3\x28"}',
    "an overlong form": b'{"a":"\xc0\xaf"}',
    "a surrogate": b'{"a":"\xed\xa0\x80"}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "a NUL": b'{"a":"\\u0000"}',
    "a raw control byte": b'{"a":"\n"}',
    "too deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    "much too deep": b"[" * 500000,
    "a comment": b"{/**/}",
    "NaN": b'{"a":NaN}',
    "a comma at the end": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a number with a leading zero": b'{"a":01}',
    "nothing": b" ",
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_bad_json(server, what):
    for path in ("/create-job", "/api/v1/jobs"):
        reply = server.raw(api.json_post(path, BAD_JSON[what]))
        assert reply.status == 400, reply
        assert list(reply.json()) == ["error"] if path == "/create-job" else reply.json()["type"] == "/problems/bad_json"


# ---- pages of other sites ----

WRITES = [
    "/create-job",
    "/api/v1/jobs",
    "/api/v1/jobs/000000000000000000000000/cancel",
    "/api/v1/jobs/000000000000000000000000/retry",
]
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1"},
]


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_page_of_another_site_may_not_write(server, path, headers):
    reply = server.raw(api.json_post(path, "{}", **headers))
    assert reply.status == 403
    assert list(reply.json()) == ["error"] if path == "/create-job" else reply.json()["type"] == "/problems/cross_site"


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}, {}], ids=str)
def test_our_own_page_may_write(server, headers):
    origin = {"Origin": f"http://127.0.0.1:{server.port}"} if headers else {}
    reply = server.raw(api.json_post("/api/v1/jobs", "{}", host=f"127.0.0.1:{server.port}", **headers, **origin))
    assert reply.status == 400  # looked at


def test_a_page_of_another_site_may_look(server):
    assert (
        server.raw(api.request_bytes("GET", "/healthz", Sec_Fetch_Site="cross-site", Origin="http://evil.example")).status == 200
    )


def test_a_foreign_host_name_is_not_answered(server):
    """DNS rebinding: a page of evil.example whose name now leads to this loopback address."""
    for path in ("/", "/api/v1/jobs", "/api/v1/events", "/openapi.json"):
        assert server.raw(api.request_bytes("GET", path, host="evil.example")).status == 403
    reply = server.raw(
        api.json_post("/create-job", "{}", host="evil.example", Origin="http://evil.example", Sec_Fetch_Site="same-origin")
    )
    assert reply.status == 403 and list(reply.json()) == ["error"]
    for path in ("/healthz", "/readyz", "/metrics", "/version"):  # probes come by any name
        assert server.raw(api.request_bytes("GET", path, host="filesure-api.default.svc:5001")).status == 200


def test_the_public_url_is_known(start, data_dir):
    server = api.Api(start, data_dir, API_PUBLIC_URL="https://filings.example.org/")
    page = server.raw(api.request_bytes("GET", "/api/v1/stats", host="filings.example.org"))
    assert page.status in (200, 503)
    write = api.json_post("/create-job", "{", host="10.0.0.1", Origin="https://filings.example.org")
    assert server.raw(write).status == 403  # loopback does not know the address
    write = api.json_post("/create-job", "{", host="filings.example.org", Origin="https://filings.example.org")
    assert server.raw(write).status == 400


# ---- headers of every reply ----


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/v1/jobs", "/healthz", "/metrics", "/nowhere", "/api/v1/jobs/x"])
def test_security_headers(server, path):
    reply = server.raw(api.request_bytes("GET", path))
    assert reply.header("X-Content-Type-Options") == "nosniff" and reply.header("Referrer-Policy") == "no-referrer"
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"
    assert "Access-Control-Allow-Origin".lower() not in reply.headers
    if path == "/nowhere":  # refused by the server itself: a line of JSON
        return
    policy = dict(rule.split(" ", 1) for rule in reply.header("Content-Security-Policy").split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in reply.header("Content-Security-Policy")


def test_refusals_are_not_sniffed(server):
    for data in (POST + FRAMING["two lengths"], POST + b"Content-Length: 2000000\r\n\r\n", api.request_bytes("GET", "/%00")):
        reply = server.raw(data)
        assert reply.header("X-Content-Type-Options") == "nosniff" and "json" in reply.header("Content-Type")


def test_the_page_has_no_inline_script_or_style(server):
    page = server.get("/").text
    assert "<style" not in page and " style=" not in page and "javascript:" not in page and " onclick" not in page
    assert page.count("<script") == page.count('<script type="module" src="/app.js"></script>') == 1


# ---- connections ----


def test_requests_one_after_the_other_on_one_connection(server):
    with api.connect(server.port) as connection:
        for _ in range(50):
            connection.sendall(api.request_bytes("GET", "/healthz"))
            assert api.read_reply(connection).status == 200


def test_a_slow_client_holds_nobody_up(server):
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for number, connection in enumerate(slow):
        connection.sendall((b"GET /healthz HT", POST + b"Content-Length: 100\r\n\r\n{")[number % 2])
    begin = time.monotonic()
    for _ in range(20):
        assert server.get("/healthz").status == 200
    assert time.monotonic() - begin < 25 * support.FACTOR  # less than the 30 s after which the slow ones are closed
    for connection in slow:
        connection.close()


def with_files(start, limit):
    """A start() whose program may have so many open files: "soft:hard"."""

    def limited(program, *arguments, **options):
        return start(shutil.which("prlimit"), f"--nofile={limit}", support.program_path(program), *arguments, **options)

    return limited


def open_idle(port, address, count, stack):
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 20 * support.FACTOR, source_address=(address, 0))
        stack.enter_context(contextlib.closing(connection))


def test_one_client_does_not_take_every_connection(start, data_dir):
    server = api.Api(with_files(start, "256:256"), data_dir).wait_ready()
    with contextlib.ExitStack() as idle:
        open_idle(server.port, "127.0.0.2", 300, idle)  # closed by the server when it has enough of that client
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: server.get("/api/v1/jobs").status, range(200)))
        assert set(answers) == {200}, answers


def test_connections_leave_descriptors_to_the_store(start, data_dir):
    server = api.Api(with_files(start, "256:256"), data_dir).wait_ready()

    def ask(connection, path):
        connection.sendall(api.request_bytes("GET", path))
        return api.read_reply(connection).status

    with contextlib.ExitStack() as idle:
        kept = [idle.enter_context(api.connect(server.port)) for _ in range(8)]
        assert {ask(connection, "/healthz") for connection in kept} == {200}
        for number in range(2, 6):
            open_idle(server.port, f"127.0.0.{number}", 100, idle)
        assert {ask(connection, "/healthz") for connection in kept * 3} == {200}  # it has accepted what it would
        with ThreadPoolExecutor(len(kept)) as pool:
            answers = list(pool.map(lambda connection: ask(connection, "/api/v1/jobs"), kept))
        assert set(answers) == {200}, answers


def test_the_limit_of_open_files_is_raised(start, data_dir):
    server = api.Api(with_files(start, "256:4096"), data_dir)
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (4096, 4096)


@pytest.mark.slow
def test_a_silent_connection_is_closed_after_30_seconds(server):
    with api.connect(server.port, deadline_s=60) as half, api.connect(server.port, deadline_s=60) as silent:
        begin = time.monotonic()
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        for connection in (half, silent):
            connection.settimeout(60 * support.FACTOR)
            while not api.ends(connection):  # a 408 may come first
                pass
        assert 20 < time.monotonic() - begin < 50


def test_the_body_of_an_answer_is_json_even_for_a_page(server):
    reply = server.raw(api.request_bytes("GET", "/<script>alert(1)</script>", Accept="text/html"))
    assert reply.status in (400, 404) and reply.header("Content-Type") == "application/problem+json"
    assert b"<script>" not in reply.body
    assert json.loads(reply.body)
