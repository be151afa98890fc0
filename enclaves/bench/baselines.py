"""What the protocols are measured against: the same scores without protection, and the libraries used naively.

`plain` reads the same encrypted stores with DuckDB in this process and adds with NumPy: what an analyst with all keys would
write. `raw_tenseal` encrypts, adds and decrypts in a plain loop; `raw_phe` does one value a ciphertext.
"""

# ruff: noqa: S608 - the statement is made of this file's own constants.
from __future__ import annotations

import base64
import time
import warnings
from collections.abc import Sequence
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from enclaves.bench.domains import FEATURES, GRID, Domain

_PHE_VALUES: Final = 24
_TENSEAL_SLOTS: Final = 4096


def plain(domains: Sequence[Domain], cut_points: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
    """Bands of all subjects and the seconds it took: DuckDB joins and scans, NumPy weighs, rounds and adds."""
    before = time.perf_counter()
    total = sum((_plain_partial(domain) for domain in domains), start=np.int64(0))
    bands = np.searchsorted(cut_points, np.asarray(total), side="right")
    return bands, time.perf_counter() - before


def _plain_partial(domain: Domain) -> NDArray[np.int64]:
    columns = [f"x{i}" for i in range(FEATURES)]
    with (
        domain.store.lease(domain.part.dataset) as lease,
        duckdb.connect(config={"threads": 2}) as connection,
    ):
        connection.execute(
            f"ATTACH '{lease.path}' AS store (READ_ONLY, ENCRYPTION_KEY '{base64.b64encode(lease.key).decode()}')"
        )
        slots = {  # noqa: F841 - DuckDB finds it by its name
            "slot": np.arange(len(domain.pids)),
            "high": domain.pids[:, 0],
            "low": domain.pids[:, 1],
        }
        found = connection.execute(
            f"SELECT {', '.join(f'r.{c}' for c in columns)} FROM slots s "
            "LEFT JOIN store.persons p ON p.pid_high = s.high AND p.pid_low = s.low "
            "LEFT JOIN store.rows r ON r.person_no = p.person_no ORDER BY s.slot"
        ).fetchnumpy()
    weights = [float(feature.weight) for feature in domain.part.features]
    partial = sum(weight * np.asarray(found[column]) for weight, column in zip(weights, columns, strict=True))
    units = np.rint(partial / float(GRID)).astype(np.int64)
    return np.clip(units, domain.head.low, domain.head.high)


def raw_tenseal(domains: int, subjects: int) -> float:
    """Seconds to encrypt, add and decrypt `subjects` values of each domain with TenSEAL in a plain loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import tenseal as ts
    context = ts.context(ts.SCHEME_TYPE.BFV, poly_modulus_degree=4096, plain_modulus=1_032_193, n_threads=1)
    values = list(range(_TENSEAL_SLOTS))
    before = time.perf_counter()
    for _ in range(0, subjects, _TENSEAL_SLOTS):
        sent = [ts.bfv_vector(context, values).serialize() for _ in range(domains)]
        vectors = [ts.bfv_vector_from(context, data) for data in sent]
        total = vectors[0]
        for vector in vectors[1:]:
            total = total + vector
        total.decrypt()
    return time.perf_counter() - before


def raw_phe() -> float | None:
    """Values a second that phe encrypts, one a ciphertext, key of 3072 bits; None where phe is not installed."""
    try:
        from phe import paillier
    except ImportError:
        return None
    public, _ = paillier.generate_paillier_keypair()
    before = time.perf_counter()
    for value in range(_PHE_VALUES):
        public.encrypt(value)
    return _PHE_VALUES / (time.perf_counter() - before)
