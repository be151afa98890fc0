"""Reading a statement for whoever asks, before a query is signed: the verdict of the SQL gate, as a job would meet it.

Nothing is decided, stored or run here. The list is either the caller's own or that of one department under a scenario, made
from the data sets which the scenario cites; what a job may ask is decided when it is submitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from policies.aggregate.listing import data_list_of
from policies.documents.authorization import Scenario
from policies.documents.dataset import Dataset
from policies.documents.strict_json import Json
from policies.sql.data_list import DataList
from policies.sql.gate import check
from sandbox.documents import registry
from sandbox.jobs.questions import listed_of, reason_to_json
from sandbox.store.errors import Malformed, NotFound


def given_list(data_list: Mapping[str, Json]) -> DataList:
    """The caller's own list; raise `DataListInvalid`."""
    return DataList.read(json.dumps(data_list, ensure_ascii=False).encode())


def list_under(connection: Connection, scenario: str, department: str) -> DataList:
    """The list of `department` under `scenario` (digest); raise `NotFound` or `Malformed`."""
    document = registry.read_document(registry.get(connection, scenario).envelope)
    if not isinstance(document, Scenario) or department not in document.departments:
        raise Malformed("expected a scenario and one of its departments, got another")
    listed = listed_of(connection, document)
    if len(listed) != len(document.datasets):
        raise NotFound("expected every data set the scenario cites in the catalogue, got some of them")
    return data_list_of(document, tuple(Dataset.read(envelope) for envelope in listed), department)


def verdict_on(sql: str, data_list: DataList) -> dict[str, Json]:
    """What the SQL gate says of one statement, hints in both languages."""
    verdict = check(sql, data_list)
    return {
        "allowed": verdict.allowed,
        "reasons": [reason_to_json(reason) for reason in verdict.reasons],
        "statement": verdict.statement,
    }
