"""filesure fsck finds and names each kind of damage, and calls nothing else a damage."""
import hashlib
import json
import shutil
import sqlite3

import judge
import pytest
import support

FAST = ("--latency-ms", "0-0")
OTHER_ID = "0123456789abcdef01234567"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return judge.make_finished(tmp_path_factory.mktemp("finished"))


class Store:
    """A copy of the finished store, to be damaged."""

    def __init__(self, data, run_program):
        self.data, self.run_program = data, run_program
        self.job, self.other = judge.jobs_of(data)
        self.id = self.job["id"]

    def row(self, number, job=None):
        query = "SELECT * FROM documents WHERE job_id = ? AND number = ?"
        return support.store_rows(self.data, query, job or self.id, number)[0]

    def sql(self, statement, *values):
        with sqlite3.connect(self.data / "filesure.db") as db:
            assert db.execute(statement, values).rowcount != 0, "the statement changed nothing"

    def set(self, at, **columns):
        for name, value in columns.items():
            self.sql(f"UPDATE documents SET {name} = ? WHERE job_id = ? AND number = ?", value, self.id, at)

    def set_job(self, **columns):
        for name, value in columns.items():
            self.sql(f"UPDATE jobs SET {name} = ? WHERE id = ?", value, self.id)

    def with_text(self):
        """The number of a document that is no scan."""
        query = "SELECT number FROM documents WHERE job_id = ? AND text_bytes > 100"
        return support.store_rows(self.data, query, self.id)[0]["number"]

    def path(self, blob):
        return self.data / "blobs/documents" / blob

    def fsck(self, *options):
        result = self.run_program("filesure", "fsck", "--data", self.data, "--json", *options)
        assert result.stdout, result.stderr
        report = json.loads(result.stdout)
        assert report["problemCount"] == len(report["problems"]) and report["noteCount"] == len(report["notes"])
        assert report["clean"] == (report["problemCount"] == 0)
        assert result.returncode == (0 if report["clean"] else 1), result.stderr
        return report

    def problems(self, *options):
        """The set of (code, document) found; each belongs to the damaged job or to no job."""
        problems = self.fsck(*options)["problems"]
        assert {p["job"] for p in problems} <= {self.id, ""}
        assert all(p["message"] for p in problems)
        return {(p["code"], p["document"]) for p in problems}


@pytest.fixture
def store(finished, tmp_path, run_program):
    shutil.copytree(finished, tmp_path / "copy")
    return Store(tmp_path / "copy", run_program)


def all_bytes(data):
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in (data / "blobs").rglob("*") if p.is_file()}


# ---- clean ----


def test_a_clean_store(store, run_program):
    report = store.fsck()
    rows = support.store_rows(store.data, "SELECT text_bytes, original_bytes FROM documents")
    assert (report["problems"], report["notes"], report["removed"]) == ([], [], 0)
    assert (report["jobs"], report["rows"], report["blobs"]) == (2, len(rows), 3 * len(rows) + 2)
    assert report["bytes"] == sum(p.stat().st_size for p in (store.data / "blobs").rglob("*") if p.is_file())
    text = run_program("filesure", "fsck", "--data", store.data)
    assert text.returncode == 0
    assert text.stdout == f"2 jobs, {len(rows)} rows, {3 * len(rows) + 2} blobs re-read: 0 problems, 0 notes\n"


def test_a_store_in_which_nothing_ran(run_program, data_dir):
    assert run_program("filesure", "order", "--data", data_dir, "--sample", 3).returncode == 0
    result = run_program("filesure", "fsck", "--data", data_dir)
    assert (result.returncode, result.stdout) == (0, "3 jobs, 0 rows, 0 blobs re-read: 0 problems, 0 notes\n")
    assert not (data_dir / "blobs").exists()  # looking makes nothing


def test_a_store_at_work_has_no_problems(start, data_dir, run_program):
    options = ("--data", data_dir, "--port", 0, "--portal-port", 0, "--latency-ms", "20-60", "--orders", 4)
    up = start("filesure", "up", *options, "--exit-when-idle")
    up.wait_line("filesure is up", 60)
    checks = 0
    while up.running():
        report = json.loads(run_program("filesure", "fsck", "--data", data_dir, "--json").stdout)
        assert report["problems"] == []
        checks += 1
    assert up.wait_exit() == 0 and checks >= 3


# ---- blobs ----


@pytest.mark.parametrize("column", ["text_name", "original_name", "fields_name"])
def test_a_removed_blob(store, column):
    store.path(store.row(3)[column]).unlink()
    assert store.problems() == {("blob_missing", 3)}


@pytest.mark.parametrize("column", ["text_name", "original_name", "fields_name"])
def test_a_changed_byte(store, column):
    number = store.with_text()
    path = store.path(store.row(number)[column])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert store.problems() == {("blob_damaged", number), ("digest", number)}


def test_a_cut_blob(store):
    number = store.with_text()
    path = store.path(store.row(number)["text_name"])
    path.write_bytes(path.read_bytes()[:-1])
    assert store.problems() == {("blob_damaged", number), ("digest", number), ("size", number)}


def test_an_emptied_blob(store):
    store.path(store.row(4)["original_name"]).write_bytes(b"")
    assert store.problems() == {("blob_damaged", 4), ("digest", 4), ("size", 4)}


def test_a_blob_grown_past_every_limit_does_not_stop_the_check(store):
    path = store.path(store.row(2)["original_name"])
    with open(path, "r+b") as file:
        file.truncate(120 * 1024 * 1024)  # sparse
    store.path(store.row(9)["text_name"]).unlink()
    assert store.problems() == {("blob_unreadable", 2), ("blob_missing", 9)}


def test_a_folder_in_place_of_a_blob(store):
    path = store.path(store.row(2)["text_name"])
    path.unlink()
    path.mkdir()
    problems = store.problems()
    assert len(problems) == 1 and problems <= {("blob_unreadable", 2), ("blob_missing", 2)}


def test_all_blobs_gone(store):
    shutil.rmtree(store.data / "blobs")
    result = store.run_program("filesure", "fsck", "--data", store.data)
    assert result.returncode == 1 and "container" in result.stderr
    (store.data / "blobs/documents").mkdir(parents=True)
    report = store.fsck()
    assert report["problemCount"] == report["rows"] * 3 + 2
    assert {p["code"] for p in report["problems"]} == {"blob_missing"}


# ---- rows ----


@pytest.mark.parametrize(
    "columns, code",
    [
        ({"text_bytes": 1}, "size"),
        ({"original_bytes": 1}, "size"),
        ({"text_md5": "0" * 32}, "digest"),
        ({"original_sha256": "0" * 64}, "digest"),
        ({"fields_sha256": "0" * 64}, "digest"),
        ({"srn": "ZZ1"}, "row_srn"),
        ({"original_name": ""}, "no_original"),
        ({"fields_name": ""}, "no_original"),
        ({"text_name": ""}, "blob_name"),
        ({"text_name": "../../../etc/passwd"}, "blob_name"),
    ],
)
def test_a_row_that_is_not_true(store, columns, code):
    store.set(6, **columns)
    problems = store.problems()
    assert (code, 6) in problems
    assert {number for _, number in problems} == {0, 6}  # 0: the manifest says otherwise too
    assert ("manifest", 0) in problems


def test_pages_or_state_that_are_not_those_of_the_manifest(store):
    pages = store.row(6)["pages"]
    for other in (pages + 70, pages % 9 + 1):  # the manifest would be longer, or as long as it is
        store.set(6, pages=other)
        assert store.problems() == {("manifest", 0)}
    store.set(6, pages=store.row(7)["pages"], state="unreadable")
    assert ("completeness", 0) in store.problems()


def test_a_name_of_another_document(store):
    store.set(6, text_name=store.row(7)["text_name"])
    assert ("blob_name", 6) in store.problems()
    store.set(6, text_name=store.row(6, store.other["id"])["text_name"])
    assert ("blob_name", 6) in store.problems()


def test_a_missing_row_of_a_completed_job(store):
    srn = store.row(8)["srn"]
    store.sql("DELETE FROM documents WHERE job_id = ? AND number = 8", store.id)
    report = store.fsck()
    codes = {(p["code"], p["document"]) for p in report["problems"]}
    assert {("row_missing", 8), ("counters", 0), ("completeness", 0), ("manifest", 0)} <= codes
    assert any(srn in p["message"] for p in report["problems"])
    assert {n["code"] for n in report["notes"]} == {"unnamed_blob"}  # its blobs are named by nothing now


def test_many_missing_rows_are_named_up_to_a_few(store):
    store.sql("DELETE FROM documents WHERE job_id = ?", store.id)
    named = [p for p in store.fsck()["problems"] if p["code"] == "row_missing"]
    assert 2 < len(named) < store.job["total_documents"]
    assert f"{store.job['total_documents']} filings" in named[-1]["message"]


def test_a_doubled_row(store):
    columns = [c for c in store.row(2) if c not in ("seq", "id")]
    store.sql("DROP INDEX documents_job")
    names = ", ".join(columns)
    insert = f"INSERT INTO documents (id, {names}) SELECT ?, {names} FROM documents WHERE job_id = ? AND number = 2"
    store.sql(insert, OTHER_ID, store.id)
    assert ("row_doubled", 2) in store.problems()


def test_a_row_that_the_list_does_not_have(store):
    last = store.job["total_documents"]
    store.set(last, number=last + 1)
    assert {("row_unlisted", last + 1), ("row_missing", last)} <= store.problems()


# ---- job, list, manifest, totals ----


def test_a_missing_list(store):
    store.sql("DELETE FROM filings WHERE job_id = ?", store.id)
    problems = store.problems()
    assert ("no_list", 0) in problems and ("row_unlisted", 1) in problems


def test_a_list_that_says_another_digest(store):
    items = json.loads(support.store_rows(store.data, "SELECT items FROM filings WHERE job_id = ?", store.id)[0]["items"])
    items[2]["md5"] = "0" * 32
    store.sql("UPDATE filings SET items = ? WHERE job_id = ?", json.dumps(items), store.id)
    assert store.problems() == {("digest", 3)}


@pytest.mark.parametrize(
    "columns, code",
    [
        ({"downloaded_documents": 3}, "counters"),
        ({"total_documents": 99}, "counters"),
        ({"stored": 3}, "completeness"),
        ({"missing": 3}, "completeness"),
        ({"manifest_name": None}, "no_manifest"),
    ],
)
def test_a_completed_job_that_is_not_true(store, columns, code):
    store.set_job(**columns)
    assert store.problems() == {(code, 0)}


def test_a_removed_manifest(store):
    store.path(store.job["manifest_name"]).unlink()
    assert store.problems() == {("blob_missing", 0)}


def test_a_damaged_manifest(store):
    path = store.path(store.job["manifest_name"])
    path.write_bytes(path.read_bytes().replace(b'"stored"', b'"stolen"', 1))
    assert store.problems() == {("blob_damaged", 0), ("manifest", 0)}


def test_the_manifest_of_another_job(store):
    store.set_job(manifest_name=store.other["manifest_name"])
    assert ("manifest", 0) in store.problems()


def test_totals_that_are_not_the_rows(store):
    for key, value in (("jobsPlaced", [1]), ("documents", [1, 0, 0]), ("documentBytes", [7]), ("pages", [1])):
        sums = json.loads(support.store_rows(store.data, "SELECT sums FROM totals")[0]["sums"])
        assert key in sums and sums[key] != value
        store.sql("UPDATE totals SET sums = ?", json.dumps(sums | {key: value}))
        assert store.problems() == {("totals", 0)}, key
        store.sql("UPDATE totals SET sums = ?", json.dumps(sums))
    assert store.problems() == set()


def test_a_job_that_is_gone(store):
    """With the watermark above it the totals still know it: a fact was taken away."""
    store.sql("UPDATE store SET anchor_ms = anchor_ms + 3600000")
    store.sql("DELETE FROM documents WHERE job_id = ?", store.id)
    store.sql("DELETE FROM jobs WHERE id = ?", store.id)
    sums = json.loads(support.store_rows(store.data, "SELECT sums FROM totals")[0]["sums"])
    store.sql("UPDATE totals SET sums = ?", json.dumps(sums | {"jobsPlaced": [1]}))
    report = store.fsck()
    assert {p["code"] for p in report["problems"]} == {"totals", "unknown_job"}
    assert {p["job"] for p in report["problems"] if p["code"] == "unknown_job"} == {store.id}


# ---- blobs that nothing names ----


def add_blob(store, job, content=b"left by a run that died", number=1):
    name = f"jobs/{job}/document_{number}.{hashlib.sha256(content).hexdigest()[:16]}.txt"
    store.path(name).parent.mkdir(exist_ok=True)
    store.path(name).write_bytes(content)
    return store.path(name)


def test_unnamed_blobs_of_completed_jobs_are_noted_and_removed(store):
    left = add_blob(store, store.id)
    before = all_bytes(store.data)
    report = store.fsck()
    assert report["problems"] == []
    assert {(n["code"], n["job"]) for n in report["notes"]} == {("unnamed_blob", store.id)}
    assert all_bytes(store.data) == before
    repaired = store.fsck("--repair")
    assert (repaired["problems"], repaired["notes"], repaired["removed"]) == ([], [], 1)
    assert all_bytes(store.data) == {path: sha for path, sha in before.items() if path != str(left)}
    again = store.fsck("--repair")
    assert (again["notes"], again["removed"]) == ([], 0)


def test_blobs_of_jobs_the_store_does_not_know_are_kept(store):
    """It may be the wrong store: what another one wrote is removed only when a person says so."""
    left = add_blob(store, OTHER_ID)
    report = store.fsck("--repair")
    assert [(p["code"], p["job"]) for p in report["problems"]] == [("unknown_job", OTHER_ID)]
    assert report["removed"] == 0 and left.exists()
    removed = store.fsck("--remove-unknown")
    assert (removed["problems"], removed["removed"]) == ([], 1)
    assert not left.exists()


@pytest.mark.parametrize("status", ["pending", "processing", "failed", "cancelled"])
def test_unnamed_blobs_of_other_jobs_are_kept(store, status):
    """The next run, or a late worker, may still name them."""
    store.set_job(status=status, manifest_name=None, completed_at=None)
    left = add_blob(store, store.id)
    report = store.fsck("--repair")
    assert (report["problems"], report["removed"]) == ([], 0)
    assert {n["code"] for n in report["notes"]} <= {"leased"}
    assert left.exists()


def test_repair_removes_nothing_but_unnamed_blobs(store):
    before = all_bytes(store.data)
    store.set(3, text_bytes=1)
    foreign = store.path(f"jobs/{store.id}/notes.txt")
    foreign.write_text("a person's own file")
    damaged = store.path(store.row(5)["text_name"])
    damaged.write_bytes(b"damaged")
    assert store.fsck("--repair")["problemCount"] > 0
    assert foreign.exists() and damaged.read_bytes() == b"damaged"
    assert set(all_bytes(store.data)) == set(before) | {str(foreign)}


# ---- the report ----


def test_the_report_for_a_person(store):
    store.path(store.row(3)["text_name"]).unlink()
    add_blob(store, store.id)
    result = store.run_program("filesure", "fsck", "--data", store.data)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"problem: job {store.id} document 3: [blob_missing] jobs/{store.id}/document_3.")
    assert lines[1].startswith(f"note: job {store.id}: [unnamed_blob] ")
    assert lines[2].endswith(": 1 problems, 1 notes")
    assert len(lines) == 3


def test_bytes_that_are_no_text_in_a_row(store):
    store.sql("UPDATE documents SET srn = CAST(x'ff41' AS TEXT) WHERE job_id = ? AND number = 2", store.id)
    assert ("row_srn", 2) in store.problems()


def test_more_findings_than_are_listed(store):
    store.sql("DROP INDEX documents_job")
    columns = ", ".join(c for c in store.row(2) if c not in ("seq", "id"))
    for _ in range(4):
        store.sql(f"INSERT INTO documents (id, {columns}) SELECT lower(hex(randomblob(12))), {columns} FROM documents")
    result = store.run_program("filesure", "fsck", "--data", store.data, "--json")
    report = json.loads(result.stdout)
    assert result.returncode == 1
    assert len(report["problems"]) == 1000 < report["problemCount"]
    text = store.run_program("filesure", "fsck", "--data", store.data).stdout.splitlines()
    assert text[1000] == f"problem: {report['problemCount'] - 1000} more"
