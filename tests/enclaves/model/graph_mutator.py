"""Mutants of ONNX graphs: of their bytes, of any field of their messages, and of what an attacker would change by intent."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import Message
from onnx import TensorProto, helper

from tests.enclaves.model.graph_samples import INPUTS, SAMPLES
from tests.enclaves.protocols.mutating import mutants

OPERATORS = sorted({(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()})
NUMBERS = (0, 1, -1, 2, 3, 7, 16, 255, 1001, 2**31 - 1, -(2**31), 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-38, 3e38, float("inf"), float("-inf"), float("nan"))
TEXTS = (
    "",
    "x",
    "y",
    "w",
    "w1",
    "../../etc/passwd",
    "/dev/zero",
    "ai.onnx.ml",
    "com.microsoft",
    "é" * 40,
    "a" * 3000,
)


def graphs(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` mutants with the kind of each; a third by bytes, a third by fields, a third by intent."""
    chance = random.Random(seed)
    while count:
        sample = chance.choice(SAMPLES)
        match count % 3:
            case 0:
                name, made = "bytes", next(mutants(sample, count=1, seed=chance.getrandbits(32)))
            case 1:
                name, made = "fields", _by_fields(sample, chance)
            case _:
                act = chance.choice(_INTENTS)
                name, made = act.__name__.strip("_"), _by_intent(sample, act, chance)
        if made not in SAMPLES:
            count -= 1
            yield name, made


def _read(data: bytes) -> Any:
    model = onnx.ModelProto()
    model.ParseFromString(data)
    return model


def _by_fields(data: bytes, chance: random.Random) -> bytes:
    """One to three fields anywhere, set to a value of their type that is odd, or doubled, removed, moved."""
    model = _read(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        message = chance.choice(list(_messages(model)))
        field = chance.choice(message.DESCRIPTOR.fields)
        _change(message, field, chance)
    return bytes(model.SerializeToString())


def _messages(message: Message) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if _many(field) else [value]:
                yield from _messages(inner)


def _many(field: Any) -> bool:
    return bool(field.is_repeated)


def _change(message: Any, field: Any, chance: random.Random) -> None:
    name = field.name
    if chance.random() < 0.25:
        message.ClearField(name)
        return
    held = getattr(message, name)
    if field.type == field.TYPE_MESSAGE:
        if not _many(field):
            held.SetInParent()
        elif held and chance.random() < 0.7:
            held.add().CopyFrom(chance.choice(list(held)))
            if chance.random() < 0.5:
                kept = list(held)
                chance.shuffle(kept)
                copies = [type(each).FromString(each.SerializeToString()) for each in kept]
                message.ClearField(name)
                getattr(message, name).extend(copies)
        else:
            held.add()
        return
    value = _value(field, chance)
    if not _many(field):
        setattr(message, name, value)
    elif held and chance.random() < 0.6:
        held[chance.randrange(len(held))] = value
    else:
        held.extend([value] * chance.choice((1, 1, 2, 1001)))


def _value(field: Any, chance: random.Random) -> Any:
    match field.cpp_type:
        case field.CPPTYPE_STRING:
            text = chance.choice((*TEXTS, chance.choice(OPERATORS)[1]))
            return text.encode() if field.type == field.TYPE_BYTES else text
        case field.CPPTYPE_FLOAT | field.CPPTYPE_DOUBLE:
            return chance.choice(FLOATS)
        case field.CPPTYPE_ENUM:
            return chance.choice([value.number for value in field.enum_type.values])
        case field.CPPTYPE_INT32:
            return max(-(2**31), min(2**31 - 1, chance.choice(NUMBERS)))
        case field.CPPTYPE_BOOL:
            return chance.random() < 0.5
        case _:
            bottom = 0 if field.cpp_type in {field.CPPTYPE_UINT32, field.CPPTYPE_UINT64} else -(2**63)
            return max(bottom, chance.choice(NUMBERS))


# --- by intent --------------------------------------------------------------------------------------------------------


def _by_intent(data: bytes, act: Callable[[Any, random.Random], None], chance: random.Random) -> bytes:
    model = _read(data)
    act(model, chance)
    return bytes(model.SerializeToString())


def _node(model: Any, chance: random.Random) -> Any:
    return chance.choice(list(model.graph.node))


def _operator(model: Any, chance: random.Random) -> None:
    """Any operator there is, in its domain or in another."""
    node = _node(model, chance)
    node.domain, node.op_type = chance.choice(OPERATORS)
    if chance.random() < 0.3:
        node.domain = chance.choice(("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "own"))


def _foreign_node(model: Any, chance: random.Random) -> None:
    """One more node, valid by itself and forbidden or not, between the graph and its output."""
    last = model.graph.node[-1]
    name = last.output[0]
    last.output[0] = "before"
    operator = chance.choice(
        (
            "NonZero",
            "Abs",
            "Neg",
            "ReduceMean",
            "CumSum",
            "Identity",
            "Relu",
            "RandomNormalLike",
            "Softmax",
            "TopK",
            "Transpose",
        )
    )
    made = helper.make_node(operator, ["before"], [name])
    if operator == "Softmax":
        made.attribute.append(helper.make_attribute("axis", chance.choice((0, 1, -1, -2, 5))))
    model.graph.node.append(made)


def _circle(model: Any, chance: random.Random) -> None:
    """A node that feeds itself, an input nobody makes, or a name made twice."""
    node, other = _node(model, chance), _node(model, chance)
    if not node.input or not other.output:
        return
    node.input[chance.randrange(len(node.input))] = chance.choice(
        (other.output[0], "nobody", "", node.input[0])
    )
    if chance.random() < 0.3:
        other.output[0] = chance.choice((node.output[0], "x", "y"))


def _subgraph(model: Any, chance: random.Random) -> None:
    """Graphs inside attributes, as deep as a message may be built."""
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["q"])], "inner", [], [])
    for _ in range(chance.choice((0, 1, 3, 20))):
        holder = helper.make_node(chance.choice(("If", "Loop", "Identity")), ["x"], ["q"])
        holder.attribute.append(helper.make_attribute("body", inner))
        inner = helper.make_graph([holder], "outer", [], [])
    _node(model, chance).attribute.append(
        helper.make_attribute(chance.choice(("body", "then_branch", "to")), inner)
    )


def _external(model: Any, chance: random.Random) -> None:
    """Constants that lie in a file, by location or by a link alone."""
    tensor = _constant(model, chance)
    if chance.random() < 0.7:
        tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", chance.choice(TEXTS)), ("offset", "0"), ("length", str(2**40))):
        if chance.random() < 0.7:
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    if chance.random() < 0.5:
        tensor.ClearField("raw_data")


def _constant(model: Any, chance: random.Random) -> Any:
    if not model.graph.initializer:
        model.graph.initializer.add().name = "w"
    return chance.choice(list(model.graph.initializer))


def _shape(model: Any, chance: random.Random) -> None:
    """Constants that say they are larger or smaller than their bytes, or are of another type."""
    tensor = _constant(model, chance)
    tensor.dims[:] = [chance.choice(NUMBERS) for _ in range(chance.randint(0, 4))]
    if chance.random() < 0.3:
        tensor.data_type = chance.randint(0, 25)
    if chance.random() < 0.3:
        tensor.raw_data = bytes(chance.choice((0, 1, 4, 4096)))


def _huge(model: Any, chance: random.Random) -> None:
    """Constants, attributes, nodes or names beyond the limits."""
    match chance.randrange(4):
        case 0:
            tensor = _constant(model, chance)
            tensor.dims[:], tensor.raw_data = [2**20 + 1], bytes(4 * (2**20 + 1))
        case 1:
            size = chance.choice((1000, 1001, 5000))
            _node(model, chance).attribute.append(helper.make_attribute("table", [0.5] * size))
        case 2:
            last, size = model.graph.node[-1], chance.choice((1990, 2001, 4000))
            name, last.output[0] = last.output[0], "n0"
            for number in range(size):
                given, made = f"n{number}", name if number == size - 1 else f"n{number + 1}"
                model.graph.node.append(helper.make_node("Identity", [given], [made]))
        case _:
            model.doc_string = "a" * chance.choice((10, 9 << 20))


def _infinite(model: Any, chance: random.Random) -> None:
    """Constants and attributes that are no finite numbers: allowed, and told by the vetting."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.raw_data:
            values = np.frombuffer(tensor.raw_data, dtype=np.float32).copy()
            values[chance.randrange(len(values))] = chance.choice(FLOATS)
            tensor.raw_data = values.tobytes()
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.floats:
                attribute.floats[chance.randrange(len(attribute.floats))] = chance.choice(FLOATS)


def _edges(model: Any, chance: random.Random) -> None:
    """Other inputs and outputs: more, fewer, other types, sizes and kinds of axes."""
    values = model.graph.input if chance.random() < 0.5 else model.graph.output
    match chance.randrange(4):
        case 0:
            values.append(
                helper.make_tensor_value_info(
                    chance.choice(("x", "q", "h1")), TensorProto.FLOAT, [None, INPUTS]
                )
            )
        case 1:
            del values[:]
        case 2:
            shape = [
                chance.choice((None, "n", -1, 0, 1, INPUTS, 4, 2**40)) for _ in range(chance.randint(0, 4))
            ]
            values[0].CopyFrom(helper.make_tensor_value_info(values[0].name, chance.randint(0, 20), shape))
        case _:
            inner = values[0].type
            for _ in range(chance.choice((1, 5, 60))):
                inner = inner.sequence_type.elem_type
            inner.tensor_type.elem_type = 1


def _opset(model: Any, chance: random.Random) -> None:
    """Versions there are not, domains that are not allowed, none at all, one twice."""
    if chance.random() < 0.5:
        chance.choice(list(model.opset_import)).version = chance.choice((*NUMBERS, 8, 9, 11, 13, 21, 22, 23))
    elif chance.random() < 0.5:
        model.opset_import.append(
            helper.make_opsetid(chance.choice(("", "ai.onnx.ml", "own", "com.microsoft")), 1)
        )
    else:
        del model.opset_import[:]
    if chance.random() < 0.2:
        model.ir_version = chance.choice(NUMBERS)


def _local_function(model: Any, chance: random.Random) -> None:
    """A function of its own, named as an allowed operator or not, or a training part."""
    body = [helper.make_node("NonZero", ["a"], ["b"])]
    name = chance.choice(("Relu", "Identity", "own"))
    model.functions.append(helper.make_function("", name, ["a"], ["b"], body, [helper.make_opsetid("", 17)]))
    if chance.random() < 0.5:
        model.training_info.add()


def _doubling(model: Any, chance: random.Random) -> None:
    """Each node twice as wide as the one before it, reduced to one number at the end: small on paper, large in memory."""
    steps = chance.choice((3, 8, 12))
    del model.graph.node[:], model.graph.initializer[:]
    for number in range(steps):
        given = "x" if number == 0 else f"n{number}"
        model.graph.node.append(helper.make_node("Concat", [given, given], [f"n{number + 1}"], axis=1))
    width = INPUTS * 2**steps
    model.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [width, 1], [1.0] * width))
    model.graph.node.append(helper.make_node("MatMul", [f"n{steps}", "w"], ["y"]))


def _tree_lists(model: Any, chance: random.Random) -> None:
    """Trees that are none: circles, children that are not there, lists of other lengths, modes that are not."""
    model.CopyFrom(_read(SAMPLES[2]))
    attributes = {each.name: each for each in model.graph.node[-1].attribute}
    chosen = attributes[chance.choice(sorted(name for name in attributes if name != "n_targets"))]
    values = chosen.ints or chosen.floats or chosen.strings
    match chance.randrange(3):
        case 0:
            del values[-1]
        case 1:
            values.append(values[0])
        case _:
            place = chance.randrange(len(values))
            if chosen.strings:
                values[place] = chance.choice((b"LEAF", b"BRANCH_EQ", b"BRANCH_MEMBER", b"\xff", b""))
            else:
                values[place] = (
                    chance.choice((0, 1, 2, 3, 4, 5, -1, 2**31)) if chosen.ints else chance.choice(FLOATS)
                )


_INTENTS: tuple[Callable[[Any, random.Random], None], ...] = (
    _operator,
    _foreign_node,
    _circle,
    _subgraph,
    _external,
    _shape,
    _huge,
    _infinite,
    _edges,
    _opset,
    _local_function,
    _doubling,
    _tree_lists,
)
