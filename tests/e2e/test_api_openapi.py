"""Answers are what docs/api/openapi.json says: every call made once in each of its ways, no member more or less."""

import json
import re

import api_client as api
import pytest
import support

DOCUMENT = json.loads((support.ROOT / "docs/api/openapi.json").read_text())
KINDS = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None),
}  # fmt: skip


def resolve(thing):
    while "$ref" in thing:
        target = DOCUMENT
        for name in thing["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        thing = target
    return thing


def members(schema):
    """All properties and required names of an object schema, with what allOf adds."""
    schema = resolve(schema)
    properties, required = dict(schema.get("properties", {})), list(schema.get("required", []))
    for part in schema.get("allOf", []):
        more, names = members(part)
        properties |= more
        required += names
    return properties, required


def faults(value, schema, where="$"):
    """What of JSON Schema the document uses; a member that is not described is a fault too."""
    schema = resolve(schema)
    if "oneOf" in schema:
        tries = [list(faults(value, one, where)) for one in schema["oneOf"]]
        if sum(not t for t in tries) != 1:
            yield f"{where}: {tries}"
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "allOf" in schema:
        kinds = ["object"]
    if kinds and not any(isinstance(value, KINDS[k]) and not (k == "integer" and isinstance(value, bool)) for k in kinds):
        yield f"{where}: {value!r} is not {kinds}"
    elif isinstance(value, dict):
        properties, required = members(schema)
        yield from (f"{where}.{name} is missing" for name in required if name not in value)
        yield from (f"{where}.{name} is not described" for name in value if properties and name not in properties)
        for name in value:
            if name in properties:
                yield from faults(value[name], properties[name], f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{where}[{number}]")
    elif isinstance(value, str):
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is not one of {schema['enum']}"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
        if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
            yield f"{where}: {value!r} is no time"


class Caller:
    def __init__(self, server):
        self.server, self.called = server, set()

    def call(self, method, template, status, body=None, query="", headers=None, **values):
        answer = support.request(self.server.port, method.upper(), template.format(**values) + query, body, headers)
        assert answer.status == status, answer
        operation = DOCUMENT["paths"][template][method]
        described = operation["responses"].get(str(status))
        assert described, f"{method} {template} does not say that it answers {status}"
        self.called.add((method, template))
        described = resolve(described)
        if status == 304:
            assert answer.body == b""
            return answer
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in described["content"], f"{method} {template} {status}: {kind}"
        if kind.endswith("json") and template != "/openapi.json" and not template.endswith("/content"):
            assert not (found := list(faults(answer.json(), described["content"][kind]["schema"]))), found
        return answer


@pytest.fixture
def server(start, data_dir):
    return api.Api(start, data_dir).wait_ready()


def test_every_call_answers_as_described(server, start, run_program, data_dir):
    caller = Caller(server)
    call = caller.call
    nowhere = "0" * 24
    order = {"companies": [{"cin": api.CIN}]}
    job_id = call("post", "/api/v1/jobs", 200, order, headers={"Idempotency-Key": "k"}).json()["jobs"][0]["jobId"]
    call("post", "/api/v1/jobs", 422, {"companies": [{"cin": api.cin(1)}]}, headers={"Idempotency-Key": "k"})
    call("post", "/api/v1/jobs", 400, {"companies": [{"cin": "x"}]})
    call("post", "/api/v1/jobs", 415, b"{}", headers={"Content-Type": "text/plain"})
    call("post", "/api/v1/jobs", 403, order, headers={"Sec-Fetch-Site": "cross-site"})
    call("post", "/create-job", 200, {"num_jobs": 2})
    call("post", "/create-job", 400, {"num_jobs": 11})
    call("post", "/create-job", 415, b"{}", headers={"Content-Type": "text/plain"})
    call("post", "/create-job", 403, {}, headers={"Origin": "http://evil.example"})
    call("get", "/api/v1/jobs", 200, query="?limit=1")
    call("get", "/api/v1/jobs", 400, query="?limit=0")
    call("post", "/api/v1/jobs/{id}/retry", 409, id=job_id)
    call("post", "/api/v1/jobs/{id}/cancel", 200, id=job_id)
    call("post", "/api/v1/jobs/{id}/cancel", 409, id=job_id)
    call("post", "/api/v1/jobs/{id}/cancel", 404, id=nowhere)
    call("post", "/api/v1/jobs/{id}/retry", 400, {"x": 1}, id=job_id)
    call("post", "/api/v1/jobs/{id}/retry", 200, id=job_id)

    portal = api.Portal(start, run_program, data_dir)
    portal.run(job_id)
    support.wait_until(lambda: len(server.job(job_id)["runs"]) == 2, 20, "a cancel and a run in the history")
    job = call("get", "/api/v1/jobs/{id}", 200, id=job_id)
    call("get", "/api/v1/jobs/{id}", 304, id=job_id, headers={"If-None-Match": job.headers["ETag"]})
    call("get", "/api/v1/jobs/{id}", 404, id=nowhere)
    call("get", "/api/v1/jobs/{id}/documents", 404, id=nowhere)
    call("get", "/api/v1/jobs/{id}/documents", 400, id=job_id, query="?limit=0")
    document = call("get", "/api/v1/jobs/{id}/documents", 200, id=job_id).json()["documents"][0]["documentId"]
    call("get", "/api/v1/documents/{id}", 200, id=document)
    call("get", "/api/v1/documents/{id}", 404, id=nowhere)
    for kind in ("pdf", "text", "json"):
        call("get", "/api/v1/documents/{id}/content", 200, id=document, query=f"?as={kind}")
    call("get", "/api/v1/documents/{id}/content", 206, id=document, headers={"Range": "bytes=0-3"})
    call("get", "/api/v1/documents/{id}/content", 400, id=document, query="?as=x")
    call("get", "/api/v1/documents/{id}/content", 416, id=document, headers={"Range": "bytes=99999999-"})
    call("get", "/api/v1/audit", 200, query="?limit=2")
    call("get", "/api/v1/audit", 400, query="?cursor=x")
    for path in ("/api/v1/stats", "/api/v1/reconcile", "/healthz", "/readyz", "/version", "/metrics", "/openapi.json", "/"):
        call("get", path, 200)

    server.process.stop()
    (data_dir / "empty").mkdir()
    events = api.Events(api.Api(start, data_dir / "empty").port)
    assert (
        events.status == 200
        and events.headers["content-type"] in DOCUMENT["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]
    )
    events.close()
    caller.called.add(("get", "/api/v1/events"))
    every = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert caller.called == every


def test_a_claimed_job_answers_as_described(server, run_program, tmp_path):
    job_id = server.order(api.CIN)[0]
    env = {"FILESURE_DATA": server.data, "JOB_ID": None}
    assert run_program("filesure-worker", "claim", "--out", tmp_path / "claim", env=env).returncode == 0
    answer = Caller(server).call("get", "/api/v1/jobs/{id}", 200, id=job_id)
    assert answer.json()["lease"]["started"] is False
