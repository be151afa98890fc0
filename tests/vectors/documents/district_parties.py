"""The parties of the example district and their deterministic test keys.

A private key is the SHA-256 of a public label, so that anyone can make the vectors again; such a key protects nothing.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from policies.documents.strict_json import Json
from policies.documents.trust import PartyDocument, Role


@dataclass(frozen=True, slots=True)
class TestParty:
    """One party: who it is, whom it belongs to, and whether results or parts are sealed to it."""

    __test__ = False

    id: str
    role: Role
    zh: str
    en: str
    owner: str | None = None
    sealed_to: bool = False


PARTIES = (
    TestParty("futian-operator", Role.OPERATOR, "福田区公共数据运营机构", "Futian public data operator"),
    TestParty("coordinator", Role.COORDINATOR, "协调节点", "Coordinator", "futian-operator"),
    TestParty("futian-agency", Role.AGENCY, "福田区数据主管部门（实施机构）", "Futian implementing agency"),
    TestParty("examiner", Role.EXAMINER, "模型查验员", "Model examiner", "futian-agency", True),
    TestParty("gate", Role.GATE, "结果出口", "Release gate", "futian-agency", True),
    TestParty("hospital", Role.DEPARTMENT, "区属医院", "District hospital"),
    TestParty("social-insurance", Role.DEPARTMENT, "社会保险部门", "Social insurance department"),
    TestParty("health-insurance", Role.DEPARTMENT, "医疗保障部门", "Health insurance department"),
    TestParty("hospital-enclave", Role.ENCLAVE, "区属医院数据域", "Hospital enclave", "hospital", True),
    TestParty(
        "social-enclave", Role.ENCLAVE, "社会保险数据域", "Social insurance enclave", "social-insurance", True
    ),
    TestParty(
        "health-enclave", Role.ENCLAVE, "医疗保障数据域", "Health insurance enclave", "health-insurance", True
    ),
    TestParty("actuary-partner", Role.PARTNER, "精算模型合作方", "Actuarial modelling partner"),
    TestParty("insurer-one", Role.INSURER, "第一健康保险公司", "First health insurer", None, True),
    TestParty("consent-service", Role.CONSENT_SERVICE, "个人授权服务", "Consent service"),
    TestParty("price-authority", Role.AUTHORITY, "价格主管部门", "Price authority"),
    TestParty("auditor", Role.AUDITOR, "审计机构", "Auditor"),
)
LOG_LABEL = "evidence-log"


def private_key(label: str) -> Ed25519PrivateKey:
    """The Ed25519 key of a label: its seed is SHA-256("domicile-test-key/" ‖ label)."""
    return Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(f"domicile-test-key/{label}".encode()).digest()
    )


def public_base64(label: str) -> str:
    return base64.b64encode(private_key(label).public_key().public_bytes_raw()).decode()


def keyid(label: str) -> str:
    return hashlib.sha256(private_key(label).public_key().public_bytes_raw()).hexdigest()


def sealing_base64(label: str) -> str:
    """An X-Wing public key from a label: ML-KEM-768 then X25519 (draft-connolly-cfrg-xwing-kem, section 5.2)."""
    seed = hashlib.shake_256(f"domicile-test-sealing-key/{label}".encode()).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(seed[:64]).public_key().public_bytes_raw()
    x25519 = X25519PrivateKey.from_private_bytes(seed[64:]).public_key().public_bytes_raw()
    return base64.b64encode(mlkem + x25519).decode()


def x25519_base64(label: str) -> str:
    seed = hashlib.sha256(f"domicile-test-x25519/{label}".encode()).digest()
    return base64.b64encode(
        X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    ).decode()


def party_document(party: TestParty) -> PartyDocument:
    """What the party says of itself and signs with the key it states."""
    return PartyDocument.from_body(
        {
            "id": party.id,
            "name": {"zh": party.zh, "en": party.en},
            "role": party.role.value,
            "owner": party.owner,
            "responsible": f"{party.en}, duty officer",
            "identity_key": public_base64(party.id),
            "sealing_key": sealing_base64(party.id) if party.sealed_to else None,
        }
    )


def entries() -> list[Json]:
    """The parties as the trust root pins them."""
    documents = [(party, party_document(party)) for party in PARTIES]
    return [
        {
            "id": party.id,
            "role": party.role.value,
            "owner": party.owner,
            "name": {"zh": party.zh, "en": party.en},
            "identity_key": document.identity_key,
            "sealing_key": document.sealing_key,
            "document": document.digest,
        }
        for party, document in documents
    ]
