"""Write `attacks.jsonl`: every seed, filled in for tables that have its places; run it after a seed was changed.

python -m tests.policies.sql.corpus.build_attacks
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.policies.sql.corpus import (
    seeds_aggregates,
    seeds_clauses,
    seeds_conditions,
    seeds_engine,
    seeds_keys,
    seeds_rows,
    seeds_sources,
    seeds_statements,
    seeds_text,
    seeds_uses,
)
from tests.policies.sql.corpus.seeds import TABLES, filled, places_of

ATTACKS = Path(__file__).parent / "attacks.jsonl"
FAMILIES = [
    *seeds_rows.FAMILIES,
    *seeds_aggregates.FAMILIES,
    *seeds_statements.FAMILIES,
    *seeds_sources.FAMILIES,
    *seeds_uses.FAMILIES,
    *seeds_conditions.FAMILIES,
    *seeds_keys.FAMILIES,
    *seeds_clauses.FAMILIES,
    *seeds_engine.FAMILIES,
    *seeds_text.FAMILIES,
]


def attacks() -> list[dict[str, object]]:
    """All attacks in a fixed order; no statement twice."""
    found: list[dict[str, object]] = []
    seen: set[str] = set()
    start = 0
    for family in FAMILIES:
        number = 0
        for seed, codes in family.lines():
            places = places_of(seed)
            able = [table for table in TABLES if places <= table.keys()]
            turn = (
                [able[(start + i) % len(able)] for i in range(min(family.tables, len(able)))] if able else []
            )
            start += 1
            for sql in (filled(seed, table) for table in turn):
                if sql in seen:
                    continue
                seen.add(sql)
                number += 1
                found.append(
                    {
                        "id": f"{family.name}-{number:03d}",
                        "family": family.name,
                        "sql": sql,
                        "codes": list(codes),
                    }
                )
    return found


def text() -> str:
    """The file's content; control characters and what looks alike are escaped, Chinese stays readable."""
    lines = []
    for attack in attacks():
        readable = all(" " <= c <= "~" or "\u3000" < c <= "\u9fff" for c in str(attack["sql"]))
        lines.append(json.dumps(attack, ensure_ascii=not readable))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    ATTACKS.write_text(text(), encoding="utf-8")
