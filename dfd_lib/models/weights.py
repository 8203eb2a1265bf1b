"""Weights for a model by its name, which is built first, or for one that is built."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dfd_lib.models.registry import build, model_facts
from dfd_lib.models.weight_files import load_into, load_model
from dfd_lib.paths import find_weights

if TYPE_CHECKING:
    import keras


def load_weights(
    model: "keras.Model | str",
    path: str | Path,
    *,
    positive: Literal["fake", "real"] | None = None,
    image_size: int | None = None,
    **hyper: Any,
) -> "keras.Model":
    """Put weights from a file into a model; nothing changes where they do not fit.

    Args:
        model: a built model, or a registered name.
        path: a file, or a name under `DFD_WEIGHTS`. One of

            * `*.weights.h5` of the whole model, or of a `transfer` model's base;
            * `*.keras`; for a name it brings its own size and hyper-parameters,
              unless they are given here;
            * `*.pth`, `*.pt`, `*.safetensors` or `*.npz` with torchvision's names:
              the trunk of a ResNeXt, or of a clip model on one;
            * `*.h5` in the old Keras layout: the MesoNet authors' files, and
              the files of `keras.applications` without their tops.
        positive: what the file's output is the probability of. Only for a
            MesoNet file that is not the authors' own; theirs are recognized.
        image_size: side of the input in pixels, for a name; default: the reference's.
        **hyper: hyper-parameters, for a name.

    Returns:
        The model; a name is built first.

    Raises:
        ValueError: the file holds something else; the message says what was
            expected and what was found.
        FileNotFoundError: the file is not there.
    """
    path = find_weights(path)
    if not isinstance(model, str):
        if image_size is not None or hyper:
            raise ValueError(
                "load_weights: expected image_size and hyper-parameters with a model's name, came a built model. Leave them out."
            )
        return load_into(model, path, positive=positive)
    model_facts(model)  # refuses unknown names, with the choices
    if path.suffix == ".keras" and image_size is None and not hyper:
        return _load_named(model, path)
    return load_into(build(model, image_size=image_size, **hyper), path, positive=positive)


def _load_named(name: str, path: Path) -> "keras.Model":
    model = load_model(path)
    if model.name != name:
        raise ValueError(f"weights {path.name}: expected the model {name!r}, found {model.name!r}. Give that name, or another file.")
    return model
