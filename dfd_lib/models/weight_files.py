"""What lies in files of weights: this project's, ImageNet bases, the MesoNet authors', and torchvision's ResNeXt."""

import zipfile
from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dfd_lib.models.blocks import side_of
from dfd_lib.models.mesonet_weights import AUTHORS_MODELS, load_author_weights, open_hdf5
from dfd_lib.models.torch_files import SUFFIXES
from dfd_lib.models.torchvision_weights import load_torchvision
from dfd_lib.paths import find_weights

if TYPE_CHECKING:
    import h5py
    import keras

_Shapes = Counter[tuple[int, ...]]


def load_into(model: "keras.Model", path: str | Path, *, positive: Literal["fake", "real"] | None = None) -> "keras.Model":
    """Put weights from a file into a built model; nothing changes where they do not fit.

    Args:
        model: the model.
        path: a file, or a name under `DFD_WEIGHTS`, as for `dfd_lib.models.weights.load_weights`.
        positive: what a MesoNet file's output is the probability of.

    Returns:
        The model.

    Raises:
        ValueError: the file holds something else.
        FileNotFoundError: the file is not there.
    """
    path = find_weights(path)
    if path.suffix == ".keras":
        _load_archive(model, path)
    elif path.suffix in SUFFIXES:
        load_torchvision(model, path)
    elif _is_old_layout(path):
        _load_old_layout(model, path, positive)
    else:
        _load_file(model, path)
    return model


def load_model(path: str | Path) -> "keras.Model":
    """Load a model that was saved whole, as `*.keras`, ready to predict.

    Raises:
        ValueError: the file is no Keras model.
        FileNotFoundError: the file is not there.
    """
    import keras

    import dfd_lib.models.grouped
    import dfd_lib.models.mirror
    import dfd_lib.models.normal  # noqa: F401  they register what Keras does not know

    path = find_weights(path)
    _check_archive(path)
    return keras.saving.load_model(path, compile=False)


def _load_archive(model: "keras.Model", path: Path) -> None:
    import h5py

    _check_archive(path)
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        found = _shapes(file)
    _check(model, [model], found, path)
    model.load_weights(path)


def _check_archive(path: Path) -> None:
    if not zipfile.is_zipfile(path) or "model.weights.h5" not in zipfile.ZipFile(path).namelist():
        raise ValueError(
            f"model {path.name}: expected a whole model as Keras saves it (*.keras), came something else, or half a file. Get it again."
        )


def _load_file(model: "keras.Model", path: Path) -> None:
    if not path.name.endswith(".weights.h5"):
        raise ValueError(f"weights {path.name}: expected a name ending in .weights.h5, by which Keras knows the layout. Rename the file.")
    with open_hdf5(path) as file:
        found = _shapes(file)
    _check(model, _targets(model), found, path).load_weights(path)


def _load_old_layout(model: "keras.Model", path: Path, positive: Literal["fake", "real"] | None) -> None:
    if model.name in AUTHORS_MODELS:
        load_author_weights(model, path, positive=positive)
        return
    with open_hdf5(path) as file:
        found = _shapes(file.get("model_weights", file))
    # never the whole model: nothing in such a file says which way its output goes
    _check(model, _targets(model)[1:], found, path).load_weights(path)


def _targets(model: "keras.Model") -> list["keras.Model"]:
    """What a file may be meant for: the model, and its base if it has one."""
    return [model, *(layer for layer in model.layers if layer.name == "base")]


def _check(model: "keras.Model", targets: list["keras.Model"], found: _Shapes, path: Path) -> "keras.Model":
    """Return the target whose arrays the file holds, or raise."""
    for target in targets:
        if _wanted(target) == found:
            return target
    wanted = _wanted(model)
    raise ValueError(
        f"weights {path.name}: expected those of {model.name!r} at {side_of(model)} px, {_summary(wanted)}; found {_summary(found)}; "
        f"only in the model: {_first(wanted - found)}; only in the file: {_first(found - wanted)}. "
        f"Give the model, image_size and hyper-parameters that the file was trained with."
    )


def _wanted(model: "keras.Model") -> _Shapes:
    return Counter(tuple(weight.shape) for weight in model.weights)


def _shapes(group: "h5py.Group") -> _Shapes:
    """Shapes of the arrays of a weights file, without the optimizer's and dropout's random state."""
    import h5py

    shapes: _Shapes = Counter()

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer") and "seed_generator" not in name:
            shapes[tuple(item.shape)] += 1

    group.visititems(visit)
    return shapes


def _summary(shapes: _Shapes) -> str:
    return f"{shapes.total()} arrays with {sum(prod(shape) * count for shape, count in shapes.items()):,} numbers"


def _first(shapes: _Shapes, count: int = 3) -> str:
    largest = sorted(shapes.elements(), key=prod, reverse=True)
    return ", ".join(map(str, largest[:count])) + (", ..." if len(largest) > count else "") or "none"


def _is_old_layout(path: Path) -> bool:
    with open_hdf5(path) as file:
        return "layer_names" in file.attrs or "model_weights" in file
