"""A soup: the mean of several networks' weights, which costs no more to serve than one of them.

Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned
models improves accuracy without increasing inference time", ICML. It works for
networks that were fine-tuned from the same weights. Theirs is the greedy recipe:
the best network first, then each of the others, in the order of their
validation scores, if the mean with it is no worse there.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Model
from dfd_lib.paths import whole
from dfd_lib.training.examples import examples_of
from dfd_lib.training.fit import finish
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import Run, fingerprint, is_complete, load_network, read_run
from dfd_lib.training.sources import Source

SAME = ("registry_name", "image_size", "parameters")
"""What runs must have in common."""


def cook(manifest: pd.DataFrame, root: Path, config: Model, members: Sequence[Path], *, name: str, seed: int, out: Path) -> Run:
    """Average the weights of finished runs, greedily by the AUC on val.

    Args:
        manifest: with `split` filled.
        root: the folder that holds the crops.
        config: of the soup; its network is that of its members.
        members: their folders.
        name: the soup's name in the tables.
        seed: of the members.
        out: the folder of the run.

    Returns:
        A run like any other; its history has a row for each member that was tried: whether it was
        taken (`taken`), val_loss and val_auc of the mean with it, NaN for what training would have.

    Raises:
        ValueError: the members are not of one network.
        FileNotFoundError: one is not finished.
    """
    runs = sorted((read_run(folder) for folder in members), key=lambda run: -run.facts["val_auc"])
    _check_alike(runs, config)
    key = _key(manifest, root, config, runs, seed)
    if is_complete(out, key):
        return read_run(out)
    network = load_network(runs[0].folder)
    pixels = load_pixels(manifest, root, runs[0].facts["image_size"])
    examples = examples_of(network, manifest, config.order, seed)
    table, rows, *_ = examples.of("val")
    total, taken, history = None, 0, []
    for number, run in enumerate(runs):
        started, own = time.monotonic(), load_network(run.folder).get_weights()
        tried = own if total is None else [one + other for one, other in zip(total, own, strict=True)]
        network.set_weights([one / (taken + 1) for one in tried])
        said = p_fake(network, pixels, rows)
        auc = float(roc_auc_score(table["label"], said))
        better = not history or auc >= max(row["val_auc"] for row in history if row["taken"])
        total, taken = (tried, taken + 1) if better else (total, taken)
        scores = {"val_loss": float(log_loss(table["label"], said)), "val_auc": auc, "loss": np.nan, "auc": np.nan}
        history.append(
            {"epoch": number + 1, "taken": better, "member": run.facts["model"], **scores, "seconds": time.monotonic() - started}
        )
    network.set_weights([one / taken for one in total])
    with whole(out / "best.weights.h5") as beside:
        network.save_weights(beside)
    source = Source(network, pixels, [pixels], config.augment)
    how = {"name": name, "seed": seed, "out": out, "root": root, "key": key, "parts": ("val", "calib", "test")}
    return finish(network, source, examples, pd.DataFrame(history).round({"seconds": 2}), config, **how)


def _check_alike(runs: Sequence[Run], config: Model) -> None:
    first = {name: runs[0].facts[name] for name in SAME}
    for run in runs:
        if (own := {name: run.facts[name] for name in SAME}) != first or own["registry_name"] != config.model:
            came = f"{runs[0].facts['model']} with {first} and {run.facts['model']} with {own}"
            raise ValueError(f"soup: expected networks of one kind and size ({config.model}), came {came}. Average those that are alike.")


def _key(manifest: pd.DataFrame, root: Path, config: Model, runs: Sequence[Run], seed: int) -> str:
    eaten = sorted(run.facts["fingerprint"] for run in runs)
    return hashlib.sha256(json.dumps([fingerprint(manifest, root, config, seed), eaten]).encode()).hexdigest()[:16]
