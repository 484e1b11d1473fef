"""What a data folder or a backup holds, read with Python's sqlite3 and hashlib and without changing anything in it."""
import contextlib
import hashlib
import json
import sqlite3
from pathlib import Path

FACTS = ("jobs", "documents", "filings", "runs", "companies", "batches")
DAY_MS = 24 * 3600 * 1000


@contextlib.contextmanager
def look_into(data):
    """A store that nobody has open leaves no log beside it, and so looking makes none."""
    path = Path(data) / "filesure.db"
    how = "mode=ro" if path.with_name("filesure.db-wal").exists() else "immutable=1"
    db = sqlite3.connect(f"file:{path}?{how}", uri=True, timeout=10)
    db.row_factory = sqlite3.Row
    with contextlib.closing(db):
        yield db


def rows(data, sql, *values):
    with look_into(data) as db:
        return [dict(row) for row in db.execute(sql, values)]


def facts(data, tables=FACTS):
    """Every row of the tables, to be compared."""
    with look_into(data) as db:
        return {t: {tuple(row) for row in db.execute(f"SELECT * FROM {t}")} for t in tables}


def job_ids(data):
    return {row["id"] for row in rows(data, "SELECT id FROM jobs")}


def audit(data, action):
    """(job id, detail) of each entry of an action, oldest first."""
    found = rows(data, "SELECT * FROM audit WHERE action = ? ORDER BY seq", action)
    return [(row["job_id"], json.loads(row["detail"])) for row in found]


def root(data):
    return Path(data) / "blobs/documents"


def blobs(data):
    """name: content of every blob; each carries the start of its content's digest."""
    found = {str(p.relative_to(root(data))): p.read_bytes() for p in root(data).rglob("*") if p.is_file() and p.name[0] != "."}
    return found


def damaged(data):
    return {name for name, content in blobs(data).items() if hashlib.sha256(content).hexdigest()[:16] not in name}


def named_blobs(data):
    """The names that rows and manifests carry."""
    names = {row["manifest_name"] for row in rows(data, "SELECT manifest_name FROM jobs")}
    for row in rows(data, "SELECT text_name, original_name, fields_name FROM documents"):
        names |= set(row.values())
    return names - {None, ""}


def job_folders(data):
    return {p.name for p in (root(data) / "jobs").iterdir()} if (root(data) / "jobs").exists() else set()


def check_whole(data):
    """Every blob that is named is there, and each holds what its name says."""
    with look_into(data) as db:
        assert db.execute("PRAGMA integrity_check").fetchall()[0][0] == "ok"
    assert named_blobs(data) <= set(blobs(data))
    assert damaged(data) == set()


def change(data, sql, *values):
    with sqlite3.connect(Path(data) / "filesure.db", timeout=20) as db:
        db.execute(sql, values)
    db.close()


def pass_days(data, days):
    """The store's clock goes on."""
    change(data, "UPDATE store SET anchor_ms = anchor_ms + ?", int(days * DAY_MS))
