"""The processes below one of ours, as /proc shows them."""
import os
import signal
from pathlib import Path

import support


def _parents():
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            parents[int(path.parent.name)] = int(fields[1])
    return parents


def descendants(pid):
    """Every living process below pid."""
    parents = _parents()
    found, last = {pid}, 0
    while len(found) != last:
        last = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def name(pid):
    try:
        return Path(os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])).name
    except OSError:
        return ""


def below(pid, program):
    """The processes of a program below pid, in order of their ids."""
    return sorted(p for p in descendants(pid) if name(p) == program)


def kill(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_gone(pids, deadline_s=30):
    """Waits until none of them lives; the test fails naming those that do (and kills them)."""
    try:
        support.wait_until(lambda: not any(map(support.process_alive, pids)), deadline_s, "all processes gone")
    except AssertionError:
        left = {pid: name(pid) for pid in pids if support.process_alive(pid)}
        kill(left)
        raise AssertionError(f"still running: {left}") from None
