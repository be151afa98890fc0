"""V6, V14 and V16: how much one release says, what probing finds, and how often a person may be scored.

- **V6 capacity.** At most 20 bands, no band with fewer than max(50, 1 % of persons), one output.
- **V14 constant probes.** All-zero and all-default rows and every sweep give finite numbers. A column gives itself away
  when, swept over its range with the others at their defaults, it takes more than 20 levels and the whole sweep is more
  than 20 times as wide as everything else was measured to spread: then a level can be read off the sum, one to one.
- **V16 exposure.** What one release says fits what the scenario grants a year. The limits are held at run time, person by
  person, by each enclave's ledger (`policies.capacity`): one score by a model in 30 days, bits and versions in a year.
"""

from __future__ import annotations

from decimal import Decimal

from policies import banding
from policies.capacity import REPEAT_DAYS
from policies.documents.authorization import Limits
from policies.documents.model import MAX_BANDS
from policies.documents.vetting import Check, Verdict
from policies.vetting.case import Case
from policies.vetting.checks import check, not_measured
from policies.vetting.limits import MAX_SWEEP_LEVELS, MIN_BAND_PERSONS, SPREAD_DEVIATIONS


def capacity(case: Case) -> Check:
    """V6: how much one release says about one person."""
    model, bands = case.model, case.bands
    smallest = min(bands.counts)
    needed = max(MIN_BAND_PERSONS, -(-bands.persons // 100))
    single = not any("v6" in domain.metrics.graph.faults for domain in case.graphs if domain.metrics.graph)
    outputs = "1 output" if single else "not one output a person"
    figure = f"{model.bands} bands, smallest {smallest} of {bands.persons} persons, {outputs}"
    if not single:
        return check(
            "v6",
            figure,
            verdict=Verdict.REJECT,
            zh="模型图须恰有一个输入和一个输出",
            en="a graph must have one input and one number a person as its output",
        )
    if any(domain.metrics.variance is None for domain in case.domains):
        return not_measured("v6")
    fits = model.bands <= MAX_BANDS and smallest >= needed
    return check(
        "v6",
        figure,
        verdict=Verdict.PASS if fits else Verdict.REJECT,
        zh="档位足够大，一次输出只有一个分档" if fits else f"有档位少于 {needed} 人，须合并档位",
        en="every band is large enough, and one band is all that comes out"
        if fits
        else f"a band holds fewer than {needed} persons; merge bands",
    )


def probes(case: Case) -> Check:
    """V14: constants and sweeps."""
    sweeps = [(key, m.sweep) for domain in case.domains for key, m in domain.keyed()]
    finite = [domain.metrics.finite for domain in case.domains]
    if None in finite or any(sweep is None for _, sweep in sweeps):
        return not_measured("v14")
    effects = case.effects()
    total = sum(effects.values(), start=Decimal(0))
    readable = sum(
        sweep is not None
        and sweep.levels > MAX_SWEEP_LEVELS
        # The others' variances add up, domains and columns taken as uncorrelated.
        and Decimal(sweep.span)
        > MAX_SWEEP_LEVELS * SPREAD_DEVIATIONS * (total - effects.get(key, Decimal(0))).sqrt()
        for key, sweep in sweeps
    )
    figure = f"{len(sweeps)} sweeps, {readable} readable on more than {MAX_SWEEP_LEVELS} levels"
    if readable or not all(finite):
        return check(
            "v14",
            figure if all(finite) else f"{figure}, not a number somewhere",
            verdict=Verdict.REJECT,
            zh="探测发现评分一一对应某一字段的取值，或出现非数值",
            en="a column can be read off the score level by level, or a probe gives no number",
        )
    return check(
        "v14",
        figure,
        verdict=Verdict.PASS,
        zh="常数与单字段扫描均未发现一一对应",
        en="neither constants nor sweeps give a column away",
    )


def exposure(case: Case, limits: Limits | None) -> Check:
    """V16: what a release may add up to; without the scenario's limits, the highest a scenario may grant."""
    granted = limits or Limits(vet_jobs=1, score_jobs=1, fetches=1)
    bits = banding.bits(case.model)
    fits = bits <= granted.bits_per_subject_year
    return check(
        "v16",
        f"{bits} bits a score, 1 score in {REPEAT_DAYS} days, {granted.bits_per_subject_year} bits and"
        f" {granted.model_versions_per_subject_year} versions a person and year",
        verdict=Verdict.PASS if fits else Verdict.REJECT,
        zh="运行时由各部门的额度账本逐人控制" if fits else "一次评分即超出每人每年的信息额度",
        en="each enclave's ledger holds this at run time, person by person"
        if fits
        else "one score says more than the scenario grants about a person in a year",
    )
