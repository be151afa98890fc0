"""Every domain-separation label of the protocol rooms, in one table.

Rules:
- A label names one purpose and is never reused for another (protocols.md, rule 9).
- Every label starts with `domicile-` and ends with a zero byte; no other zero byte stands in it, so no label is a
  prefix of another and a label cannot run into what follows it.
- A change of meaning is a new version number, not an edit.
"""

from enum import Enum, unique


@unique
class Label(Enum):
    """The purposes a derived key or a sealed message may have."""

    SECAGG_PAIR = b"domicile-secagg/1 pair\0"
    SECAGG_RECEIVER = b"domicile-secagg/1 receiver\0"
    SECAGG_SEED = b"domicile-secagg/1 seed\0"
    SECAGG_SELF = b"domicile-secagg/1 self\0"
    SECAGG_SHARE = b"domicile-secagg/1 share\0"
    SECAGG_KEYS = b"domicile-secagg/1 keys\0"
    SECAGG_TRANSCRIPT = b"domicile-secagg/1 transcript\0"
    SECAGG_SEEN = b"domicile-secagg/1 seen\0"
    SECAGG_INPUT = b"domicile-secagg/1 input\0"
    SECAGG_SURVIVORS = b"domicile-secagg/1 survivors\0"
    SECAGG_UNMASK = b"domicile-secagg/1 unmask\0"
    SECAGG_ANSWER = b"domicile-secagg/1 answer\0"
    OPENING_KEY = b"domicile-opening-key/1\0"
    SCORE_ENVELOPE = b"domicile-score/1\0"
    SCORE_SLOT = b"domicile-score/1 slot\0"
    CONSENT = b"domicile-consent/1\0"
    MODEL_PART = b"domicile-model-part/1\0"
    MODEL_GRAPH = b"domicile-model-graph/1\0"
    TABLE = b"domicile-table/1\0"
    TABLE_REVIEW = b"domicile-table-review/1\0"
    CELLS = b"domicile-cells/1\0"
    ALIGN_ID = b"domicile-align/1 id\0"
    ALIGN_DUMMY = b"domicile-align/1 dummy\0"
    ALIGN_BATCH = b"domicile-align/1 batch\0"
    ALIGN_LAYER = b"domicile-align/1 layer\0"
    ALIGN_TRANSFER = b"domicile-align/1 transfer\0"
    JOINED_SUM_ID = b"domicile-joined-sum/1 id\0"
    JOINED_SUM_DUMMY = b"domicile-joined-sum/1 dummy\0"
    JOINED_SUM_BATCH = b"domicile-joined-sum/1 batch\0"
    JOINED_SUM_TRANSFER = b"domicile-joined-sum/1 transfer\0"
    PAILLIER_MODULUS = b"domicile-paillier/1 modulus\0"
    PAILLIER_ENTRY = b"domicile-paillier/1 entry\0"
    PAILLIER_PART = b"domicile-paillier/1 part\0"
    PAILLIER_KEY = b"domicile-paillier/1 key\0"
    PAILLIER_SECRET = b"domicile-paillier/1 secret\0"
    TRAIN_MODEL = b"domicile-train/1 model\0"
    TRAIN_ROUND = b"domicile-train/1 round\0"
