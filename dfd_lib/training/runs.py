"""Finished training runs: what they depend on, what is known of them, reading them back."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfd_lib.data.blending import METHOD
from dfd_lib.data.pixels import crop_bytes
from dfd_lib.data.sequences import PERSON
from dfd_lib.experiment import Model
from dfd_lib.models.blocks import side_of
from dfd_lib.models.registry import model_facts
from dfd_lib.paths import find_weights
from dfd_lib.stamp import processor
from dfd_lib.tables import read_table
from dfd_lib.training.devices import devices
from dfd_lib.training.examples import TAUGHT

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    folder: Path
    facts: dict
    history: pd.DataFrame
    predictions: pd.DataFrame


def read_run(folder: Path) -> Run:
    """Read a finished run from its folder."""
    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"run {folder}: expected run.json, found none. Train it first (`dfd report`).")
    facts = json.loads((folder / "run.json").read_text())
    return Run(folder, facts, read_table(folder / "history.csv"), read_table(folder / "predictions.parquet"))


def load_network(folder: Path) -> "keras.Model":
    """The network of a finished run, with its best weights, built as it was trained.

    Raises:
        FileNotFoundError: the run is not finished, or its weights are gone.
    """
    import keras

    from dfd_lib.models.weights import load_weights

    if not (folder / "run.json").is_file():
        raise FileNotFoundError(f"run {folder}: expected run.json, found none. Train it first (`dfd report`).")
    facts = json.loads((folder / "run.json").read_text())
    keras.config.set_dtype_policy(facts["settings"]["precision"])
    try:
        weights = folder / "best.weights.h5"
        return load_weights(facts["registry_name"], weights, image_size=facts["image_size"], **facts["settings"]["hyper"])
    finally:
        keras.config.set_dtype_policy("float32")


def trained_as(weights: Path, model: str) -> tuple[int | None, dict]:
    """Image size and hyper-parameters that a weight file was trained with, from the run.json beside it.

    Many networks fit any size, so a file loaded at another one would score
    without a word, and wrongly.

    Args:
        weights: a run's `best.weights.h5`, or any other file.
        model: the registered name that it is wanted for.

    Returns:
        (image size, hyper-parameters); (None, {}) where no run is beside the file.

    Raises:
        ValueError: the run trained another model.
    """
    path = weights.parent / "run.json"
    if weights.name != "best.weights.h5" or not path.is_file():
        return None, {}
    facts = json.loads(path.read_text())
    if facts["registry_name"] != model:
        raise ValueError(f"weights {weights}: expected those of {model!r}, came a run of {facts['registry_name']!r}. Give that name.")
    return facts["image_size"], facts["settings"]["hyper"]


def fingerprint(manifest: pd.DataFrame, root: Path, config: Model, seed: int) -> str:
    """What a run depends on, as a short hash: settings, seed, the weights it starts from, the split and the crops.

    Settings that have their default are left out, so that a run survives a new
    version that has more of them. Crops that were cut anew are told by their sizes in bytes.
    """
    digest = hashlib.sha256(json.dumps([config.model_dump(exclude_defaults=True, exclude={"tune"}), seed], sort_keys=True).encode())
    for weights in config.weight_files:
        with find_weights(weights).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    if config.self_blended != "no":
        digest.update(METHOD.encode())
    if model_facts(config.model).takes == "clip":
        digest.update(pd.util.hash_pandas_object(manifest[[*PERSON, "frame"]], index=False).to_numpy().tobytes())
    digest.update(pd.util.hash_pandas_object(manifest[["path", "label", "split"]], index=False).to_numpy().tobytes())
    if TAUGHT in manifest:
        digest.update(manifest[TAUGHT].to_numpy(float).tobytes())
    digest.update(crop_bytes(manifest, root).tobytes())
    return digest.hexdigest()[:16]


def is_complete(out: Path, key: str) -> bool:
    """Whether a run of this fingerprint is finished."""
    path = out / "run.json"
    return path.is_file() and json.loads(path.read_text()).get("fingerprint") == key


def _copied(history: pd.DataFrame) -> str | None:
    """The member of which a soup is a copy, because it is the only one that was taken; None if there are more."""
    taken = history.loc[history["taken"], "member"]
    return taken.iloc[0] if len(taken) == 1 else None


def facts_of(model: "keras.Model", config: Model, name: str, seed: int, history: pd.DataFrame, key: str, rows: int) -> dict:
    """What run.json says; `rows` is the number of training crops."""
    import keras
    import tensorflow as tf

    best = history.loc[history["val_auc"].idxmax()]
    seconds = float(history["seconds"].sum())  # of all sittings, if the run was interrupted
    # unknown where one of them was of a version that did not count it
    cpu_seconds = history["cpu_seconds"].sum(skipna=False) if "cpu_seconds" in history else np.nan
    return {
        "model": name,
        "seed": seed,
        "registry_name": config.model,
        "image_size": side_of(model),
        "parameters": model.count_params(),
        "trainable": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        "epochs": len(history),
        "best_epoch": int(best["epoch"]),
        "val_auc": float(best["val_auc"]),
        "seconds": round(seconds, 1),
        "cpu_seconds": None if np.isnan(cpu_seconds) else round(float(cpu_seconds), 1),
        "images_per_second": None if config.soup else round(rows * len(history) / max(seconds, 1e-9), 1),
        "stopped": "early" if len(history) < config.epochs and not config.soup else "planned",
        "fingerprint": key,
        "settings": config.model_dump(),
        **({"copy_of": _copied(history)} if config.soup else {}),
        "devices": devices(),
        "processor": processor(),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }
