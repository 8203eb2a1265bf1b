"""What a student is told besides the labels."""

import pandas as pd

from dfd_lib.experiment import Experiment, Model
from dfd_lib.paths import report_dir
from dfd_lib.tables import check_predictions, read_table
from dfd_lib.training.examples import TAUGHT


def taught(experiment: Experiment, manifest: pd.DataFrame, settings: Model) -> pd.DataFrame:
    """The manifest with what the teacher of a model says of the crops of train, if it has one.

    Where a teacher was trained on folds, each crop was scored by those of its
    runs that had not seen it: such scores are as unsure as they are on new crops,
    which those of a network on its own training crops are not.

    Args:
        experiment: in whose report the teacher's table lies.
        manifest: with `split` filled.
        settings: of the student.

    Returns:
        The manifest, and a column `TAUGHT`: the mean over models of the mean over seeds.

    Raises:
        FileNotFoundError: the table is not there.
        ValueError: a member is not in it, or no crop of train.
    """
    teacher = settings.teacher
    if teacher is None:
        return manifest
    path = report_dir(experiment.name) / teacher.table
    if not path.is_file():
        raise FileNotFoundError(f"teacher: expected the predictions table {path}, found none. Train the teachers first (`dfd report`).")
    rows = check_predictions(read_table(path))
    rows = rows[(rows["level"] == "frame") & (rows["condition"] == "clean")]
    known = list(rows["model"].unique())
    if lost := [name for name in teacher.members or [] if name not in known]:
        raise ValueError(f"teacher.members: expected some of {', '.join(known)}, came {', '.join(lost)}. Correct the names.")
    means = rows[rows["model"].isin(teacher.members or known)].groupby(["path", "model"])["p_fake"].mean()
    said = manifest["path"].map(means.groupby("path").mean()).where(manifest["split"] == "train")
    if said.isna().all():
        raise ValueError(f"teacher: expected scores of crops of train in {path.name}, came none. Use a table of folds or of train.")
    return manifest.assign(**{TAUGHT: said})
