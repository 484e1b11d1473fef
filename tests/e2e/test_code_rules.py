"""tools/check-code: the tree keeps the rules, and each rule goes red on a sample that breaks it."""
import subprocess

import pytest
import support

CHECK = support.ROOT / "tools/check-code"
LONG_STATIC = "static void base_long(int a,\n                      int b) {\n" + "    base_x();\n" * 61 + "}\n"
LONG_FUNCTION = "void base_long(void)\n{\n" + "    base_x();\n" * 61 + "}\n"

VIOLATIONS = {
    "core may not include jobs": ("src/core/a.c", '#include "jobs/jobs.h"\n', 'core may not include "jobs/jobs.h"'),
    "api may not include net": ("src/api/a.c", '#include "net/http_client.h"\n', "api may not include"),
    "no path around the table": ("src/core/a.c", '#include "../jobs/jobs.h"\n', "core may not include"),
    "nobody includes the program": ("src/worker/a.c", '#include "pdf/child/read.h"\n', "worker may not include"),
    "the reader includes the wire only": ("src/pdf/child/a.c", '#include "pdf/pdf.h"\n', "pdf/child may not include"),
    "unknown folder": ("src/util/a.c", "\n", "not in the include table"),
    "curl outside net": ("src/portal/a.c", "#include <curl/curl.h>\n", "portal may not include <curl/curl.h>"),
    "sqlite outside jobs": ("src/cli/a.c", "#include <sqlite3.h>\n", "cli may not include"),
    "MuPDF outside the reader": ("src/pdf/a.c", "#include <mupdf/fitz.h>\n", "pdf may not include"),
    "jansson outside base": ("src/api/a.c", "#include <jansson.h>\n", "api may not include"),
    "strcpy": ("src/base/a.c", "void base_a(void) { strcpy(a, b); }\n", "banned function strcpy"),
    "sscanf": ("src/base/a.c", "int base_a(void) { return sscanf (a, b); }\n", "banned function sscanf"),
    "long function": ("src/base/a.c", LONG_FUNCTION, "function of 61 lines"),
    "long function, brace behind": ("src/base/a.c", LONG_FUNCTION.replace(")\n{", ") {"), "function of 61 lines"),
    "long static function": ("src/base/a.c", LONG_STATIC, "function of 61 lines"),
    "long file": ("src/base/a.c", "int base_x;\n" * 601, "601 lines"),
    "no guard": ("src/base/a.h", "int base_x;\n", "no #pragma once"),
    "home folder": ("docs/a.md", "see /home" + "/ann/notes\n", "a home folder"),
    "registry": ("Dockerfile", "RUN curl https://pypi" + ".org/x\n", "a package registry"),
}
CLEAN = {
    "src/base/buf.c": '#include "base/buf.h"\n#include <jansson.h>\n',
    "src/base/num.c": '// strcpy(a, b)\nint base_a(void) { return snprintf(a, 1, "gets()"); }\n',
    "src/base/buf.h": "#pragma once\n",
    "src/worker/run.c": '#include "jobs/jobs.h"\n#include "build_info.h"\n',
    "src/pdf/child/main.c": '#include "pdf/wire.h"\n#include <mupdf/fitz.h>\n',
    "tests/unit/test_a.c": "#include <curl/curl.h>\n",
}


def check(folder):
    return subprocess.run([CHECK, str(folder)], capture_output=True, text=True, check=False)


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_tree_keeps_the_rules():
    result = check(support.ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_violation_is_found(tmp_path, rule):
    for name, text in CLEAN.items():
        write(tmp_path, name, text)
    clean = check(tmp_path)
    assert (clean.returncode, clean.stdout) == (0, "")
    name, text, message = VIOLATIONS[rule]
    write(tmp_path, name, text)
    result = check(tmp_path)
    assert result.returncode == 1
    assert result.stdout.startswith(f"{name}:") and message in result.stdout
    assert len(result.stdout.splitlines()) == 1
