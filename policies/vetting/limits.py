"""Every threshold of model vetting, once (protocols.md section 6.5). A report cites them in its `limit`."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

# V1: an input of nearly as many values as people is a name for them.
MAX_DISTINCT: Final = Decimal("0.2")
# V2
MAX_SHARE: Final = Decimal("0.80")
OVERRIDE_SHARE: Final = Decimal("0.60")
MIN_EFFECTIVE: Final = Decimal("1.5")
# V3
MAX_RANK_CORRELATION: Final = Decimal("0.95")
MAX_RANK_CORRELATION_SENSITIVE: Final = Decimal("0.90")
# V4
MAX_INFORMATION: Final = Decimal("0.50")
MAX_INFORMATION_SENSITIVE: Final = Decimal("0.35")
# V5
MAX_GAIN: Final = Decimal("0.20")
# V6; at most 20 bands is `policies.documents.model.MAX_BANDS`.
MIN_BAND_PERSONS: Final = 50
# V7
MAX_SWING_RATIO: Final = Decimal(10_000)
# Weights need only come close to a positional system to be read like one.
POSITIONAL_TOLERANCE: Final = Decimal("0.9")
MIN_CHAIN: Final = 3
# A uniform column spreads over √12 = 3.5 standard deviations, a normal one lies within 4 but for 5 %.
SPREAD_DEVIATIONS: Final = Decimal(4)
# V8: with more features than these, nearly unique scores come by themselves.
MAX_UNIQUE: Final = Decimal("0.5")
FEW_FEATURES: Final = 8
# A feature below one percent of the variance does not make a score less readable.
COUNTED_SHARE: Final = Decimal("0.01")
# V9
MIN_LEAF_PERSONS: Final = 20
MAX_TREES: Final = 500
MAX_DEPTH: Final = 8
# V10
MAX_CONSTANT_BYTES: Final = 4 * 1024 * 1024
PERSONS_PER_PARAMETER: Final = 10
MAX_TABLE: Final = 1000
# V12
MAX_NODES: Final = 2000
MAX_GRAPH_BYTES: Final = 8 * 1024 * 1024
# V14
MAX_SWEEP_LEVELS: Final = 20
# V15
MAX_PARAMETER_SHARE: Final = Decimal("0.33")
MAX_MEMBERSHIP_AUC: Final = Decimal("0.55")
MIN_UNPROTECTED_PERSONS: Final = 1000
# V16: `policies.capacity` and the scenario's limits.

LIMITS: Final = {
    "v1": "listed features only, distinct/persons 0.2, no identifier",
    "v2": "max share 0.80 (0.60 with override), n_eff 1.5",
    "v3": "max |rho| 0.95, 0.90 for a sensitive feature",
    "v4": "max MI(band; feature)/H(feature) 0.50, 0.35 for a sensitive feature",
    "v5": "max accuracy gain over the majority 0.20",
    "v6": "20 bands, smallest max(50, 1 %), 1 output",
    "v7": "swing ratio 10000, no positional chain",
    "v8": "max unique partials/persons 0.5 with up to 8 features",
    "v9": "no leaf of 1 to 19 persons, 500 trees, depth 8",
    "v10": "4 MB of constants, parameters up to persons/10, tables of 1000 entries",
    "v11": "operators of the allow-list",
    "v12": "no loops, randomness, functions, external data; 2000 nodes, 8 MB",
    "v13": "the same row by row, in a batch, in any order",
    "v14": "numbers everywhere, no column readable on more than 20 levels",
    "v15": "parameters up to 0.33 n, membership AUC 0.55, DP or n of 1000",
    "v16": "1 score in 30 days, bits and versions a year of the scenario",
}
"""The limit of each check in words, as a report cites it."""
