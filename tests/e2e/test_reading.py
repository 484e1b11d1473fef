"""filesure read: everything the simulated registry writes, and files made to be difficult."""
import hashlib
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import support
from reading import CIN, make_page, make_pdf, read, stream, text_of


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """[(truth, document, path)] of every filing of one company."""
    folder = tmp_path_factory.mktemp("simulated")
    done = support.run_program("filesure-portal", "--write", CIN, "--to", folder)
    assert done.returncode == 0, done.stderr
    truth = {entry["srn"]: entry for entry in json.loads((folder / "truth.json").read_text())}
    paths = [p for p in sorted(folder.glob("*.pdf")) if any(srn in p.name for srn in truth)]
    assert len(paths) == len(truth)
    with ThreadPoolExecutor(2) as pool:
        documents = list(pool.map(read, paths))
    return [(truth[path.stem.rpartition("-")[2]], doc, path) for path, doc in zip(paths, documents, strict=True)]


def of_shape(simulated, shape):
    found = [entry for entry in simulated if entry[0]["shape"] == shape]
    assert found
    return found


def values(document, kind):
    return [i["value"] for i in document["identifiers"] if i["kind"] == kind]


def iso(day):
    return "-".join(reversed(day.split("/")))


def test_form_and_version(simulated):
    for truth, document, path in simulated:
        number = {"letter": "letter", "scan": "scan"}.get(truth["shape"], truth["form"])
        version = {"v2": "V2", "v3": "V3"}.get(truth["shape"], truth["shape"])
        assert document["form"] == {"number": number, "version": version}, path


def test_identifiers(simulated):
    for truth, document, path in simulated:
        if truth["shape"] == "scan":
            assert document["identifiers"] == []
            continue
        assert values(document, "cin")[0] == truth["cin"], path
        if truth["shape"] != "v2":
            assert truth["srn"] in values(document, "srn"), path
        for field in truth.get("fields", []):
            if field["kind"] in ("din", "pan", "email", "frn") and field["value"]:
                assert field["value"] in values(document, field["kind"]), (path, field)


def test_v3_fields_with_their_sections(simulated):
    for truth, document, path in of_shape(simulated, "v3"):
        read_fields = [(f.get("section"), f["name"], f["value"]) for f in document["fields"]]
        for field in truth["fields"]:
            value = (field["value"] or "No") if field["kind"] == "check" else field["value"]
            assert (field["section"], field["label"], value) in read_fields, (path, field)
        # no question is read twice or made up: the form's language is the only one the tables do not hold
        assert len(read_fields) == len(truth["fields"]) + 1, path
        assert all(f["where"]["page"] >= 1 and f["confidence"] >= 0.9 for f in document["fields"])


def test_v3_dates(simulated):
    for truth, document, path in of_shape(simulated, "v3"):
        dates = {d["value"] for d in document["dates"]}
        assert {iso(f["value"]) for f in truth["fields"] if f["kind"] == "date" and f["value"]} <= dates, path


def test_v3_text_is_in_reading_order(simulated):
    for truth, document, path in of_shape(simulated, "v3"):
        text = text_of(document)
        at = 0
        for field in truth["fields"]:
            if field["kind"] not in ("radio", "check") and len(field["value"]) < 40:
                found = text.find("\n" + field["value"] + "\n", at)
                assert found >= 0, (path, field)
                at = found


def xfa_path(path):
    """AOC4/SECTION_3[2]/CIN of the truth as the reader writes it: data[0].AOC4[0].SECTION_3[1].CIN[0]."""
    parts = ["data[0]"]
    for part in path.split("/"):
        name, _, index = part.rstrip("]").partition("[")
        parts.append(f"{name}[{int(index) - 1 if index else 0}]")
    return ".".join(parts)


def test_v2_xfa_and_acroform(simulated):
    for truth, document, path in of_shape(simulated, "v2"):
        xfa = {f["where"]["xfa"]: f["value"] for f in document["fields"] if "xfa" in f["where"]}
        form = {f["where"]["acroform"]: f for f in document["fields"] if "acroform" in f["where"]}
        for field in truth["fields"]:
            assert xfa[xfa_path(field["xfa"])] == field["data"], (path, field)
            expected = field["value"]
            if field["kind"] == "radio":
                expected = field["data"] or "Off"
            elif field["kind"] == "check":
                expected = "1" if field["value"] else "Off"
            read_field = form[field["acroform"]]
            assert read_field["value"] == expected, (path, field)
            assert read_field["where"]["page"] >= 1
            if field["kind"] == "radio" and field["data"]:
                assert (read_field["kind"], read_field["export"]) == ("button", field["data"])
        assert len(xfa) == len(form) == len(truth["fields"]), path


def test_v2_signature(simulated):
    for _, document, path in of_shape(simulated, "v2"):
        (signature,) = document["signatures"]
        assert signature["signed"] and signature["coversFile"], path
        start, first, second, rest = signature["byteRange"]
        assert start == 0 and second + rest == path.stat().st_size and first < second


def test_attachments(simulated):
    some = 0
    for truth, document, path in simulated:
        expected = truth.get("attachments", [])
        got = [(a["slot"], a["name"], a["declaredType"], a["type"], a["bytes"]) for a in document["attachments"]]
        assert sorted(got) == sorted((a["slot"], a["name"], a["declared"], a["type"], a["bytes"]) for a in expected), path
        some += len(expected)
    assert some > 0


def test_letters(simulated):
    for truth, document, path in of_shape(simulated, "letter"):
        words = " ".join(text_of(document).split())
        for paragraph in truth["paragraphs"]:
            assert paragraph in words, (path, paragraph)
        assert truth["filedOn"] in [d["value"] for d in document["dates"]]


def test_scans_give_ok_and_no_text(simulated):
    for _, document, path in of_shape(simulated, "scan"):
        assert document["outcome"] == "ok" and text_of(document).strip("\f") == "", path
        assert all(page["imagePercent"] >= 50 for page in document["pages"])


def test_same_bytes_same_json(simulated):
    for _, _, path in simulated[::7]:
        outputs = {support.run_program("filesure", "read", path).stdout for _ in range(3)}
        assert len(outputs) == 1
        assert hashlib.sha256(path.read_bytes()).hexdigest() in outputs.pop()


# ---- files made to be difficult ----

# a sanitizer's allocator is so slow that the time is over first
TOO_MUCH = ("memory",) if support.FACTOR == 1 else ("memory", "time")


def read_bytes(tmp_path, data):
    path = tmp_path / "file.pdf"
    path.write_bytes(data)
    return read(path)


def warnings(document):
    return [w["code"] for w in document["warnings"]]


def test_outcomes(tmp_path):
    assert read_bytes(tmp_path, b"")["outcome"] == "refused"
    assert read_bytes(tmp_path, b"<html>sorry</html>")["outcome"] == "refused"
    assert read_bytes(tmp_path, b"%PDF-1.7\n%%EOF")["outcome"] == "damaged"
    assert read_bytes(tmp_path, make_page(b"BT /F1 9 Tf (x) Tj ET")[:200])["outcome"] == "damaged"


def test_password(tmp_path):
    plain, locked = tmp_path / "plain.pdf", tmp_path / "locked.pdf"
    plain.write_bytes(make_page(b"BT /F1 9 Tf 50 50 Td (secret) Tj ET"))
    for user, outcome in (("open", "password"), ("", "ok")):
        subprocess.run(["qpdf", "--encrypt", user, "owner", "256", "--", plain, locked], check=True)
        document = read(locked)
        assert document["outcome"] == outcome
        assert "secret" not in json.dumps(document) or (outcome == "ok" and document["pdf"]["encrypted"])


def test_a_page_with_too_much_text_is_cut(tmp_path):
    line = b"BT /F1 9 Tf 50 50 Td (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) Tj ET\n"
    data = make_page(line * 400_000, compress=True)
    assert len(data) < 200_000
    document = read_bytes(tmp_path, data)
    assert document["outcome"] == "ok"
    assert document["pages"][0]["cut"]


def test_one_text_that_takes_too_much_memory(tmp_path):
    glyphs = b"BT /F1 9 Tf 50 50 Td " + b"(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) Tj\n" * 400_000 + b"ET"
    assert read_bytes(tmp_path, make_page(glyphs, compress=True))["outcome"] in TOO_MUCH


def test_a_structure_that_takes_too_much_memory(tmp_path):
    numbers = b"[" + b"0 " * 40_000_000 + b"]"
    objects = stream(b"2 0 " + numbers, b"/Type/ObjStm/N 1/First 4", compress=True)
    # object 2, the page tree, lies in an object stream: the cross-reference has to be a stream, too
    body = bytearray(b"%PDF-1.7\n")
    offsets = {}
    for number, content in ((1, b"<</Type/Catalog/Pages 2 0 R>>"), (3, objects)):
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(body)
    rows = [(0, 0, 65535), (1, offsets[1], 0), (2, 3, 0), (1, offsets[3], 0), (1, table, 0)]
    packed = b"".join(bytes([kind]) + at.to_bytes(4, "big") + more.to_bytes(2, "big") for kind, at, more in rows)
    body += b"4 0 obj\n%s\nendobj\n" % stream(packed, b"/Type/XRef/Size 5/W[1 4 2]/Root 1 0 R")
    body += b"startxref\n%d\n%%%%EOF\n" % table
    document = read_bytes(tmp_path, bytes(body))
    assert document["outcome"] in TOO_MUCH


def test_an_attachment_bomb_is_listed_as_unreadable(tmp_path):
    bomb = stream(bytes(300 << 20), b"/Type/EmbeddedFile", compress=True)
    pdf = make_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(1)4 0 R(2)6 0 R]>>>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
            b"<</Type/Filespec/F(../../etc/passwd)/EF<</F 5 0 R>>>>",
            stream(b"MZ small", b"/Subtype/text#2fplain"),
            b"<</Type/Filespec/F(bomb)/EF<</F 7 0 R>>>>",
            bomb,
        ]
    )
    assert len(pdf) < 1_000_000
    document = read_bytes(tmp_path, pdf)
    small, big = document["attachments"]
    assert (small["name"], small["declaredType"], small["type"]) == ("../../etc/passwd", "text/plain", "application/x-msdownload")
    assert small["sha256"] == hashlib.sha256(b"MZ small").hexdigest()
    assert big["unreadable"] and "sha256" not in big
    assert "attachment_unreadable" in warnings(document)


def test_more_than_500_pages(tmp_path):
    kids = b" ".join(b"%d 0 R" % (3 + i) for i in range(600))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"
    pdf = make_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 600/Kids[%s]>>" % kids] + [page] * 600)
    document = read_bytes(tmp_path, pdf)
    assert (document["pageCount"], len(document["pages"])) == (600, 500)
    assert warnings(document) == ["pages_limited"]


def test_names_and_text_cannot_break_out(tmp_path):
    content = b"BT /F1 9 Tf 50 50 Td (<script>\"\\\\\\007\\033[31m\\f\\n) Tj ET"
    document = read_bytes(tmp_path, make_page(content))
    assert "<script>" in text_of(document)
    assert all(c >= " " for page in document["pages"] for line in page["lines"] for c in line["text"])


def test_javascript_is_not_run(tmp_path):
    script = b"<</S/JavaScript/JS(this.getField\\('a'\\).value='ran')>>"
    pdf = make_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/OpenAction %s/AcroForm<</NeedAppearances true/Fields[4 0 R]>>>>" % script,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[4 0 R]/AA<</O %s>>>>" % script,
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(shown)/Rect[50 50 200 70]/AA<</C %s/F %s>>>>" % (script, script),
        ]
    )
    document = read_bytes(tmp_path, pdf)
    assert [f["value"] for f in document["fields"]] == ["shown"]
    assert "ran" not in json.dumps(document)


# ---- the processes ----


def endless():
    """Forms that draw forms: 10^12 steps."""
    forms = []
    for i in range(12):
        inner = b"/X Do " * 10 if i < 11 else b"0 0 1 1 re f"
        forms.append(stream(inner, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (7 + i)))
    return make_page(b"/X Do", resources=b"/XObject<</X 6 0 R>>", more=[*forms, b"null"])


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_helper_owns_nothing(start, tmp_path):
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless())
    host = start("filesure", "read", path, env={"AZURE_BLOB_CONN": "AccountKey=hidden", "SECRET": "hidden"})

    def pids():
        """The helper and the process of the document: the one that writes to a pipe (its self-test's do not)."""
        for zygote in children(host.pid):
            for child in children(zygote):
                try:
                    if os.readlink(f"/proc/{child}/fd/3").startswith("pipe:") and status_of(child)["Seccomp"] == "2":
                        return zygote, child
                except OSError:
                    pass
        return None

    zygote, child = support.wait_until(pids, 20, "a confined process of the document")
    assert status_of(zygote)["NoNewPrivs"] == status_of(child)["NoNewPrivs"] == "1"
    for pid in (zygote, child):
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""
    open_files = {name: os.readlink(f"/proc/{child}/fd/{name}") for name in os.listdir(f"/proc/{child}/fd")}
    assert set(open_files) == {"0", "1", "2", "3"}
    assert all(open_files[name] == "/dev/null" for name in "012")
    limits = Path(f"/proc/{child}/limits").read_text()
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()[1:]}
    assert rows["Max cpu time"][:2] == ["20", "21"]
    assert rows["Max file size"][0] == rows["Max core file size"][0] == "0"
    assert rows["Max open files"][0] == "16"
    assert rows["Max address space"][0] in (str(1 << 30), "unlimited")  # none in a sanitizer build
    host.kill()
    support.wait_until(lambda: not alive(zygote) and not alive(child), 20, "the helper ends with its host")


def alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except OSError:
        return False


def test_the_helper_is_no_use_by_itself(run_program):
    done = run_program("filesure-pdf")
    assert done.returncode == 64 and "filesure read" in done.stderr


@pytest.mark.slow
def test_computing_time_is_limited(tmp_path):
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless())
    begin = time.monotonic()
    document = read(path)
    assert document["outcome"] == "time"
    assert time.monotonic() - begin < 45 * support.FACTOR
