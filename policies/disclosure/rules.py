"""The rules by which something is withheld, as one table with words for people.

A mark on a cell never says which rule hid it: that would tell a sparse cell from a dominated one. Rules are named in
reports only, as counts. What a domain decides by its own rules shows at the gate as `EMPTY_OR_LOCAL`, whatever the reason,
the cell without anybody included.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from policies.documents.fields import Bilingual


class Rule(Enum):
    """Why a cell or a value is withheld. The order is the order of judgment: the first that fails is counted."""

    # In the domain, over one contribution (L2, and the part of L3 that needs single contributions).
    LOCAL_PERSONS = "local_persons"
    LOCAL_COMPLEMENT = "local_complement"
    LOCAL_CONDITION = "local_condition"
    LOCAL_TOP_SHARE = "local_top_share"
    DOMINANCE_1 = "dominance_1"
    DOMINANCE_2 = "dominance_2"
    P_PERCENT = "p_percent"
    ATOM = "atom"
    # At the gate, over the sums (L3).
    EMPTY_OR_LOCAL = "empty_or_local"
    PERSONS = "persons"
    DOMAINS = "domains"
    COMPLEMENT = "complement"
    CONDITION_COMPLEMENT = "condition_complement"
    VARIANCE_PERSONS = "variance_persons"
    UNIFORM = "uniform"
    # To protect what another rule hid.
    REMAINDER = "remainder"
    SECONDARY = "secondary"


WORDS: Final[Mapping[Rule, Bilingual]] = MappingProxyType(
    {
        Rule.LOCAL_PERSONS: Bilingual(
            zh="本部门内该组人数不足", en="too few persons of this department in the cell"
        ),
        Rule.LOCAL_COMPLEMENT: Bilingual(
            zh="本部门内不在该组的人数过少", en="too few persons of this department outside the cell"
        ),
        Rule.LOCAL_CONDITION: Bilingual(
            zh="本部门该组内不满足条件或缺值的人数过少",
            en="too few persons of this department in the cell without the condition or value",
        ),
        Rule.LOCAL_TOP_SHARE: Bilingual(
            zh="本部门内一人所占比例过高", en="one person's share of the department's sum is too large"
        ),
        Rule.DOMINANCE_1: Bilingual(zh="最大的一人占比过高", en="the largest contribution dominates the sum"),
        Rule.DOMINANCE_2: Bilingual(
            zh="最大的两人占比过高", en="the two largest contributions dominate the sum"
        ),
        Rule.P_PERCENT: Bilingual(
            zh="第二大的贡献者可较准确地估计最大者",
            en="the second largest contributor could estimate the largest too closely",
        ),
        Rule.ATOM: Bilingual(
            zh="与以往结果相减会得到过少的人", en="subtracting earlier answers would leave too few persons"
        ),
        Rule.EMPTY_OR_LOCAL: Bilingual(
            zh="无人，或各部门均未予提供",
            en="nobody in the cell, or no department's contribution was releasable",
        ),
        Rule.PERSONS: Bilingual(zh="人数不足", en="too few persons"),
        Rule.DOMAINS: Bilingual(zh="提供数据的部门不足", en="too few contributing departments"),
        Rule.COMPLEMENT: Bilingual(zh="不在该组的人数过少", en="too few persons outside the cell"),
        Rule.CONDITION_COMPLEMENT: Bilingual(
            zh="该组内不满足条件或缺值的人数过少",
            en="too few persons of the cell without the condition or value",
        ),
        Rule.VARIANCE_PERSONS: Bilingual(zh="人数不足以公布方差", en="too few persons for a variance"),
        Rule.UNIFORM: Bilingual(
            zh="该组人人取值相同，方差会泄露每个人的值",
            en="everybody has the same value; a variance of zero would say so",
        ),
        Rule.REMAINDER: Bilingual(
            zh="被隐藏各组合计人数过少，另隐藏一组", en="the hidden cells together held too few persons"
        ),
        Rule.SECONDARY: Bilingual(
            zh="同一行或列仅一格被隐藏，另隐藏一格", en="a line of the table had exactly one hidden cell"
        ),
    }
)
