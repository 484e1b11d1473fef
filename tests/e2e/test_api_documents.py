"""Documents of a completed job over the API: rows, fields, stored bytes with ranges, and counters that agree with them."""

import hashlib
import json
import re

import api_client as api
import judge
import pytest
import support
from support import wait_until

NOWHERE = "000000000000000000000000"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One completed job, looked at by every test of this file."""
    folder = tmp_path_factory.mktemp("documents")
    data = folder / "data"
    data.mkdir()
    started = []

    def start(program, *arguments, **options):
        started.append(support.Process(program, *arguments, cwd=folder, **options))
        return started[-1]

    def run_program(program, *arguments, **options):
        return support.run_program(program, *arguments, cwd=folder, **options)

    server = api.Api(start, data).wait_ready()
    server.portal = api.Portal(start, run_program, data)
    server.job_id = server.order(api.CIN)[0]
    server.portal.complete(server, server.job_id)
    server.documents = server.get(f"/api/v1/jobs/{server.job_id}/documents").json()["documents"]
    yield server
    for process in reversed(started):
        process.kill()


def test_a_completed_job(done):
    job = done.job(done.job_id)
    total = job["completeness"]["expected"]
    assert job["progress"] == {"totalDocuments": total, "downloadedDocuments": total, "pendingDocuments": 0, "percent": 100}
    assert (
        job["completeness"]["stored"] + job["completeness"]["unreadable"] + job["completeness"]["missing"]
        == total
        == len(done.documents)
    )
    assert job["waiting"] is None and job["completedAt"] and job["lease"] is None
    runs = wait_until(lambda: len(r := done.job(done.job_id)["runs"]) == 3 and r, 20, "three runs in the history")
    assert [(run["run"], run["outcome"], run["jobStatus"]) for run in runs] == [
        (1, "pending", "pending"), (2, "pending", "pending"), (3, "completed", "completed")]  # fmt: skip
    assert sum(run["numbers"]["downloaded"] for run in runs) == total
    assert job["companyName"] != api.CIN  # the registry's name


def test_rows_are_those_of_the_store(done):
    rows = support.store_rows(done.data, "SELECT * FROM documents WHERE job_id = ? ORDER BY number", done.job_id)
    assert [d["documentNumber"] for d in done.documents] == [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    for document, row in zip(done.documents, rows, strict=True):
        assert (document["documentId"], document["jobId"], document["srn"]) == (row["id"], done.job_id, row["srn"])
        assert document["fileName"] == f"document_{row['number']}.txt" and document["fileSize"] == row["text_bytes"]
        assert document["checksum"] == f"MD5-{row['text_md5']}" and document["blobUrl"] is None
        assert document["original"]["bytes"] == row["original_bytes"]


def test_pages_of_documents(done):
    path, numbers = f"/api/v1/jobs/{done.job_id}/documents?limit=3", []
    while path:
        answer = done.get(path)
        numbers += [document["documentNumber"] for document in answer.json()["documents"]]
        link = answer.headers["Link"]
        assert (link is None) == (answer.json()["next"] is None)
        path = link and re.fullmatch('<(.*)>; rel="next"', link)[1]
    assert numbers == list(range(1, len(done.documents) + 1))
    for query in ("limit=0", "cursor=x", "cursor=-1", "page=2"):
        assert done.get(f"/api/v1/jobs/{done.job_id}/documents?{query}").status == 400


def test_one_document_with_its_fields(done):
    document = done.documents[0]
    answer = done.get(f"/api/v1/documents/{document['documentId']}")
    one = answer.json()
    assert {name: one[name] for name in document} == document
    row = support.store_rows(done.data, "SELECT fields_name FROM documents WHERE id = ?", document["documentId"])[0]
    assert one["extracted"] == json.loads(judge.blob(done.data, row["fields_name"]))
    assert done.get(f"/api/v1/documents/{document['documentId']}", If_None_Match=answer.headers["ETag"]).status == 304


TYPES = {"pdf": "application/pdf", "text": "text/plain; charset=utf-8", "json": "application/json"}
FILES = {"pdf": "pdf", "text": "txt", "json": "json"}


@pytest.mark.parametrize("kind", TYPES)
def test_stored_bytes(done, kind):
    for document in done.documents:
        part = document[{"pdf": "original", "text": "text", "json": "fields"}[kind]]
        answer = done.get(part["href"])
        assert answer.status == 200 and answer.headers["Content-Type"] == TYPES[kind]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        file = f"document_{document['documentNumber']}.{FILES[kind]}"
        assert answer.headers["Content-Disposition"] == f'inline; filename="{file}"'
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        if kind == "text":
            assert hashlib.md5(answer.body).hexdigest() == part["md5"] and len(answer.body) == part["bytes"]
        else:
            assert hashlib.sha256(answer.body).hexdigest() == part["sha256"]
        again = done.get(part["href"], If_None_Match=answer.headers["ETag"])
        assert again.status == 304 and again.body == b""


def test_the_default_is_the_original(done):
    path = f"/api/v1/documents/{done.documents[0]['documentId']}/content"
    assert done.get(path).body.startswith(b"%PDF-")
    for query in ("as=html", "as=", "as=pdf&as=text", "name=x"):
        assert done.get(f"{path}?{query}").status == 400


def test_ranges(done):
    path = done.documents[0]["original"]["href"]
    whole = done.get(path)
    size = len(whole.body)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for text, first, last in (("0-9", 0, 9), ("5-", 5, size - 1), ("-7", size - 7, size - 1), (f"10-{size * 2}", 10, size - 1)):
        part = done.get(path, Range=f"bytes={text}")
        assert part.status == 206 and part.body == whole.body[first : last + 1], text
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    outside = done.get(path, Range=f"bytes={size}-")
    assert outside.status == 416 and outside.headers["Content-Range"] == f"bytes */{size}"
    assert done.get(path, Range="bytes=0-1,4-5").body == whole.body  # several ranges: all of it
    head = done.raw(api.request_bytes("HEAD", path), head_only=True)
    assert head.status == 200 and int(head.header("Content-Length")) == size


def test_a_document_that_is_not_there(done):
    for path in (NOWHERE, "xyz", f"{NOWHERE}/content", "xyz/content"):
        answer = done.get(f"/api/v1/documents/{path}")
        assert answer.status == 404 and answer.json()["type"] == "/problems/unknown_document"


def test_counters_agree_with_the_store(done):
    total = len(done.documents)
    done.wait_metric('filesure_runs_total{outcome="completed"}', 1)
    numbers = done.metrics()
    assert numbers['filesure_documents_total{result="stored"}'] == total
    assert numbers['filesure_runs_total{outcome="pending"}'] == 2
    assert numbers['filesure_jobs{status="completed"}'] == numbers['filesure_jobs_finished_total{status="completed"}'] == 1
    assert numbers['filesure_document_bytes_total{kind="original"}'] == sum(d["original"]["bytes"] for d in done.documents)
    assert numbers["filesure_pages_total"] == sum(d["pages"] for d in done.documents)
    assert numbers['filesure_document_seconds_count{stage="download"}'] == total and numbers["filesure_run_seconds_count"] == 3
    report = done.get("/api/v1/reconcile").json()
    assert report["settled"] and all(row["difference"] == 0 for row in report["counters"]), report
    assert {row["name"]: row["counted"] for row in report["counters"]}["filesure_documents_total"] == total


# ---- a document the registry does not have, and stored bytes that are gone ----


def test_missing_and_damaged(start, run_program, data_dir):
    server = api.Api(start, data_dir).wait_ready()
    portal = api.Portal(start, run_program, data_dir)
    job_id = server.order(api.CIN)[0]
    portal.complete(server, job_id)
    first, second = server.get(f"/api/v1/jobs/{job_id}/documents").json()["documents"][:2]
    api.change_store(
        data_dir,
        "UPDATE documents SET state = 'missing', original_name = NULL, original_bytes = 0, original_sha256 = NULL, "
        "fields_name = NULL, fields_sha256 = NULL WHERE id = ?",
        first["documentId"],
    )
    missing = server.get(f"/api/v1/documents/{first['documentId']}").json()
    assert missing["original"] is None and missing["fields"] is None and missing["extracted"] is None
    path = f"/api/v1/documents/{first['documentId']}/content"
    assert (server.get(path).status, server.get(path + "?as=json").status, server.get(path + "?as=text").status) == (
        404,
        404,
        200,
    )

    name = support.store_rows(data_dir, "SELECT fields_name FROM documents WHERE id = ?", second["documentId"])[0]["fields_name"]
    (data_dir / "blobs/documents" / name).unlink()
    for path in (f"/api/v1/documents/{second['documentId']}", second["fields"]["href"]):
        answer = server.get(path)
        assert answer.status == 500 and answer.json()["type"] == "/problems/blob_missing"
        assert str(data_dir) not in answer.text
