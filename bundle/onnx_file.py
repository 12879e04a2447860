"""A look into an ONNX file without the `onnx` package, which a kiosk does not carry.

`onnxruntime` follows a tensor's reference to another file; such a file would escape the manifest's
hash. The few messages of onnx.proto that can hold a tensor are described here to the protobuf
library; fields that are not described are skipped by it.
"""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

# message -> field -> (number, type of the message); all are repeated but those in _SINGLE.
# Source: onnx/onnx.proto of ONNX 1.19 (IR version 12).
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "functions": (25, "Function")},
    "Function": {"node": (7, "Node")},
    "Graph": {"node": (1, "Node"), "initializer": (5, "Tensor"), "sparse_initializer": (15, "Sparse")},
    "Node": {"attribute": (5, "Attribute")},
    "Attribute": {
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "tensors": (10, "Tensor"),
        "graphs": (11, "Graph"),
        "sparse_tensor": (22, "Sparse"),
        "sparse_tensors": (23, "Sparse"),
    },
    "Sparse": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Tensor": {"external_data": (13, "Entry")},
    "Entry": {},
}
_SINGLE = {"Model.graph", "Attribute.t", "Attribute.g", "Attribute.sparse_tensor", "Sparse.values", "Sparse.indices"}


class NotOnnx(ValueError):
    """The bytes are not an ONNX model."""


def has_external_data(content: bytes) -> bool:
    """Whether any tensor of the model keeps its values in another file; raises `NotOnnx`."""
    model = _model_class()()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise NotOnnx(str(error)) from error
    if not model.HasField("graph"):
        raise NotOnnx("it has no graph")
    return _is_external(model)


def _is_external(message: Message) -> bool:
    for field, value in message.ListFields():
        if field.name in {"external_data", "data_location"}:
            # data_location 0 is the default and is not listed; 1 is EXTERNAL.
            return True
        children = value if not isinstance(value, Message) else (value,)
        if any(_is_external(child) for child in children):
            return True
    return False


@cache
def _model_class() -> type[Message]:
    file = FileDescriptorProto(name="onnx_tensors.proto", package="onnx_tensors", syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, (number, type_name) in fields.items():
            single = f"{message_name}.{field_name}" in _SINGLE
            message.field.add(
                name=field_name,
                number=number,
                type=FieldDescriptorProto.TYPE_MESSAGE,
                type_name=f".onnx_tensors.{type_name}",
                label=FieldDescriptorProto.LABEL_OPTIONAL if single else FieldDescriptorProto.LABEL_REPEATED,
            )
        if message_name == "Tensor":
            message.field.add(
                name="data_location",
                number=14,
                type=FieldDescriptorProto.TYPE_INT32,
                label=FieldDescriptorProto.LABEL_OPTIONAL,
            )
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found: type[Message] = GetMessageClass(pool.FindMessageTypeByName("onnx_tensors.Model"))
    return found
