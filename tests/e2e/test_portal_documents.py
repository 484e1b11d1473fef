"""The PDFs of filesure-portal, judged by qpdf, poppler and MuPDF against truth.json: every shape, every document of a company."""
import hashlib
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from support import FACTOR, program_path

CIN = "U72200MH2015PTC123456"
# every shape and form, the absurd ends of the CIN grammar, a company of 2026
CINS = [CIN, "L00000AA0000AAA000200", "U99999ZZ9999ZZZ999999", "U01403DL2026OPC500000"]


def run(*command, code=0):
    result = subprocess.run(list(map(str, command)), capture_output=True, timeout=60 * FACTOR, check=False)
    assert result.returncode == code, (command, result.stderr)
    return result


class Company:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.listing = json.loads((self.folder / "listing.json").read_text())["filings"]
        self.truth = {t["srn"]: t for t in json.loads((self.folder / "truth.json").read_text())}

    def path(self, filing):
        return self.folder / f"{filing['srn']}.pdf"

    def of_shape(self, shape):
        found = [(self.path(f), self.truth[f["srn"]]) for f in self.listing if f["shape"] == shape]
        assert found
        return found


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    run(program_path("filesure-portal"), "--write", CIN, "--to", folder)
    return Company(folder)


def text_of(path):
    return run("pdftotext", "-layout", path, "-").stdout.decode()


def squeezed(text):
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("cin", CINS)
def test_qpdf_finds_them_clean(cin, tmp_path):
    run(program_path("filesure-portal"), "--write", cin, "--to", tmp_path)
    company = Company(tmp_path)
    assert len(company.listing) >= 30
    for filing in company.listing:
        result = run("qpdf", "--check", company.path(filing))
        assert result.stderr == b"" and b"No syntax or stream encoding errors" in result.stdout


def test_readers_agree_on_pages_and_text(company):
    for filing in company.listing:
        path, truth = company.path(filing), company.truth[filing["srn"]]
        poppler = run("pdftotext", path, "-")
        assert poppler.stderr == b""
        pages = int(run("qpdf", "--show-npages", path).stdout)
        mupdf = run("mutool", "draw", "-q", "-F", "txt", path)
        assert not re.sub(rb"warning: ICC support is not available\n", b"", mupdf.stderr)
        assert f"Pages: {pages}\n".encode() in run("mutool", "info", path).stdout
        assert pages in ((1, 2) if truth["form"] == "Letter" else (2, 3, 4))
        for text in (poppler.stdout.decode(), mupdf.stdout.decode()):
            if filing["shape"] == "scan":
                assert text.strip() == ""
            else:
                assert CIN in text and truth["company"] in text


def test_v3_form(company):
    """Values and marks are drawn; no field is left; PAN and e-mail are masked."""
    for path, truth in company.of_shape("v3"):
        text = squeezed(text_of(path))
        assert f"FORM NO. {truth['form']}" in text and f"{truth['srn']}_SRN_FORM_{truth['form']}" in text
        for field in truth["fields"]:
            if field["kind"] not in ("check", "radio"):
                assert field["value"] in text, field
            if field["kind"] == "pan":
                assert re.fullmatch(r"[A-Z]{2}\*{6}0[A-Z]", field["value"])
        assert not re.search(r"\b[A-Z]{5}\d{4}[A-Z]\b", text) and not re.search(r"[a-z0-9]@example", text)
        assert run("mutool", "show", path, "trailer/Root/AcroForm").stdout.strip() in (b"null", b"")
        radios = sum(field["kind"] == "radio" for field in truth["fields"]) + 1  # and the form's language
        assert filled_dots(path) == radios


def filled_dots(path):
    """Filled curves of about 4 points across, as MuPDF sees them."""
    trace = run("mutool", "trace", path).stdout.decode()
    dots = 0
    for each in re.findall(r"<fill_path .*?</fill_path>", trace, re.S):
        xs = [float(x) for x in re.findall(r'<moveto x="([-\d.]+)"', each)]
        dots += "<curveto" in each and len(xs) == 1
    return dots


def acroform(path):
    """Full name -> value of every field, by qpdf."""
    fields = json.loads(run("qpdf", "--json", "--json-key=acroform", path).stdout)["acroform"]["fields"]
    return {f["fullname"]: f for f in fields}


def datasets(path):
    """The data element of the XFA datasets, put together from the packets by mutool and read by Python."""
    array = run("mutool", "show", path, "trailer/Root/AcroForm/XFA").stdout.decode()
    packets = re.findall(r"\((\w+)\)\s+(\d+) 0 R", array)
    names = ["preamble", "config", "template", "localeSet", "datasets", "postamble"]
    assert [name for name, _ in packets] == names
    xml = b"".join(run("mutool", "show", "-b", path, number).stdout for _, number in packets)
    root = ElementTree.fromstring(xml)
    xfa = "{http://www.xfa.org/schema/xfa-data/1.0/}"
    return root, root.find(f"{xfa}datasets/{xfa}data/data")


def plain(value):
    return value.removeprefix("u:").removeprefix("/") if isinstance(value, str) else value


def test_v2_form(company):
    """AcroForm and XFA datasets say what the truth says; appearances can be read."""
    for path, truth in company.of_shape("v2"):
        fields, (root, data) = acroform(path), datasets(path)
        text = squeezed(text_of(path))
        assert not re.search(r"_SRN_FORM_", text)
        expected = {field["acroform"] for field in truth["fields"]}
        assert set(fields) - {"Signature1"} == expected
        for field in truth["fields"]:
            value = plain(fields[field["acroform"]]["value"])
            element = data.find(field["xfa"])
            assert (element.text or "") == field["data"], field
            if field["kind"] == "radio":
                assert value == field["data"]
            elif field["kind"] == "check":
                assert value == ("1" if field["value"] else "Off")
            else:
                assert value == field["value"] and field["value"] in text
            if field["kind"] == "date":
                day, month, year = field["value"].split("/")
                assert field["data"] == f"{year}-{month}-{day}"
        assert len(list(data.iter())) == 2 + len(truth["fields"]) + len({f["xfa"].split("/")[1] for f in truth["fields"]})
        check_template(root, truth)


def check_template(root, truth):
    """Each field of the template is bound to an element; together they are the elements of the data."""
    xfa = "{http://www.xfa.org/schema/xfa-template/2.8/}"
    bound = {each.get("ref").removeprefix("$.") for each in root.iter(f"{xfa}bind")}
    assert {field["xfa"].rsplit("/", 1)[1] for field in truth["fields"]} <= bound


def test_v2_radio_states(company):
    """Exactly the chosen button of each radio is on, by its export name."""
    path, truth = company.of_shape("v2")[0]
    fields = json.loads(run("qpdf", "--json", "--json-key=acroform", path).stdout)["acroform"]["fields"]
    for field in truth["fields"]:
        buttons = [f for f in fields if f["fullname"] == field["acroform"]]
        states = [f["annotation"]["appearancestate"] for f in buttons]
        if field["kind"] == "radio":
            assert len(buttons) >= 2 and sorted(states)[:-1].count("/Off") + sorted(states)[1:].count("/Off") >= 1
            assert [s for s in states if s != "/Off"] == ["/" + field["data"]]


def test_misleading_names_of_adt_1(tmp_path):
    """The field DateOfAppSect_D is the date of the resolution, DateReceipt_D that of the appointment."""
    for number in range(123456, 123476):
        folder = tmp_path / str(number)
        run(program_path("filesure-portal"), "--write", f"U72200MH2015PTC{number}", "--to", folder)
        found = [t for t in Company(folder).truth.values() if (t["shape"], t["form"]) == ("v2", "ADT-1")]
        if found:
            break
    names = {f["acroform"].rsplit(".", 1)[1]: f["xfa"].rsplit("/", 1)[1] for f in found[0]["fields"]}
    assert names["DateOfAppSect_D[0]"] == "DATE_OF_RESOLUTION" and names["DateReceipt_D[0]"] == "DATE_OF_APPOINTMENT"


def test_attachments(company, tmp_path):
    """pdfdetach gets out what the truth names; PDFs in it are clean; the workbook is a sound archive declared as text."""
    kinds = set()
    for shape in ("v2", "v3"):
        for path, truth in company.of_shape(shape):
            folder = tmp_path / path.stem
            folder.mkdir()
            run("pdfdetach", "-saveall", "-o", folder, path)
            assert sorted(p.name for p in folder.iterdir()) == sorted(a["name"] for a in truth["attachments"])
            tree = run("mutool", "show", path, "trailer/Root/Names").stdout.decode()
            for attachment in truth["attachments"]:
                file = folder / attachment["name"]
                assert file.stat().st_size == attachment["bytes"]
                assert hashlib.md5(file.read_bytes()).hexdigest() == attachment["md5"]
                assert f"({attachment['slot']})" in tree
                assert (shape == "v2") == (re.fullmatch(r"27\d\d", attachment["slot"]) is not None)
                kinds.add((shape, attachment["type"], attachment["declared"]))
                if file.suffix == ".pdf":
                    run("qpdf", "--check", file)
                    assert CIN in text_of(file)
                else:
                    check_workbook(file)
    assert ("v2", "application/pdf", "application/pdf") in kinds and ("v3", "application/pdf", "application/pdf") in kinds


def check_workbook(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        ElementTree.fromstring(archive.read("xl/workbook.xml"))
        assert CIN in archive.read("xl/worksheets/sheet1.xml").decode()


def test_workbook_declared_as_text(tmp_path):
    for number in range(123456, 123476):
        folder = tmp_path / str(number)
        cin = f"U72200MH2015PTC{number}"
        run(program_path("filesure-portal"), "--write", cin, "--to", folder)
        company = Company(folder)
        for path, truth in company.of_shape("v3"):
            for attachment in truth["attachments"]:
                if attachment["name"].endswith(".xlsm"):
                    assert attachment["declared"] == "text/plain"
                    run("pdfdetach", "-savefile", attachment["name"], "-o", folder / "book", path)
                    with zipfile.ZipFile(folder / "book") as archive:
                        assert archive.testzip() is None and cin in archive.read("xl/worksheets/sheet1.xml").decode()
                    assert b"/text#2Fplain" in path.read_bytes()
                    return
    raise AssertionError("no workbook in twenty companies")


def test_signature_of_v2(company):
    path, _ = company.of_shape("v2")[0]
    report = subprocess.run(["pdfsig", path], capture_output=True, timeout=60 * FACTOR, check=False).stdout.decode()
    assert "Signature Field Name: Signature1" in report and "Total document signed" in report
    body = path.read_bytes()
    first, end, rest = map(int, re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", body).groups())
    assert body[first : first + 1] == b"<" and body[end - 1 : end] == b">" and end + rest == len(body)


def test_letter(company):
    for path, truth in company.of_shape("letter"):
        text = squeezed(text_of(path))
        for paragraph in truth["paragraphs"]:
            assert paragraph in text
        assert f"SRN: {truth['srn']}" in text and f"CIN: {truth['cin']}" in text


def test_scan(company, tmp_path):
    """One black and white picture of 200 dots an inch a page, with ink where the letter has lines, and no text."""
    for path, truth in company.of_shape("scan"):
        pages = int(run("qpdf", "--show-npages", path).stdout)
        rows = [line.split() for line in run("pdfimages", "-list", path).stdout.decode().splitlines()[2:]]
        assert [(r[2], r[3], r[4], r[5], r[7], r[12]) for r in rows] == [("image", "1656", "2339", "gray", "1", "200")] * pages
        run("pdfimages", path, tmp_path / path.stem)
        picture = (tmp_path / f"{path.stem}-000.pbm").read_bytes()
        assert picture.startswith(b"P4\n1656 2339\n")
        bits = picture[len(b"P4\n1656 2339\n") :]
        lines = [any(bits[y * 207 : y * 207 + 207]) for y in range(2339)]
        blocks = sum(b and not a for a, b in zip([False, *lines], lines, strict=False))
        assert blocks >= len(truth["paragraphs"]) * 0.8
        assert 0.005 < sum(bin(byte).count("1") for byte in bits) / (1656 * 2339) < 0.1
