"""What the tests of backup and restore share: a data folder, where its backup goes, and the points at which either dies."""
import json
import shutil
import signal

import judge
import stores
import workers
from support import wait_until

CIN_3 = judge.CINS[2]
FAST = ("--latency-ms", "0-0")
# point: at which of its arrivals a backup or a restore of two jobs dies
POINTS = {
    "store_copying": (1,),
    "store_copied": (1,),
    "after_copy_store": (1,),
    "copy_blob": (1, 90),
    "after_copy_blobs": (1,),
    "before_copy_commit": (1,),
    "after_copy_commit": (1,),
    "blob_removed": (1,),
}


class Folders:
    """A data folder with two completed jobs, and where its backup goes."""

    def __init__(self, finished, folder, start, run_program):
        self.data, self.dir, self.start, self.run_program = folder / "store", folder / "backup", start, run_program
        shutil.copytree(finished, self.data)

    def run(self, *words, data=None, **options):
        return self.run_program("filesure", words[0], "--data", data or self.data, *words[1:], **options)

    def json(self, *words, code=0, data=None, **options):
        result = self.run(words[0], "--json", *words[1:], data=data, **options)
        assert result.returncode == code, (result.stdout, result.stderr)
        return json.loads(result.stdout)

    def backup(self, *options, code=0, **more):
        return self.json("backup", self.dir, *options, code=code, **more)

    def refused(self, *words, data=None):
        """The command says no in one line and changes nothing anywhere."""
        result = self.run(*words, data=data)
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        assert result.stderr.count("\n") == 1
        return result.stderr

    def fsck(self, data, notes=()):
        """A backup is a data folder of its own."""
        report = self.json("fsck", data=data)
        assert report["problems"] == []
        assert {n["code"] for n in report["notes"]} <= set(notes)

    def check_backup(self, of=None):
        """Whole, and what the store is."""
        stores.check_whole(self.dir)
        assert stores.facts(self.dir) == stores.facts(of or self.data)
        assert not list(self.dir.glob("filesure.db-*")) and not (self.dir / ".partial").exists()
        assert set(stores.blobs(self.dir)) == stores.named_blobs(self.dir)
        self.fsck(self.dir)

    def order_third(self):
        assert self.run("order", CIN_3).returncode == 0
        up = ("--port", 0, "--portal-port", 0, *FAST, "--exit-when-idle")
        result = self.run("up", *up, deadline_s=100)
        assert result.returncode == 0, result.stderr

    def stopped_at(self, point, *words, data=None):
        """A command that has stopped itself there."""
        command = (words[0], "--data", data or self.data, *words[1:])
        process = self.start("filesure", *command, env={"FILESURE_FAULT": f"stop:{point}"})
        wait_until(lambda: workers.state(process.pid) in "TZ", 30, f"stopped at {point}")
        assert process.running(), process.log()
        return process

    def go_on(self, process, code=0):
        process.signal(signal.SIGCONT)
        assert process.wait_exit() == code, process.log()
        return process.log()

    def killed_at(self, point, *words, data=None):
        result = self.run(*words, data=data, env={"FILESURE_FAULT": f"kill:{point}"})
        assert result.returncode == -signal.SIGKILL, (point, result.stderr)
