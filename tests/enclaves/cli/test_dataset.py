"""`domicile dataset …` as a department runs it: exit statuses, JSON, and one line for an error."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from connectors.errors import ConnectorError
from enclaves.cli.dataset import app
from enclaves.transport.errors import LOCAL_OUTCOMES
from policies.keys import public_key
from tests.connectors.kit import PID_KEY, STORE_KEY, declare, one_row_each, resident

OWNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYS = {"store_key": base64.b64encode(STORE_KEY).decode(), "pid_key": base64.b64encode(PID_KEY).decode()}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    key = home / "domain.key"
    key.write_text(json.dumps(KEYS))
    key.chmod(0o600)
    return home


@pytest.fixture
def declared(home: Path, tmp_path: Path) -> Path:
    for dataset in (declare(), one_row_each()):
        path = tmp_path / f"{dataset.id}.json"
        path.write_bytes(dataset.envelope(OWNER).to_bytes())
        result = run("register", path, "--home", home, "--key", public_key(OWNER).to_base64())
        assert result.exit_code == 0
    return home


def source(path: Path, *, sex: str = "male") -> Path:
    path.write_text("resident,cost,sex\n" + "".join(f"{resident(who)},1.5,{sex}\n" for who in range(30)))
    return path


def test_register_refresh_quality_and_list_work_together(declared: Path, tmp_path: Path) -> None:
    refreshed = run("refresh", "persons", source(tmp_path / "p.csv"), "--home", declared, "--json")
    assert refreshed.exit_code == 0, refreshed.stderr
    evidence = json.loads(refreshed.stdout)
    assert (evidence["rows"], evidence["persons"], evidence["quality"]["passed"]) == (30, 30, True)
    measured = run("quality", "persons", "--home", declared, "--json")
    assert json.loads(measured.stdout)["snapshot"] == evidence["snapshot"]
    listed = {
        one["id"]: one for one in json.loads(run("list", "--home", declared, "--json").stdout)["datasets"]
    }
    assert listed["persons"]["refreshed_at"] == evidence["published_at"]
    assert not listed["persons"]["overdue"]
    assert listed["visits"]["refreshed_at"] is None
    assert listed["visits"]["overdue"]


def test_every_command_speaks_to_people_too(declared: Path, tmp_path: Path) -> None:
    assert "30 rows" in run("refresh", "persons", source(tmp_path / "p.csv"), "--home", declared).stdout
    assert "completeness" in run("quality", "persons", "--home", declared).stdout
    assert "overdue" in run("list", "--home", declared).stdout
    assert "invented rows" in run("twin", "visits", tmp_path / "t.csv", "--home", declared).stdout


def test_a_data_set_is_split_at_its_refresh_or_later(declared: Path, tmp_path: Path) -> None:
    words = ("--home", declared, "--json")
    refreshed = run("refresh", "persons", source(tmp_path / "p.csv"), "--partitions", "2", *words)
    assert json.loads(refreshed.stdout)["partitions"] == 2
    assert json.loads(run("split", "persons", "--partitions", "3", *words).stdout) == {
        "id": "persons",
        "partitions": 3,
    }
    assert (
        run("split", "persons", "--partitions", "1", "--home", declared).stdout == "persons: partitions 1\n"
    )
    for name, partitions, status in (("persons", "0", 5), ("visits", "2", 4), ("none", "2", 4)):
        assert run("split", name, "--partitions", partitions, *words).exit_code == status


def test_list_filters(declared: Path) -> None:
    found = run("list", "--home", declared, "--text", "insured", "--department", "health", "--json")
    assert [one["id"] for one in json.loads(found.stdout)["datasets"]] == ["visits"]


def test_a_twin_can_be_refreshed_like_the_data(declared: Path, tmp_path: Path) -> None:
    made = run(
        "twin", "visits", tmp_path / "t.csv", "--home", declared, "--rows", "50", "--seed", "3", "--json"
    )
    assert json.loads(made.stdout) == {"id": "visits", "rows": 50, "seed": 3, "file": "t.csv"}
    assert run("refresh", "visits", tmp_path / "t.csv", "--home", declared).exit_code == 0


FAILURES = [
    (("refresh", "none", "p.csv"), 4, "dataset_unknown"),
    (("refresh", "persons", "absent.csv"), 4, "not_found"),
    (("refresh", "persons", "bad.csv"), 2, "source_refused"),
    (("refresh", "persons", "p.xlsx"), 2, "source_refused"),
    (("quality", "persons"), 4, "snapshot_unknown"),
    (("quality", "none"), 4, "dataset_unknown"),
    (("twin", "none", "t.csv"), 4, "dataset_unknown"),
    (("twin", "visits", "t.csv", "--rows", "-1"), 2, "twin_refused"),
    (("twin", "visits", "no/such/t.csv"), 4, "not_found"),
    (("register", "absent.json"), 4, "not_found"),
    (("register", "bad.csv"), 2, "catalog_refused"),
    (("register", "visits.json", "--key", "AAAA"), 2, "key_refused"),
    (
        (
            "register",
            "visits.json",
            "--key",
            public_key(Ed25519PrivateKey.from_private_bytes(b"x" * 32)).to_base64(),
        ),
        3,
        "signature_invalid",
    ),
]


@pytest.mark.parametrize(("words", "status", "code"), FAILURES)
def test_a_failure_is_one_line_with_its_exit_status(
    words: tuple[str, ...],
    status: int,
    code: str,
    declared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source(tmp_path / "bad.csv", sex="CANARY")
    source(tmp_path / "p.xlsx")
    plain = run(*words, "--home", declared)
    assert plain.exit_code == status
    assert plain.stdout == ""
    assert plain.stderr.removeprefix("refused: ").startswith(f"{code}: ")
    assert plain.stderr.startswith("refused: ") == (status == 3)
    assert plain.stderr.count("\n") == 1
    spoken = run(*words, "--home", declared, "--json")
    assert spoken.exit_code == status
    error = json.loads(spoken.stdout)["error"]
    assert spoken.stderr == ""
    assert error["code"] == code
    assert f"{code}: {error['detail']}\n" == plain.stderr.removeprefix("refused: ")
    assert "CANARY" not in plain.stderr


@pytest.mark.parametrize(
    ("content", "mode", "status", "code"),
    [
        (json.dumps(KEYS), 0o644, 2, "home_invalid"),
        ("not json", 0o600, 2, "home_invalid"),
        ("{}", 0o600, 2, "home_invalid"),
        (json.dumps({**KEYS, "store_key": "AAAA"}), 0o600, 2, "home_invalid"),
        (json.dumps({**KEYS, "pid_key": 7}), 0o600, 2, "home_invalid"),
        (json.dumps({**KEYS, "pid_key": "*" * 44}), 0o600, 2, "home_invalid"),
        (None, 0o600, 4, "not_found"),
    ],
)
def test_a_key_file_that_is_not_as_it_must_be_is_refused(
    content: str | None, mode: int, status: int, code: str, declared: Path, tmp_path: Path
) -> None:
    key = declared / "domain.key"
    key.unlink()
    if content is not None:
        key.write_text(content)
        key.chmod(mode)
    result = run("refresh", "persons", source(tmp_path / "p.csv"), "--home", declared)
    assert (result.exit_code, result.stderr.partition(":")[0]) == (status, code)
    assert not any(value in result.stderr for value in KEYS.values())


def test_a_missing_home_is_not_found(tmp_path: Path) -> None:
    result = run("list", "--home", tmp_path / "nowhere")
    assert (result.exit_code, result.stderr.partition(":")[0]) == (4, "not_found")


def test_a_damaged_store_is_unavailable(declared: Path, tmp_path: Path) -> None:
    run("refresh", "persons", source(tmp_path / "p.csv"), "--home", declared)
    (declared / "store" / "persons" / "pointer.json").write_text("{}")
    result = run("quality", "persons", "--home", declared)
    assert (result.exit_code, result.stderr.partition(":")[0]) == (5, "snapshot_tampered")


def test_every_connector_error_has_an_exit_status() -> None:
    def kinds(root: type[ConnectorError]) -> list[type[ConnectorError]]:
        return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]

    assert {kind.code for kind in kinds(ConnectorError)} <= set(LOCAL_OUTCOMES)
    assert len({kind.code for kind in kinds(ConnectorError)}) == len(kinds(ConnectorError))
