"""What the tests of the PDF reader share: reading a file, making PDFs by hand, finding the corpus."""
import functools
import json
import zlib

import jsonschema
import pytest
import support

CIN = "U72200MH2015PTC123456"


@functools.cache
def schema():
    path = support.ROOT / "docs/schema/document.schema.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text()))


def read(path):
    """What `filesure read` says about a file, checked against the schema."""
    done = support.run_program("filesure", "read", path)
    assert done.stdout, f"{path}: {done.stderr}"
    document = json.loads(done.stdout)
    schema().validate(document)
    assert (done.returncode == 0) == (document["outcome"] == "ok")
    return document


def text_of(document):
    """The text as document_<n>.txt holds it."""
    return "\f".join("\n".join(line["text"] for line in page["lines"]) for page in document["pages"])


def corpus(pattern="*"):
    if not support.CORPUS.is_dir():
        pytest.skip("no shared PDF corpus")
    return sorted(support.CORPUS.rglob(f"{pattern}.pdf"))


def make_pdf(objects, trailer=""):
    """A PDF of these objects (bytes; number 1 is the catalogue)."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer.encode(), table)
    return bytes(out)


def stream(data, dictionary=b"", compress=False):
    if compress:
        data, dictionary = zlib.compress(data, 9), dictionary + b"/Filter/FlateDecode"
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (dictionary, len(data), data)


def make_page(content, resources=b"/Font<</F1 5 0 R>>", more=(), page=b"", compress=False):
    """One page; objects from number 6 on are `more`."""
    return make_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<%s>>%s>>" % (resources, page),
            stream(content, compress=compress),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *more,
        ]
    )
