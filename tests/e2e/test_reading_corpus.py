"""Real PDFs of other people: none crashes the reader, and what it finds in them is what independent tools find."""
import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pikepdf
import pytest
import support
from reading import corpus, read


def run_tool(*arguments):
    done = subprocess.run(
        [sys.executable, support.ROOT / "tests/corpus/run", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_forty_files_and_forty_mutants():
    corpus()
    output = run_tool("--files", "40", "--mutants", "40", "--seed", "7")
    assert output.splitlines()[-1].endswith("0 failures")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_files_and_two_thousand_mutants():
    corpus()
    print(run_tool())


@pytest.fixture(scope="session")
def opened():
    """[(path, document, pikepdf's document)] of the files both can open."""
    paths = []
    for path in corpus():
        try:
            with pikepdf.open(path) as pdf:
                root = pdf.Root
                if "/AcroForm" in root or "/Names" in root or b"/FileAttachment" in path.read_bytes():
                    paths.append(path)
        except Exception:  # broken on purpose, in many ways
            continue
    with ThreadPoolExecutor(2) as pool:
        documents = list(pool.map(read, paths))
    return [(p, d) for p, d in zip(paths, documents, strict=True) if d["outcome"] == "ok"]


def embedded(pdf):
    """SHA-256 of every file in the name tree, walked here and not by pikepdf's own list."""
    found, seen = [], set()

    def walk(node, depth):
        if depth > 20 or not isinstance(node, pikepdf.Dictionary) or (node.objgen != (0, 0) and node.objgen in seen):
            return
        seen.add(node.objgen)
        names = list(node.get("/Names", []))
        for spec in names[1::2]:
            try:
                file = spec["/EF"]
                found.append(hashlib.sha256((file.get("/UF") or file["/F"]).read_bytes()).hexdigest())
            except (KeyError, TypeError, AttributeError, ValueError, pikepdf.PdfError):
                found.append(None)
        for kid in node.get("/Kids", []):
            walk(kid, depth + 1)

    walk(pdf.Root.get("/Names", pikepdf.Dictionary()).get("/EmbeddedFiles"), 0)
    return found


def test_attachments_equal_pikepdf(opened):
    compared = 0
    for path, document in opened:
        with pikepdf.open(path) as pdf:
            expected = [digest for digest in embedded(pdf) if digest]
        got = [a["sha256"] for a in document["attachments"] if not a["unreadable"] and a["slot"]]
        if expected or got:
            assert Counter(got) == Counter(expected), path
            compared += len(expected)
    assert compared >= 30


def test_attachments_equal_pdfdetach(opened, tmp_path):
    compared = 0
    for number, (path, document) in enumerate(opened):
        folder = tmp_path / str(number)
        folder.mkdir()
        if not document["attachments"] and b"/EmbeddedFile" not in path.read_bytes():
            continue
        command = ["pdfdetach", "-saveall", "-o", folder, path]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
        if done.returncode or done.stderr:
            continue
        # several annotations may name one file, and files of one name overwrite each other: sets are compared
        saved = {hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
        got = {a["sha256"] for a in document["attachments"] if not a["unreadable"]}
        names = [a["name"] for a in document["attachments"] if not a["unreadable"]]
        assert saved == got or (len(set(names)) < len(names) and saved < got), path
        compared += len(saved)
    assert compared >= 30


def text(value):
    """A field's value as the reader writes it."""
    if value is None:
        return ""
    if isinstance(value, pikepdf.Array):
        return "\n".join(text(item) for item in value)
    if isinstance(value, pikepdf.Stream):
        value = value.read_bytes().decode("utf-8", "replace")
    if isinstance(value, pikepdf.Name):
        return str(value).removeprefix("/")
    return re.sub(r"\r\n?", "\n", str(value))


def form_values(pdf):
    """{full name: (type, value)} of every terminal field, by a walk of this test's own."""
    found = {}

    def walk(field, name, kind, value, flags, above):
        if not isinstance(field, pikepdf.Dictionary) or field.objgen in above:
            return
        above = above | {field.objgen} if field.objgen != (0, 0) else above
        if "/T" in field and str(field["/T"]):
            name = f"{name}.{field['/T']}" if name else str(field["/T"])
        kind, value = field.get("/FT", kind), field.get("/V", value)
        flags = int(field.get("/Ff", flags))
        kids = list(field.get("/Kids", []))
        if any(isinstance(kid, pikepdf.Dictionary) and "/T" in kid for kid in kids):
            for kid in kids:
                walk(kid, name, kind, value, flags, above)
        elif kind in ("/Tx", "/Ch") or (kind == "/Btn" and not flags & 1 << 16):
            found[name] = (str(kind), value)

    for field in pdf.Root.get("/AcroForm", pikepdf.Dictionary()).get("/Fields", []):
        walk(field, "", None, None, 0, frozenset())
    found.pop("", None)
    return found


def test_acroform_values_equal_pikepdf(opened):
    compared = 0
    for path, document in opened:
        with pikepdf.open(path) as pdf:
            try:
                expected = form_values(pdf)
            except (TypeError, ValueError, pikepdf.PdfError):
                continue
            got = {f["where"]["acroform"]: f for f in document["fields"] if "acroform" in f["where"]}
            assert set(got) == set(expected), path
            for name, (kind, value) in expected.items():
                field = got[name]
                if kind == "/Btn":
                    assert value is None or field["value"] == text(value), (path, name)
                else:
                    assert text(value) in (field["value"], field.get("export", "")), (path, name)
                compared += 1
    assert compared >= 300


def datasets(pdf):
    """The datasets packet's bytes as qpdf decodes them; None when there is none."""
    xfa = pdf.Root.get("/AcroForm", pikepdf.Dictionary()).get("/XFA")
    if isinstance(xfa, pikepdf.Array):
        packets = dict(zip(map(str, list(xfa)[::2]), list(xfa)[1::2], strict=False))
        xfa = packets.get("datasets")
    return xfa.read_bytes() if isinstance(xfa, pikepdf.Stream) else None


def leaves(xml):
    """[(path, value)] of every element without children under datasets/data."""
    found = []

    def local(element):
        return element.tag.rpartition("}")[2]

    def walk(element, path):
        counts = Counter()
        for child in element:
            name = local(child)
            here = f"{path}.{name}[{counts[name]}]".lstrip(".")
            counts[name] += 1
            if len(child):
                walk(child, here)
            else:
                found.append((here, (child.text or "").strip(" \t\r\n")))

    root = ElementTree.fromstring(xml)
    tops = [root] if local(root) == "datasets" else [e for e in root.iter() if local(e) == "datasets"]
    for top in tops:
        for data in top:
            if local(data) == "data":
                walk(data, "")
    return found


def test_xfa_datasets_equal_qpdf(opened):
    compared = 0
    for path, document in opened:
        with pikepdf.open(path) as pdf:
            try:
                xml = datasets(pdf)
                expected = leaves(xml) if xml and xml.strip() else []
            except (ElementTree.ParseError, pikepdf.PdfError):
                continue
        got = [(f["where"]["xfa"], f["value"]) for f in document["fields"] if "xfa" in f["where"]]
        assert got == expected, path
        compared += len(expected)
    assert compared >= 150


@pytest.mark.parametrize("name", ["form_210966", "form_dd0293"])
def test_the_two_hybrid_forms(opened, name):
    """XFA and AcroForm in one file: the closest to a V2 form that is publicly there."""
    (document,) = [d for p, d in opened if p.stem == name]
    xfa = [f for f in document["fields"] if "xfa" in f["where"]]
    form = [f for f in document["fields"] if "acroform" in f["where"]]
    assert document["form"]["version"] == "V2"
    assert len(xfa) > 10 and len(form) > 50
    assert any(f["value"] for f in xfa) and any(f["value"] for f in form)
    assert all("page" in f["where"] for f in form)
