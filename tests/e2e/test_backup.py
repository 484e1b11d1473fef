"""filesure backup: whole at every moment, whatever is killed, full, damaged or at work meanwhile.

The judges are Python's sqlite3 on the stores and hashlib on the blobs; `filesure fsck` comes last.
"""
import contextlib
import hashlib
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import judge
import processes
import pytest
import stores
import test_disk_full
import workers
from backups import CIN_3, FAST, POINTS, Folders
from support import FACTOR, wait_until

STORE_V1 = Path(__file__).parent.parent / "data/store_v1.sql"
CASES = [(point, hit) for point, hits in POINTS.items() for hit in hits]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return judge.make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def folders(finished, tmp_path, start, run_program):
    return Folders(finished, tmp_path, start, run_program)


# ---- a backup ----


def test_a_backup_is_a_data_folder_of_its_own(folders):
    (folders.dir).mkdir(mode=0o755)
    report = folders.backup()
    folders.check_backup()
    content = stores.blobs(folders.data)
    assert content == stores.blobs(folders.dir)
    size = sum(map(len, content.values()))
    documents = len(stores.rows(folders.data, "SELECT id FROM documents"))
    assert (report["jobs"], report["documents"], report["blobs"]) == (2, documents, len(content))
    assert (report["blobsCopied"], report["blobsThere"], report["bytes"], report["bytesCopied"]) == (len(content), 0, size, size)
    assert (report["problems"], report["problemCount"], report["blobsRemoved"]) == ([], 0, 0)
    assert report["directory"] == str(folders.dir)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (folders.dir, folders.dir / "filesure.db", folders.dir / "blobs")}
    assert modes == {"backup": 0o700, "filesure.db": 0o600, "blobs": 0o700}
    [(_, said)] = stores.audit(folders.data, "backup")
    assert said["directory"] == str(folders.dir)
    assert (said["jobs"], said["documents"], said["blobs"], said["bytes"]) == (2, documents, len(content), size)
    [(_, mark)] = stores.audit(folders.dir, "backup")
    assert mark["takenAt"] == report["takenAt"]


def test_a_second_backup_copies_only_what_is_new(folders):
    text = folders.run("backup", folders.dir)
    assert text.returncode == 0
    assert "2 jobs, " in text.stdout and " 0 blobs already there" in text.stdout and "is a complete backup of 20" in text.stdout
    inodes = {p: p.stat().st_ino for p in stores.root(folders.dir).rglob("*") if p.is_file()}
    again = folders.backup()
    assert (again["blobsCopied"], again["blobsThere"], again["bytesCopied"]) == (0, len(inodes), 0)
    folders.order_third()
    third = folders.backup()
    own = [name for name in stores.blobs(folders.data) if stores.root(folders.dir) / name not in inodes]
    assert (third["jobs"], third["blobsCopied"], third["blobsThere"]) == (3, len(own), len(inodes))
    assert {p: p.stat().st_ino for p in inodes} == inodes
    folders.check_backup()


def test_a_damaged_blob_of_the_backup_is_replaced(folders):
    folders.backup()
    changed, cut, gone, grown = [stores.root(folders.dir) / name for name in sorted(stores.blobs(folders.dir))[:4]]
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    cut.write_bytes(b"")
    gone.unlink()
    with open(grown, "r+b") as file:
        file.truncate(120 * 1024 * 1024)  # longer than any blob
    report = folders.backup()
    assert report["blobsCopied"] == 4
    folders.check_backup()


def test_what_the_data_folder_lost_is_reported_and_the_rest_kept(folders):
    names = sorted(stores.named_blobs(folders.data))
    damaged, missing, manifest = names[0], names[10], next(n for n in names if "manifest" in n)
    path = stores.root(folders.data) / damaged
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    for name in (missing, manifest):
        (stores.root(folders.data) / name).unlink()
    report = folders.backup(code=1)
    found = {(p["code"], p["message"].split()[0]) for p in report["problems"]}
    assert found == {("blob_damaged", damaged), ("blob_missing", missing), ("blob_missing", manifest)}
    assert all(p["job"] and p["job"] in p["message"] for p in report["problems"])
    assert set(stores.blobs(folders.dir)) == set(names) - {damaged, missing, manifest}
    assert stores.damaged(folders.dir) == set()
    text = folders.run("backup", folders.dir)
    assert text.returncode == 1 and "fsck" in text.stderr and f"[blob_damaged] {damaged}" in text.stdout
    restored = folders.json("restore", folders.dir, data=folders.dir.parent / "restored", code=1)
    assert {(p["code"], p["message"].split()[0]) for p in restored["problems"]} == {("blob_missing", n) for n in
                                                                                   (damaged, missing, manifest)}  # fmt: skip


def test_a_name_of_another_job_in_a_row(folders):
    one, other = judge.jobs_of(folders.data)
    stores.change(folders.data, "UPDATE jobs SET manifest_name = ? WHERE id = ?", other["manifest_name"], one["id"])
    stores.change(folders.data, "UPDATE documents SET text_name = '../../x' WHERE job_id = ? AND number = 1", other["id"])
    report = folders.backup(code=1)
    assert {(p["code"], p["job"], p["document"]) for p in report["problems"]} == {
        ("blob_name", one["id"], 0), ("blob_name", other["id"], 1)}  # fmt: skip


def test_a_store_in_which_nothing_ran(folders, tmp_path):
    empty = tmp_path / "fresh"
    assert folders.run("order", "--sample", 3, data=empty).returncode == 0
    report = folders.backup(data=empty)
    assert (report["jobs"], report["documents"], report["blobs"]) == (3, 0, 0)
    assert folders.json("restore", folders.dir, data=tmp_path / "restored")["jobs"] == 3
    assert stores.facts(tmp_path / "restored") == stores.facts(empty)


# ---- killed ----


@pytest.mark.parametrize("point,hit", CASES, ids=[f"{p}:{h}" for p, h in CASES])
def test_a_backup_killed(folders, point, hit):
    """The backup is the old one or the new one, and the next try makes it the new one."""
    folders.backup()
    old = stores.facts(folders.dir)
    folders.order_third()
    victim = judge.jobs_of(folders.data)[0]["id"]
    if point == "copy_blob":
        shutil.rmtree(stores.root(folders.dir) / "jobs" / judge.jobs_of(folders.data)[1]["id"])  # there is more to copy
        old = None
    elif point == "blob_removed":
        stores.pass_days(folders.data, 2)
        assert folders.run("purge", "--job", victim).returncode == 0
    folders.killed_at(f"{point}:{hit}", "backup", folders.dir)
    done = point in ("after_copy_commit", "blob_removed")
    if old:
        assert stores.facts(folders.dir) == (stores.facts(folders.data) if done else old)
        stores.check_whole(folders.dir)
        if point != "blob_removed":
            folders.json("restore", folders.dir, data=folders.dir.parent / "restored")
            stores.check_whole(folders.dir.parent / "restored")
    folders.backup()
    folders.check_backup()
    assert (victim in stores.job_folders(folders.dir)) == (point != "blob_removed")


@pytest.mark.parametrize("point,hit", CASES[:-2], ids=[f"{p}:{h}" for p, h in CASES[:-2]])
def test_a_first_backup_killed(folders, point, hit):
    """What is not complete is no backup, and the next try goes on."""
    folders.killed_at(f"{point}:{hit}", "backup", folders.dir)
    assert not (folders.dir / "filesure.db").exists()
    text = folders.refused("restore", folders.dir, data=folders.dir.parent / "restored")
    assert "not a complete backup" in text
    there = len(stores.blobs(folders.dir))
    report = folders.backup()
    assert report["blobsThere"] == there
    folders.check_backup()


def test_every_point_is_reached(folders, tmp_path):
    """A case for a point that no backup comes to would kill nobody."""
    log = tmp_path / "faults"
    env = {"FILESURE_FAULT_LOG": log}
    folders.backup(env=env)
    stores.pass_days(folders.data, 2)
    assert folders.run("purge", "--job", judge.jobs_of(folders.data)[0]["id"]).returncode == 0
    folders.backup(env=env)
    assert workers.fault_names(log) >= set(POINTS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_stopped_by_a_person(folders, command, number):
    if command == "restore":
        folders.backup()
    data = folders.data if command == "backup" else folders.dir.parent / "restored"
    process = folders.stopped_at("copy_blob:40", command, folders.dir, data=data)
    process.signal(number)
    began = time.monotonic()
    text = folders.go_on(process, code=1)
    assert time.monotonic() - began < 2 * FACTOR
    assert "stopped: run it again and it goes on" in text
    assert not (folders.dir if command == "backup" else data).joinpath("filesure.db").exists()
    assert folders.json(command, folders.dir, data=data)["blobsThere"] == 40


def test_stopped_while_an_older_backup_is_there(folders):
    folders.backup()
    shutil.rmtree(stores.root(folders.dir))
    process = folders.stopped_at("copy_blob:40", "backup", folders.dir)
    process.signal(signal.SIGTERM)
    assert f"the backup in {folders.dir} is still the one from before: stopped" in folders.go_on(process, code=1)


# ---- what a backup may be made into ----


def files_below(folder):
    """SQLite itself leaves an empty log and its index when a store was opened for reading only."""
    found = {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix not in (".db-shm", ".lock")}
    return {path: content for path, content in found.items() if content or not path.endswith(".db-wal")}


def check_refused(folders, where, text, data=None):
    """All but the store that would have been backed up is as it was, to the last byte."""
    data = data or folders.data
    everything = folders.data.parent
    own = str(data / "filesure.")
    before = {path: content for path, content in files_below(everything).items() if not path.startswith(own)}
    assert text in folders.refused("backup", where, data=data)
    assert {path: content for path, content in files_below(everything).items() if not path.startswith(own)} == before


def test_folders_that_are_refused(folders, tmp_path):
    data = folders.data
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "into").symlink_to(data / "blobs")
    check_refused(folders, data, "is the data folder itself")
    check_refused(folders, tmp_path / "link", "is the data folder itself")
    check_refused(folders, f"{data}/../store/", "is the data folder itself")
    check_refused(folders, data / "backup", "lies in the data folder")
    check_refused(folders, data / "new/and/newer", "lies in the data folder")
    check_refused(folders, tmp_path / "into", "lies in the data folder")
    check_refused(folders, str(data) + "/a" * 1900, "/a/a/a")
    check_refused(folders, tmp_path, "lies in")
    check_refused(folders, "/", "lies in")
    check_refused(folders, tmp_path / "none/../x", "not the path of a folder")
    assert not (data / "backup").exists() and not (data / "new").exists()
    (tmp_path / "full").mkdir(mode=0o755)
    (tmp_path / "full/thesis.txt").write_text("years of work")
    check_refused(folders, tmp_path / "full", "it holds thesis.txt")
    assert stat.S_IMODE((tmp_path / "full").stat().st_mode) == 0o755
    check_refused(folders, tmp_path / "full/thesis.txt", "thesis.txt")
    (tmp_path / "log").mkdir()
    (tmp_path / "log/filesure.db-wal").write_bytes(b"x")
    check_refused(folders, tmp_path / "log", "filesure.db-wal without its store")
    (tmp_path / "part/.partial").mkdir(parents=True)
    (tmp_path / "part/.partial/film.mkv").write_text("half a film")
    check_refused(folders, tmp_path / "part", "film.mkv, which is not filesure's")
    sister = f"{data}-2"  # a name that starts with the data folder's
    assert folders.run("backup", sister).returncode == 0


def test_another_data_folder_is_no_backup(folders, tmp_path):
    """A slip of the hand must not overwrite what somebody works with."""
    other = tmp_path / "other"
    shutil.copytree(folders.data, other)
    check_refused(folders, other, "is no backup")
    folders.backup()
    assert folders.run("backup", tmp_path / "second", data=other).returncode == 0  # its own log says "backup" now
    check_refused(folders, other, "is no backup, or was worked with since")
    assert folders.run("order", CIN_3, data=folders.dir).returncode == 0  # a backup that somebody works with
    check_refused(folders, folders.dir, "worked with since")
    assert CIN_3 in {job["cin"] for job in judge.jobs_of(folders.dir)}
    assert folders.run("backup", folders.dir, "--replace").returncode == 1


def test_a_backup_of_another_store_is_not_overwritten(folders, tmp_path):
    """The night after the data folder was lost, `up` has made an empty store, and the timer makes a backup of it."""
    folders.backup()
    before = stores.facts(folders.dir), stores.blobs(folders.dir)
    fresh = tmp_path / "fresh"
    assert folders.run("order", "--sample", 2, data=fresh).returncode == 0
    assert "jobs that this store never had" in folders.refused("backup", folders.dir, data=fresh)
    assert (stores.facts(folders.dir), stores.blobs(folders.dir)) == before
    assert folders.run("backup", "--replace", folders.dir, data=fresh).returncode == 0
    assert stores.facts(folders.dir) == stores.facts(fresh) and stores.blobs(folders.dir) == {}


def test_a_backup_that_workers_went_on_with_is_not_overwritten(folders, tmp_path):
    """Workers leave nothing in the audit log; what they did is seen all the same."""
    store = tmp_path / "pending"
    assert folders.run("order", "--sample", 1, data=store).returncode == 0
    assert folders.run("backup", folders.dir, data=store).returncode == 0
    up = ("--port", 0, "--portal-port", 0, *FAST, "--exit-when-idle")
    assert folders.run("up", *up, data=folders.dir, deadline_s=100).returncode == 0
    check_refused(folders, folders.dir, "worked with since", data=store)


def test_a_restored_older_store_does_not_overwrite_the_newer_backup(folders, tmp_path):
    old, lost = tmp_path / "old", tmp_path / "lost"
    assert folders.run("backup", old).returncode == 0
    folders.order_third()
    folders.backup()
    folders.data.rename(lost)
    assert folders.run("restore", old).returncode == 0
    check_refused(folders, folders.dir, "jobs that this store never had")
    assert len(stores.job_ids(folders.dir)) == 3


def test_a_store_of_an_older_version_is_left_as_it_is(folders, tmp_path):
    other = tmp_path / "older"
    other.mkdir()
    with contextlib.closing(sqlite3.connect(other / "filesure.db")) as db:
        db.executescript(STORE_V1.read_text())
    check_refused(folders, other, "version 1")


def test_a_backup_that_was_opened_to_others_stays_so(folders):
    folders.backup()
    folders.dir.chmod(0o750)
    folders.backup()
    assert stat.S_IMODE(folders.dir.stat().st_mode) == 0o750


def test_a_backup_after_everything_was_purged(folders):
    folders.backup()
    stores.pass_days(folders.data, 2)
    assert folders.json("purge", "--before", "2100-01-01")["purged"] == 2
    assert folders.run("order", CIN_3).returncode == 0
    report = folders.backup()
    assert (report["jobs"], report["blobs"]) == (1, 0) and report["blobsRemoved"] > 100
    assert stores.blobs(folders.dir) == {}
    folders.fsck(folders.dir)


def test_two_at_once(folders):
    first = folders.stopped_at("copy_blob:10", "backup", folders.dir)
    assert "backup or restore runs on" in folders.refused("backup", folders.dir)
    folders.go_on(first)
    second = folders.stopped_at("before_copy_commit", "backup", folders.dir)
    assert "is in use by another filesure" in folders.refused("restore", folders.dir, data=folders.dir.parent / "restored")
    up = folders.run("up", "--port", 0, "--no-portal", data=folders.dir)
    assert up.returncode == 1 and "backup or restore runs on" in up.stderr
    folders.go_on(second)
    folders.check_backup()


def test_a_log_that_a_crash_left_in_the_backup(folders):
    """It is folded in: the new store must not take it for its own, and a restore must not lose it."""
    folders.backup()
    leave_log(folders.dir, "from the log")
    restored = folders.dir.parent / "restored"
    folders.json("restore", folders.dir, data=restored)
    assert stores.rows(restored, "SELECT error_message FROM jobs")[0]["error_message"] == "from the log"
    leave_log(folders.dir, "another")
    folders.backup()
    folders.check_backup()


def leave_log(data, text):
    """A process changes rows and dies without closing the store."""
    source = (
        "import sqlite3, os, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA journal_mode=WAL');"
        "db.execute('UPDATE jobs SET error_message = ?', sys.argv[2:]); db.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", source, data / "filesure.db", text], check=True)
    assert (data / "filesure.db-wal").stat().st_size > 0


def test_a_backup_that_another_process_has_open(folders):
    folders.backup()
    folders.order_third()
    old = stores.facts(folders.dir)
    reader = sqlite3.connect(folders.dir / "filesure.db")
    assert reader.execute("SELECT count(*) FROM jobs").fetchone()[0] == 2
    text = folders.refused("backup", folders.dir)
    assert "is open in another process" in text
    assert "is open in another process" in folders.refused("restore", folders.dir, data=folders.dir.parent / "restored")
    assert stores.facts(folders.dir) == old
    reader.close()
    folders.backup()
    folders.check_backup()


def test_a_backup_that_another_process_opens_meanwhile(folders):
    """Its log must not come to lie beside the new store."""
    folders.backup()
    folders.order_third()
    old = stores.facts(folders.dir)
    process = folders.stopped_at("after_copy_blobs", "backup", folders.dir)
    reader = sqlite3.connect(folders.dir / "filesure.db")
    assert reader.execute("SELECT count(*) FROM jobs").fetchone()[0] == 2
    assert "is still the one from before" in folders.go_on(process, code=1)
    reader.close()
    assert stores.facts(folders.dir) == old
    folders.backup()
    folders.check_backup()


def test_a_backup_that_was_repaired_is_still_one(folders):
    folders.backup()
    job = judge.jobs_of(folders.dir)[0]["id"]
    content = b"named by nothing"
    left = stores.root(folders.dir) / f"jobs/{job}/document_1.{hashlib.sha256(content).hexdigest()[:16]}.txt"
    left.write_bytes(content)
    assert folders.json("fsck", "--repair", data=folders.dir)["removed"] == 1
    assert folders.backup()["blobsCopied"] == 0
    folders.check_backup()


def test_a_folder_of_a_file_system_of_its_own(folders):
    (folders.dir / "lost+found").mkdir(parents=True)
    folders.backup()
    folders.check_backup()


# ---- jobs that are purged meanwhile ----


@pytest.mark.parametrize("point", ["after_copy_store", "copy_blob:50", "copy_blob:170", "after_copy_blobs"])
def test_a_purge_while_it_is_copied(folders, point):
    """Its blobs vanish under the backup: the job is not in the copy then, or it is there whole."""
    ids = [job["id"] for job in judge.jobs_of(folders.data)]
    stores.pass_days(folders.data, 2)
    process = folders.stopped_at(point, "backup", folders.dir)
    for job in ids:
        assert folders.json("purge", "--job", job)["purged"] == 1
    folders.go_on(process)
    stores.check_whole(folders.dir)
    kept = stores.job_ids(folders.dir)
    assert stores.job_folders(folders.dir) == kept
    purged = {job for job, _ in stores.audit(folders.dir, "purge")}
    assert kept | purged == set(ids) and not kept & purged
    assert len(kept) == {"after_copy_store": 0, "copy_blob:50": 0, "copy_blob:170": 1, "after_copy_blobs": 2}[point]
    folders.fsck(folders.dir)
    folders.backup()
    assert stores.job_ids(folders.dir) == set() and stores.blobs(folders.dir) == {}


def test_a_purge_that_a_crash_cut_short_before_the_backup(folders):
    victim = judge.jobs_of(folders.data)[0]["id"]
    folders.backup()
    stores.pass_days(folders.data, 2)
    folders.killed_at("after_purge_store", "purge", "--job", victim)
    report = folders.backup()
    assert report["jobs"] == 1 and report["blobsRemoved"] > 50
    folders.check_backup()
    assert stores.rows(folders.dir, "SELECT * FROM purged") == []


# ---- at work ----


@pytest.fixture
def portal(start):
    """A portal that the run under test never talks to."""
    return start("filesure-portal", "--listen", "127.0.0.1:0", *FAST).wait_port()


def start_up(start, data, *options):
    env = {"LEASE_SECONDS": "2"}
    up = ("--data", data, "--port", 0, "--portal-port", 0, "--workers", 4, *options)
    process = start("filesure", "up", *up, env=env)
    return process


def kill_all(process):
    below = processes.descendants(process.pid)
    process.kill()
    processes.kill(below)
    processes.wait_gone(below)


def test_backup_under_load_then_everything_lost(folders, start, portal, data_dir, tmp_path):
    """Orders, a backup while workers run, kill -9, the folder wiped, restored: everything goes on and comes to its end."""
    shutil.rmtree(folders.data)
    up = start_up(start, data_dir, "--orders", 5, "--latency-ms", "20-60")
    try:
        up.wait_line('"filesure is up"', 60)
        acknowledged = [job["id"] for job in judge.jobs_of(data_dir)]
        backups = 0
        while backups < 3:
            wait_until(lambda: stores.rows(data_dir, "SELECT id FROM documents LIMIT 1"), 60, "documents")
            placed = folders.json("order", "--sample", 1, data=data_dir)
            acknowledged.append(placed[0]["jobId"])
            report = folders.backup(data=data_dir, deadline_s=100)
            assert report["problems"] == []
            backups += 1
        open_jobs = stores.rows(folders.dir, "SELECT id FROM jobs WHERE status IN ('pending', 'processing')")
    finally:
        kill_all(up)
    stores.check_whole(folders.dir)
    assert open_jobs, "the backup was taken too late to mean anything"
    folders.fsck(folders.dir, notes=("leased",))
    shutil.rmtree(data_dir)

    folders.json("restore", folders.dir, data=data_dir)
    before = stores.facts(folders.dir, ("documents", "filings", "runs"))
    assert stores.facts(data_dir, ("documents", "filings", "runs")) == before
    assert stores.job_ids(data_dir) >= set(acknowledged)
    again = start_up(start, data_dir, "--orders", 0, *FAST, "--exit-when-idle")
    assert again.wait_exit(100) == 0, again.log()
    judge.check_all_completed(data_dir, portal, count=len(acknowledged))
    after = stores.facts(data_dir, ("documents", "filings", "runs"))
    assert all(before[table] <= after[table] for table in before)
    folders.fsck(data_dir, notes=("unnamed_blob",))


# ---- the disk ----


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return test_disk_full.Disk(tmp_path / "disk")


@pytest.fixture
def yard(start, run_program, disk):
    return workers.Yard(start, run_program, disk.path / "unused")


@test_disk_full.on_small_disk
def test_a_backup_on_a_full_disk(folders, disk, yard):
    """The error says it, the backup from before stays, and with room again it is made."""
    folders.dir = disk.path / "backup"
    for kilobytes in (0, 100, 300, 900, 2000):
        disk.leave(kilobytes)
        result = folders.run("backup", folders.dir)
        disk.free()
        assert result.returncode == 1 and ("No space left" in result.stderr or "no room" in result.stderr), result.stderr
        assert not (folders.dir / "filesure.db").exists()
    folders.backup()
    folders.order_third()
    old = stores.facts(folders.dir)
    for kilobytes in (0, 100, 300, 900):
        disk.leave(kilobytes)
        result = folders.run("backup", folders.dir)
        disk.free()
        assert result.returncode == 1 and "is still the one from before" in result.stderr, result.stderr
        assert stores.facts(folders.dir) == old
        stores.check_whole(folders.dir)
    folders.backup()
    folders.check_backup()
