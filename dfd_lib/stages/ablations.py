"""The steps of a study of what helps: train a model with one thing changed at a time, on folds of train and val, and compare.

`calib` and `test` are never looked at. Each training is an ordinary run under
`ablations/` of the report, so one that is finished is taken as it is.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.ablating import BASE, Ablation, changed, finals, screening
from dfd_lib.data.blending import blend
from dfd_lib.data.crops import resize
from dfd_lib.data.demo import draw_portrait
from dfd_lib.evaluation.ablations import ablation_table, verdict
from dfd_lib.experiment import Ablations, Experiment, Model, Tune
from dfd_lib.paths import report_dir, whole
from dfd_lib.spelling import did_you_mean
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root
from dfd_lib.stages.training import model_settings
from dfd_lib.tables import write_table

WRITES = ("ablations.csv", "ablations.txt")
"""The table of the screening, and what came out in words; with finalists also `finalists.csv`, `.txt` and `_predictions.parquet`."""


def ablation_runs(experiment: Experiment) -> dict[str, Ablation]:
    """All trainings that a recipe's `ablations` ask for, by the name of their folder; none where it does not."""
    asked = experiment.ablations
    if asked is None:
        return {}
    return {one.run: one for one in (*screening(asked), *finals(asked, experiment.seeds))}


def ablation_settings(experiment: Experiment, name: str) -> Model:
    """How the base, a change or a finalist is trained on folds."""
    asked = _asked(experiment)
    if name in asked.finalists:
        return model_settings(experiment, name)
    change = {} if name == BASE else asked.changes[name]
    return changed(model_settings(experiment, asked.base), asked.quick, change, {"tune": None})


def ablations_asked(experiment: Experiment) -> pd.DataFrame:
    """What a recipe's study trains: a row a change, and one a finalist."""
    asked = _asked(experiment)
    kinds = {BASE: "base", **dict.fromkeys(asked.changes, "change"), **dict.fromkeys(asked.finalists, "finalist")}
    runs = pd.Series([one.name for one in ablation_runs(experiment).values()]).value_counts()
    return pd.DataFrame(
        [{"name": name, "is": kind, "changed": _words(experiment, name), "trainings": runs[name]} for name, kind in kinds.items()]
    )


def ablate(experiment: Experiment, runs: Iterable[str] | None = None, verbose: int = 2) -> None:
    """Train what is asked for, or go on with it.

    Args:
        experiment: its recipe has `ablations`.
        runs: names of `ablation_runs`; default: all, one after the other.
        verbose: 2 prints a line an epoch.

    Raises:
        ValueError: no such run; a recipe without ablations.
    """
    from dfd_lib.training.runs import fingerprint, is_complete

    parts, known = _folds(experiment), ablation_runs(experiment)
    for run in known if runs is None else runs:
        if run not in known:
            raise ValueError(f"ablations: expected a run of the recipe, came {run!r}; {did_you_mean(run, list(known), _examples(known))}")
        one, out = known[run], run_folder(experiment, run)
        settings, manifest = ablation_settings(experiment, one.name), parts[one.fold - 1]
        if not is_complete(out, fingerprint(manifest, crops_root(experiment), settings, one.seed)):
            from dfd_lib.training.fit import fit  # loads TensorFlow, which a finished run does without

            fit(manifest, crops_root(experiment), settings, name=one.name, seed=one.seed, out=out, verbose=verbose, parts=("val",))


def run_folder(experiment: Experiment, run: str) -> Path:
    """Where one training of the study is kept."""
    return report_dir(experiment.name) / "ablations" / run


def collect_ablations(experiment: Experiment) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare all trainings of the study; writes `WRITES`, and the finalists' where there are some.

    Returns:
        (changes, finalists): as `evaluation.ablations.ablation_table` makes them, and luck (the base
        with another seed), changed (in words), minutes (a run), parameters, epochs, image_size,
        images_per_second. Without finalists the second is empty.

    Raises:
        FileNotFoundError: a training is not finished.
    """
    asked = _asked(experiment)
    table, _ = _compared(experiment, list(screening(asked)), BASE)
    _write(experiment, "ablations", table)
    if not asked.finalists:
        return table, table.head(0)
    last = list(finals(asked, experiment.seeds))
    best, predictions = _compared(experiment, last, asked.finalists[0])
    _write(experiment, "finalists", best)
    write_table(predictions, report_dir(experiment.name) / "finalists_predictions.parquet")
    return table, best


def blended_faces(count: int = 6, size: int = 128) -> dict[str, list[np.ndarray]]:
    """Drawn faces, the masks they are blended by, and what becomes of them, for a contact sheet."""
    faces = [resize(draw_portrait(seed, 2 * size), size) for seed in range(3, 3 + 8 * count, 8)]
    made = [blend(face, np.random.default_rng(number)) for number, face in enumerate(faces)]
    masks = [np.repeat((255 * mask[..., None]).astype(np.uint8), 3, axis=2) for _, mask in made]
    return {"real": faces, "share of the changed copy": masks, "self-blended": [image for image, _ in made]}


def _compared(experiment: Experiment, runs: list[Ablation], base: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of some trainings, and their predictions: of each crop, by what had not seen it."""
    from dfd_lib.training.runs import read_run

    parts, facts = [], []
    for one in runs:
        run = read_run(run_folder(experiment, one.run))
        luck = one.name == BASE and one.seed != experiment.ablations.seed
        name = f"{BASE}, seed {one.seed}" if luck else one.name
        parts.append(run.predictions.assign(model=name, fold=one.fold))
        facts.append({"name": name, "luck": luck, "changed": _words(experiment, one.name), **_costs(run.facts)})
    rule = experiment.evaluation
    predictions = pd.concat(parts, ignore_index=True)
    table = ablation_table(predictions, base, aggregator=rule.aggregator, resamples=rule.resamples, seed=experiment.split.seed)
    costs = pd.DataFrame(facts).groupby("name", sort=False)
    numbers = costs.mean(numeric_only=True)[["minutes", "images_per_second", "epochs"]].round(2)
    texts = costs[["luck", "changed", "parameters", "image_size"]].first()
    return table.join(texts, on="name").join(numbers, on="name"), predictions.drop(columns="fold")


def _costs(facts: dict[str, Any]) -> dict[str, Any]:
    return {"minutes": facts["seconds"] / 60, **{name: facts[name] for name in ("parameters", "image_size", "images_per_second", "epochs")}}


def _words(experiment: Experiment, name: str) -> str:
    """What a line changes, as a recipe would say it."""
    change = experiment.ablations.changes.get(name, {})
    return ", ".join(_flat(change)) or ("as in the recipe" if name in experiment.ablations.finalists else "nothing")


def _flat(change: dict[str, Any], before: str = "") -> list[str]:
    pairs = [(f"{before}{key}", value) for key, value in change.items()]
    return [
        word for key, value in pairs for word in (_flat(value, f"{key}.") if isinstance(value, dict) else [f"{key} {json.dumps(value)}"])
    ]


def _write(experiment: Experiment, name: str, table: pd.DataFrame) -> None:
    out = report_dir(experiment.name)
    write_table(table, out / f"{name}.csv")
    with whole(out / f"{name}.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in verdict(table)), encoding="utf-8")


def _folds(experiment: Experiment) -> list[pd.DataFrame]:
    """Train and val dealt anew so often, each fold being val once."""
    from dfd_lib.training.trials import folds_of

    asked, manifest = _asked(experiment), read_manifest(experiment)
    dealt = manifest[manifest["split"].isin(["train", "val"])].reset_index(drop=True)
    return folds_of(dealt, Tune(folds=asked.folds, seed=asked.seed))


def _asked(experiment: Experiment) -> Ablations:
    if experiment.ablations is None:
        raise ValueError(f"experiment {experiment.name!r}: expected `ablations`, found none. Add them to the recipe.")
    return experiment.ablations


def _examples(known: dict[str, Ablation]) -> str:
    names = list(known)
    return f"there are {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
