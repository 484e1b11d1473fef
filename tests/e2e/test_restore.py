"""filesure restore: the data folder becomes what the backup holds, whole or not at all."""
import fcntl
import os
import shutil
import stat

import judge
import pytest
import stores
import test_disk_full
import workers
from backups import CIN_3, POINTS, Folders

MS_RDONLY, MS_REMOUNT = 1, 32
BACKUP_ONLY = ("store_copying", "store_copied", "blob_removed")
CASES = [(point, hit) for point, hits in POINTS.items() for hit in hits if point not in BACKUP_ONLY]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return judge.make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def folders(finished, tmp_path, start, run_program):
    return Folders(finished, tmp_path, start, run_program)


def test_a_restore_into_another_folder(folders, tmp_path):
    taken = folders.backup()["takenAt"]
    data = tmp_path / "new/data"
    report = folders.json("restore", folders.dir, data=data)
    assert report["takenAt"] == taken
    assert (report["jobs"], report["blobsCopied"], report["problems"]) == (2, len(stores.blobs(folders.data)), [])
    assert stores.facts(data) == stores.facts(folders.data) and stores.blobs(data) == stores.blobs(folders.data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    folders.fsck(data)
    [(_, said)] = stores.audit(data, "restore")
    assert said["takenAt"] == taken and said["jobs"] == 2
    text = folders.run("restore", folders.dir, data=tmp_path / "third")
    assert f"holds the backup taken at {taken}" in text.stdout
    folders.backup(data=data)  # the backup goes on being one of the restored store


def test_a_restore_never_replaces_a_store(folders, tmp_path):
    folders.backup()
    before = stores.facts(folders.data)
    text = folders.refused("restore", folders.dir)
    assert f"{folders.data}/filesure.db is there" in text and "move" in text
    assert stores.facts(folders.data) == before and stores.audit(folders.data, "restore") == []
    for left in ("filesure.db-wal", "filesure.db-journal"):
        (tmp_path / left).mkdir()
        (tmp_path / left / left).write_bytes(b"what another store left")
        assert left in folders.refused("restore", folders.dir, data=tmp_path / left)


def test_a_store_that_comes_to_be_meanwhile(folders, tmp_path):
    folders.backup()
    data = tmp_path / "restored"
    assert folders.run("order", CIN_3, data=tmp_path / "other").returncode == 0
    process = folders.stopped_at("before_copy_commit", "restore", folders.dir, data=data)
    shutil.copy(tmp_path / "other/filesure.db", data)
    assert "came to be meanwhile" in folders.go_on(process, code=1)
    assert {job["cin"] for job in judge.jobs_of(data)} == {CIN_3}


def test_a_folder_that_is_in_use(folders, tmp_path):
    folders.backup()
    data = tmp_path / "restored"
    data.mkdir()
    with open(data / "up.lock", "w") as file:
        file.write(str(os.getpid()))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert '"filesure up", backup or restore runs on' in folders.refused("restore", folders.dir, data=data)
    folders.json("restore", folders.dir, data=data)


def test_what_is_no_backup(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text/filesure.db").write_text("no database\n" * 1000)
    restored = tmp_path / "restored"
    for name, text in (("empty", "not a complete backup"), ("none", "not a complete backup"), ("text", "")):
        assert text in folders.refused("restore", tmp_path / name, data=restored)
        assert not (restored / "filesure.db").exists()
    assert "is the data folder itself" in folders.refused("restore", folders.data)
    for data in (tmp_path, folders.data / "x"):
        assert "lies in" in folders.refused("restore", folders.data, data=data)


def test_a_copy_that_somebody_made_by_hand(folders, tmp_path):
    """Not one of ours, but a store and its blobs."""
    data = tmp_path / "restored"
    report = folders.json("restore", folders.data, data=data)
    assert report["takenAt"] is None and report["problems"] == []
    assert "nobody knows when" in folders.run("restore", folders.data, data=tmp_path / "again").stdout
    folders.fsck(data)


def test_what_was_damaged_in_the_backup(folders, tmp_path):
    folders.backup()
    name = sorted(stores.named_blobs(folders.dir))[7]
    (stores.root(folders.dir) / name).write_bytes(b"damaged")
    data = tmp_path / "restored"
    report = folders.json("restore", folders.dir, data=data, code=1)
    assert [p["code"] for p in report["problems"]] == ["blob_damaged"] and name in report["problems"][0]["message"]
    assert stores.facts(data) == stores.facts(folders.data)
    assert set(stores.blobs(data)) == set(stores.blobs(folders.data)) - {name}


@pytest.mark.parametrize("point,hit", CASES, ids=[f"{p}:{h}" for p, h in CASES])
def test_a_restore_killed(folders, point, hit):
    """Until it is whole there is no store, and the next try goes on."""
    folders.backup()
    before = stores.facts(folders.dir), stores.blobs(folders.dir)
    data = folders.dir.parent / "restored"
    folders.killed_at(f"{point}:{hit}", "restore", folders.dir, data=data)
    if point == "after_copy_commit":
        assert "never replaces a store" in folders.refused("restore", folders.dir, data=data)
    else:
        assert not (data / "filesure.db").exists()
        for words in (("order", CIN_3), ("up", "--port", 0, "--no-portal")):  # nobody takes it for an empty one
            assert "has not come to its end" in folders.refused(*words, data=data)
        there = len(stores.blobs(data)) if (data / "blobs").exists() else 0
        assert folders.json("restore", folders.dir, data=data)["blobsThere"] == there
        assert not (data / ".partial").exists()
    assert stores.facts(data) == stores.facts(folders.data) == before[0]
    assert (stores.facts(folders.dir), stores.blobs(folders.dir)) == before
    stores.check_whole(data)
    folders.fsck(data)
    assert len(stores.audit(data, "restore")) == 1


# ---- the disk ----


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return test_disk_full.Disk(tmp_path / "disk")


@pytest.fixture
def yard(start, run_program, disk):
    return workers.Yard(start, run_program, disk.path / "unused")


@test_disk_full.on_small_disk
def test_a_restore_on_a_full_disk(folders, disk, yard):
    folders.backup()
    data = disk.path / "data2"
    for kilobytes in (0, 100, 300, 900, 2000):
        disk.leave(kilobytes)
        result = folders.run("restore", folders.dir, data=data)
        disk.free()
        assert result.returncode == 1 and ("No space left" in result.stderr or "no room" in result.stderr), result.stderr
        assert not (data / "filesure.db").exists()
    folders.json("restore", folders.dir, data=data)
    folders.fsck(data)


@test_disk_full.on_small_disk
def test_a_restore_from_where_nothing_can_be_written(folders, disk, yard):
    folders.dir = disk.path / "backup"
    folders.backup()
    remount = MS_REMOUNT | MS_RDONLY
    test_disk_full.call(test_disk_full.libc.mount, None, os.fsencode(disk.path), None, remount, None)
    with pytest.raises(OSError):
        (folders.dir / "x").touch()
    data = folders.data.parent / "restored"
    folders.json("restore", folders.dir, data=data)
    assert stores.facts(data) == stores.facts(folders.data)
    folders.fsck(data)
    assert "Read-only" in folders.refused("backup", folders.dir)
