"""`domicile enclave asked`: the department reads what was asked of its domain, and what that cost."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.store import DomainStore
from enclaves.agent.lineages import Answer, Lineages
from enclaves.agent.opening import STATE_FILE
from enclaves.cli.enclave import app
from enclaves.run.durable import Durable

KEY, PID = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An enclave's settings, its domain directory, and one answer in its state."""
    home = tmp_path / "home"
    home.mkdir()
    keys = {"store_key": base64.b64encode(KEY).decode(), "pid_key": base64.b64encode(PID).decode()}
    (home / "domain.key").write_text(json.dumps(keys))
    (home / "domain.key").chmod(0o600)
    store = DomainStore(home / "store", store_key=KEY, pid_key=PID)
    answer = Answer(
        account="partner",
        scenario="5" * 64,
        snapshot="6" * 64,
        question="q",
        job="7" * 64,
        at=1_780_000_000,
        statement="SELECT COUNT(*) AS n FROM visits",
        released=4,
        report='{"cells":6,"cells_by_rule":{"atom":2},"values_by_rule":{}}',
        rho="0.005",
    )
    Lineages(Durable(home / "state" / STATE_FILE), store.ledger_key("lineage")).keep(answer, [b"x"])
    file = tmp_path / "enclave.toml"
    file.write_text(
        f'party = "enclave-hospital"\ndepartment = "hospital"\nhome = "{home}"\nkeys = "{tmp_path}"\n'
        f'trust_root = "{tmp_path}/trust.json"\npin = "{"0" * 64}"\nurl = "http://127.0.0.1:1"\n'
    )
    return file


def test_what_was_asked_is_listed_with_its_cost(config: Path) -> None:
    done = CliRunner().invoke(app, ["asked", "--config", str(config), "--json"])
    assert done.exit_code == 0, done.output
    (line,) = json.loads(done.stdout)["asked"]
    assert (line["account"], line["released"], line["rho"]) == ("partner", 4, "0.005")
    assert line["withheld"]["cells_by_rule"] == {"atom": 2}
    assert line["at"].startswith("2026-05-28T")
    shown = CliRunner().invoke(app, ["asked", "--config", str(config)], env={"COLUMNS": "160"})
    assert "SELECT COUNT(*)" in shown.stdout


def test_an_officer_says_that_refusals_were_looked_at(config: Path) -> None:
    done = CliRunner().invoke(app, ["looked", "5" * 64, "--config", str(config), "--by", "officer", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"scenario": "5" * 64, "refused": 0, "by": "officer"}


def test_without_the_domains_key_nothing_is_told(config: Path) -> None:
    (config.parent / "home" / "domain.key").unlink()
    done = CliRunner().invoke(app, ["asked", "--config", str(config), "--json"])
    assert done.exit_code == 4
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
