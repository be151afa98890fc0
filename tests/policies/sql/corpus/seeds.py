"""What an attack seed is: families of statements with places for a table's columns, and the tables they are written for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# One line per table: what stands for each place of a seed. A seed whose place a table lacks is not written for it.
_PLACES = """
t=hospital_visits domain=hospital person=person_id raw=diagnosis_text group=district lit='福田' measure=total_cost num=age date=visit_date ts=visit_time flag=insured unbounded=wait_minutes feature=risk_score filteronly=payer other=admissions otherkey=person_id
t=admissions domain=hospital person=person_id raw=bed_no group=ward lit='ICU' measure=bed_days num=severity date=admit_date flag=emergency feature=readmission_embedding filteronly=discharge_date other=hospital_visits otherkey=person_id
t=处方 domain=hospital person=患者编号 raw=医生 group=药品类别 lit='抗生素' measure=金额 num=剂量 date=开方日期 flag=医保支付 other=hospital_visits otherkey=person_id
t=social_insurance domain=social_insurance person=person_id group=community lit='莲花' measure=contribution_base num=years_paid date=enrolled_on flag=active joincol=employer_id other=社保缴费 otherkey=person_id
t=社保缴费 domain=social_insurance person=person_id group=险种 lit='养老' measure=缴费金额 date=缴费月份 flag=欠费 joincol=单位编号 unbounded=缴费基数 other=social_insurance otherkey=person_id
t=transport_trips domain=transport person=card_id group=mode lit='metro' measure=distance_km num=line_id date=trip_date ts=boarded_at flag=peak feature=fatigue_score filteronly=station other=vehicles otherkey=owner_id
t=vehicles domain=transport person=owner_id raw=plate group=vehicle_type lit='truck' measure=repair_cost num=weight_tons date=inspected_on joincol=line_id other=transport_trips otherkey=card_id
t=tax_filings domain=tax person=taxpayer_id group=industry lit='制造业' measure=taxable_income num=tax_year date=filed_on flag=audited joincol=org_code feature=default_probability other=tax_invoices otherkey=taxpayer_id
t=tax_invoices domain=tax person=taxpayer_id group=kind lit='专票' measure=amount num=tax_rate ts=issued_at flag=cancelled joincol=org_code other=tax_filings otherkey=taxpayer_id
t=企业 domain=commerce person=法人编号 group=行业 lit='软件' measure=注册资本 num=员工人数 date=成立日期 joincol=org_code feature=信用评分 other=hospital_visits otherkey=person_id
"""  # noqa: E501  # a table reads best as one line

TABLES = [dict(pair.split("=", 1) for pair in line.split()) for line in _PLACES.strip().splitlines()]


@dataclass(frozen=True, slots=True)
class Family:
    """Seeds of one kind of attack. A line may end in ` | CODE ...` of its own; otherwise the family's `codes` hold.

    A refusal is right when one of the codes is among its reasons. Within a seed `\\n` and `\\t` stand for themselves;
    `tables` bounds how many tables each seed is written for.
    """

    name: str
    codes: str
    seeds: str
    tables: int = 5

    def lines(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each seed with its acceptable codes."""
        for line in self.seeds.strip(" \n").split("\n"):  # the line breaks of Unicode belong to the attacks
            seed, mark, own = line.strip(" ").rpartition(" | ")
            if not mark or not all(word.isupper() for word in own.split()):
                seed, own = line.strip(" "), self.codes
            yield seed.replace("\\n", "\n").replace("\\t", "\t"), tuple(own.split())


def places_of(seed: str) -> set[str]:
    """The places a seed asks for."""
    return {place for table in TABLES for place in table if "{" + place + "}" in seed}


def filled(seed: str, table: dict[str, str]) -> str:
    """`seed` written for one table."""
    for place, value in table.items():
        seed = seed.replace("{" + place + "}", value)
    return seed
