"""A coordinator opens nothing but the district it was given: pin, keys, log, settings."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from policies.errors import PolicyError
from sandbox.district import open_district
from sandbox.errors import SandboxError
from sandbox.settings import Settings, SettingsInvalid
from tests.sandbox.inside import inside
from tests.sandbox.kit import Site, key_of
from tests.sandbox.papers import agree


def test_another_pin_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with pytest.raises(PolicyError):
        open_district(site.settings.model_copy(update={"pin": "ab" * 32}))
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("member", ["identity_key", "log_key"])
def test_another_key_is_refused(tmp_path: Path, member: str) -> None:
    site = Site(tmp_path)
    keys = json.loads((tmp_path / "keys.json").read_text())
    keys[member] = base64.b64encode(key_of("stranger").private_bytes_raw()).decode()
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    with pytest.raises(SettingsInvalid):
        open_district(site.settings)


@pytest.mark.parametrize(
    "content",
    ["", "not json", "[]", "{}", '{"identity_key":"x","log_key":"y"}', '{"identity_key":1,"log_key":2}'],
)
def test_a_crooked_key_file_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    site = Site(tmp_path)
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(SettingsInvalid):
        open_district(site.settings)


@pytest.mark.parametrize(
    "line", ["colour = 1", "port = 0", "attempt_timeout_s = 0", 'tls_cert = "a"', "= broken"]
)
def test_a_crooked_setting_is_refused(tmp_path: Path, line: str) -> None:
    Site(tmp_path)
    path = tmp_path / "coordinator.toml"
    name = line.split("=")[0].strip()
    kept = [old for old in path.read_text().splitlines() if old.split("=")[0].strip() != name]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(SettingsInvalid):
        Settings.load(path)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_log_that_lost_its_end_is_not_served(tmp_path: Path, kept: int) -> None:
    with inside(tmp_path) as site:
        agree(site)
        site.tick()
        assert site.log_size() > 3
        with site.district.database.write() as transaction:
            leaf = site.district.log.tables.leaf
            transaction.connection.execute(leaf.delete().where(leaf.c.seq >= kept))
        with pytest.raises((PolicyError, SandboxError)):
            open_district(site.settings)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    with inside(tmp_path) as site:
        before = (site.entries(), site.state())
        site.restart()
        assert (site.entries(), site.state()) == before
