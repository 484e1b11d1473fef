"""filesure: every command, its options, its JSON, its errors and exit codes."""
import hashlib
import json
import re
import shutil
import signal
import subprocess

import judge
import pytest
import support

COMMANDS = (
    "up order jobs show watch cancel retry fetch read fsck backup restore purge audit chaos config completion".split()
)
CIN, CIN_2, CIN_3 = judge.CINS
UNKNOWN_ID = "0123456789abcdef01234567"
FAST = ("--latency-ms", "0-0")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A data folder with two completed jobs; copied by the tests that change it."""
    return judge.make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def store(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    return copy


@pytest.fixture
def cli(tmp_path, data_dir):
    """cli("jobs", "--limit", 5, data=…) → subprocess.CompletedProcess."""

    def run(command, *arguments, data=data_dir, **options):
        options.setdefault("cwd", tmp_path)
        return support.run_program("filesure", command, "--data", data, *arguments, **options)

    return run


@pytest.fixture
def cli_json(cli):
    def run(command, *arguments, code=0, **options):
        result = cli(command, "--json", *arguments, **options)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    return run


def check_ok(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def check_failed(result, *texts, code=1):
    assert result.returncode == code, (result.stdout, result.stderr)
    for text in texts:
        assert text in result.stderr
    assert result.stderr.count("\n") == 1  # one line says it


# ---- help, version, usage ----


def test_without_a_command(run_program):
    result = run_program("filesure")
    assert (result.returncode, result.stdout) == (2, "")
    assert all(f"  {command} " in result.stderr for command in COMMANDS)


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_lists_every_command(run_program, word):
    text = check_ok(run_program("filesure", word))
    assert re.findall(r"^  (\w+) ", text, re.M) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(run_program, tmp_path, command):
    (tmp_path / ".env").write_text("this is wrong\n")  # help needs no settings
    text = check_ok(run_program("filesure", command, "--help"))
    assert text.startswith(f"usage: filesure {command} [options]")
    assert all(option in text for option in ("--data DIR", "--json", "--help"))
    assert text == check_ok(run_program("filesure", command, "-h"))
    assert text == check_ok(run_program("filesure", "help", command))
    assert max(map(len, text.splitlines())) <= 120


def test_version(run_program):
    text = check_ok(run_program("filesure", "--version"))
    assert re.fullmatch(r"filesure \d+\.\d+\.\d+ \(\w+\)\n", text)


@pytest.mark.parametrize("words", [["ordr"], ["help", "ordr"], ["--helpp"], [""]])
def test_unknown_commands(run_program, words):
    check_failed(run_program("filesure", *words), "unknown command", code=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_options(cli, command):
    check_failed(cli(command, "--no-such"), f"filesure {command}: unknown option --no-such", f"{command} --help", code=2)
    check_failed(cli(command, "--json=yes"), "--json takes no value", code=2)


@pytest.mark.parametrize("command", ["jobs", "fsck", "config", "completion", "up", "purge", "audit"])
def test_commands_without_operands(cli, command):
    check_failed(cli(command, "more"), "unexpected: more", code=2)


@pytest.mark.parametrize("command", ["show", "cancel", "retry", "fetch", "read", "backup", "restore"])
def test_commands_that_need_an_operand(cli, command):
    check_failed(cli(command), "missing:", code=2)


@pytest.mark.parametrize("command", ["show", "watch", "cancel", "retry", "fetch"])
@pytest.mark.parametrize("job", ["x", UNKNOWN_ID[:-1], UNKNOWN_ID + "0", "../../../../etc/passwd", ""])
def test_bad_job_ids(cli, tmp_path, command, job):
    to = ("--to", tmp_path / "to") if command == "fetch" else ()
    check_failed(cli(command, job, *to), f'"{job}" is not a job id', code=2)


@pytest.mark.parametrize("command", ["show", "watch", "cancel", "retry", "fetch"])
def test_unknown_job_ids(cli, store, tmp_path, command):
    to = ("--to", tmp_path / "to") if command == "fetch" else ()
    check_failed(cli(command, UNKNOWN_ID, *to, data=store), "no such job")
    answer = cli(command, UNKNOWN_ID, *to, "--json", data=store)
    assert answer.returncode == 1
    value = json.loads(answer.stdout)
    assert (value[0] if isinstance(value, list) else value)["code"] == "unknown_job"  # a list where several may be named


@pytest.mark.parametrize("command", ["jobs", "show", "watch", "cancel", "retry", "fetch", "fsck", "backup", "purge", "audit"])
def test_a_missing_store_is_said(cli, tmp_path, command):
    data = tmp_path / "nowhere"
    operands = [UNKNOWN_ID] if command in ("show", "cancel", "retry", "fetch") else []
    more = {"fetch": ["--to", tmp_path / "to"], "backup": [tmp_path / "to"], "purge": ["--job", UNKNOWN_ID]}
    operands += more.get(command, [])
    check_failed(cli(command, *operands, data=data), "there is no store in", str(data))
    assert not data.exists() and not (tmp_path / "to").exists()


def test_another_programs_database_is_left_alone(cli, data_dir):
    (data_dir / "filesure.db").write_bytes(b"not a database, but long enough to look at" * 100)
    check_failed(cli("jobs"))
    check_failed(cli("order", CIN))
    assert (data_dir / "filesure.db").read_bytes().startswith(b"not a database")


def test_output_that_cannot_be_written_is_no_success(finished):
    command = [support.BIN / "filesure", "jobs", "--data", finished]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    check_failed(result, "could not be written")


# ---- settings ----


def test_data_folder_from_option_environment_and_file(cli, tmp_path, run_program):
    for folder in ("by-option", "by-env", "by-file"):
        check_ok(cli("order", CIN, data=tmp_path / folder))
    (tmp_path / ".env").write_text("FILESURE_DATA=by-file\n")

    def list_jobs(*options, env=None):
        return json.loads(check_ok(run_program("filesure", "jobs", "--json", *options, env=env)))["jobs"][0]["jobId"]

    ids = [support.store_rows(tmp_path / f, "SELECT id FROM jobs")[0]["id"] for f in ("by-option", "by-env", "by-file")]
    assert list_jobs() == ids[2]
    assert list_jobs(env={"FILESURE_DATA": "by-env"}) == ids[1]
    assert list_jobs("--data=by-option", env={"FILESURE_DATA": "by-env"}) == ids[0]
    check_failed(run_program("filesure", "jobs", "--data="), "FILESURE_DATA")


def test_wrong_settings_are_named(run_program, tmp_path):
    check_failed(run_program("filesure", "jobs", env={"LEASE_SECONDS": "1"}), "LEASE_SECONDS")
    (tmp_path / ".env").write_text("# fine\nLEASE_SECOND=60\n")
    check_failed(run_program("filesure", "jobs"), ".env:2", "LEASE_SECOND")
    (tmp_path / ".env").write_text("nonsense\n")
    check_failed(run_program("filesure", "config"), ".env:1")
    check_ok(run_program("filesure", "config", "--example"))  # made from the table alone
    check_ok(run_program("filesure", "completion"))


def test_config_masks_secrets(run_program, tmp_path):
    secret = "0123456789secret0123456789secret"
    env = {"LEASE_TOKEN": secret, "LEASE_SECONDS": "7"}
    text = check_ok(run_program("filesure", "config", env=env))
    assert secret not in text and "LEASE_SECONDS=7" in text
    values = check_ok(run_program("filesure", "config", "--json", env=env))
    assert secret not in values and "****" in values
    json.loads(values)
    refused = run_program("filesure", "config", env={"MONGO_URI": f"mongodb://u:{secret}@db.example/"})
    assert refused.returncode == 1 and "MONGO_URI" in refused.stderr
    assert secret not in refused.stderr + refused.stdout and "db.example" not in refused.stderr
    (tmp_path / "token").write_text(secret + "\n")
    text = check_ok(run_program("filesure", "config", env={"LEASE_TOKEN_FILE": "token"}))
    assert secret not in text


def test_config_docs_and_example(run_program):
    example, docs = (check_ok(run_program("filesure", "config", option)) for option in ("--example", "--docs"))
    for name in ("FILESURE_DATA", "MONGO_URI", "LEASE_SECONDS", "MAX_WORKERS"):
        assert f"#{name}=" in example and f"`{name}`" in docs


# ---- order ----


def test_order_by_cin(cli, cli_json, data_dir):
    lines = check_ok(cli("order", CIN, CIN_2)).splitlines()
    assert [line.split()[1] for line in lines] == [CIN, CIN_2]
    jobs = judge.jobs_of(data_dir)
    assert [line.split()[0] for line in lines] == [j["id"] for j in jobs]
    assert [(j["cin"], j["status"], j["priority"]) for j in jobs] == [(CIN, "pending", 0), (CIN_2, "pending", 0)]
    placed = cli_json("order", CIN_3, "--priority", "-7")
    assert [(p["cin"], p["created"]) for p in placed] == [(CIN_3, True)]
    assert judge.jobs_of(data_dir)[2]["priority"] == -7


def test_order_takes_what_a_person_types(cli, data_dir):
    check_ok(cli("order", CIN.lower(), f"  {CIN_2.title()} "))
    assert [j["cin"] for j in judge.jobs_of(data_dir)] == [CIN, CIN_2]


def test_order_names_a_bad_cin_and_places_none(cli, data_dir):
    check_failed(cli("order", CIN, "U7290KA2015PTC0829881", CIN_2), '"U7290KA2015PTC0829881"', "position 6")
    check_failed(cli("order", CIN, "short"), '"short"')
    check_failed(cli("order", CIN[:-1]), CIN[:-1], "21")
    assert not (data_dir / "filesure.db").exists()


def test_order_of_a_company_twice_is_one_job(cli, cli_json, data_dir):
    placed = cli_json("order", CIN, CIN)
    assert [p["jobId"] for p in placed] == [placed[0]["jobId"]] * 2
    assert [p["created"] for p in placed] == [True, False]
    again = check_ok(cli("order", CIN))
    assert again.split()[0] == placed[0]["jobId"] and "was open already" in again
    assert len(judge.jobs_of(data_dir)) == 1
    forced = cli_json("order", CIN, "--force")
    assert forced[0]["created"] and forced[0]["jobId"] != placed[0]["jobId"]
    assert len(judge.jobs_of(data_dir)) == 2


def test_order_samples(cli_json, data_dir):
    placed = cli_json("order", "--sample", 10)
    assert len({p["cin"] for p in placed}) == len({p["jobId"] for p in placed}) == 10
    assert {p["jobId"] for p in placed} == {j["id"] for j in judge.jobs_of(data_dir)}
    assert all(re.fullmatch(r"[LU]\d{5}[A-Z]{2}\d{4}[A-Z]{3}\d{6}", p["cin"]) for p in placed)


@pytest.mark.parametrize(
    "options, text",
    [
        ((), "--sample"),
        ((CIN, "--sample", "1"), "--sample"),
        (("--sample", "0"), "--sample"),
        (("--sample", "11"), "--sample"),
        (("--sample", "x"), "--sample"),
        (("--sample", "1", "--force"), "--force"),
        ((CIN, "--priority", "101"), "--priority"),
        ((CIN, "--priority"), "--priority"),
    ],
)
def test_bad_orders(cli, data_dir, options, text):
    check_failed(cli("order", *options), text, code=2)
    assert not (data_dir / "filesure.db").exists()


def test_an_order_is_served_by_priority(cli_json, cli, data_dir):
    for cin, priority in ((CIN, 0), (CIN_2, 5), (CIN_3, -5)):
        cli_json("order", cin, "--priority", priority)
    up = ["--port", 0, "--portal-port", 0, *FAST, "--workers", 1, "--exit-when-idle"]
    check_ok(cli("up", *up, deadline_s=100))
    first = "SELECT j.cin FROM runs r JOIN jobs j ON j.id = r.job_id WHERE r.run = 1 ORDER BY r.started_at"
    assert [r["cin"] for r in support.store_rows(data_dir, first)] == [CIN_2, CIN, CIN_3]


def test_order_and_wait_shows_progress(start, cli, data_dir):
    up = start("filesure", "up", "--data", data_dir, "--port", 0, "--portal-port", 0, *FAST, "--orders", 0)
    up.wait_line("filesure is up", 60)
    lines = check_ok(cli("order", CIN, CIN_2, "--wait", deadline_s=100)).splitlines()
    ids = [line.split()[0] for line in lines[:2]]
    for job, cin in zip(ids, (CIN, CIN_2), strict=True):
        total = support.store_rows(data_dir, "SELECT total_documents AS n FROM jobs WHERE id = ?", job)[0]["n"]
        own = [re.sub(" +", " ", line) for line in lines[2:] if line.startswith(f"{job} {cin} ")]
        assert own[-1] == f"{job} {cin} completed {total}/{total} run 3"
        assert len(own) == len(set(own)) >= 2  # a line per change
    quiet = cli("order", CIN_3, "--wait", "--json", deadline_s=100)
    assert json.loads(check_ok(quiet))[0]["cin"] == CIN_3
    assert up.stop() == 0


def test_wait_fails_when_a_job_does_not_complete(start, cli, data_dir, tmp_path):
    waiting = start("filesure", "order", CIN, "--wait", "--data", data_dir)
    job = waiting.wait_line(r"^([0-9a-f]{24}) ")[1]
    check_ok(cli("cancel", job))
    assert waiting.wait_exit() == 1
    assert any("cancelled" in line for line in waiting.out_lines)


# ---- jobs ----


def test_jobs_are_listed_newest_first_in_pages(cli, cli_json, data_dir):
    for _ in range(2):
        cli_json("order", "--sample", 10)
    expected = [j["id"] for j in reversed(judge.jobs_of(data_dir))]
    seen, cursor, pages = [], [], 0
    while True:
        page = cli_json("jobs", "--limit", 7, *cursor)
        seen += [j["jobId"] for j in page["jobs"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = ["--cursor", page["next"]]
    assert (seen, pages) == (expected, 3)
    text = check_ok(cli("jobs", "--limit", 7)).splitlines()
    assert [line.split()[0] for line in text[:7]] == expected[:7]
    assert text[7].startswith("more: --cursor ")
    assert len(check_ok(cli("jobs")).splitlines()) == 20


def test_jobs_are_filtered(cli, cli_json, data_dir):
    ids = [p["jobId"] for p in cli_json("order", CIN, CIN_2, CIN_3)]
    check_ok(cli("cancel", ids[1]))

    def listed(*options):
        return {j["jobId"] for j in cli_json("jobs", *options)["jobs"]}

    assert listed("--status", "pending") == {ids[0], ids[2]}
    assert listed("--status", "cancelled") == {ids[1]}
    assert listed("--status", "completed") == set()
    assert listed("--cin", CIN) == listed("--cin", CIN.lower()) == {ids[0]}
    assert listed("--cin", CIN, "--status", "cancelled") == set()
    assert listed("--find", "U7") == listed("--find", "u7") == {ids[0]}
    assert listed("--find", "U") == {ids[0], ids[2]}
    assert listed("--find", "7") == set()


def test_jobs_are_found_by_name(cli_json, finished):
    job = judge.jobs_of(finished)[0]
    name = job["company_name"]
    assert name != job["cin"]
    for text in (name[:6], name[:6].lower(), name[:6].upper()):
        found = cli_json("jobs", "--find", text, data=finished)["jobs"]
        assert job["id"] in {j["jobId"] for j in found}
        assert all(j["companyName"].lower().startswith(name[:6].lower()) for j in found)


@pytest.mark.parametrize(
    "options, code, text",
    [
        (("--status", "done"), 2, "--status"),
        (("--limit", "0"), 2, "--limit"),
        (("--limit", "501"), 2, "--limit"),
        (("--cin", "nonsense"), 2, "--cin"),
        (("--cursor", "nonsense"), 1, "cursor"),
    ],
)
def test_bad_filters(cli, finished, options, code, text):
    check_failed(cli("jobs", *options, data=finished), text, code=code)


# ---- show, watch ----


def test_show_a_completed_job(cli, cli_json, finished):
    job = judge.jobs_of(finished)[0]
    rows = support.store_rows(finished, "SELECT * FROM documents WHERE job_id = ? ORDER BY number", job["id"])
    shown = cli_json("show", job["id"], data=finished)
    assert (shown["status"], shown["waiting"], shown["cin"]) == ("completed", None, job["cin"])
    assert [(r["run"], r["outcome"]) for r in shown["runs"]] == [(1, "pending"), (2, "pending"), (3, "completed")]
    assert [(d["documentNumber"], d["srn"], d["fileSize"], d["checksum"]) for d in shown["documents"]] == [
        (r["number"], r["srn"], r["text_bytes"], "MD5-" + r["text_md5"]) for r in rows
    ]
    text = check_ok(cli("show", job["id"], data=finished))
    assert job["company_name"] in text and f"{len(rows)} of {len(rows)}" in text
    assert len(re.findall(r"^ *\d+  \d{4}-\d\d-\d\d  ", text, re.M)) == len(rows)
    tokens = support.store_rows(finished, "SELECT token FROM runs")
    assert not any(t["token"] in text + json.dumps(shown) for t in tokens)


def test_show_says_why_a_job_waits(cli, cli_json, data_dir):
    job = cli_json("order", CIN)[0]["jobId"]
    waiting = cli_json("show", job)["waiting"]
    assert waiting["reason"] in ("queued", "no_worker") and waiting["since"].endswith("Z")
    assert re.search(r"^waiting +(queued|no_worker)$", check_ok(cli("show", job)), re.M)


def test_watch(cli, cli_json, store, data_dir, start):
    done = [j["id"] for j in judge.jobs_of(store)]
    assert check_ok(cli("watch", data=store)) == "no job is open\n"
    assert [line.split()[0] for line in check_ok(cli("watch", *done, data=store)).splitlines()] == done
    assert [j["status"] for j in cli_json("watch", *done, data=store)] == ["completed"] * 2
    job = cli_json("order", CIN, data=store)[0]["jobId"]
    watching = start("filesure", "watch", "--data", store)
    watching.wait_line(f"^{job} {CIN} pending")
    assert not any(line.startswith(done[0]) for line in watching.out_lines)
    check_ok(cli("cancel", job, data=store))
    assert watching.wait_exit() == 1
    assert cli("watch", job, *done, data=store).returncode == 1
    assert cli_json("watch", job, data=store, code=1)[0]["status"] == "cancelled"


def test_watch_ends_with_ctrl_c(start, cli_json, data_dir):
    job = cli_json("order", CIN)[0]["jobId"]
    watching = start("filesure", "watch", "--data", data_dir)
    watching.wait_line(f"^{job} ")
    watching.signal(signal.SIGINT)
    assert watching.wait_exit(10) == 1


# ---- cancel, retry ----


def test_cancel_and_retry(cli, cli_json, data_dir):
    ids = [p["jobId"] for p in cli_json("order", CIN, CIN_2)]
    assert check_ok(cli("cancel", *ids)) == "".join(f"{i} cancelled\n" for i in ids)
    again = cli("cancel", ids[0])
    check_failed(again, ids[0], "cancelled")
    assert cli_json("retry", *ids) == [{"jobId": i, "status": "pending"} for i in ids]
    check_failed(cli("retry", ids[0]), ids[0], "pending")
    assert [j["status"] for j in judge.jobs_of(data_dir)] == ["pending", "pending"]


def test_one_bad_job_does_not_stop_the_others(cli_json, data_dir):
    ids = [p["jobId"] for p in cli_json("order", CIN, CIN_2)]
    answers = cli_json("cancel", ids[0], UNKNOWN_ID, ids[1], code=1)
    assert [a.get("status", a.get("code")) for a in answers] == ["cancelled", "unknown_job", "cancelled"]
    assert [j["status"] for j in judge.jobs_of(data_dir)] == ["cancelled", "cancelled"]


def test_finished_jobs_can_be_neither_cancelled_nor_retried(cli, store):
    job = judge.jobs_of(store)[0]["id"]
    for command in ("cancel", "retry"):
        check_failed(cli(command, job, data=store), "completed")
    assert judge.jobs_of(store)[0]["status"] == "completed"


def test_retry_when_the_company_has_another_open_job(cli, cli_json, data_dir):
    old = cli_json("order", CIN)[0]["jobId"]
    check_ok(cli("cancel", old))
    new = cli_json("order", CIN)[0]["jobId"]
    check_failed(cli("retry", old), new)
    assert cli_json("retry", old, code=1)[0]["code"] == "company_has_open_job"


def test_cancel_of_a_job_under_way(start, cli, cli_json, data_dir):
    slow = ("--port", 0, "--portal-port", 0, "--latency-ms", "300-500", "--orders", 1)
    up = start("filesure", "up", "--data", data_dir, *slow, env={"LEASE_SECONDS": 6})
    up.wait_line("run started", 60)
    job = judge.jobs_of(data_dir)[0]["id"]
    assert "will be cancelled" in check_ok(cli("cancel", job))
    assert cli("watch", job, deadline_s=60).returncode == 1
    assert judge.jobs_of(data_dir)[0]["status"] == "cancelled"
    assert up.stop() == 0


# ---- fetch, read ----


def test_fetch(cli, cli_json, finished, tmp_path):
    job = judge.jobs_of(finished)[0]
    folder = tmp_path / "there" / "and deeper"
    fetched = cli_json("fetch", job["id"], "--to", folder, data=finished)
    rows = support.store_rows(finished, "SELECT * FROM documents WHERE job_id = ?", job["id"])
    wanted = {"manifest.json": job["manifest_name"]}
    for row in rows:
        for column, extension in (("original_name", "pdf"), ("text_name", "txt"), ("fields_name", "json")):
            wanted[f"document_{row['number']}.{extension}"] = row[column]
    assert {p.name for p in folder.iterdir()} == set(wanted)
    for name, blob in wanted.items():
        assert (folder / name).read_bytes() == judge.blob(finished, blob)
    assert (fetched["files"], fetched["bytes"]) == (len(wanted), sum(p.stat().st_size for p in folder.iterdir()))
    text = check_ok(cli("fetch", job["id"], "--to", folder, data=finished))  # again, over what is there
    assert f"{len(wanted)} files" in text


def test_fetch_refuses_what_is_damaged(cli, store, tmp_path):
    job = judge.jobs_of(store)[0]["id"]
    row = support.store_rows(store, "SELECT text_name FROM documents WHERE job_id = ? AND number = 2", job)[0]
    (store / "blobs/documents" / row["text_name"]).write_text("something else")
    check_failed(cli("fetch", job, "--to", tmp_path / "to", data=store), "document_2.txt", "other bytes")
    assert not (tmp_path / "to/document_2.txt").exists()


def test_fetch_needs_a_folder(cli, finished, tmp_path):
    job = judge.jobs_of(finished)[0]["id"]
    check_failed(cli("fetch", job, data=finished), "--to", code=2)
    (tmp_path / "file").write_text("in the way")
    assert cli("fetch", job, "--to", tmp_path / "file", data=finished).returncode == 1


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """PDFs of one company as the simulated portal makes them."""
    folder = tmp_path_factory.mktemp("papers")
    result = support.run_program("filesure-portal", "--write", CIN, "--to", folder, cwd=folder)
    assert result.returncode == 0, result.stderr
    return sorted(folder.rglob("*.pdf"))


def test_read(run_program, papers, tmp_path):
    (tmp_path / ".env").write_text("wrong\n")  # reading a file needs no settings
    before = hashlib.sha256(papers[0].read_bytes()).hexdigest()
    result = run_program("filesure", "read", papers[0])
    fields = json.loads(check_ok(result))
    assert fields["outcome"] == "ok"
    assert fields == json.loads(check_ok(run_program("filesure", "read", "--json", papers[0])))
    texts = [check_ok(run_program("filesure", "read", "--text", paper)) for paper in papers[:8]]
    assert max(len(text.split()) for text in texts) > 20  # some are scans
    assert hashlib.sha256(papers[0].read_bytes()).hexdigest() == before


def test_read_what_is_no_pdf(run_program, tmp_path):
    (tmp_path / "page.html").write_text("<html>an error page</html>")
    result = run_program("filesure", "read", "page.html")
    assert result.returncode == 1
    assert json.loads(result.stdout)["outcome"] != "ok"
    (tmp_path / "empty.pdf").write_bytes(b"")
    assert run_program("filesure", "read", "empty.pdf").returncode == 1
    check_failed(run_program("filesure", "read", "nothing.pdf"), "nothing.pdf")
    assert run_program("filesure", "read", tmp_path).returncode == 1


# ---- completion ----


def complete(script, *words):
    """What bash offers for the last word."""
    quoted = " ".join(f"'{w}'" for w in words)
    ask = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _filesure; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    result = subprocess.run(["bash", "-u", "-c", ask], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return set(result.stdout.split())


def test_completion_in_bash(run_program):
    script = check_ok(run_program("filesure", "completion"))
    assert complete(script, "filesure", "") == {*COMMANDS, "--help", "--version"}
    assert complete(script, "filesure", "co") == {"config", "completion"}
    assert complete(script, "filesure", "order", "--s") == {"--sample"}
    assert complete(script, "filesure", "up", "--p") == {"--port", "--portal-port"}
    for command in COMMANDS:
        options = set(re.findall(r"^  (--[a-z-]+)", check_ok(run_program("filesure", command, "--help")), re.M))
        assert complete(script, "filesure", command, "--") == options


def test_completion_as_json(run_program):
    table = json.loads(check_ok(run_program("filesure", "completion", "--json")))
    assert [c["name"] for c in table] == COMMANDS
    assert {o["name"] for c in table if c["name"] == "fetch" for o in c["options"]} == {"to"}


# ---- a terminal ----


def on_terminal(tmp_path, columns, rows, *arguments):
    """The output of a command on a terminal of that size."""
    command = " ".join(f"'{word}'" for word in (support.BIN / "filesure", *arguments))
    script = f"stty cols {columns} rows {rows}; {command}"
    result = subprocess.run(
        ["script", "--quiet", "--return", "--command", script, "/dev/null"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=support.program_env(),
        timeout=60 * support.FACTOR,
        check=False,
    )
    return result.returncode, result.stdout.decode()


def test_bars_on_a_terminal(finished, tmp_path):
    jobs = judge.jobs_of(finished)
    code, text = on_terminal(tmp_path, 200, 50, "watch", "--data", finished, *(j["id"] for j in jobs))
    assert code == 0
    for job in jobs:
        done = f"{job['total_documents']}/{job['total_documents']}"
        assert re.search(rf"{job['cin']} \[#{{30}}\] completed +{done} +run 3  {re.escape(job['company_name'])}\r\n", text)


def test_bars_fit_a_small_terminal(cli_json, data_dir, tmp_path, cli):
    ids = [p["jobId"] for p in cli_json("order", "--sample", 10)]
    cli_json("cancel", *ids)
    code, text = on_terminal(tmp_path, 40, 8, "watch", "--data", data_dir, *ids)
    assert code == 1
    lines = text.replace("\r", "").splitlines()
    assert len(lines) == 7 and lines[-1] == "and 4 more"
    assert max(map(len, lines)) < 40


