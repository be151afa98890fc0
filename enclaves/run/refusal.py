"""How a run is refused: one message to the coordinator with code, policy, reasons and the smallest change.

Whatever went wrong, an exception's text never travels: it could quote a value. Codes do, and the texts of this table and
of the policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from enclaves.errors import EnclaveError
from enclaves.executor.errors import ExecutorUnavailable, PartitionLost, TaskFailed
from enclaves.isolation.errors import IsolationError, TargetRefused, WorkerFailed
from enclaves.protocols.recovery.errors import RecoveryRefused
from enclaves.transport.errors import TransportError
from policies.decision.permit import Refused
from policies.documents.strict_json import Json
from policies.errors import PolicyError

INTERNAL: Final = "internal_error"

# Code of a worker's error class, the only thing known of it.
WORKER_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TooFewPersons": "too_few_persons",
        "OnnxRefused": "onnx_refused",
        "OrderInvalid": "order_invalid",
        "BfvRefused": "bfv_refused",
        "PaillierRefused": "paillier_refused",
        "PartNotSigned": "part_not_signed",
        "CkksRefused": "ckks_refused",
        "ModelError": "model_error",
    }
)
_Text = tuple[str, str, str, str]
# Reason in Chinese and English, then the smallest change in both.
TEXTS: Final[Mapping[str, _Text]] = MappingProxyType(
    {
        "session_lost": (
            "进程重启，本次运行的密钥已不存在",
            "the process restarted and the keys of this run are gone",
            "发起新的运行",
            "start a new attempt",
        ),
        "consent_missing": (
            "没有任何人的有效同意",
            "nobody's consent stands",
            "取得个人对本场景与本接收方的有效同意",
            "obtain consent for this scenario and recipient",
        ),
        "capacity_exhausted": (
            "个人信息量额度已用完",
            "the yearly capacity of a person is used up",
            "减少作业对象，或等待额度恢复",
            "leave out these persons, or wait until capacity returns",
        ),
        "part_missing": (
            "尚未收到本部门的模型部分",
            "this department's part of the model has not arrived",
            "由平台合作方重新发送模型部分",
            "have the partner send the part again",
        ),
        "modulus_refused": (
            "出口公钥的模数未通过验证",
            "the modulus of the gate's key is not proven to be what it must be",
            "由出口重新生成公钥与证明，查验员重新加密",
            "have the gate make another key with its proof, and the examiner encrypt under it",
        ),
        "ciphertexts_mismatch": (
            "密文附件与查验员签署的摘要不一致",
            "the ciphertexts are not those whose digest the examiner signed",
            "由查验员重新提交其签署的密文",
            "have the examiner put the very ciphertexts that it signed",
        ),
        "part_not_signed": (
            "加密权重不是查验员为本模型签署的",
            "the encrypted weights are not those the examiner signed for this model",
            "由查验员重新加密并签署",
            "have the examiner encrypt and sign the weights",
        ),
        "paillier_refused": (
            "密文、密钥或合计不符合要求",
            "a ciphertext, a key or a total is not of the kind that is accepted",
            "由各方核对后发起新的运行",
            "have every party check what it sent, and start a new attempt",
        ),
        "paillier_key_missing": (
            "出口没有该公钥对应的私钥",
            "the gate does not hold the secret half of the key that is named",
            "使用本出口为该模型生成的公钥",
            "use the key that this gate made for the model",
        ),
        "too_few_persons": (
            "人数不足十人，不予统计",
            "fewer than ten persons, so nothing is told of them",
            "选用覆盖人数更多的字段",
            "use columns that more persons have",
        ),
        "query_timeout": (
            "统计语句超过单次运行时限，未予作答",
            "the statement took longer than one answer may",
            "缩小筛选范围，减少分组或连接的表后重新提交",
            "narrow the filter, or ask fewer groups or joined tables",
        ),
        "privacy_budget_exhausted": (
            "本场景本季度或有关个人本年度的隐私预算不足",
            "the privacy budget of this scenario in a quarter, or of these persons in a year, does not suffice",
            "以较小的 rho 提问，重复已有的提问（不再扣减），或等待预算恢复",
            "ask with a smaller rho, repeat an answered question (which costs nothing), or wait until budget returns",
        ),
        "privacy_invalid": (
            "隐私参数缺失、超出范围或不精确",
            "a privacy parameter is missing, out of range or not exact",
            "rho 取大于 0、不超过 0.1、至多九位小数的值",
            "give a rho above 0 and at most 0.1 with at most nine decimals",
        ),
        "noise_refused": (
            "所需噪声过大，合计可能超出 64 位整数",
            "the noise that is needed could leave 64 bits",
            "提高 rho，或缩小度量的取值范围",
            "raise rho, or ask for measures with narrower bounds",
        ),
        "noised_unreadable": (
            "已存的加噪结果无法用本部门密钥打开",
            "a stored noisy answer does not open under this department's key",
            "由本部门恢复其状态文件与密钥后重试",
            "have the department restore its state file and key",
        ),
        "history_exhausted": (
            "该数据快照可回答的不同提问已达上限",
            "this snapshot has answered as many different questions as it may",
            "重复已有的提问，或等待下一次数据更新",
            "repeat a question that was answered, or wait for the next refresh of the data",
        ),
        "refusals_exhausted": (
            "本场景中未予作答的提问过多，须经人工查看",
            "so many questions of this scenario were left without an answer that people must look first",
            "由本部门查看提问记录后另行授权",
            "have the department look through the questions and agree on a new scenario",
        ),
        "lineage_unreadable": (
            "本部门的历史作答记录无法打开",
            "the department's record of earlier answers does not open",
            "由本部门恢复其状态文件与密钥；记录恢复前不再作答",
            "have the department restore its state file and key; nothing is answered without the record",
        ),
        "question_unreadable": (
            "语句合规，但作业无法据此计算",
            "the statements are governed, but a job cannot compute what they ask",
            "按提交时所示原因修改语句，使各部门的分组与度量一致",
            "change the statement as the reason at submission says: the same keys and measures in every domain",
        ),
        "partitions_differ": (
            "数据集的分区数与本部门执行设置不一致",
            "the data set is stored in another number of partitions than this department's settings say",
            "由本部门重新分区，或修改执行设置后重启",
            "have the department split the data set as its settings say, or change them and start again",
        ),
        "survivors_changed": (
            "同一提问已在另一组部门上作答，两次结果之差会泄露单个部门的数据",
            "the question was answered over other departments, and the difference would be one department's part",
            "待各部门数据更新后重新提问，或仍由同一组部门作答",
            "ask again after the next refresh of the data, or with the same departments",
        ),
        "survivors_incomplete": (
            "涉及个人的作业须由全部部门参与",
            "a job about persons needs the part of every department",
            "待全部部门在线后发起新的运行",
            "start a new attempt when every department answers",
        ),
        "checkpoint_stale": (
            "日志检查点缺少法定见证或已超过十分钟",
            "the checkpoint lacks the quorum of witnesses or is older than ten minutes",
            "取得十分钟内会签的检查点后重试",
            "obtain a checkpoint cosigned within ten minutes and try again",
        ),
        "log_rolled_back": (
            "日志与本方所见不一致",
            "the log contradicts what this party has seen",
            "由审计方核查日志",
            "have the auditor examine the log",
        ),
    }
)
_OTHER: Final[_Text] = (
    "运行未通过本方核验",
    "the run did not pass this party's checks",
    "按协议核对后发起新的运行",
    "check against the protocol and start a new attempt",
)


def refusal_of(error: Exception) -> dict[str, Json]:
    """The body of a `refusal` message for whatever stopped a run."""
    if isinstance(error, Refused) and error.denials:
        return error.denials[0].to_json()
    return refusal(code_of(error))


def refusal(code: str) -> dict[str, Json]:
    """The body of a `refusal` message with the texts of `code`."""
    reason_zh, reason_en, change_zh, change_en = TEXTS.get(code, _OTHER)
    return {
        "code": code,
        "policy": "protocol",
        "reason": {"zh": reason_zh, "en": reason_en},
        "change": {"zh": change_zh, "en": change_en},
        "where": "run",
    }


def session_is_lost(error: Exception) -> bool:
    """Whether the run failed for no rule's sake: another attempt with new keys may succeed."""
    if isinstance(error, (WorkerFailed, TargetRefused)):
        return False
    lost = (IsolationError, TransportError, ExecutorUnavailable, PartitionLost)
    return isinstance(error, lost) or code_of(error) == INTERNAL


def code_of(error: Exception) -> str:
    """The stable code of an error; `internal_error` for one that has none."""
    match error:
        case Refused() if error.denials:
            return error.denials[0].code
        case RecoveryRefused():
            return error.reason.value
        case WorkerFailed() | TaskFailed():
            return WORKER_CODES.get(error.error_class, error.code)
        case EnclaveError() | PolicyError():
            return error.code
        case _:
            return INTERNAL
