"""Arrays from the files of PyTorch and its relatives, without PyTorch and without running what is in them.

A `.pth` file is a pickle, and a pickle is a program. Here it may name nothing
but dictionaries, storages and tensors; anything else is refused unread.
"""

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

SUFFIXES = (".pth", ".pt", ".safetensors", ".npz")
"""Files that `read_arrays` reads."""

_STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4"}
_SAFE = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of files from before PyTorch 1.6, which are no ZIP archives."""

_BAD = (pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, AttributeError, TypeError, ValueError)
"""What half a file, or another kind of file, raises."""

_Storages = Callable[[str, str, int], np.ndarray]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read a state dictionary.

    Args:
        path: `.pth` or `.pt` as `torch.save` writes it, before and since 1.6;
            `.safetensors`; or `.npz` with the same names.

    Returns:
        Arrays by name.

    Raises:
        ValueError: the file is something else, is cut short, or holds a pickle
            that would do more than describe arrays.
    """
    readers = {".safetensors": _read_safetensors, ".npz": _read_npz}
    try:
        return readers.get(path.suffix, _read_torch)(path)
    except _BAD as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"weights {path.name}: expected named arrays as {path.suffix} holds them, came something else: {said}.") from None


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    arrays = {}
    for name, facts in header.items():
        first, last = facts["data_offsets"]
        arrays[name] = np.frombuffer(data[start + first : start + last], _SAFE[facts["dtype"]]).reshape(facts["shape"])
    return arrays


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        state = _read_archive(file) if zipfile.is_zipfile(path) else _read_stream(file)
    if not isinstance(state, dict) or not all(isinstance(value, _Tensor) for value in state.values()):
        raise ValueError("it is no dictionary of tensors, as `model.state_dict()` is")
    return {name: tensor.array() for name, tensor in state.items()}


def _read_archive(file: BinaryIO) -> Any:
    """Since PyTorch 1.6: a ZIP archive of a pickle and one member a storage."""
    with zipfile.ZipFile(file) as archive:
        top = next((name for name in archive.namelist() if name.endswith("data.pkl")), "data.pkl").removesuffix("data.pkl")

        def storage(kind: str, key: str, count: int) -> np.ndarray:
            return np.frombuffer(archive.read(f"{top}data/{key}"), _STORAGES[kind], count)

        state = _Arrays(io.BytesIO(archive.read(f"{top}data.pkl")))
        found = state.load()
        state.fill(storage)
    return found


def _read_stream(file: BinaryIO) -> Any:
    """Before: four pickles, the storages' keys, then each storage as its length and its numbers."""
    if _Arrays(file).load() != _MAGIC:
        raise ValueError("it does not begin as PyTorch's files do")
    _, _ = _Arrays(file).load(), _Arrays(file).load()  # version, the sizes of C types
    state = _Arrays(file)
    found = state.load()
    keys = _Arrays(file).load()
    wanted = {one.key: (one.kind, one.count) for one in state.storages}
    stored = {}
    for key in keys:
        kind, count = wanted[key]
        if int.from_bytes(file.read(8), "little") != count:
            raise ValueError(f"storage {key} is not as long as it says")
        stored[key] = np.frombuffer(file.read(count * np.dtype(_STORAGES[kind]).itemsize), _STORAGES[kind], count)
    state.fill(lambda kind, key, count: stored[key])
    return found


class _Storage:
    def __init__(self, kind: str, key: str, count: int):
        self.kind, self.key, self.count = kind, key, count
        self.numbers: np.ndarray | None = None


class _Tensor:
    """A view of a storage: where it begins, its shape and its strides, in numbers."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        numbers = self.storage.numbers
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        if numbers is None or 0 in self.shape or min((self.offset, *self.strides)) < 0 or last >= len(numbers):
            raise ValueError("a tensor reaches beyond its storage")
        steps = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps, writeable=False).copy()


class _Kind(str):
    """The name of a storage's type."""


class _Arrays(pickle.Unpickler):
    """Builds `_Tensor`s; refuses every other class and function."""

    def __init__(self, file: BinaryIO):
        super().__init__(file, encoding="latin1")
        self.storages: list[_Storage] = []

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: _Tensor(storage, offset, tuple(shape), tuple(strides))
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *rest: tensor
        if module == "torch" and name in _STORAGES:
            return _Kind(name)
        raise pickle.UnpicklingError(f"its pickle asks for {module}.{name}, which no array needs")

    def persistent_load(self, pid: tuple) -> _Storage:
        _, kind, key, _, count, *_ = pid
        if not isinstance(kind, _Kind):
            raise pickle.UnpicklingError("a storage of an unknown type")
        self.storages.append(_Storage(kind, key, count))
        return self.storages[-1]

    def fill(self, read: _Storages) -> None:
        """Give each storage its numbers."""
        for storage in self.storages:
            storage.numbers = read(storage.kind, storage.key, storage.count)
