"""Linear reconstruction (Dinur and Nissim, 2003): every released sum is an equation over the secrets of known people.

The attacker solves them all at once in the least squares, weighed by how exact each sum is, and pulled to what it knows
beforehand (secrets are 0 or 1 with a known rate): the best linear guess there is. Conjugate gradients; no matrix is formed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_STEPS = 300
_CLOSE = 1e-8


@dataclass
class Equations:
    """Sums over groups of `people` known people; `rate` is how many of them have the secret."""

    people: int
    rate: float
    _of: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = field(
        default_factory=list
    )

    def add(self, group: NDArray[np.int64], total: dict[int, float], *, within: float) -> None:
        """Of each person its group (-1 for none), of each released group its sum, give or take `within`."""
        size = int(group.max()) + 1
        weight, value = np.zeros(size), np.zeros(size)
        for number, sum_ in total.items():
            weight[number], value[number] = 3 / within**2, sum_
        self._of.append((np.where(group < 0, size, group), np.append(weight, 0.0), np.append(value, 0.0)))

    def solve(self) -> NDArray[np.float64]:
        """The expected secret of each person."""
        prior = 1 / (self.rate * (1 - self.rate))
        guess = np.full(self.people, self.rate)
        rest = self._pulled(guess, towards=True)
        step, size = rest.copy(), float(rest @ rest)
        for _ in range(_STEPS):
            if size < _CLOSE:
                break
            image = prior * step + self._pulled(step, towards=False)
            length = size / float(step @ image)
            guess += length * step
            rest -= length * image
            size, before = float(rest @ rest), size
            step = rest + size / before * step
        return guess

    def _pulled(self, point: NDArray[np.float64], *, towards: bool) -> NDArray[np.float64]:
        """The weighed groups' sums at `point`, or how far the released ones are from them, given back to their people."""
        found = np.zeros(self.people)
        for group, weight, value in self._of:
            sums = np.bincount(group, weights=point, minlength=len(weight))
            found += (weight * ((value - sums) if towards else sums))[group]
        return found
