"""bench/run still measures everything; its numbers are no test of a shared machine."""
import os
import re

import pytest
import support


@pytest.mark.slow
def test_every_measure_runs(run_program, tmp_path):
    folder = support.ROOT / "bench"
    before = sorted(os.listdir(folder))
    env = {"FILESURE_BIN": support.BIN}
    result = run_program(folder / "run", "--seconds", "0.5", "--where", tmp_path, env=env, deadline_s=110)
    assert result.returncode == 0, result.stdout + result.stderr
    verdicts = re.findall(r"^\S.*≥? ?\d.*(reached|MISSED)$", result.stdout, re.M)
    assert len(verdicts) == 6
    assert sorted(os.listdir(folder)) == before
    assert list(tmp_path.iterdir()) == []
