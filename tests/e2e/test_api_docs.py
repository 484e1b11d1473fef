"""docs/api.md is true: every command is run, and prints what stands below it, up to ids, times and numbers."""

import json
import re
import shutil
import subprocess

import api_client as api
import pytest
import support


def blocks():
    text = (support.ROOT / "docs/api.md").read_text()
    return re.findall(r"^```(sh|json|text)\n(.*?)^```$", text, re.M | re.S)


def shape(value):
    """Names and kinds; the texts that are words of the interface."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str) and re.fullmatch(r"/problems/\w+|[a-z]+|companies\[\d+\]\.cin", value):
        return value
    return type(value).__name__


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_every_example_is_true(start, data_dir, tmp_path):
    server = api.Api(start, data_dir).wait_ready()
    script, checked = "set -u\n", 0
    found = blocks()
    for (kind, text), (next_kind, expected) in zip(found, [*found[1:], ("", "")], strict=True):
        if kind != "sh":
            continue
        text = text.replace("http://localhost:5001", f"http://127.0.0.1:{server.port}")
        assignments = "".join(line + "\n" for line in text.splitlines() if re.match(r"[A-Z]+=", line))
        result = subprocess.run(
            ["bash", "-c", script + text], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        script += assignments
        if next_kind == "json":
            assert shape(json.loads(result.stdout)) == shape(json.loads(expected)), f"{text}\n{result.stdout}"
            checked += 1
        elif next_kind == "text":
            assert result.stdout == expected, text
            checked += 1
    assert checked >= 10
