"""Discrete Gaussian noise by OpenDP, on integers.

OpenDP's `make_gaussian` over i64 is the sampler of Canonne, Kamath and Steinke 2020 (arXiv 2004.00010, Algorithm 3) in
rational arithmetic: every probability is exactly proportional to exp(-k²/2s²), with no floating-point number anywhere after
the scale s was read. The scale itself is a double, taken by OpenDP for the rational that it is. Therefore s is the least
double whose exact square reaches the variance asked for: the noise is never smaller than what rho was computed from, and
larger by less than one part in 10^15.

INVARIANT: OpenDP's `idealized-numerics` feature (`floating-point` until 0.15), which permits samplers that floating-point
rounding makes attackable, is never enabled in a process that draws.
This is the only module that imports OpenDP.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
import opendp.prelude as dp
from numpy.typing import NDArray
from opendp import mod

from enclaves.noise.errors import NoiseRefused
from enclaves.noise.request import check_request

_FORBIDDEN: Final = frozenset({"idealized-numerics", "floating-point"})


def draw(scale_variance: Fraction, count: int) -> NDArray[np.int64]:
    """`count` independent discrete Gaussians around 0 of variance parameter σ² = `scale_variance`; shape [count].

    Raises NoiseRefused for a variance outside [1e-6, 2^110], a count outside [0, 10^7], or with OpenDP's idealized
    samplers enabled.
    """
    check_request(scale_variance, count)
    check_features()
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    return np.array(_measurement(scale_of(scale_variance))([0] * count), dtype=np.int64)


def scale_of(scale_variance: Fraction) -> float:
    """The least double whose exact square is at least `scale_variance`."""
    scale = math.sqrt(float(scale_variance))
    # The correctly rounded root is at most a few steps from the answer, on either side.
    while Fraction(scale) ** 2 < scale_variance:
        scale = math.nextafter(scale, math.inf)
    while Fraction(below := math.nextafter(scale, 0.0)) ** 2 >= scale_variance:
        scale = below
    return scale


def check_features() -> None:
    """Raises NoiseRefused if anything in this process has enabled OpenDP's attackable samplers."""
    if _FORBIDDEN & mod.GLOBAL_FEATURES:
        raise NoiseRefused("expected opendp without its idealized numerics, got them enabled")


@lru_cache(maxsize=64)
def _measurement(scale: float) -> Any:
    """The sampler over vectors of i64, as a mechanism that adds noise to zeros."""
    dp.enable_features("contrib")
    return dp.m.make_gaussian(dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64"), scale)
