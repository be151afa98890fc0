"""Whether a domain's rows may take part: its own decision, before anything is masked, on its own rows alone.

Rules. Persons are counted, never rows.
1. At least 50 persons, and at most 0.33 coefficients a person (DataSHIELD `nfilter.glm`); no saturated model.
2. *One-hot columns.* In every column, those who differ from its most common value are nobody or at least `LOCAL_PERSONS`.
3. *Small cells.* Where a column has two values and so has the outcome, each of the four cells is empty or has at least
   `LOCAL_PERSONS`: otherwise the score of that column would be a small count.
4. *Combinations of columns.* No person's leverage exceeds 1/`LOCAL_PERSONS`. The leverage of a person is the largest share
   that he has of Σ(a'x)² in any direction a. If some combination of columns were zero for all but m persons, one of them
   would have at least 1/m of that direction: so no combination singles out fewer than `LOCAL_PERSONS` persons, whatever
   the columns are called. A rare extreme value fails too; tighter bounds on its column cure that.
   Five people alone in a column are a fifth each and a little more with the other columns: in practice it takes six or eight.
5. *Outcome.* Nobody has more than `LOCAL_TOP_SHARE` of the outcomes' sum, counted from their lower bound.
6. *Each round.* Under the weights of the round, no person's leverage exceeds `LOCAL_TOP_SHARE`: coefficients chosen so that
   only somebody's weight is left (a steep model between two people) are not answered; and η stays in its range.

Source: protocols.md §2.3 and §6.2 (L2), finding 8: each contribution must be releasable by itself. Rule 4 is ours.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.limits import LOCAL_PERSONS, LOCAL_TOP_SHARE
from policies.glm.errors import GlmInvalid, GlmWithheld
from policies.glm.families import Floats
from policies.glm.fit import PARAMETER_SHARE

LEAST_PERSONS: Final = 50
_ROUNDING: Final = 1e-9
_RANK: Final = 1e-10

Persons = NDArray[np.int64]
"""For each row whose it is: codes 0 … persons - 1, each present."""


def check_rows(design: Floats, response: Floats, *, persons: Persons, lowest: float) -> None:
    """Rules 1 to 5 for a scaled design matrix [rows, parameters] with its outcomes. Raises GlmWithheld."""
    check_columns(design, persons=persons, parameters=design.shape[1])
    check_cells(design, response, persons=persons, lowest=lowest)


def check_columns(columns: Floats, *, persons: Persons, parameters: int) -> None:
    """Rules 1, 2 and 4 for the columns that a domain holds of a model with so many `parameters`. Raises GlmWithheld."""
    count = _count(columns, persons)
    if count < LEAST_PERSONS:
        raise GlmWithheld(f"expected at least {LEAST_PERSONS} persons in each domain, got fewer")
    if parameters > PARAMETER_SHARE * count:
        raise GlmWithheld("expected at most 0.33 coefficients a person, got more")
    for column in columns.T:
        values, seen = np.unique(column, return_counts=True)
        check_enough(np.unique(persons[column != values[seen.argmax()]]).size)
    check_leverage(columns, np.ones(len(columns)), persons=persons, limit=Fraction(1, LOCAL_PERSONS))


def check_cells(columns: Floats, response: Floats, *, persons: Persons, lowest: float) -> None:
    """Rules 2, 3 and 5 for the outcome as it is trained on, of which `lowest` is the least. Raises GlmWithheld."""
    amounts = np.bincount(persons, weights=response - lowest)
    if float(amounts.max()) > float(LOCAL_TOP_SHARE) * float(amounts.sum()):
        raise GlmWithheld("expected nobody to dominate the outcomes, got one who does")
    outcomes, seen = np.unique(response, return_counts=True)
    check_enough(np.unique(persons[response != outcomes[seen.argmax()]]).size)
    if outcomes.size != 2:
        return
    for column in columns.T:
        values = np.unique(column)
        if values.size != 2:
            continue
        for value in values:
            for outcome in outcomes:
                check_enough(np.unique(persons[(column == value) & (response == outcome)]).size)


def check_rows_per_person(persons: Persons, most: int) -> None:
    """Raise GlmInvalid if a person has more rows than `most`, which sensitivity and counts of persons rest on."""
    if int(np.bincount(persons).max()) > most:
        raise GlmInvalid("expected at most the declared rows of each person, got more")


def check_enough(persons: int) -> None:
    """Raise GlmWithheld unless a group is empty or large enough."""
    if 0 < persons < LOCAL_PERSONS:
        raise GlmWithheld(
            f"expected groups of at least {LOCAL_PERSONS} persons in every column, got a smaller one"
        )


def check_leverage(
    columns: Floats, weights: Floats, *, persons: Persons, limit: Fraction = LOCAL_TOP_SHARE
) -> None:
    """Rules 4 and 6: raise GlmWithheld if a person's share of some direction exceeds `limit`."""
    if float(leverages(columns, weights, persons=persons).max()) > float(limit) + _ROUNDING:
        raise GlmWithheld("expected no person to dominate a combination of columns, got one who does")


def leverages(columns: Floats, weights: Floats, *, persons: Persons) -> Floats:
    """The weighted leverage of each person, shape [persons]: the sum over his rows, which is at least his largest share."""
    count = _count(columns, persons)
    rooted = columns * np.sqrt(weights)[:, None]
    # Directions that no row has are left out; a column that is constant here may vary elsewhere.
    left, singular, _ = np.linalg.svd(rooted, full_matrices=False)
    kept = left[:, singular > _RANK * max(float(singular[0]), 1e-300)]
    return np.bincount(persons, weights=(kept**2).sum(axis=1), minlength=count).astype(np.float64)


def check_eta(eta: Floats, allowed: tuple[float, float]) -> None:
    """Rule 6: raise GlmWithheld if a row leaves the range of its family."""
    low, high = allowed
    if not np.isfinite(eta).all() or float(eta.min()) < low or float(eta.max()) > high:
        raise GlmWithheld("expected coefficients that keep every row in range, got others")


def _count(columns: Floats, persons: Persons) -> int:
    if persons.shape != (len(columns),) or len(columns) == 0:
        raise GlmInvalid("expected a person for each of at least one row, got another shape")
    codes = np.unique(persons)
    if codes[0] != 0 or codes[-1] != codes.size - 1:
        raise GlmInvalid("expected persons numbered from zero without gaps, got others")
    return int(codes.size)
