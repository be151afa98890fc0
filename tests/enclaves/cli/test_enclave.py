"""`domicile enclave asked`, `budget`: the department reads what was asked of its domain, and what may still be spent."""

from __future__ import annotations

import base64
import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from connectors.store import DomainStore
from enclaves.agent.budget import PrivacyLedger
from enclaves.agent.consents import Words
from enclaves.agent.lineages import Answer, Lineages
from enclaves.agent.opening import STATE_FILE
from enclaves.cli.enclave import app
from enclaves.noise.gaussian import draw
from enclaves.run.durable import Durable
from policies.privacy.budget import PERSON_WINDOW_DAYS, SCENARIO_WINDOW_DAYS

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


def ledger(config: Path) -> PrivacyLedger:
    """The ledger that the enclave of `config` keeps."""
    home = config.parent / "home"
    store = DomainStore(home / "store", store_key=KEY, pid_key=PID)
    return PrivacyLedger(Durable(home / "state" / STATE_FILE), store.ledger_key("privacy"))


def spend(
    config: Path, scenario: str, rho: Fraction, *, days_ago: int = 0, persons: Words | None = None
) -> None:
    """One noisy release, as the enclave of `config` makes it."""
    now = int(time.time()) - days_ago * 86_400
    ledger(config).release(
        f"{scenario}-{rho}-{days_ago}",
        "snapshot",
        scenario=scenario,
        universe="hospital",
        rho=rho,
        exact=np.zeros(3, dtype=np.int64),
        sigma2=Fraction(100),
        now=now,
        draw=draw,
        persons=persons,
    )


def budget(config: Path, *more: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["budget", "--config", str(config), "--json", *more])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_of_a_scenario_that_never_asked_all_of_its_budget_is_left(config: Path) -> None:
    assert budget(config, "--scenario", "partner/fresh") == {
        "department": "hospital",
        "scenarios": [{"scenario": "partner/fresh", "budget": "0.1", "remaining": "0.1"}],
        "person": {"budget": "0.5", "remaining": "0.5"},
        "debits": 0,
        "whole": True,
        "head": "0" * 64,
    }
    assert budget(config)["scenarios"] == []


def test_what_remains_is_what_the_ledger_will_still_let_through(config: Path) -> None:
    spend(config, "partner/one", Fraction(3, 100))
    spend(config, "partner/two", Fraction(5, 1000), persons=np.array([[7, 0]], dtype=np.uint64))
    found = budget(config)
    assert found["scenarios"] == [
        {"scenario": "partner/one", "budget": "0.1", "remaining": "0.07"},
        {"scenario": "partner/two", "budget": "0.1", "remaining": "0.095"},
    ]
    # Person 7 was in both: nobody has less left.
    assert found["person"] == {"budget": "0.5", "remaining": "0.465"}
    assert (found["debits"], found["head"]) == (2, ledger(config).head())
    (only,) = budget(config, "--scenario", "partner/one")["scenarios"]  # type: ignore[misc]  # a JSON list
    assert only["remaining"] == "0.07"
    spend(config, "partner/one", Fraction(only["remaining"]))
    after = budget(config, "--scenario", "partner/one")
    assert after["scenarios"] == [{"scenario": "partner/one", "budget": "0.1", "remaining": "0"}]
    assert after["head"] != found["head"]


def test_what_was_spent_before_the_windows_is_left_again(config: Path) -> None:
    spend(config, "partner/one", Fraction(1, 100), days_ago=PERSON_WINDOW_DAYS + 1)
    spend(config, "partner/one", Fraction(2, 100), days_ago=SCENARIO_WINDOW_DAYS + 1)
    found = budget(config)
    assert found["scenarios"] == [{"scenario": "partner/one", "budget": "0.1", "remaining": "0.1"}]
    assert found["person"] == {"budget": "0.5", "remaining": "0.48"}


def test_the_department_reads_the_budgets_in_both_languages(config: Path) -> None:
    spend(config, "partner/one", Fraction(3, 100))
    shown = CliRunner().invoke(app, ["budget", "--config", str(config)], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    for text in (
        "partner/one",
        "remaining 剩余",
        "0.07",
        "0.47",
        "92 d 天",
        "365 d 天",
        ledger(config).head(),
    ):
        assert text in shown.stdout


def test_debits_that_somebody_edited_are_told(config: Path) -> None:
    spend(config, "partner/one", Fraction(3, 100))
    Durable(config.parent / "home" / "state" / STATE_FILE).run("UPDATE privacy_debits SET units = 1")
    assert budget(config)["whole"] is False
    assert "ALTERED" in CliRunner().invoke(app, ["budget", "--config", str(config)]).stdout


@pytest.mark.parametrize("name", ["5" * 64, "partner/", "/one", "a/b/c", " /one"])
def test_what_names_no_scenario_is_malformed(config: Path, name: str) -> None:
    done = CliRunner().invoke(app, ["budget", "--config", str(config), "--scenario", name])
    assert done.exit_code == 2


@pytest.mark.parametrize("command", ["asked", "budget"])
def test_without_the_domains_key_nothing_is_told(config: Path, command: str) -> None:
    (config.parent / "home" / "domain.key").unlink()
    done = CliRunner().invoke(app, [command, "--config", str(config), "--json"])
    assert done.exit_code == 4
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
