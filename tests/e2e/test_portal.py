"""filesure-portal over HTTP: interface, sessions, paging, ranges, speed, command line.

Its faults: test_portal_faults.py; its PDFs: test_portal_documents.py.
"""
import hashlib
import json
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import portal_client
import pytest
from support import FACTOR, get, post, request, wait_until

CIN = "U72200MH2015PTC123456"
UNKNOWN = "U72200MH2015PTC000099"
WITHDRAWN = "U72200MH2015PTC000100"


@pytest.fixture
def portal(start):
    """portal("--latency-ms", "5-9"): a client of a portal of this test's own, without latency unless told."""

    def start_portal(*options):
        speed = () if "--latency-ms" in options else ("--latency-ms", "0-0")
        return portal_client.Portal(start("filesure-portal", "--listen", "127.0.0.1:0", *speed, *options))

    return start_portal


# Sessions


def test_nothing_without_a_session(portal):
    p = portal()
    filing = p.filings(CIN)[0]
    for path in (f"/companies/{CIN}", "/companies", f"/companies/{CIN}/filings", f"/filings/{filing['srn']}/document"):
        for headers in ({}, {"Cookie": "portal_session=" + "0" * 32}, {"Cookie": "other=1"}):
            answer = get(p.port, path, headers=headers)
            assert answer.status == 401 and "session" in answer.json()["error"], path
            assert answer.headers["Content-Type"] == "application/json"
        assert p.get(path).status == 200


def test_session_cookie(portal):
    p = portal("--session-minutes", "7")
    answer = post(p.port, "/session", {"any": "body"})
    assert answer.status == 201 and answer.json() == {"expiresInSeconds": 420}
    pattern = r"portal_session=[0-9a-f]{32}; Path=/; Max-Age=420; HttpOnly; SameSite=Strict"
    assert re.fullmatch(pattern, answer.headers["Set-Cookie"])
    assert post(p.port, "/session").headers["Set-Cookie"] != answer.headers["Set-Cookie"]


# Companies


def test_company(portal):
    p = portal()
    company = p.get(f"/companies/{CIN}").json()
    assert company["cin"] == CIN and company["state"] == "MH" and company["status"] and company["name"]
    assert re.fullmatch(r"2015-\d\d-\d\d", company["registeredOn"])


def test_unknown_and_malformed(portal):
    p = portal()
    for tail in ("", "/filings"):
        for number in ("000000", "000099"):
            answer = p.get(f"/companies/{CIN[:15]}{number}{tail}")
            assert answer.status == 404 and CIN[:15] in answer.json()["error"]
        for cin in (CIN.lower(), CIN[:-1], CIN + "0", "X" + CIN[1:], "U72200MH2015PTC12345O", "%20"):
            answer = p.get(f"/companies/{cin}{tail}")
            assert answer.status == 400 and "CIN" in answer.json()["error"], cin


def test_search(portal):
    p = portal()
    name = p.get(f"/companies/{CIN}").json()["name"].split()[0]
    found = p.get(f"/companies?q={name.upper()}&limit=5").json()["companies"]
    assert 0 < len(found) <= 5 and all(name in company["name"] for company in found)
    found = p.get("/companies?q=u72200mh2015&limit=100").json()["companies"]
    assert len({company["cin"] for company in found}) == 100
    assert all(company["cin"].startswith("U72200MH2015") for company in found)
    assert p.get(f"/companies/{found[0]['cin']}").json() == found[0]
    assert [c["cin"] for c in p.get(f"/companies?q={CIN}").json()["companies"]] == [CIN]
    assert p.get(f"/companies?q={UNKNOWN}").json() == {"companies": []}
    assert len(p.get("/companies").json()["companies"]) == 20
    for query in ("limit=0", "limit=101", "limit=x", "limit=", "page=1"):
        assert p.get(f"/companies?{query}").status == 400, query


def test_paging(portal):
    p = portal()
    answer = p.get(f"/companies/{CIN}/filings")
    page, seen, number = answer.json(), [], 1
    total, pages = page["total"], page["pages"]
    assert 30 <= total <= 50 and pages == -(-total // 20)
    while True:
        assert page["cin"] == CIN and page["page"] == number
        seen += page["filings"]
        link = answer.headers["Link"]
        if number == pages:
            assert link is None
            break
        assert len(page["filings"]) == 20
        number += 1
        assert link == f'</companies/{CIN}/filings?page={number}>; rel="next"'
        answer = p.get(f"/companies/{CIN}/filings?page={number}")
        page = answer.json()
    assert len(seen) == total == len({f["srn"] for f in seen})
    beyond = p.get(f"/companies/{CIN}/filings?page={pages + 1}")
    assert (beyond.status, beyond.json()["filings"], beyond.headers["Link"]) == (200, [], None)
    for page in ("0", "-1", "x", "", "1.0", "99999999999999999999"):
        assert p.get(f"/companies/{CIN}/filings?page={page}").status == 400, page
    assert p.get(f"/companies/{CIN}/filings?pages=1").status == 400


def test_filings_are_plausible(portal):
    forms = {"AOC-4", "MGT-7", "MGT-7A", "ADT-1", "DIR-12", "PAS-3", "CHG-1", "SH-7", "INC-22", "Letter"}
    filings = portal().filings(CIN)
    for filing in filings:
        assert set(filing) == {"srn", "form", "title", "filedOn", "period", "bytes", "md5"}
        assert re.fullmatch(r"[A-Z]{2}\d{24}", filing["srn"]) and filing["form"] in forms
        assert re.fullmatch(r"[0-9a-f]{32}", filing["md5"]) and 1000 < filing["bytes"] < 200000
        assert "2019-04-01" <= filing["filedOn"] <= "2026-09-30"
        if filing["period"]:
            first, last = filing["period"].split("-")
            assert int(last) == (int(first) + 1) % 100 and int(first) < int(filing["filedOn"][:4])
    assert len({f["filedOn"][:4] for f in filings}) >= 3


# Documents


def test_documents_are_what_is_listed(portal, run_program, tmp_path):
    """Two portals and --write make the same bytes."""
    one, two = portal(), portal()
    filings = one.filings(CIN)
    assert two.filings(CIN) == filings
    result = run_program("filesure-portal", "--write", CIN, "--to", tmp_path / "w")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    written = json.loads((tmp_path / "w/listing.json").read_text())
    assert written["cin"] == CIN
    assert [{k: v for k, v in f.items() if k not in ("shape", "withdrawn")} for f in written["filings"]] == filings
    for filing in filings:
        path = f"/filings/{filing['srn']}/document"
        answer = one.get(path)
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/pdf"
        assert int(answer.headers["Content-Length"]) == len(answer.body) == filing["bytes"]
        assert hashlib.md5(answer.body).hexdigest() == filing["md5"]
        assert answer.headers["ETag"] == f'"{filing["md5"]}"' and answer.headers["Accept-Ranges"] == "bytes"
        assert two.get(path).body == answer.body == (tmp_path / f"w/{filing['srn']}.pdf").read_bytes()


def test_ranges(portal):
    p = portal()
    filing = p.filings(CIN)[0]
    path, size = f"/filings/{filing['srn']}/document", filing["bytes"]
    whole = p.get(path)
    etag = whole.headers["ETag"]
    for spec, first, last in (("0-0", 0, 0), ("10-19", 10, 19), (f"{size - 5}-", size - 5, size - 1), ("-7", size - 7, size - 1),
                              ("100-999999999", 100, size - 1)):  # fmt: skip
        answer = p.get(path, Range=f"bytes={spec}")
        assert answer.status == 206 and answer.body == whole.body[first : last + 1], spec
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}" and answer.headers["ETag"] == etag
    answer = p.get(path, Range=f"bytes={size}-")
    assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{size}"
    assert p.get(path, Range="bytes=5-9", **{"If-Range": etag}).status == 206
    answer = p.get(path, Range="bytes=5-9", **{"If-Range": '"other"'})
    assert (answer.status, answer.body) == (200, whole.body)
    answer = p.get(path, **{"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    head = request(p.port, "HEAD", path, headers={"Cookie": p.cookie})
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(size))


def test_missing_and_withdrawn_documents(portal):
    p = portal()
    listed = p.filings(CIN)[0]["srn"]
    typed = listed[:-1] + ("0" if listed[-1] != "0" else "1")
    letters = ("B" if listed[0] == "A" else "A") + listed[1:]
    for srn in ("AB1234567", letters, listed.lower(), listed + "0", "x", "..%2F..%2Fetc"):
        answer = p.get(f"/filings/{srn}/document")
        assert answer.status == 404 and answer.json()["error"], srn
    assert p.get(f"/filings/{typed}/document").status == 404
    filings = p.filings(WITHDRAWN)
    statuses = [p.get(f"/filings/{f['srn']}/document").status for f in filings]
    assert statuses == [200] * (len(filings) - 1) + [410]


def test_other_paths_and_methods(portal):
    p = portal()
    assert p.get("/").status == 404 and p.get("/filings").status == 404
    answer = request(p.port, "DELETE", f"/companies/{CIN}", headers={"Cookie": p.cookie})
    assert answer.status == 405 and "GET" in answer.headers["Allow"]
    assert get(p.port, "/healthz").json() == {"status": "ok"}


# Speed


def test_latency(portal):
    """Each answer waits, but they wait beside each other."""
    p = portal("--latency-ms", "300-400")
    begin = time.monotonic()
    assert get(p.port, "/healthz").status == 200
    begin_one = time.monotonic()
    assert p.get(f"/companies/{CIN}").status == 200
    one = time.monotonic() - begin_one
    assert begin_one - begin < 0.25 * FACTOR and one >= 0.3
    with ThreadPoolExecutor(24) as pool:
        begin = time.monotonic()
        assert set(pool.map(lambda _: p.get(f"/companies/{CIN}").status, range(24))) == {200}
        assert 0.3 <= time.monotonic() - begin < 3 * FACTOR


def test_default_latency(start):
    p = portal_client.Portal(start("filesure-portal", "--listen", "127.0.0.1:0"))
    begin = time.monotonic()
    p.get(f"/companies/{CIN}")
    assert time.monotonic() - begin >= 0.15


def test_bytes_per_second(portal):
    p = portal("--bytes-per-second", "20000")
    filing = min(p.filings(CIN), key=lambda f: abs(f["bytes"] - 16000))
    begin = time.monotonic()
    body = p.get(f"/filings/{filing['srn']}/document").body
    assert hashlib.md5(body).hexdigest() == filing["md5"]
    assert time.monotonic() - begin > filing["bytes"] / 20000 * 0.7


def test_max_parallel(portal):
    """Documents at once of one session; another session has its own count; a finished one makes room."""
    p = portal("--max-parallel", "2", "--allow-faults")
    path = f"/filings/{p.filings(CIN)[0]['srn']}/document"
    p.put_faults({"rules": [{"fault": "drip", "bytesPerSecond": 1, "nth": [1, 2]}]})
    with p.raw_get(path) as one, p.raw_get(path) as two:
        assert b"200 OK" in one.recv(65536) and b"200 OK" in two.recv(65536)
        answer = p.get(path)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1") and "at once" in answer.json()["error"]
        assert p.get(f"/companies/{CIN}").status == 200
        assert portal_client.Portal(p.process).get(path).status == 200
    wait_until(lambda: p.get(path).status == 200, 20, "room after the two were given up")


# The program


def test_sigterm_ends_it(portal):
    """Also while a client waits for an answer that would come in a minute."""
    p = portal("--faults", '{"rules":[{"fault":"hang","hangMs":60000}]}')
    with p.raw_get(f"/filings/{p.filings(CIN)[0]['srn']}/document") as waiting:
        assert p.get("/companies").status == 200
        begin = time.monotonic()
        assert p.process.stop(10) == 0
        assert time.monotonic() - begin < 4 * FACTOR
        try:
            assert waiting.recv(1) == b""
        except ConnectionResetError:
            pass
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", p.port), timeout=1).close()


def test_sigint_ends_it_too(portal):
    p = portal()
    p.process.signal(signal.SIGINT)
    assert p.process.wait_exit(10) == 0
    assert [json.loads(line)["message"] for line in p.process.lines] == ["listening", "stopped"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--latency-ms", "9-3"], "--latency-ms"),
        (["--latency-ms"], "--latency-ms"),
        (["--listen", "nowhere"], "--listen"),
        (["--max-parallel", "0"], "--max-parallel"),
        (["--session-minutes", "-1"], "--session-minutes"),
        (["--bytes-per-second", "1k"], "--bytes-per-second"),
        (["--verbose"], "--verbose"),
        (["serve"], "serve"),
        (["--write", CIN], "--to"),
        (["--write", "U1", "--to", "x"], "CIN"),
        (["--faults", '{"rules":[{"fault":"504"}]}'], "rules[0].fault"),
        (["--faults", '{"rules":['], "--faults"),
        (["--faults", "no/such/file"], "--faults"),
    ],
)
def test_bad_arguments(run_program, arguments, named):
    listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
    result = run_program("filesure-portal", *listen, *arguments)
    assert result.returncode in (1, 2) and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and named in result.stderr


def test_write_refuses(run_program, tmp_path):
    (tmp_path / "file").write_text("")
    for cin, folder in ((UNKNOWN, tmp_path / "a"), (CIN, tmp_path / "file")):
        result = run_program("filesure-portal", "--write", cin, "--to", folder)
        assert result.returncode in (1, 2) and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "a").exists()


def test_listen_setting(start, run_program):
    """PORTAL_LISTEN is the default; an address that is taken is an error in one line."""
    process = start("filesure-portal", env={"PORTAL_LISTEN": "127.0.0.1:0"})
    port = process.wait_port()
    result = run_program("filesure-portal", "--listen", f"127.0.0.1:{port}")
    assert result.returncode != 0 and len(result.stderr.splitlines()) == 1


def test_help_and_version(run_program):
    text = run_program("filesure-portal", "--help").stdout
    for flag in ("--listen", "--latency-ms", "--bytes-per-second", "--max-parallel", "--session-minutes", "--allow-faults",
                 "--faults", "--write", "--to", "--version"):  # fmt: skip
        assert flag in text
    assert re.match(r"filesure-portal \d+\.\d+\.\d+ \(\w+\)\n$", run_program("filesure-portal", "--version").stdout)
