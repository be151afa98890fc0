"""Foreign HE bytes: parsed in a confined child only, of one size, and no mutant ever passes for a total.

The fuzz runs hand mutants to the rooms in a real child. SEAL authenticates nothing, so a quarter of the mutants is accepted
there; in masked BFV they lead to noise, in CKKS nearly all fall outside the declared bound. The digest that the sender
signed refuses every one of them before a child is started, which is shown with the gate's own check.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from enclaves.gate import recovering
from enclaves.isolation.confined import run_confined
from enclaves.isolation.errors import WorkerKilled
from enclaves.isolation.limits import MAX_FRAME_BYTES, Limits
from enclaves.protocols import bfv, ckks, secagg
from enclaves.protocols.errors import BfvRefused
from enclaves.protocols.he_frames import MAX_CIPHERTEXT_BYTES, MAX_CONTEXT_BYTES, varint
from enclaves.protocols.secagg import PairKey
from enclaves.run.errors import RunRefused
from tests.enclaves.protocols.mutating import mutants

ROOT = Path(__file__).parents[3]
PROBES = Path(__file__).parent / "he_probes"
LIMITS = Limits(wall_seconds=900.0, cpu_seconds=900, address_space_bytes=8 << 30, processes=128)
KEY = PairKey(hashlib.sha256(b"a pair").digest())


# --- where foreign bytes are parsed -----------------------------------------------------------------------------------

ROOMS = {"bfv", "ckks", "he_context"}
PARSING = {"encrypt", "add_and_decrypt", "check_public", "open_sum", "load_public", "load_secret", "Contexts"}
TENSEAL = {
    "enclaves.protocols.he_context",
    "enclaves.protocols.bfv",
    "enclaves.protocols.ckks",
    # A measurement beside ours, on bytes of its own.
    "enclaves.bench.baselines",
}
# A measurement in one process that takes three numbers: what it parses, it has just made.
OWN_BYTES = {"enclaves.bench.encrypting"}
TARGETS = {"vector", "score", "decrypt", "decrypt_reals"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for layer in ("policies", "connectors", "enclaves", "sandbox"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name, ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module, package: str) -> dict[str, str]:
    """Local name to the module or member of `package` that it stands for, imports within functions included."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(package + "."):
                    found[alias.asname or alias.name] = alias.name.removeprefix(package + ".")
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full.startswith(package + "."):
                    found[alias.asname or alias.name] = full.removeprefix(package + ".")
    return found


def uses(tree: ast.Module, package: str) -> set[str]:
    """Members of `package`'s modules that `tree` names: `bfv.encrypt`, by attribute or by import."""
    names = imported(tree, package)
    members = {target for target in names.values() if "." in target}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = names.get(ast.unparse(node.value))
            if owner is not None:
                members.add(f"{owner}.{node.attr}")
    return members


def test_only_confined_targets_name_a_function_that_parses() -> None:
    callers = {
        name
        for name, tree in modules()
        for member in uses(tree, "enclaves.protocols")
        if member.split(".")[0] in ROOMS and member.split(".")[1] in PARSING
    }
    outside = {name for name in callers if not name.startswith(("enclaves.worker.", "enclaves.protocols."))}
    assert outside <= OWN_BYTES
    assert {"enclaves.worker.vector", "enclaves.worker.decrypt", "enclaves.worker.decrypt_reals"} <= callers


def test_targets_that_parse_are_started_by_name_only() -> None:
    """Nobody outside the worker's room imports what runs there; an order and an evaluator are all that is taken."""
    taken = {
        (name, member)
        for name, tree in modules()
        if not name.startswith("enclaves.worker.")
        for member in uses(tree, "enclaves.worker")
        if member.split(".")[0] in TARGETS
    }
    assert {member for _, member in taken} <= {
        "decrypt.order_frames",
        "decrypt_reals.order_frames",
        "vector.evaluator",
        "vector.Evaluate",
    }
    assert ("enclaves.gate.totals", "decrypt.order_frames") in taken
    started = {
        node.args[0].value
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("run_confined")
        if isinstance(node.args[0], ast.Constant)
    }
    assert {"enclaves.worker.decrypt", "enclaves.worker.score"} <= started


def test_tenseal_is_imported_where_the_contract_says() -> None:
    importers = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.Import)
            and any(alias.name.split(".")[0] == "tenseal" for alias in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tenseal")
    }
    assert importers == TENSEAL


def test_contexts_run_on_one_thread() -> None:
    made = [
        node
        for name, tree in modules()
        if name in TENSEAL
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ts.context", "ts.context_from"}
    ]
    assert len(made) >= 3
    for call in made:
        assert [keyword.value.value for keyword in call.keywords if keyword.arg == "n_threads"] == [1]  # type: ignore[attr-defined]  # a constant


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_caps_are_those_of_the_specification() -> None:
    assert (MAX_CONTEXT_BYTES, MAX_CIPHERTEXT_BYTES) == (1_000_000, 512_000)
    assert max(bfv.FRAME_BYTES, ckks.FRAME_BYTES) < MAX_CIPHERTEXT_BYTES
    assert 180 * bfv.FRAME_BYTES <= MAX_FRAME_BYTES


def test_frames_leave_room_for_every_fresh_ciphertext() -> None:
    """The room is many deviations: a ciphertext that would not fit is never seen."""
    keys, dice = bfv.generate(), np.random.default_rng(1)
    lengths = []
    for _ in range(40):
        residues = dice.integers(0, bfv.MODULUS, bfv.SLOTS).astype(np.uint64)
        lengths.append(int.from_bytes(bfv.encrypt(keys.public, residues)[:4], "little"))
    assert float(np.mean(lengths)) + 12 * float(np.std(lengths)) < bfv.FRAME_BYTES - 4


def test_padding_must_be_zeros() -> None:
    keys = bfv.generate()
    contribution = bfv.encrypt(keys.public, np.zeros(1, dtype=np.uint64))
    assert not any(contribution[-200:])
    for position in (-1, -100, -200):
        changed = bytearray(contribution)
        changed[position] = 1
        with pytest.raises(BfvRefused):
            list(bfv.split(bytes(changed), count=1))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff\xff\xff", b"\x80\x80\x80\x80\x01"])
def test_a_length_of_more_than_four_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(BfvRefused):
        varint(data, 0, refused=BfvRefused)


# --- mutants ----------------------------------------------------------------------------------------------------------

COUNT = 4_096
REALS = 2_048


@dataclass(frozen=True, slots=True)
class Subject:
    """What is mutated, and what the child needs to lead each mutant to a total."""

    act: str
    secret: bytes
    honest: np.ndarray
    given: bytes
    mutated: bytes


def masked(values: np.ndarray, party: str, peer: str) -> np.ndarray:
    residues = secagg.residues(values, modulus=bfv.MODULUS)
    return secagg.mask_mod(residues, modulus=bfv.MODULUS, party=party, pair_keys={peer: KEY}, start=0)


def subject(act: str) -> Subject:
    dice = np.random.default_rng(4)
    if act == "reals":
        values = dice.uniform(-1_000, 1_000, (2, REALS))
        release = ckks.Release(parties=2, slots=REALS, bound=1_000.0, grid_bits=0)
        pair = ckks.generate()
        first, second = (ckks.encrypt(pair.public, row, release=release) for row in values)
        return Subject(act, pair.secret, np.rint(values.sum(axis=0)).astype("<i8"), second, first)
    whole = dice.integers(-1_000, 1_001, (2, COUNT))
    first, second = masked(whole[0], "a", "b"), masked(whole[1], "b", "a")
    keys = bfv.generate()
    other = bfv.encrypt(keys.public, second)
    if act == "ciphertext":
        return Subject(act, keys.secret, whole.sum(axis=0), other, bfv.encrypt(keys.public, first))
    return Subject(act, keys.secret, whole.sum(axis=0), first.tobytes() + other, keys.public)


@dataclass(slots=True)
class Tally:
    """What became of the mutants. `right`: an accepted one that changed nothing; `plausible`: a wrong total in range."""

    refused: int = 0
    crashed: int = 0
    right: int = 0
    noise: int = 0
    plausible: int = 0

    @property
    def all(self) -> int:
        return self.refused + self.crashed + self.right + self.noise + self.plausible

    def count(self, outcome: bytes, *, slots: int) -> None:
        if not outcome:
            self.refused += 1
            return
        equal, plausible = struct.unpack("<II", outcome)
        if equal == slots:
            self.right += 1
        elif plausible == slots:
            self.plausible += 1
        else:
            self.noise += 1


def fuzz(given: Subject, *, count: int, seed: int) -> Tally:
    """Every mutant through a child; where one kills its child, the next goes to a new one and this process lives."""
    tally = Tally()
    while tally.all < count:
        rest = itertools.islice(mutants(given.mutated, count=count, seed=seed), tally.all, None)
        order = itertools.chain(
            (given.act.encode(), given.secret, given.honest.astype("<i8").tobytes(), given.given), rest
        )
        run = run_confined(
            "he_mutants",
            order,
            files={},
            limits=LIMITS,
            extra_targets=("he_mutants",),
            source_roots=(PROBES,),
        )
        try:
            with run:
                for outcome in run:
                    tally.count(outcome, slots=len(given.honest))
        except WorkerKilled:
            tally.crashed += 1
    return tally


def refused_by_digest(given: Subject, *, count: int, seed: int) -> int:
    """How many of the mutants the gate's own check of the signed digest refuses, before any child."""
    signed = hashlib.sha256(given.mutated).hexdigest()
    refused = 0
    for mutant in mutants(given.mutated, count=count, seed=seed):
        house = SimpleNamespace(wire=SimpleNamespace(get_attachment=lambda _, mutant=mutant: mutant))
        try:
            recovering.vector(house, signed)  # type: ignore[arg-type]  # the wire is all that it uses
        except RunRefused as error:
            refused += error.code == "vector_mismatch"
    return refused


def check_fuzz(act: str, *, count: int, seed: int) -> Tally:
    given = subject(act)
    tally = fuzz(given, count=count, seed=seed)
    print(f"{act}: {tally}")
    assert tally.all == count
    # Cuts, lengths and headers are refused before SEAL; random bytes in the body mostly are not.
    assert tally.refused > count // 4
    assert refused_by_digest(given, count=count, seed=seed) == count
    return tally


@pytest.mark.parametrize("act", ["ciphertext", "context"])
def test_mutants_of_masked_bfv_never_lead_to_a_plausible_total(act: str) -> None:
    tally = check_fuzz(act, count=160, seed=1)
    assert tally.noise > 10
    assert tally.plausible == 0


def test_mutants_of_ckks_hardly_pass_and_the_signed_digest_refuses_them_all() -> None:
    """Reals have no masks modulo t, so a small change to a coefficient may pass; nearly all leave the declared bound."""
    tally = check_fuzz("reals", count=160, seed=1)
    assert tally.right + tally.plausible <= 3


@pytest.mark.parametrize("act", ["ciphertext", "reals"])
def test_a_forged_ciphertext_passes_the_child_and_is_refused_by_the_digest(act: str) -> None:
    """Whoever has the public key encrypts what he likes: no parser can tell, only the signature can."""
    given = subject(act)
    # The other party's contribution stands in for the first one's: well-formed, and not what was signed.
    order = (given.act.encode(), given.secret, given.honest.astype("<i8").tobytes(), given.given, given.given)
    run = run_confined(
        "he_mutants", order, files={}, limits=LIMITS, extra_targets=("he_mutants",), source_roots=(PROBES,)
    )
    (outcome,) = list(run)
    equal, _ = struct.unpack("<II", outcome)
    assert equal < len(given.honest) // 10
    house = SimpleNamespace(wire=SimpleNamespace(get_attachment=lambda _: given.given))
    with pytest.raises(RunRefused) as caught:
        recovering.vector(house, hashlib.sha256(given.mutated).hexdigest())  # type: ignore[arg-type]  # the wire alone
    assert caught.value.code == "vector_mismatch"


@pytest.mark.long
@pytest.mark.parametrize(("act", "count"), [("ciphertext", 10_000), ("context", 8_000), ("reals", 3_000)])
def test_twenty_thousand_mutants(act: str, count: int) -> None:
    tally = check_fuzz(act, count=count, seed=2)
    if act == "reals":
        assert tally.right + tally.plausible < count // 100
    else:
        assert tally.plausible == 0
