"""CKKS: sums come back rounded and flooded, never as decrypted; fine grids, foreign shapes and stray values are refused."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import tenseal as ts

from enclaves.isolation.confined import run_confined
from enclaves.isolation.errors import WorkerFailed
from enclaves.isolation.limits import Limits
from enclaves.protocols import bfv, ckks
from enclaves.protocols.ckks import CkksKeys, CkksRefused, Release
from enclaves.protocols.he_parameters import ParametersRefused, Unfit
from enclaves.worker import decrypt_reals

LIMITS = Limits(wall_seconds=60.0, cpu_seconds=60, address_space_bytes=8 << 30, processes=128)
RELEASE = Release(parties=3, slots=5_000, bound=1_000.0, grid_bits=1)


@pytest.fixture(scope="module")
def keys() -> CkksKeys:
    return ckks.generate()


def vectors(release: Release, seed: int = 1) -> list[np.ndarray]:
    dice = np.random.default_rng(seed)
    return [dice.uniform(-release.bound, release.bound, release.slots) for _ in range(release.parties)]


@pytest.fixture(scope="module")
def contributions(keys: CkksKeys) -> list[bytes]:
    return [ckks.encrypt(keys.public, values, release=RELEASE) for values in vectors(RELEASE)]


def test_the_room_has_the_named_set() -> None:
    assert ckks.CKKS_SUM.parameters.slots == ckks.SLOTS
    assert ckks.CKKS_SUM.max_parties == ckks.MAX_PARTIES


def test_sums_come_back_on_the_grid_within_the_flood(keys: CkksKeys, contributions: list[bytes]) -> None:
    sums = ckks.open_sum(keys.secret, contributions, release=RELEASE)
    assert (sums.dtype, sums.shape) == (np.int64, (RELEASE.slots,))
    off = sums - sum(vectors(RELEASE)) / RELEASE.grid
    # Flood of deviation 1/4 and rounding of 1/sqrt(12): sqrt(1/16 + 1/12) = 0.382; 5,000 draws give it to 1 %.
    assert float(off.std()) == pytest.approx(0.382, rel=0.05)
    assert abs(float(off.mean())) < 0.03
    assert float(np.abs(off).max()) < 2.5


def test_every_opening_floods_afresh(keys: CkksKeys, contributions: list[bytes]) -> None:
    first, second = (ckks.open_sum(keys.secret, contributions, release=RELEASE) for _ in range(2))
    assert 500 < np.count_nonzero(first != second) < RELEASE.slots


def test_the_gates_child_opens_reals(keys: CkksKeys, contributions: list[bytes]) -> None:
    frames = decrypt_reals.order_frames(keys.secret, contributions, release=RELEASE)
    (opened,) = list(run_confined("enclaves.worker.decrypt_reals", frames, files={}, limits=LIMITS))
    off = np.frombuffer(opened, dtype="<i8") - sum(vectors(RELEASE)) / RELEASE.grid
    assert float(np.abs(off).max()) < 2.5


def test_every_opening_has_a_child_of_its_own_that_ends_with_it(
    keys: CkksKeys, contributions: list[bytes]
) -> None:
    """Recycled with every job, where memory that the library keeps would call for it by the thousandth."""
    runs = []
    for _ in range(2):
        frames = decrypt_reals.order_frames(keys.secret, contributions, release=RELEASE)
        runs.append(run_confined("enclaves.worker.decrypt_reals", frames, files={}, limits=LIMITS))
        assert len(list(runs[-1])) == 1
    assert len({run._process.pid for run in runs}) == 2
    assert [run._process.poll() for run in runs] == [0, 0]


def test_an_order_with_a_piece_too_few_fails_in_the_child(keys: CkksKeys, contributions: list[bytes]) -> None:
    frames = decrypt_reals.order_frames(keys.secret, contributions[:-1], release=RELEASE)
    with pytest.raises(WorkerFailed) as caught:
        list(run_confined("enclaves.worker.decrypt_reals", frames, files={}, limits=LIMITS))
    assert caught.value.error_class == "OrderInvalid"


def test_nothing_public_returns_a_real_number() -> None:
    """One function decrypts, and neither it nor any other returns a float array; no argument turns the flood off."""
    functions = {
        name: inspect.signature(value)
        for name, value in vars(ckks).items()
        if inspect.isfunction(value) and value.__module__ == ckks.__name__ and not name.startswith("_")
    }
    assert set(functions) == {"generate", "encrypt", "open_sum"}
    assert "int64" in str(functions["open_sum"].return_annotation)
    assert list(functions["open_sum"].parameters) == ["secret", "contributions", "release"]
    source = inspect.getsource(ckks)
    assert source.count(".decrypt()") == 1
    assert ".decrypt()" in inspect.getsource(ckks._open_frame)


@pytest.mark.parametrize("grid_bits", [2, 8, 16, 32, 33, 1_000])
def test_a_grid_too_fine_to_hide_the_error_is_refused(grid_bits: int) -> None:
    with pytest.raises(CkksRefused):
        Release(parties=3, slots=5_000, bound=1.0, grid_bits=grid_bits)


def test_flooding_is_what_the_release_says() -> None:
    assert RELEASE.flood_bits == pytest.approx(20.35, abs=0.01)
    # A grid twice as coarse is one bit more; four times the parties or the frames one less.
    assert Release(3, 5_000, 1.0, 0).flood_bits - RELEASE.flood_bits == pytest.approx(1.0)
    assert Release(12, 5_000, 1.0, 0).flood_bits - RELEASE.flood_bits == pytest.approx(0.0, abs=0.1)
    assert Release(3, 4 * 6_144, 1.0, 0).flood_bits == pytest.approx(RELEASE.flood_bits)


def test_measured_error_of_the_key_is_below_what_the_flood_is_made_for() -> None:
    context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, -1, [58, 50], n_threads=1)
    context.global_scale = 2.0**40
    dice, errors = np.random.default_rng(3), []
    for _ in range(20):
        values = dice.uniform(-65_536, 65_536, 2048)
        errors.append(np.array(ts.ckks_vector(context, values).decrypt()) - values)
    measured = float(np.std(errors))
    declared = ckks.CKKS_SUM.parameters.slot_deviation
    assert declared / 1.2 < measured < 1.5 * declared
    # Total variation by Pinsker with the measured error, for one party and one frame.
    release = Release(parties=1, slots=2048, bound=1.0, grid_bits=0)
    total_variation = math.sqrt(2048) * measured / (2 * 0.25 * release.grid)
    assert -math.log2(total_variation) > release.flood_bits > 20


@pytest.mark.parametrize(
    ("parties", "slots", "bound"),
    [(0, 1, 1.0), (65, 1, 1.0), (1, 0, 1.0), (1, (1 << 20) + 1, 1.0)],
)
def test_releases_outside_the_range_are_refused(parties: int, slots: int, bound: float) -> None:
    with pytest.raises(CkksRefused):
        Release(parties=parties, slots=slots, bound=bound, grid_bits=-4)


@pytest.mark.parametrize("bound", [2.0**17 / 3, float("inf"), float("nan"), -1.0])
def test_a_sum_that_does_not_fit_is_refused(bound: float) -> None:
    with pytest.raises(ParametersRefused) as caught:
        Release(parties=3, slots=10, bound=bound, grid_bits=0)
    assert caught.value.unfit is Unfit.OVERFLOW


@pytest.mark.parametrize(
    "values",
    [
        np.full(5_000, 1_000.5),
        np.full(5_000, np.nan),
        np.full(5_000, np.inf),
        np.zeros(4_999),
        np.zeros(5_000, dtype=np.float32),
        np.zeros((1, 5_000)),
    ],
)
def test_only_declared_values_are_encrypted(keys: CkksKeys, values: np.ndarray) -> None:
    with pytest.raises(CkksRefused):
        ckks.encrypt(keys.public, values, release=RELEASE)


def foreign(primes: list[int], scale: float, **parts: bool) -> bytes:
    context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, -1, primes, n_threads=1)
    context.global_scale = scale
    if parts.get("save_galois_keys"):
        context.generate_galois_keys()
    flags = {"save_secret_key": False, "save_galois_keys": False, "save_relin_keys": False} | parts
    serialized: bytes = context.serialize(save_public_key=True, **flags)
    return serialized


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(lambda: foreign([40, 20, 40], 2.0**20), id="tutorial parameters"),
        pytest.param(lambda: foreign([58, 50], 2.0**20), id="another scale"),
        pytest.param(lambda: foreign([58, 50], 2.0**40, save_secret_key=True), id="with a secret key"),
        pytest.param(
            lambda: foreign([58, 50], 2.0**40, save_relin_keys=True), id="with relinearization keys"
        ),
        pytest.param(lambda: foreign([58, 50], 2.0**40, save_galois_keys=True), id="with galois keys"),
        pytest.param(lambda: bfv.generate().public, id="bfv"),
        pytest.param(lambda: bytes(1_000_001), id="too large"),
        pytest.param(lambda: b"", id="empty"),
    ],
)
def test_foreign_contexts_are_refused(context: object) -> None:
    with pytest.raises(CkksRefused):
        ckks.encrypt(context(), np.zeros(5_000), release=RELEASE)  # type: ignore[operator]  # parametrized


def test_keys_do_what_they_are_for_only(keys: CkksKeys, contributions: list[bytes]) -> None:
    assert "secret" not in repr(keys)
    with pytest.raises(CkksRefused):
        ckks.open_sum(keys.public, contributions, release=RELEASE)
    other = ckks.generate()
    with pytest.raises(CkksRefused):
        ckks.open_sum(other.secret, contributions, release=RELEASE)


def test_contributions_of_another_shape_are_refused(keys: CkksKeys, contributions: list[bytes]) -> None:
    first, *rest = contributions
    scale = first.index(ckks._SHAPE.tail)
    for changed in (
        first[:-1],
        first + b"\0",
        first[: ckks.FRAME_BYTES],
        first[:-1] + b"\1",
        first[: scale + 8] + b"\x43" + first[scale + 9 :],
        bytes(len(first)),
    ):
        with pytest.raises(CkksRefused):
            ckks.open_sum(keys.secret, [changed, *rest], release=RELEASE)
    with pytest.raises(CkksRefused):
        ckks.open_sum(keys.secret, rest, release=RELEASE)


def test_a_sum_beyond_the_declared_bound_does_not_leave(keys: CkksKeys) -> None:
    wide = Release(parties=1, slots=10, bound=10_000.0, grid_bits=0)
    narrow = Release(parties=1, slots=10, bound=100.0, grid_bits=0)
    contribution = ckks.encrypt(keys.public, np.full(10, 9_000.0), release=wide)
    assert np.abs(ckks.open_sum(keys.secret, [contribution], release=wide) - 9_000).max() <= 2
    with pytest.raises(CkksRefused):
        ckks.open_sum(keys.secret, [contribution], release=narrow)


def test_values_beyond_the_capacity_are_refused_after_flooding(keys: CkksKeys) -> None:
    """Two contributions of another release, each within the range of the parameters, whose sum is not."""
    wide = Release(parties=1, slots=10, bound=130_000.0, grid_bits=-4)
    contribution = ckks.encrypt(keys.public, np.full(10, 130_000.0), release=wide)
    double = Release(parties=2, slots=10, bound=65_000.0, grid_bits=-4)
    with pytest.raises(CkksRefused):
        ckks.open_sum(keys.secret, [contribution, contribution], release=double)


def test_contributions_have_one_size_whatever_they_hold(keys: CkksKeys) -> None:
    release = Release(parties=1, slots=2_049, bound=1_000.0, grid_bits=0)
    held = (np.zeros(2_049), np.full(2_049, 1_000.0), vectors(release)[0])
    sizes = {len(ckks.encrypt(keys.public, values, release=release)) for values in held}
    assert sizes == {2 * ckks.FRAME_BYTES}
