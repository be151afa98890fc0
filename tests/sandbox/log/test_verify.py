"""The offline verifier: it believes the pin and nothing else."""

import ast
import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.log.entry import Entry, EntryType, instant
from sandbox.log import verify
from sandbox.log.errors import LogUnknown
from sandbox.log.export import export
from sandbox.log.verify import ExportMalformed, ExportRefused, verify_export
from tests.sandbox.log.district import (
    FIRST,
    LOG_KEY,
    ORIGIN,
    PIN,
    QUORUM,
    TRUST_ROOT,
    WITNESSES,
    District,
    entry,
    key,
    public,
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of seven entries."""
    folder = tmp_path_factory.mktemp("export")
    district = District(folder / "coordinator.db")
    district.fill(7)
    district.cosign()
    path = district.export(folder / "export.jsonl")
    district.close()
    return path


def check(path: Path, data: bytes) -> verify.Report:
    path.write_bytes(data)
    return verify_export(path, TRUST_ROOT, PIN)


def run(*arguments: str | Path, script: Path = Path(verify.__file__)) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_sound_export_is_verified_and_reports_the_witnesses(exported: Path) -> None:
    report = verify_export(exported, TRUST_ROOT, PIN)
    assert (report.origin, report.size) == (ORIGIN, 7)
    assert report.cosigned_at == dict.fromkeys(WITNESSES[:QUORUM], 1_790_000_000)


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_caught(exported: Path, data: st.DataObject) -> None:
    raw = bytearray(exported.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((ExportMalformed, ExportRefused)):
        check(exported.with_name("flipped.jsonl"), bytes(raw))


@pytest.mark.long
def test_every_single_flipped_bit_is_caught(exported: Path) -> None:
    raw = exported.read_bytes()
    for position in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((ExportMalformed, ExportRefused)):
            check(exported.with_name("flipped.jsonl"), bytes(flipped))


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_cut_export_is_caught(exported: Path, data: st.DataObject) -> None:
    raw = exported.read_bytes()
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start + 1, len(raw)))
    with pytest.raises((ExportMalformed, ExportRefused)):
        check(exported.with_name("cut.jsonl"), raw[:start] + raw[end:])


def lines_of(exported: Path) -> list[bytes]:
    return exported.read_bytes().splitlines(keepends=True)


def test_a_deleted_swapped_or_added_entry_is_refused(exported: Path) -> None:
    header, *entries, note = lines_of(exported)
    deleted = [header.replace(b'"size":7', b'"size":6'), *entries[:3], *entries[4:], note]
    swapped = [header, *entries[:3], entries[4], entries[3], *entries[5:], note]
    added = [header.replace(b'"size":7', b'"size":8'), *entries, entry(7).to_bytes() + b"\n", note]
    target = exported.with_name("edited.jsonl")
    for edited, reason in ((deleted, "at 6"), (swapped, "root over 7"), (added, "at 8")):
        with pytest.raises(ExportRefused, match=reason):
            check(target, b"".join(edited))


def test_anything_behind_the_checkpoint_is_malformed(exported: Path) -> None:
    for surplus in (b"\n", entry(7).to_bytes() + b"\n", lines_of(exported)[-1]):
        with pytest.raises(ExportMalformed, match="last line"):
            check(exported.with_name("longer.jsonl"), exported.read_bytes() + surplus)


def test_a_root_mismatch_says_expected_then_got(exported: Path) -> None:
    header, *entries, note = lines_of(exported)
    entries[5] = entry(55).to_bytes() + b"\n"
    with pytest.raises(ExportRefused, match=r"root over 7 entries: expected [0-9a-f]{64}, got [0-9a-f]{64}"):
        check(exported.with_name("edited.jsonl"), b"".join([header, *entries, note]))


def test_fewer_witnesses_than_the_quorum_are_refused(tmp_path: Path) -> None:
    district = District(tmp_path / "coordinator.db")
    district.fill(3)
    district.cosign(witnesses=QUORUM - 1)
    out = io.BytesIO()
    with district.engine.begin() as connection:
        with pytest.raises(LogUnknown, match="cosigned by 3"):
            export(district.log, connection, out, trust_root=TRUST_ROOT, quorum=QUORUM)
        # An operator who writes the file anyway does not get past the verifier.
        export(district.log, connection, out, trust_root=TRUST_ROOT, quorum=QUORUM - 1)
    district.close()
    with pytest.raises(ExportRefused, match="expected 3 witnesses, got 2"):
        check(tmp_path / "export.jsonl", out.getvalue())


def test_another_pin_or_trust_root_is_refused(exported: Path) -> None:
    with pytest.raises(ExportRefused, match="expected the pin"):
        verify_export(exported, TRUST_ROOT, "00" * 32)
    resigned = json.dumps(json.loads(TRUST_ROOT) | {"signatures": []}).encode()
    with pytest.raises(ExportRefused, match="carry this trust root"):
        verify_export(exported, resigned, PIN)


def test_a_log_that_begins_with_another_trust_root_is_refused(tmp_path: Path) -> None:
    for first in (
        entry(0),
        Entry(EntryType.TRUST_ROOT, instant(0), "operator", digests={"trust-root": "00" * 32}),
    ):
        header = {"format": verify.FORMAT, "size": 1, "trust_root": base64.b64encode(TRUST_ROOT).decode()}
        lines = (verify.ENCODE(header).encode(), first.to_bytes(), b'{"checkpoint":""}')
        with pytest.raises(ExportRefused, match="entry 0"):
            check(tmp_path / "export.jsonl", b"\n".join(lines) + b"\n")


def trust_root_with(**changes: Any) -> tuple[bytes, str]:
    document = json.loads(base64.b64decode(json.loads(TRUST_ROOT)["payload"])) | changes
    payload = json.dumps(document).encode()
    envelope = {"payloadType": "t", "payload": base64.b64encode(payload).decode(), "signatures": []}
    return json.dumps(envelope).encode(), hashlib.sha256(payload).hexdigest()


TWIN = {"id": "twin", "identity_key": base64.b64encode(public(LOG_KEY)).decode()}


@pytest.mark.parametrize(
    "changes",
    [
        {"quorum": 0},
        {"quorum": 5},
        {"quorum": "3"},
        {"quorum": True},
        {"witnesses": ["nobody"]},
        {"witnesses": [*WITNESSES, "gate"]},
        {"parties": [TWIN, TWIN | {"id": "twin-2"}], "witnesses": ["twin", "twin-2"], "quorum": 2},
        {"parties": [{"id": "w", "identity_key": "AAAA"}], "witnesses": ["w"], "quorum": 1},
        {"parties": 3},
        {"log": None},
    ],
)
def test_a_trust_root_that_cannot_make_a_quorum_is_malformed(exported: Path, changes: dict[str, Any]) -> None:
    data, pin = trust_root_with(**changes)
    with pytest.raises(ExportMalformed):
        verify_export(exported, data, pin)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"payload":1}', b'{"payload":"A"}', b"\xff", b"[" * 100_000]
)
def test_bytes_that_are_no_trust_root_are_malformed(exported: Path, data: bytes) -> None:
    with pytest.raises(ExportMalformed):
        verify_export(exported, data, PIN)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"format":"other","size":1,"trust_root":""}\n',
        b'{"format":"domicile-log-export/1","size":0,"trust_root":""}\n',
        b'{"format":"domicile-log-export/1","size":1.0,"trust_root":""}\n',
        b'{"format":"domicile-log-export/1","size":true,"trust_root":""}\n',
        b"x" * (verify.MAX_LINE + 5),
    ],
)
def test_bytes_that_are_no_export_are_malformed(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ExportMalformed):
        check(tmp_path / "export.jsonl", data)


def test_entries_of_every_kind_are_verified_offline_without_the_project(tmp_path: Path) -> None:
    district = District(tmp_path / "coordinator.db")
    digest = {"digest": "ab" * 32}
    kinds = {
        EntryType.DOCUMENT: "scenario",
        EntryType.INTENT: "job",
        EntryType.OUTCOME: "release",
        EntryType.DECISION: "price-filing",
    }
    entries = [
        Entry(kind, instant(1), "operator", digests=digest, facts={"of": of}) for kind, of in kinds.items()
    ]
    district.append(FIRST, *entries)
    district.cosign()
    district.export(tmp_path / "export.jsonl")
    district.close()
    # The auditor has the export, the trust root and a copy of one file, nothing else.
    script = Path(shutil.copy(verify.__file__, tmp_path / "verify.py"))
    (tmp_path / "trust-root.json").write_bytes(TRUST_ROOT)
    arguments = ("--trust-root", tmp_path / "trust-root.json", "--pin", PIN)

    sound = run(tmp_path / "export.jsonl", *arguments, script=script)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("verified: 5 entries of district.example/log, root ")
    assert sound.stdout.count("cosigned: ") == QUORUM

    data = (tmp_path / "export.jsonl").read_bytes()
    (tmp_path / "edited.jsonl").write_bytes(data.replace(b"price-filing", b"price-fixing"))
    edited = run(tmp_path / "edited.jsonl", *arguments, script=script)
    assert edited.returncode == 3
    assert edited.stderr.startswith("refused: root over 5 entries: expected ")

    (tmp_path / "cut.jsonl").write_bytes(data[:-1])
    assert run(tmp_path / "cut.jsonl", *arguments, script=script).returncode == 2
    assert run(tmp_path / "missing.jsonl", *arguments, script=script).returncode == 2


def test_the_command_line_tells_the_three_outcomes_apart(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root_file = exported.with_name("trust-root.json")
    root_file.write_bytes(TRUST_ROOT)
    common = ["--trust-root", str(root_file), "--pin"]
    assert verify.main([str(exported), *common, PIN]) == 0
    assert verify.main([str(exported), *common, "00" * 32]) == 3
    assert verify.main([str(root_file), *common, PIN]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].startswith("verified: 7 entries")
    assert [line.split(":")[0] for line in captured.err.splitlines()] == ["refused", "malformed"]


def test_the_verifier_stands_alone_and_is_short() -> None:
    source = Path(verify.__file__).read_text(encoding="utf-8")
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).split(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"cryptography"}
    assert len(source.splitlines()) < 300


NOTE_CHANGES = {
    "duplicate log signature": lambda body, log, cosigned: body + log + log + cosigned,
    "duplicate cosignature": lambda body, log, cosigned: body + log + cosigned + cosigned.splitlines(True)[0],
    "unknown signature": lambda body, log, cosigned: body + log + cosigned + "— other AAAAAAAA\n",
    "no log signature": lambda body, log, cosigned: body + cosigned,
    "hyphen": lambda body, log, cosigned: body + log.replace("—", "-") + cosigned,
    "extension line": lambda body, log, cosigned: body[:-1] + "more\n\n" + log + cosigned,
    "no signatures": lambda body, log, cosigned: body,
    "leading zero": lambda body, log, cosigned: body.replace("\n7\n", "\n07\n") + log + cosigned,
}


@pytest.mark.parametrize("name", NOTE_CHANGES)
def test_a_changed_checkpoint_is_caught(exported: Path, name: str) -> None:
    *before, last = lines_of(exported)
    body, _, signatures = json.loads(last)["checkpoint"].rpartition("\n\n")
    log, *cosigned = signatures.splitlines(keepends=True)
    changed = NOTE_CHANGES[name](body + "\n\n", log, "".join(cosigned))
    line = verify.ENCODE({"checkpoint": changed}).encode() + b"\n"
    with pytest.raises((ExportMalformed, ExportRefused)):
        check(exported.with_name("note.jsonl"), b"".join([*before, line]))


def test_a_checkpoint_that_is_no_text_is_malformed(exported: Path) -> None:
    *before, _ = lines_of(exported)
    with pytest.raises(ExportMalformed, match="text"):
        check(exported.with_name("note.jsonl"), b"".join([*before, b'{"checkpoint":1}\n']))


def test_a_checkpoint_of_another_log_key_is_refused(exported: Path) -> None:
    document = {"log": {"origin": ORIGIN, "key": base64.b64encode(public(key(50))).decode()}}
    data, pin = trust_root_with(**document)
    header, first, *rest = lines_of(exported)
    header = (
        verify.ENCODE(json.loads(header) | {"trust_root": base64.b64encode(data).decode()}).encode() + b"\n"
    )
    first = first.replace(PIN.encode(), pin.encode())
    path = exported.with_name("other.jsonl")
    path.write_bytes(b"".join([header, first, *rest]))
    with pytest.raises(ExportRefused):
        verify_export(path, data, pin)
