"""Settings over the real programs: what is generated from the table, and every way in which a value is refused."""
import json

import pytest
import support

PROGRAMS = {  # how each program is started without it beginning to work when the settings are good
    "filesure": ["config"],
    "filesure-api": [],
    "filesure-worker": ["65a1b2c3d4e5f6a7b8c9d0e1"],
    "filesure-portal": [],
}
NOT_THE_PORTAL = [name for name in PROGRAMS if name != "filesure-portal"]  # it uses no store
SECRET = "s3cret-s3cret"


@pytest.fixture
def config(run_program):
    """config("--json", env={…}) → what `filesure config` prints; it must succeed."""

    def run(*arguments, **options):
        done = run_program("filesure", "config", *arguments, **options)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def refused(run_program):
    """refused(program, env={…}) → the one line with which the program does not start, without the program's name."""

    def run(program, *arguments, **options):
        done = run_program(program, *(arguments or PROGRAMS[program]), **options)
        assert done.returncode > 0
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        name, _, message = lines[0].partition(": ")
        assert name.split()[0] == program
        return message

    return run


def values(text):
    return {name: row["value"] for name, row in json.loads(text).items()}


@pytest.mark.parametrize(("option", "path"), [("--example", "env.example"), ("--docs", "docs/config.md")])
def test_generated_files_are_current(config, option, path):
    committed = (support.ROOT / path).read_text()
    assert config(option) == committed, f"{path} is stale: build/bin/filesure config {option} >{path}"


def test_example_changes_nothing(config, tmp_path):
    before = config()
    (tmp_path / ".env").write_text((support.ROOT / "env.example").read_text())
    assert config() == before


def test_order_of_precedence(config, tmp_path):
    (tmp_path / ".env").write_text("LEASE_SECONDS=7\nMAX_ATTEMPTS=8\nFILESURE_DATA=./elsewhere\n")
    rows = json.loads(config("--json", "--data", "flagged", env={"LEASE_SECONDS": "9"}))
    assert (rows["LEASE_SECONDS"]["value"], rows["LEASE_SECONDS"]["source"]) == (9, "environment")
    assert (rows["MAX_ATTEMPTS"]["value"], rows["MAX_ATTEMPTS"]["source"]) == (8, ".env")
    assert (rows["FILESURE_DATA"]["value"], rows["FILESURE_DATA"]["source"]) == ("flagged", "flag")
    assert (rows["BATCH_PERCENT"]["value"], rows["BATCH_PERCENT"]["source"]) == (35, "default")


def test_printed_settings_can_be_a_env_file(config, tmp_path):
    before = config("--json", env={"FILESURE_DATA": "a folder's # name"})
    (tmp_path / ".env").write_text(config(env={"FILESURE_DATA": "a folder's # name"}))
    assert values(config("--json", env={"LOG_FORMAT": None})) == values(before)


@pytest.mark.parametrize("program", PROGRAMS)
def test_bad_value(refused, program):
    line = refused(program, env={"LEASE_SECONDS": "soon"})
    assert line == 'LEASE_SECONDS: "soon" is not a whole number from 2 to 3600'


@pytest.mark.parametrize("program", PROGRAMS)
def test_empty_value(refused, program):
    assert refused(program, env={"MONGO_URI": ""}) == "MONGO_URI is set but empty"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# fine\nLEASE_SECOND=60\n", ".env:2: unknown setting LEASE_SECOND"),
        ("\nLEASE_SECONDS\n", ".env:2: not of the form NAME=value"),
        ("LEASE_SECONDS='60\n", ".env:1: LEASE_SECONDS: the quote is not closed"),
        ("LEASE_SECONDS=1\n", '.env:1: LEASE_SECONDS: "1" is not a whole number from 2 to 3600'),
        ("LEASE_SECONDS=2\n\nLEASE_SECONDS=3\n", ".env:3: LEASE_SECONDS is set already on line 1"),
    ],
)
def test_bad_line(refused, tmp_path, program, text, expected):
    (tmp_path / ".env").write_text(text)
    assert refused(program) == expected


def test_secrets_are_masked(config, tmp_path):
    (tmp_path / ".env").write_text(f"LEASE_TOKEN={SECRET}\n")
    for option in ([], ["--json"]):
        text = config(*option)
        assert "****" in text
        assert SECRET not in text
    assert json.loads(config("--json"))["LEASE_TOKEN"] == {"value": "****", "source": ".env", "secret": True}


@pytest.mark.parametrize("program", NOT_THE_PORTAL)
def test_secret_stays_out_of_errors(refused, program):
    for value in (f"mongodb://user:{SECRET}@db", f"{SECRET}\x01", SECRET * 1000):
        line = refused(program, env={"MONGO_URI": value})
        assert "MONGO_URI" in line
        assert SECRET not in line


def test_secret_from_a_file(config, tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    text = config("--json", env={"LEASE_TOKEN_FILE": path})
    assert json.loads(text)["LEASE_TOKEN"] == {"value": "****", "source": "file", "secret": True}
    assert SECRET not in text


def test_bad_secret_file(refused, tmp_path):
    path = tmp_path / "token"
    line = refused("filesure-worker", env={"LEASE_TOKEN_FILE": path})
    assert line == f"LEASE_TOKEN_FILE: cannot open {path}: No such file or directory"
    path.write_text(f"{SECRET}\nmore")
    assert SECRET not in refused("filesure-worker", env={"LEASE_TOKEN_FILE": path})
    path.write_text("\n" * (64 * 1024 + 1))
    line = refused("filesure-worker", env={"LEASE_TOKEN_FILE": path})
    assert line == f"LEASE_TOKEN_FILE: {path}: more than 65536 bytes"
    line = refused("filesure-worker", env={"LEASE_TOKEN_FILE": path, "LEASE_TOKEN": SECRET})
    assert line == "LEASE_TOKEN and LEASE_TOKEN_FILE are both set: only one may be"


@pytest.mark.parametrize("program", NOT_THE_PORTAL)
@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, "FILESURE_EMBEDDED=no needs MONGO_URI, which is not set"),
        ({"MONGO_URI": "mongodb://db"}, "FILESURE_EMBEDDED=no needs AZURE_BLOB_CONN, which is not set"),
        ({"AZURE_BLOB_CONN": "x"}, "FILESURE_EMBEDDED=no needs MONGO_URI, which is not set"),
    ],
)
def test_embedded_stores_switched_off(refused, program, env, expected):
    assert refused(program, env={"FILESURE_EMBEDDED": "no", **env}) == expected


@pytest.mark.parametrize("program", NOT_THE_PORTAL)
@pytest.mark.parametrize("name", ["MONGO_URI", "AZURE_BLOB_CONN"])
def test_stores_that_are_not_built_in(refused, tmp_path, program, name):
    line = refused(program, env={name: "mongodb://db"})
    assert line.startswith(f"{name} is set, but this build has the embedded stores only")
    assert not (tmp_path / "data").exists()


def test_address_open_to_others(refused, config):
    line = refused("filesure-api", env={"API_LISTEN": "0.0.0.0:0"})
    for name in ("API_LISTEN", "API_TOKENS_FILE", "API_OPEN=yes"):
        assert name in line
    config(env={"API_LISTEN": "0.0.0.0:0"})  # no other program minds


def test_address_opened_on_purpose(start):
    api = start("filesure-api", env={"API_LISTEN": "0.0.0.0:0", "API_OPEN": "yes"})
    assert support.get(api.wait_port(), "/healthz").status == 200
    assert api.stop() == 0


@pytest.mark.parametrize("name", ["API_TOKENS_FILE", "METRICS_TOKEN_FILE"])
def test_nobody_believes_to_be_protected(refused, name):
    assert refused("filesure-api", env={name: "tokens"}).startswith(
        f"{name} is set, but this build has no access control yet"
    )
