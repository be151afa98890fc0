"""The table of document kinds: name → model. A test asks whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.documents.authorization import Authorization, OverallAuthorization, Scenario
from policies.documents.consent import Consent
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.halts import Revocation, Suspension
from policies.documents.job import HeKey, Job, Plan, Receipt, Release, TableRelease
from policies.documents.model import Model
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.review import OutputReview
from policies.documents.run import Boot, Bundle, Contribution, Transcript
from policies.documents.strict_json import Json
from policies.documents.survivors import Agreement, Survivors, Unmasking
from policies.documents.trust import PartyDocument, TrustRoot
from policies.documents.vetting import VetBands, VetMetrics, VettingReport

_MODELS: tuple[type[Document], ...] = (
    TrustRoot,
    PartyDocument,
    Dataset,
    OverallAuthorization,
    Scenario,
    Authorization,
    Consent,
    Model,
    Query,
    VetMetrics,
    VetBands,
    VettingReport,
    Job,
    HeKey,
    PaillierKey,
    EncryptedWeights,
    Plan,
    Boot,
    Bundle,
    Transcript,
    Contribution,
    Survivors,
    Agreement,
    Unmasking,
    Release,
    TableRelease,
    OutputReview,
    Receipt,
    Suspension,
    Revocation,
    PriceFiling,
)
KINDS: Final[Mapping[str, type[Document]]] = MappingProxyType({model.kind: model for model in _MODELS})


def json_schema(kind: str) -> Json:
    """The published JSON Schema (2020-12) of a kind's whole body; KeyError for an unknown one."""
    schema: Json = KINDS[kind].model_json_schema(mode="serialization")
    return schema
