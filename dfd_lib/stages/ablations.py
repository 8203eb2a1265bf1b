"""The steps of a study of what helps: train a model with one thing changed at a time, on folds of train and val, and compare.

`calib` and `test` are never looked at. Each training is an ordinary run under
`ablations/` of the report, so one that is finished is taken as it is.
"""

import functools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.data.blending import blend
from dfd_lib.data.corruptions import Condition, conditions
from dfd_lib.data.crops import resize
from dfd_lib.data.demo import draw_portrait
from dfd_lib.experiment import Ablations, Experiment, Model, Tune
from dfd_lib.models.registry import model_facts
from dfd_lib.paths import report_dir
from dfd_lib.recipe.ablations import BASE, Ablation, changed, finals, screening
from dfd_lib.spelling import did_you_mean
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root
from dfd_lib.stages.training import model_settings
from dfd_lib.tables import write_table


def ablation_runs(experiment: Experiment) -> dict[str, Ablation]:
    """All trainings that a recipe's `ablations` ask for, by the name of their folder; none where it does not."""
    asked = experiment.ablations
    if asked is None:
        return {}
    return {one.run: one for one in (*screening(asked), *finals(asked, experiment.seeds))}


def ablation_settings(experiment: Experiment, name: str) -> Model:
    """How the base, a change or a finalist is trained on folds."""
    asked = study_of(experiment)
    if name in asked.finalists:
        return model_settings(experiment, name)
    change = {} if name == BASE else asked.changes[name]
    return changed(model_settings(experiment, asked.base), asked.quick, change, {"tune": None})


def ablations_asked(experiment: Experiment) -> pd.DataFrame:
    """What a recipe's study trains: a row a change, and one a finalist."""
    asked = study_of(experiment)
    kinds = {BASE: "base", **dict.fromkeys(asked.changes, "change"), **dict.fromkeys(asked.finalists, "finalist")}
    runs = pd.Series([one.name for one in ablation_runs(experiment).values()]).value_counts()
    return pd.DataFrame(
        [{"name": name, "is": kind, "changed": changed_in_words(experiment, name), "trainings": runs[name]} for name, kind in kinds.items()]
    )


def ablate(experiment: Experiment, runs: Iterable[str] | None = None, verbose: int = 2) -> None:
    """Train what is asked for, or go on with it, and score its fold under the recipe's conditions.

    A finished run is taken as it is, with its scores alone if those are all that a checkout has;
    where they lack a condition and the weights are gone, it is trained anew.

    Args:
        experiment: its recipe has `ablations`.
        runs: names of `ablation_runs`; default: all, one after the other.
        verbose: 2 prints a line an epoch.

    Raises:
        ValueError: no such run; a recipe without ablations.
    """
    known, dealt = ablation_runs(experiment), functools.cache(functools.partial(_folds, experiment))
    for run in known if runs is None else runs:
        if run not in known:
            raise ValueError(f"ablations: expected a run of the recipe, came {run!r}; {did_you_mean(run, list(known), _examples(known))}")
        manifest = dealt(is_final(experiment, known[run]))[known[run].fold - 1]
        _train(experiment, known[run], manifest, verbose)
        score_under_conditions(experiment, run_folder(experiment, run), manifest[manifest["split"] == "val"])


def _train(experiment: Experiment, one: Ablation, manifest: pd.DataFrame, verbose: int) -> None:
    """Train one of the study, unless it is finished and has all its scores, or the weights to make them."""
    from dfd_lib.training.runs import fingerprint, is_complete

    root, settings, out = crops_root(experiment), ablation_settings(experiment, one.name), run_folder(experiment, one.run)
    key = fingerprint(manifest, root, settings, one.seed)
    if is_complete(out, key):
        missing = unscored(experiment, out)
        if not missing or _has_weights(out):
            return
        print(f"{one.run}: not scored under {', '.join(missing)}, and its weights are gone: it is trained anew", file=sys.stderr)  # noqa: T201
        (out / "run.json").unlink()
    for scores in out.glob(f"*-{key}.parquet"):
        scores.unlink()  # of weights that are gone: those to come have the same fingerprint
    from dfd_lib.training.fit import fit  # loads TensorFlow, which a finished run does without

    fit(manifest, root, settings, name=one.name, seed=one.seed, out=out, verbose=verbose, parts=("val",))


def _has_weights(out: Path) -> bool:
    """Whether a finished run can still score.

    Weights beside a state are of a training that is not over: when one fails, Snakemake puts the run.json of the one before back.
    """
    return (out / "best.weights.h5").is_file() and not (out / "state.npz").is_file()


def score_under_conditions(experiment: Experiment, out: Path, rows: pd.DataFrame) -> None:
    """Score the crops that judge a finished run under each condition of `unscored`."""
    from dfd_lib.stages.robustness import corrupted
    from dfd_lib.stages.scoring import Scorer, as_predictions

    facts, scorer = json.loads((out / "run.json").read_text()), Scorer({out.name: out})
    for condition, path in unscored(experiment, out).items():
        [p_fake] = scorer([out.name], corrupted(experiment, rows, condition)).values()
        write_table(as_predictions(rows, facts["model"], facts["seed"], condition, p_fake), path)


def unscored(experiment: Experiment, out: Path) -> dict[str, Path]:
    """Where scores of a finished run will be kept, by those conditions of the recipe that have none yet; a network of clips gets none."""
    if model_facts(json.loads((out / "run.json").read_text())["registry_name"]).takes != "frame":
        return {}
    return {condition: path for condition, path in scores_under_conditions(experiment, out).items() if not path.is_file()}


def scores_under_conditions(experiment: Experiment, out: Path) -> dict[str, Path]:
    """Where a finished run's scores are kept, by condition: trained otherwise, it has another fingerprint and never meets the old ones."""
    key = json.loads((out / "run.json").read_text())["fingerprint"]
    of_crops = [name for name in conditions(study_of(experiment).conditions) if Condition.parse(name).kind != "h264"]
    return {name: out / f"{name}-{key}.parquet" for name in of_crops}


def is_final(experiment: Experiment, one: Ablation) -> bool:
    """Whether a training is a finalist's."""
    return one.name in study_of(experiment).finalists


def run_folder(experiment: Experiment, run: str) -> Path:
    """Where one training of the study is kept."""
    return report_dir(experiment.name) / "ablations" / run


def blended_faces(count: int = 6, size: int = 128) -> dict[str, list[np.ndarray]]:
    """Drawn faces, the masks they are blended by, and what becomes of them, for a contact sheet."""
    faces = [resize(draw_portrait(seed, 2 * size), size) for seed in range(3, 3 + 8 * count, 8)]
    made = [blend(face, np.random.default_rng(number)) for number, face in enumerate(faces)]
    masks = [np.repeat((255 * mask[..., None]).astype(np.uint8), 3, axis=2) for _, mask in made]
    return {"real": faces, "share of the changed copy": masks, "self-blended": [image for image, _ in made]}


def changed_in_words(experiment: Experiment, name: str) -> str:
    """What a line changes, as a recipe would say it."""
    change = experiment.ablations.changes.get(name, {})
    return ", ".join(_flat(change)) or ("as in the recipe" if name in experiment.ablations.finalists else "nothing")


def _flat(change: dict[str, Any], before: str = "") -> list[str]:
    pairs = [(f"{before}{key}", value) for key, value in change.items()]
    return [
        word for key, value in pairs for word in (_flat(value, f"{key}.") if isinstance(value, dict) else [f"{key} {json.dumps(value)}"])
    ]


def _folds(experiment: Experiment, final: bool) -> list[pd.DataFrame]:
    """Train and val dealt anew so often, each fold being val once; for finalists train alone."""
    from dfd_lib.training.trials import folds_of

    asked, manifest = study_of(experiment), read_manifest(experiment)
    dealt = manifest[manifest["split"].isin(["train"] if final else ["train", "val"])].reset_index(drop=True)
    return folds_of(dealt, Tune(folds=asked.final_folds if final else asked.folds, seed=asked.seed))


def study_of(experiment: Experiment) -> Ablations:
    """What the recipe asks for.

    Raises:
        ValueError: it asks for none.
    """
    if experiment.ablations is None:
        raise ValueError(
            f"experiment {experiment.name!r}: expected `ablations`, found none. Add `ablations: {{base: ..., changes: ...}}` to the recipe."
        )
    return experiment.ablations


def _examples(known: dict[str, Ablation]) -> str:
    names = list(known)
    return f"there are {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
