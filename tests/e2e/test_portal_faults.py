"""Every fault of filesure-portal, as it is seen on a raw socket; fault documents and PUT /_faults."""
import hashlib
import json
import re
import socket
import subprocess
import time
import zlib

import portal_client
import pytest
from support import FACTOR, get, request

CIN = "U72200MH2015PTC123456"
OTHER = "U72200MH2015PTC654321"


@pytest.fixture
def faulty(start):
    """faulty(rule, …, seed=0): a portal that plays these rules, with .filing, one of the company's, and .path, its document."""

    def start_portal(*rules, seed=0):
        process = start("filesure-portal", "--listen", "127.0.0.1:0", "--latency-ms", "0-0", "--allow-faults")
        p = portal_client.Portal(process)
        p.filing = p.filings(CIN)[0]
        p.path = f"/filings/{p.filing['srn']}/document"
        p.put_faults({"seed": seed, "rules": list(rules)})
        return p

    return start_portal


def split(data):
    """Status, headers in lower case and body of a raw answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def whole(p, filing):
    data, end = p.raw(f"/filings/{filing['srn']}/document")
    status, headers, body = split(data)
    assert (status, end) == (200, "end") and len(body) == int(headers["content-length"])
    return body


# On the wire


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_statuses(faulty, status):
    p = faulty({"fault": str(status), "retryAfterSeconds": 7, "nth": 1})
    got, headers, body = split(p.raw(p.path)[0])
    assert got == status and json.loads(body)["error"] and headers["content-type"] == "application/json"
    assert headers.get("retry-after") == ("7" if status in (429, 503) else None)
    assert hashlib.md5(whole(p, p.filing)).hexdigest() == p.filing["md5"]


def test_reset(faulty):
    p = faulty({"fault": "reset", "nth": 1})
    data, end = p.raw(p.path)
    assert (data, end) == (b"", "reset")
    whole(p, p.filing)


def test_hang(faulty):
    p = faulty({"fault": "hang", "hangMs": 3000, "nth": 1})
    begin = time.monotonic()
    with p.raw_get(p.path) as sock:
        sock.settimeout(0.7)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        assert p.get(f"/companies/{CIN}").status == 200  # nobody else is held up
        sock.settimeout(20 * FACTOR)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert time.monotonic() - begin >= 2.9
    whole(p, p.filing)


@pytest.mark.parametrize("after", [None, 0, 1, 1000])
def test_truncate(faulty, after):
    p = faulty({"fault": "truncate", "nth": 1} | ({} if after is None else {"afterBytes": after}))
    data, _ = p.raw(p.path)
    status, headers, body = split(data)
    size = p.filing["bytes"]
    assert (status, headers["content-length"]) == (200, str(size))
    assert len(body) == (size // 2 if after is None else after)
    assert whole(p, p.filing).startswith(body)


def test_truncated_range_and_resume(faulty):
    """A download that breaks off twice and is resumed gives the right bytes."""
    p = faulty({"fault": "truncate", "afterBytes": 900, "nth": [1, 2]})
    got = b""
    for _ in range(3):
        extra = [f"Range: bytes={len(got)}-", f'If-Range: "{p.filing["md5"]}"'] if got else []
        status, headers, body = split(p.raw(p.path, headers=extra)[0])
        assert status == (206 if got else 200) and headers["etag"] == f'"{p.filing["md5"]}"'
        got += body
    assert len(got) == p.filing["bytes"] and hashlib.md5(got).hexdigest() == p.filing["md5"]


def test_content_type(faulty):
    p = faulty({"fault": "contentType", "nth": 1}, {"fault": "contentType", "route": "company"})
    status, headers, body = split(p.raw(p.path)[0])
    assert (status, headers["content-type"]) == (200, "text/plain")
    assert hashlib.md5(body).hexdigest() == p.filing["md5"]
    assert split(p.raw(f"/companies/{CIN}")[0])[1]["content-type"] == "text/plain"


def test_html(faulty):
    p = faulty({"fault": "html", "nth": 1}, {"fault": "html", "route": "filings", "nth": 1})
    for path in (p.path, f"/companies/{CIN}/filings"):
        status, headers, body = split(p.raw(path)[0])
        assert status == 200 and headers["content-type"].startswith("text/html") and body.startswith(b"<!DOCTYPE html>")
        assert p.get(path).headers["Content-Type"] != headers["content-type"]


def test_session_expiry(faulty):
    p = faulty({"fault": "session", "nth": 2})
    whole(p, p.filing)
    for path in (p.path, p.path, f"/companies/{CIN}"):  # it is really gone
        status, _, body = split(p.raw(path)[0])
        assert status == 401 and "session" in json.loads(body)["error"]
    p.log_in()
    whole(p, p.filing)


def test_etag_changes_between_ranges(faulty):
    p = faulty({"fault": "etag"})
    etags = []
    for first in (0, 100, 200):
        status, headers, body = split(p.raw(p.path, headers=[f"Range: bytes={first}-{first + 99}"])[0])
        assert (status, len(body)) == (206, 100)
        etags.append(headers["etag"])
    assert len(set(etags)) == 3 and all(re.fullmatch(r'"[0-9a-f]{32}-\d+"', etag) for etag in etags)
    status, _, body = split(p.raw(p.path, headers=["Range: bytes=100-", f"If-Range: {etags[0]}"])[0])
    assert status == 200 and hashlib.md5(body).hexdigest() == p.filing["md5"]


def test_drip(faulty):
    p = faulty({"fault": "drip", "bytesPerSecond": 100, "nth": 1})
    with p.raw_get(p.path) as sock:
        data, begin = b"", time.monotonic()
        while len(data.partition(b"\r\n\r\n")[2]) < 100:
            data += sock.recv(65536)
        spent = time.monotonic() - begin
    assert len(data) < 3000 and spent > 0.6
    whole(p, p.filing)


def test_md5_that_does_not_match(faulty):
    p = faulty({"fault": "md5", "nth": 1})
    status, headers, wrong = split(p.raw(p.path)[0])
    right = whole(p, p.filing)
    assert status == 200 and len(wrong) == len(right) == int(headers["content-length"])
    assert sum(a != b for a, b in zip(wrong, right, strict=True)) == 1 and wrong.startswith(b"%PDF-")


def test_truncated_json(faulty):
    p = faulty({"fault": "truncate", "route": "filings", "nth": 1})
    path = f"/companies/{CIN}/filings"
    status, headers, body = split(p.raw(path)[0])
    assert status == 200 and len(body) == int(headers["content-length"]) // 2
    assert len(p.get(path).json()["filings"]) == 20


def test_faults_of_sessions_and_every_route(faulty):
    p = faulty({"fault": "503", "route": "session", "nth": 1}, {"fault": "500", "route": "any", "nth": 3})
    assert request(p.port, "POST", "/session").status == 503
    assert [request(p.port, "POST", "/session").status for _ in range(3)] == [201, 500, 201]
    for path in (f"/companies/{CIN}", "/companies?q=a", p.path):
        assert [p.get(path).status for _ in range(4)] == [200, 200, 500, 200]


# In the document


def listed(p, srn):
    return next(f for f in p.filings(CIN) if f["srn"] == srn)


def fetch(p, tmp_path, fault):
    """The document of a filing with this fault: the listing describes these very bytes."""
    p.put_faults({"rules": [{"fault": fault, "srn": p.filing["srn"]}]})
    body, filing = whole(p, p.filing), listed(p, p.filing["srn"])
    assert (len(body), hashlib.md5(body).hexdigest()) == (filing["bytes"], filing["md5"])
    assert filing["md5"] != p.filing["md5"] and body.startswith(b"%PDF-")
    other = p.filings(CIN)[1]
    assert hashlib.md5(whole(p, other)).hexdigest() == other["md5"]
    path = tmp_path / f"{fault}.pdf"
    path.write_bytes(body)
    return path, body


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, timeout=60 * FACTOR, check=False)


def test_damaged_document(faulty, tmp_path):
    path, body = fetch(faulty(), tmp_path, "damaged")
    assert run("qpdf", "--check", path).returncode == 2
    assert run("pdftotext", path, "-").returncode != 0
    assert b"Pages: 0" in run("mutool", "info", path).stdout


def test_password_document(faulty, tmp_path):
    path, body = fetch(faulty(), tmp_path, "password")
    assert b"invalid password" in run("qpdf", "--check", path).stderr
    assert b"Incorrect password" in run("pdftotext", path, "-").stderr
    assert run("qpdf", "--password=filesure", "--check", path).returncode == 0
    assert b"This filing is encrypted." in run("pdftotext", "-upw", "filesure", path, "-").stdout
    assert b"This filing" not in body


def test_bomb_document(faulty, tmp_path):
    path, body = fetch(faulty(), tmp_path, "bomb")
    assert len(body) < 10000
    at = body.index(b"/Filter [/FlateDecode /FlateDecode]")
    length = int(re.search(rb"/Length (\d+)", body[at:])[1])
    begin = body.index(b"stream\n", at) + 7
    inner = zlib.decompress(body[begin : begin + length])  # checks the Adler sum
    assert 3_000_000 < len(inner) < 5_000_000 and body.count(b" 0 R ] >>") >= 1
    head = zlib.decompressobj().decompress(inner, 32 << 20)
    assert len(head) == 32 << 20 and not head.strip(b" ")
    assert b"Pages:           1" in run("pdfinfo", path).stdout


def test_document_with_very_many_pages(faulty, tmp_path):
    path, body = fetch(faulty(), tmp_path, "pages")
    assert len(body) < 10000
    count = run("mutool", "show", path, "trailer/Root/Pages/Count")
    assert count.stdout.strip() == b"1000000000"
    assert b"Page count (1000000000) larger" in run("pdfinfo", path).stderr


def test_shares_of_documents(faulty):
    p = faulty({"fault": "damaged", "share": 0.3, "cin": CIN})
    now, before = p.filings(CIN), {f["srn"]: f["md5"] for f in clean_filings(p)}
    changed = [f for f in now if f["md5"] != before[f["srn"]]]
    assert 0.1 < len(changed) / len(now) < 0.5
    for filing in now:
        assert hashlib.md5(whole(p, filing)).hexdigest() == filing["md5"]
    p.put_faults({"rules": []})
    assert {f["srn"]: f["md5"] for f in p.filings(CIN)} == before


def clean_filings(p):
    document = get(p.port, "/_faults").json()
    p.put_faults({"rules": []})
    filings = p.filings(CIN)
    p.put_faults(document)
    return filings


# Fault documents


def test_share_of_requests_is_seeded(faulty):
    rule = {"fault": "503", "share": 0.25}
    one, two, other = faulty(rule, seed=5), faulty(rule, seed=5), faulty(rule, seed=6)
    paths = [f"/filings/{f['srn']}/document" for f in one.filings(CIN)]

    def statuses(p, order):
        got = {path: [p.get(path).status for _ in range(4)] for path in order}
        return [got[path] for path in paths]

    first = statuses(one, paths)
    flat = [status for each in first for status in each]
    assert set(flat) == {200, 503} and 0.12 < flat.count(503) / len(flat) < 0.4
    assert statuses(two, paths[::-1]) == first != statuses(other, paths)


def test_script_for_one_srn(faulty):
    p = faulty()
    srns = [f["srn"] for f in p.filings(CIN)[:2]]
    p.put_faults({"rules": [{"fault": "500", "srn": srns[0], "nth": 3}]})
    got = [[p.get(f"/filings/{srn}/document").status for srn in srns] for _ in range(4)]
    assert got == [[200, 200], [200, 200], [500, 200], [200, 200]]


def test_rules_about_one_company(faulty):
    p = faulty({"fault": "500", "route": "any", "cin": OTHER})
    assert p.get(f"/companies/{OTHER}").status == 500 and p.get(f"/companies/{OTHER}/filings").status == 500
    assert p.get(f"/companies/{CIN}").status == 200 and p.get(p.path).status == 200


def test_faults_are_read_back(faulty):
    p = faulty()
    document = {"seed": 3, "rules": [{"fault": "drip", "share": 0.5, "bytesPerSecond": 9}]}
    assert p.put_faults(document).json() == document == get(p.port, "/_faults").json()
    assert get(p.port, "/_faults").headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, "rules"),
        ({"rules": [], "seeds": 1}, "seeds"),
        ({"rules": [{"fault": "reset"}, {"fault": "teapot"}]}, "rules[1].fault"),
        ({"rules": [{"fault": "reset", "share": 2}]}, "rules[0].share"),
        ({"rules": [{"fault": "reset", "nth": 0}]}, "rules[0].nth"),
        ({"rules": [{"fault": "reset", "often": 1}]}, "rules[0].often"),
        ({"rules": [{"fault": "bomb", "nth": 1}]}, "rules[0].nth"),
        ("{", "line 1"),
        ('{"rules":[],"rules":[]}', ""),
    ],
)
def test_bad_fault_documents(faulty, document, named):
    p = faulty({"fault": "500"})
    answer = request(p.port, "PUT", "/_faults", document, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and named in answer.json()["error"]
    assert p.get(p.path).status == 500  # the old ones stay


def test_fault_route_guards(faulty):
    p = faulty()
    assert request(p.port, "PUT", "/_faults", "rules", headers={"Content-Type": "text/plain"}).status == 415
    large = {"rules": [], "x": "y" * 70000}
    assert request(p.port, "PUT", "/_faults", large).status == 413


def test_faults_need_the_flag(start):
    process = start("filesure-portal", "--listen", "127.0.0.1:0", "--latency-ms", "0-0")
    port = process.wait_port()
    for method, body in (("GET", None), ("PUT", {"rules": []})):
        assert request(port, method, "/_faults", body).status == 404


def test_faults_from_the_start(start, tmp_path):
    document = json.dumps({"rules": [{"fault": "503", "route": "company"}]})
    (tmp_path / "faults.json").write_text(document)
    for given in (document, tmp_path / "faults.json"):
        p = portal_client.Portal(start("filesure-portal", "--listen", "127.0.0.1:0", "--latency-ms", "0-0", "--faults", given))
        assert p.get(f"/companies/{CIN}").status == 503
        assert p.get(f"/companies/{CIN}/filings").status == 200
        assert get(p.port, "/_faults").status == 404


def test_hanging_requests_do_not_use_up_the_portal(faulty):
    p = faulty({"fault": "hang", "route": "company"})
    sockets = []
    for _ in range(60):
        sock = socket.create_connection(("127.0.0.1", p.port), timeout=10)
        sock.sendall(f"GET /companies/{CIN} HTTP/1.1\r\nHost: x\r\nCookie: {p.cookie}\r\n\r\n".encode())
        sockets.append(sock)
    whole(p, p.filing)
    for sock in sockets:
        sock.close()
    assert p.process.stop(10) == 0
