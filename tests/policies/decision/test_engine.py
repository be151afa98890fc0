"""Loading: a policy set that is not whole does not load, and a department can only narrow."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path

import pytest

from policies.decision import (
    Action,
    Facts,
    Library,
    LibraryInvalid,
    decide,
    decision_record,
    product,
    with_extra,
)
from policies.decision.engine import LIBRARY_FILES, SCHEMA_FILE, load
from policies.decision.facts import COUNTS, FACT_NAMES, FactsInvalid
from policies.log.entry import Entry, EntryType
from tests.policies.decision.test_differential import GOOD, SCENARIO, added

FOLDER = resources.files("policies") / "library"
SCHEMA = (FOLDER / SCHEMA_FILE).read_text("utf-8")
TEXTS = [(FOLDER / name).read_text("utf-8") for name in LIBRARY_FILES]
WORDS = (
    """@id("a") @code("a") @where("a") @reason_zh("因") @reason_en("why") @change_zh("改") @change_en("do")"""
)


def test_every_cedar_file_of_the_library_is_loaded() -> None:
    files = {item.name for item in FOLDER.iterdir() if item.name.endswith(".cedar")}
    assert files == set(LIBRARY_FILES)


def test_the_schema_knows_exactly_the_facts() -> None:
    for name in FACT_NAMES:
        assert f"    {name}?: {'Long' if name in COUNTS else 'Bool'},\n" in SCHEMA
    assert SCHEMA.count("?:") == len(FACT_NAMES)


def test_only_the_engine_imports_cedar() -> None:
    root = Path(__file__).parents[3]
    importers = {
        path.relative_to(root).as_posix()
        for layer in ("policies", "connectors", "enclaves", "sandbox")
        for path in (root / layer).rglob("*.py")
        if any(
            isinstance(node, (ast.Import, ast.ImportFrom)) and "cedarpy" in ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    }
    assert importers == {"policies/decision/engine.py"}


@pytest.mark.req("RQ-308")
def test_no_permit_names_raw_export() -> None:
    assert "permit-raw-export" not in product().permits
    assert "raw-export" not in (FOLDER / "permits.cedar").read_text("utf-8").split("\n\n", 1)[1]


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("forbid (principal, action, resource) when { context.domains > 1 };", "fit the schema"),
        ("forbid (principal, action, resource) when { context has domaims };", "known facts"),
        ('forbid (principal, action == Action::"score", resource);', "fit the schema"),
        ("forbid (principal, action, resource", "parse"),
        ("forbid (principal == ?principal, action, resource);", "template"),
    ],
)
def test_a_library_that_does_not_validate_does_not_load(policy: str, why: str) -> None:
    with pytest.raises(LibraryInvalid, match=why):
        load([*TEXTS, f"{WORDS} {policy}"], schema=SCHEMA)


@pytest.mark.parametrize("lost", ["id", "code", "where", "reason_zh", "reason_en", "change_zh", "change_en"])
def test_a_forbid_without_its_words_does_not_load(lost: str) -> None:
    words = " ".join(word for word in WORDS.split() if not word.startswith(f"@{lost}("))
    with pytest.raises(LibraryInvalid, match=f"@{lost}"):
        load([*TEXTS, f"{words} forbid (principal, action, resource);"], schema=SCHEMA)


def test_two_policies_with_one_id_do_not_load() -> None:
    twice = f"{WORDS} forbid (principal, action, resource);"
    with pytest.raises(LibraryInvalid, match="twice"):
        load([*TEXTS, twice, twice], schema=SCHEMA)
    with pytest.raises(LibraryInvalid, match="twice"):
        with_extra(added("", "").replace("hospital-own", "suspended"))


@pytest.mark.parametrize(
    "text",
    [
        f"{WORDS} permit (principal, action, resource);",
        f'{WORDS} permit (principal, action == Domicile::Action::"raw-export", resource);',
        added("", "") + '@id("b") permit (principal, action, resource);',
        added("", "") + "@id(",
        "}; permit (principal, action, resource);",
        f"{WORDS} forbid (principal == ?principal, action, resource);",
        "x" * 70_000,
    ],
)
def test_added_text_that_permits_or_does_not_stand_alone_is_refused(text: str) -> None:
    with pytest.raises(LibraryInvalid):
        with_extra(text)


def test_an_added_forbid_denies_with_its_own_words() -> None:
    library = with_extra(added('when { principal == Domicile::Party::"acme" }', "score"))
    facts = Facts(**GOOD)
    denied = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=facts, library=library)
    assert [(d.policy, d.code, d.reason.en) for d in denied.denials] == [
        ("hospital-own", "hospital_own", "the hospital's own rule")
    ]
    assert decide(Action.SCORE, "other", scenario=SCENARIO, facts=facts, library=library).allowed
    assert denied.policies != product().digest


def test_an_unknown_fact_an_ill_typed_fact_and_an_unknown_action_are_errors() -> None:
    library = product()
    for context in ({**GOOD, "admin": True}, {**GOOD, "domains": True}, {**GOOD, "no_query": 1}):
        found = library.evaluate(Action.SCORE, context, principal="acme", resource=SCENARIO)
        assert (found.allowed, found.failed) == (False, True)


@pytest.mark.parametrize(
    "wrong", [{"domains": True}, {"no_query": 1}, {"domains": 2**53}, {"runs_left": -(2**53)}]
)
def test_facts_of_another_type_or_out_of_range_are_refused_at_birth(wrong: dict[str, bool | int]) -> None:
    with pytest.raises(FactsInvalid):
        Facts(**wrong)


def test_an_error_is_a_denial_and_never_an_answer() -> None:
    # The library does not know the action, so Cedar fails to build the request.
    facts = Facts(**GOOD)
    decision = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=facts, library=_without_score())
    assert not decision.allowed
    assert decision.codes == ("decision_error",)


def _without_score() -> Library:
    schema = SCHEMA.replace(
        'action "score" in [scoring, authorized, "running-authorized"]', 'action "scored" in [scoring]'
    )
    texts = [text.replace('Domicile::Action::"score"', 'Domicile::Action::"scored"') for text in TEXTS]
    return load(texts, schema=schema)


def test_what_no_policy_permits_is_denied_by_default() -> None:
    library = load(TEXTS[:-1], schema=SCHEMA)
    decision = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=Facts(**GOOD), library=library)
    assert not decision.allowed
    assert decision.codes == ("not_permitted",)


@pytest.mark.req("RQ-169")
def test_every_decision_can_be_logged_and_told_apart() -> None:
    allowed = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=Facts(**GOOD))
    denied = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=Facts())
    for decision in (allowed, denied):
        record = decision_record(decision)
        entry = Entry(
            type=EntryType.DECISION,
            at="2026-04-01T02:00:00Z",
            actor="hospital-enclave",
            digests=record.digests,
            facts=record.facts,
        )
        assert Entry.parse(entry.to_bytes()).facts["allowed"] is decision.allowed
    assert decision_record(allowed).facts["determining"] == "permit-score"
    assert decision_record(denied).facts["determining_count"] == len(denied.determining)
    assert allowed.context != denied.context
    again = decide(Action.SCORE, "acme", scenario=SCENARIO, facts=Facts(**GOOD))
    assert (again.context, again.policies) == (allowed.context, allowed.policies)
