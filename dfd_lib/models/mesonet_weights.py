"""The MesoNet authors' weights, turned so that the output is P(fake)."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dfd_lib.paths import find_weights

if TYPE_CHECKING:
    import h5py
    import keras
    import numpy as np

_AUTHORS_FILES = {
    "036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5": ("Meso4_DF.h5", "meso4"),
    "bcfda015d217b9f8d6557693edbdf9f4e79cfd22672541968dd0e2954462b5d7": ("Meso4_F2F.h5", "meso4"),
    "234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa": ("MesoInception_DF.h5", "mesoinception4"),
    "d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f": ("MesoInception_F2F.h5", "mesoinception4"),
}
"""What the authors published, by SHA-256: file name and model."""

AUTHORS_MODELS = ("meso4", "mesoinception4")
"""The models that `load_author_weights` takes."""


def load_author_weights(model: "keras.Model", path: str | Path, *, positive: Literal["fake", "real"] | None = None) -> "keras.Model":
    """Load a file in the MesoNet authors' layout, turned so that the output is P(fake).

    The authors' output is P(real). Since sigmoid(-z) = 1 - sigmoid(z), negating
    the last layer's kernel and bias makes it exactly P(fake).

    Args:
        model: `meso4` or `mesoinception4`, at 256 px with its default hyper-parameters.
        path: a file, or a name under `DFD_WEIGHTS`.
        positive: what the file's output is the probability of. The authors' four
            files are recognized by SHA-256 and need no telling; others do.

    Returns:
        The model.

    Raises:
        ValueError: the direction of the output is not known, or the arrays do
            not fit; nothing has been changed then.
        FileNotFoundError: the file is not there.
    """
    path = find_weights(path)
    if model.name not in AUTHORS_MODELS:
        raise ValueError(f"weights {path.name}: expected a model of {', '.join(AUTHORS_MODELS)}, came {model.name!r}. Build one of them.")
    positive = _direction(path, model.name, positive)
    names, arrays = _layer_names(model), _read_old_layout(path)
    wanted = [tuple(weight.shape) for name in names for weight in model.get_layer(name).weights]
    found = [array.shape for layer in arrays for array in layer]
    if wanted != found:
        first = next((pair for pair in zip(wanted, found, strict=False) if pair[0] != pair[1]), (len(wanted), len(found)))
        raise ValueError(
            f"weights {path.name}: expected the {len(wanted)} arrays of {model.name!r} at {model.input_shape[1]} px, found {len(found)}; "
            f"the first that differs: expected {first[0]}, found {first[1]}. "
            f"The authors' files fit 256 px and the default hyper-parameters."
        )
    for name, layer in zip(names, arrays, strict=True):
        turned = [-array for array in layer] if name == "logit" and positive == "real" else layer
        model.get_layer(name).set_weights(turned)
    return model


def _direction(path: Path, name: str, positive: Literal["fake", "real"] | None) -> Literal["fake", "real"]:
    if positive not in (None, "fake", "real"):
        raise ValueError(f"positive: expected 'fake' or 'real', came {positive!r}")
    with path.open("rb") as file:
        known, meant = _AUTHORS_FILES.get(hashlib.file_digest(file, "sha256").hexdigest(), (None, name))
    if meant != name:
        raise ValueError(
            f"weights {path.name}: expected a file for {name!r}, came the authors' {known} for {meant!r}. Build {meant!r} instead."
        )
    if known and positive == "fake":
        raise ValueError(
            f"weights {path.name}: this is the authors' {known}, whose output is P(real), came positive='fake'. Leave positive out."
        )
    if known is None and positive is None:
        files = ", ".join(file for file, _ in _AUTHORS_FILES.values())
        raise ValueError(
            f"weights {path.name}: expected one of the authors' files, by SHA-256 ({files}), came another. "
            f"Say what its output is the probability of: positive='real' (as theirs) or positive='fake'."
        )
    return positive or "real"


def _layer_names(model: "keras.Model") -> list[str]:
    """Layers with weights, in the order in which the authors create them: convolutions, normalizations, dense layers."""
    inception = [f"inception{block}_{part}" for block in (1, 2) for part in ("a", "b_reduce", "b", "c_reduce", "c", "d_reduce", "d")]
    convolutions = ["conv1", "conv2"] if model.name == "meso4" else inception
    return [*convolutions, "conv3", "conv4", "bn1", "bn2", "bn3", "bn4", "dense", "logit"]


def _read_old_layout(path: Path) -> list[list["np.ndarray"]]:
    """Arrays by layer, sorted as `_layer_names`.

    The layout names layers by kind and counts them as created: `conv2d_5`, `dense_1`.
    """
    kinds = ("conv2d", "batch_normalization", "dense")
    with open_hdf5(path) as file:
        group = file.get("model_weights", file)
        if "layer_names" not in group.attrs:
            raise ValueError(f"weights {path.name}: expected the old Keras layout, which lists layer_names; found none. Use load_weights.")
        names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs["layer_names"]]
        parts = [re.fullmatch(r"(.+?)(?:_(\d+))?", name).groups(default="0") for name in names]
        found = sorted((kinds.index(kind), int(number), name) for (kind, number), name in zip(parts, names, strict=True) if kind in kinds)
        return [[group[name][weight][()] for weight in group[name].attrs["weight_names"]] for _, _, name in found]


def open_hdf5(path: Path) -> "h5py.File":
    """Open an HDF5 file to read, or raise ValueError."""
    import h5py

    try:
        return h5py.File(path)
    except OSError:
        raise ValueError(
            f"weights {path.name}: expected an HDF5 or .keras file, came something else, or half a file. Get it again."
        ) from None
