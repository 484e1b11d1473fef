"""Judges a data folder with other programs' eyes: Python's sqlite3, hashlib, json, never our own reader.

The portal makes everything from the CIN, so a portal started apart from the run under test knows what must be there.
"""
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import portal_client
import support

CINS = ("U72900KA2015PTC182988", "L17110MH1973PLC119786", "U45232GJ2000PTC696276")


def make_finished(folder, cins=CINS[:2]):
    """A data folder in which `filesure up` has completed a job for each company."""
    data = Path(folder) / "data"
    run = ["--data", data, "--port", 0, "--portal-port", 0, "--latency-ms", "0-0", "--exit-when-idle"]
    for words in (["order", "--data", data, *cins], ["up", *run]):
        result = support.run_program("filesure", *words, cwd=folder, deadline_s=100)
        assert result.returncode == 0, result.stderr
    return data


def portal_filings(port, cin):
    """The registry's list of a company over HTTP, in the order of numbers: filing date, then SRN."""
    portal = portal_client.Portal(SimpleNamespace(wait_port=lambda: port))
    return sorted(portal.filings(cin), key=lambda f: (f["filedOn"], f["srn"]))


def blob(data, name):
    return (Path(data) / "blobs/documents" / name).read_bytes()


def check_name(name, content, job_id, file):
    """A blob's name carries its job, its document and the start of its content's SHA-256."""
    stem, _, extension = file.partition(".")
    assert name == f"jobs/{job_id}/{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{extension}"


def check_document(data, row, filing):
    number = row["number"]
    assert (row["srn"], row["form"], row["filed_on"]) == (filing["srn"], filing["form"], filing["filedOn"])
    assert row["state"] == "stored"
    text = blob(data, row["text_name"])
    check_name(row["text_name"], text, row["job_id"], f"document_{number}.txt")
    assert (len(text), hashlib.md5(text).hexdigest()) == (row["text_bytes"], row["text_md5"])
    text.decode()
    original = blob(data, row["original_name"])
    check_name(row["original_name"], original, row["job_id"], f"document_{number}.pdf")
    assert (len(original), hashlib.md5(original).hexdigest()) == (filing["bytes"], filing["md5"])
    assert (len(original), hashlib.sha256(original).hexdigest()) == (row["original_bytes"], row["original_sha256"])
    fields = blob(data, row["fields_name"])
    check_name(row["fields_name"], fields, row["job_id"], f"document_{number}.json")
    assert hashlib.sha256(fields).hexdigest() == row["fields_sha256"]
    assert json.loads(fields)["outcome"] == "ok"


def check_manifest(data, job, rows):
    content = blob(data, job["manifest_name"])
    check_name(job["manifest_name"], content, job["id"], "manifest.json")
    manifest = json.loads(content)
    assert (manifest["jobId"], manifest["cin"]) == (job["id"], job["cin"])
    assert (manifest["expected"], manifest["stored"]) == (len(rows), len(rows))
    assert [
        (d["number"], d["srn"], d["text"]["name"], d["text"]["md5"], d["original"]["name"], d["fields"]["name"])
        for d in manifest["documents"]
    ] == [(r["number"], r["srn"], r["text_name"], r["text_md5"], r["original_name"], r["fields_name"]) for r in rows]


def check_completed(data, job, filings):
    """One row and its blobs for every filing, no other; returns the names of the job's blobs."""
    rows = support.store_rows(data, "SELECT * FROM documents WHERE job_id = ? ORDER BY number, seq", job["id"])
    assert [r["number"] for r in rows] == list(range(1, len(filings) + 1))
    assert all(r["at"] for r in rows)
    for row, filing in zip(rows, filings, strict=True):
        check_document(data, row, filing)
    check_manifest(data, job, rows)
    count = len(filings)
    assert (job["total_documents"], job["downloaded_documents"]) == (count, count)
    assert (job["expected"], job["stored"], job["unreadable"], job["missing"]) == (count, count, 0, 0)
    assert job["lease_token"] in (None, "") and job["completed_at"]
    return {job["manifest_name"]} | {r[n] for r in rows for n in ("text_name", "original_name", "fields_name")}


def jobs_of(data):
    return support.store_rows(data, "SELECT * FROM jobs ORDER BY seq")


def runs_of(data, job_id):
    return support.store_rows(data, "SELECT * FROM runs WHERE job_id = ? AND run > 0 ORDER BY run, seq", job_id)


def check_all_completed(data, portal_port, *, count):
    """Every job of the store is completed and holds what the portal lists; every blob is whole.

    Returns what a crash may leave: names of blobs that nothing names.
    """
    jobs = jobs_of(data)
    assert [j["status"] for j in jobs] == ["completed"] * count
    named = set()
    for job in jobs:
        named |= check_completed(data, job, portal_filings(portal_port, job["cin"]))
    root = Path(data) / "blobs/documents"
    stored = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and not p.name.startswith(".")}
    assert named <= stored
    return stored - named


def fact_sums(data):
    """What the totals must say: sums over the rows themselves."""
    sums = {"jobsPlaced": support.store_rows(data, "SELECT count(*) AS n FROM jobs WHERE at IS NOT NULL")[0]["n"]}
    documents = support.store_rows(
        data,
        "SELECT state, count(*) AS n, sum(original_bytes) AS bytes, sum(pages) AS pages"
        " FROM documents WHERE at IS NOT NULL GROUP BY state",
    )
    sums["documents"] = {state: 0 for state in ("stored", "unreadable", "missing")} | {d["state"]: d["n"] for d in documents}
    sums["documentBytes"] = sum(d["bytes"] for d in documents)
    sums["pages"] = sum(d["pages"] for d in documents)
    runs = support.store_rows(data, "SELECT outcome, count(*) AS n FROM runs WHERE run > 0 GROUP BY outcome")
    outcomes = "pending completed failed exhausted cancelled interrupted lost".split()
    sums["runs"] = {outcome: 0 for outcome in outcomes} | {r["outcome"]: r["n"] for r in runs}
    return sums


def metric(text, name):
    for line in text.splitlines():
        if line.rpartition(" ")[0] == name:
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"/metrics has no {name}")


def check_totals(api_port, data):
    """The API's totals, as JSON and on /metrics, are the sums over the rows."""
    sums = fact_sums(data)

    def agreed():
        return support.get(api_port, "/api/v1/stats").json().get("totals") == sums

    support.wait_until(agreed, 30, f"totals that say {sums}")
    text = support.get(api_port, "/metrics").text
    assert metric(text, "filesure_jobs_created_total") == sums["jobsPlaced"]
    assert metric(text, "filesure_pages_total") == sums["pages"]
    assert metric(text, 'filesure_document_bytes_total{kind="original"}') == sums["documentBytes"]
    for state, count in sums["documents"].items():
        assert metric(text, f'filesure_documents_total{{result="{state}"}}') == count
    for outcome, count in sums["runs"].items():
        assert metric(text, f'filesure_runs_total{{outcome="{outcome}"}}') == count
