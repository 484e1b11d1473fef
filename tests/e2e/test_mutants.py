"""tests/mutants: every patch has its header, changes one file of src/, names suites that exist and applies to the tree.

Whether each makes its suite red is what `make mutants` finds out.
"""
import importlib.machinery
import importlib.util
import subprocess

import pytest
import support

PATCHES = sorted((support.ROOT / "tests/mutants").rglob("*.patch"))


def load_tool():
    loader = importlib.machinery.SourceFileLoader("mutants", str(support.ROOT / "tools/mutants"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
    loader.exec_module(module)
    return module


def test_mutants_apply():
    mutants = load_tool()
    found = [mutants.read_mutant(path) for path in PATCHES]
    assert len(found) > 120 and {m.path for m in found} == set(mutants.find_mutants([]))
    assert all(m.path.parent.parent.name == "mutants" for m in found)
    bad = []
    for mutant in found:
        result = subprocess.run(
            ["git", "apply", "--check", mutant.path], cwd=support.ROOT, capture_output=True, text=True, check=False
        )
        bad += [f"{mutant.name}: {result.stderr}"] if result.returncode else []
    assert not bad, "\n".join(bad)


HEAD = "guard: x\nsuite: unit:url\n"
DIFF = "--- a/src/base/url.c\n+++ b/src/base/url.c\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize(
    "text,message",
    [
        (DIFF, "the first two lines"),
        ("guard: x\n" + DIFF, "the first two lines"),
        ("guard: \nsuite: unit:url\n" + DIFF, "the first two lines"),
        (HEAD, "one file of src/"),
        (HEAD + DIFF + DIFF.replace("url", "num"), "one file of src/"),
        (HEAD + DIFF.replace("src", "tests"), "one file of src/"),
        (HEAD.replace("url", "no_such_suite") + DIFF, "there is no suite unit:no_such_suite"),
    ],
)
def test_what_is_no_mutant(tmp_path, text, message):
    (tmp_path / "x.patch").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_tool().read_mutant(tmp_path / "x.patch")


def test_a_suite_and_what_is_for_pytest():
    assert load_tool().suites_of("unit:url e2e:test_fsck -k 'a or b'") == (["unit:url", "e2e:test_fsck"], ["-k", "a or b"])
