"""A party's files: keys and settings are read strictly, and nothing of a key shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from enclaves.transport.party import PartyConfig, PartyFilesInvalid, PartyKeys, sealing_key
from policies.errors import PolicyError
from policies.keys import public_key
from sandbox.founding import FoundedDistrict


def test_keys_are_read_back_as_they_were_written(founded: FoundedDistrict, tmp_path: Path) -> None:
    keys = founded.keys("insurer")
    (tmp_path / "k").write_text(json.dumps(keys.to_json()))

    again = PartyKeys.load(tmp_path / "k")

    assert public_key(again.identity) == public_key(keys.identity)
    assert again.sealing == keys.sealing
    assert sealing_key(founded.trust.party("insurer"), "the insurer") == keys.sealing.public  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"identity_key": 1}', '{"identity_key": "AAAA"}', '{"identity_key": "%"}', "null"],
)
def test_a_broken_key_file_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(PartyFilesInvalid) as refusal:
        PartyKeys.load(path)
    assert "AAAA" not in str(refusal.value)


def test_keys_do_not_show_in_a_representation(founded: FoundedDistrict) -> None:
    keys = founded.keys("insurer")
    assert repr(keys) == "PartyKeys()"


@pytest.mark.parametrize("text", ["party = ", "party = 'x'", "party = 'insurer'\nurl = 1", "\xff"])
def test_a_broken_settings_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "client.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(PartyFilesInvalid):
        PartyConfig.load(path)
    with pytest.raises(PartyFilesInvalid):
        PartyConfig.load(tmp_path / "absent.toml")


def test_a_trust_root_other_than_the_pinned_one_is_refused(founded: FoundedDistrict) -> None:
    config = founded.config("insurer").model_copy(update={"pin": "ab" * 32})
    with pytest.raises(PolicyError):
        config.trust()


def test_a_party_without_a_sealing_key_cannot_be_sealed_to(founded: FoundedDistrict) -> None:
    with pytest.raises(Exception, match="with a sealing key"):
        sealing_key(founded.trust.party("partner"), "the partner")
    with pytest.raises(Exception, match="with a sealing key"):
        sealing_key(None, "somebody")
