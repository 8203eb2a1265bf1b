"""The leak tax: the same model trained on frames dealt out at random, and on groups kept whole.

A step like those of `stages`. Its runs lie under models/leak_tax of the report, so
that one that is finished is taken as it is, as any training is.
"""

from pathlib import Path

import pandas as pd

from dfd_lib.experiment import Experiment, Model
from dfd_lib.paths import report_dir, whole
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root
from dfd_lib.stages.training import model_settings
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import write_table

WRITES = ("leak_tax.csv", "leak_tax.txt")
"""The table, see `dfd_lib.evaluation.leaktax`, and what came out in words."""


def pay_leak_tax(experiment: Experiment, verbose: int = 2) -> pd.DataFrame | None:
    """Train on both splits, or take the runs that are there; writes `WRITES` of the report.

    Both have as many crops of either class in each part; only who shares a part
    with whom differs. Reads `test`, and records that it did.

    Args:
        experiment: its `leak_tax` says which model, for how long, with which seeds.
        verbose: 2 prints a line an epoch.

    Returns:
        The table; None where the recipe does not ask for it.
    """
    from dfd_lib.data.leaky import shuffled_split
    from dfd_lib.evaluation.leaktax import RANDOM, WHOLE, leak_tax, torn, verdict

    asked = experiment.leak_tax
    if asked is None:
        return None
    kept = read_manifest(experiment)
    manifests = {RANDOM: shuffled_split(kept, experiment.split.seed), WHOLE: kept}
    settings = _settings(experiment)
    runs = [_scored(experiment, manifests[name], settings, name, seed, verbose) for name in manifests for seed in asked.seeds]
    facts = pd.DataFrame({name: {"n_train": (own["split"] == "train").sum(), "torn": torn(own)} for name, own in manifests.items()}).T
    rule, out = experiment.evaluation, report_dir(experiment.name)
    table = leak_tax(pd.concat(runs, ignore_index=True), facts, threshold=rule.threshold, resamples=rule.resamples)
    table.insert(1, "model", asked.model)
    said = verdict(table, asked.model)
    write_table(table, out / "leak_tax.csv")
    with whole(out / "leak_tax.txt") as beside:
        beside.write_text(said + "\n", encoding="utf-8")
    record_test_read(out, "leak tax", said, shown_again=True)  # by the notebook, after `dfd leak-tax`
    return table


def _settings(experiment: Experiment) -> Model:
    """As the recipe trains the model, but for what `leak_tax` says otherwise."""
    asked = experiment.leak_tax
    own = {name: value for name in ("image_size", "epochs") if (value := getattr(asked, name)) is not None}
    return model_settings(experiment, asked.model).model_copy(update={**own, "tune": None})


def _scored(experiment: Experiment, manifest: pd.DataFrame, settings: Model, name: str, seed: int, verbose: int) -> pd.DataFrame:
    """The test predictions of one run, trained first where that was not done yet."""
    from dfd_lib.training.runs import fingerprint, is_complete, read_run

    root, out = crops_root(experiment), _folder(experiment, name, seed)
    if not is_complete(out, fingerprint(manifest, root, settings, seed)):
        from dfd_lib.training.fit import fit  # loads TensorFlow, which a finished run does without

        fit(manifest, root, settings, name=name, seed=seed, out=out, verbose=verbose)
    predictions = read_run(out).predictions
    return predictions[predictions["split"] == "test"]


def _folder(experiment: Experiment, name: str, seed: int) -> Path:
    return report_dir(experiment.name) / "models" / "leak_tax" / f"{name.replace(' ', '_')}-s{seed}"
