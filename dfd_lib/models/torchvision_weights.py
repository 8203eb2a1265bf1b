"""ResNeXt's trunk from a file in torchvision's layout; there are no ImageNet weights of it for Keras."""

from pathlib import Path
from typing import TYPE_CHECKING

from dfd_lib.models.torch_files import read_arrays
from dfd_lib.paths import find_weights

if TYPE_CHECKING:
    import keras

IMAGENET = "resnext50_32x4d-7cdf4587.pth"
"""torchvision's file for ImageNet, as it is published."""

_ADDRESS = f"https://download.pytorch.org/models/{IMAGENET}"
_BATCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_OURS_ALONE = ("logit",)  # our head
_THEIRS_ALONE = ("fc.weight", "fc.bias")  # their head


def imagenet_file(model: str) -> Path:
    """Where torchvision's ImageNet weights lie.

    Raises:
        FileNotFoundError: the file is not there; the message says where it is published.
    """
    try:
        return find_weights(IMAGENET)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"model {model!r}: weights 'imagenet': expected torchvision's file {IMAGENET}, found none, and there are none for Keras. "
            f"Get {_ADDRESS} (BSD-3-Clause), put it into the folder that DFD_WEIGHTS names, or leave weights out."
        ) from error


def load_imagenet(model: "keras.Model") -> None:
    """Put torchvision's ImageNet weights into a `resnext50`.

    Raises:
        FileNotFoundError: the file is not there; the message says where it is published.
        ValueError: the model is no ResNeXt-50 (32x4d).
    """
    load_torchvision(model, imagenet_file(model.name))


def load_torchvision(model: "keras.Model", path: Path) -> None:
    """Put a trunk in torchvision's layout into a model of the family, or into its layer `backbone`; its head stays.

    Every array is checked by its name and shape before the first one is put in.

    Args:
        model: a `resnext*` model, or a clip model on one.
        path: what `torch_files.read_arrays` reads.

    Raises:
        ValueError: the model has no such trunk, or the file another one.
    """
    trunk = next((layer for layer in model.layers if layer.name == "backbone"), model)
    if not any(layer.name == "layer1_0_conv2" for layer in trunk.layers):
        raise ValueError(f"weights {path.name}: expected a ResNeXt for a file in torchvision's layout, came {model.name!r}.")
    wanted = {name: weight for layer in trunk.layers if layer.name not in _OURS_ALONE for name, weight in _named(layer)}
    found = {name: array for name, array in read_arrays(path).items() if name not in _THEIRS_ALONE and not name.endswith("_tracked")}
    shapes = {name: _theirs(tuple(weight.shape)) for name, weight in wanted.items()}
    _check(model.name, path, shapes, {name: array.shape for name, array in found.items()})
    for name, weight in wanted.items():
        array = found[name]
        weight.assign(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)


def _named(layer: "keras.Layer") -> list[tuple[str, "keras.Variable"]]:
    """A layer's weights by torchvision's names: ours have `_` for the dots, but in the numbers' places they agree."""
    prefix = layer.name.replace("_", ".")
    return [(f"{prefix}.{_BATCH_NORM.get(weight.name, 'weight')}", weight) for weight in layer.weights]


def _theirs(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(height, width, in, out) as (out, in, height, width)."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def _check(model: str, path: Path, wanted: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> None:
    missing, unknown = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    other = [f"{name} {wanted[name]}, came {found[name]}" for name in wanted if name in found and wanted[name] != found[name]]
    wrong = {"missing": missing, "unknown": unknown, "of another shape": other}
    said = [f"{len(names)} {what} ({'; '.join(names[:2])}{' ...' if len(names) > 2 else ''})" for what, names in wrong.items() if names]
    if said:
        raise ValueError(
            f"weights {path.name}: expected the {len(wanted)} arrays of {model!r}; {', '.join(said)}. "
            f"Give the file of this architecture, or the model its stages, width and cardinality."
        )
