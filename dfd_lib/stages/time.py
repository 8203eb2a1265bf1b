"""The step that asks whether looking at time helps."""

import pandas as pd

from dfd_lib.evaluation.time import FRAMES, ORDER, Question, time_gains, verdict
from dfd_lib.experiment import Experiment, Model
from dfd_lib.models.registry import hyper_defaults, model_facts
from dfd_lib.paths import report_dir, whole
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import write_table


def time_questions(experiment: Experiment) -> list[Question]:
    """What a recipe can say about time: each model of clips against the frames of its trunk, and against its shuffled twin.

    The trunk is a model of the recipe that is the backbone, at the same size;
    the twin is the same model of clips, of the same size and hyper-parameters, with `order: shuffled`.
    """
    models = experiment.models
    clips = {name: one for name, one in models.items() if model_facts(one.model).takes == "clip"}
    questions = []
    for name, one in clips.items():
        if one.order != "time":
            continue
        backbone = one.hyper.get("backbone", hyper_defaults(one.model)["backbone"])
        trunks = [other for other, its in models.items() if its.model == backbone and _side(its) == _side(one)]
        trunks.sort(key=lambda other: models[other].tune is not None)  # a tuned trunk is another one
        twins = [other for other, its in clips.items() if its.order == "shuffled" and _shape(its) == _shape(one)]
        questions += [Question(FRAMES, name, other) for other in trunks[:1]] + [Question(ORDER, name, other) for other in twins[:1]]
    return questions


def compare_time(experiment: Experiment, predictions: pd.DataFrame) -> pd.DataFrame:
    """Ask every question of `time_questions`; writes time.csv and time.txt of the report.

    Reads `test`, and records that it did.

    Returns:
        See `evaluation.time.time_gains`.
    """
    out, rule = report_dir(experiment.name), experiment.evaluation
    table = time_gains(predictions, time_questions(experiment), aggregator=rule.aggregator, resamples=rule.resamples)
    said = verdict(table)
    write_table(table, out / "time.csv")
    with whole(out / "time.txt") as beside:
        beside.write_text("\n".join(said) + "\n", encoding="utf-8")
    if len(table):
        record_test_read(out, "65_time", said[0])
    return table


def _side(model: Model) -> int:
    return model.image_size or model_facts(model.model).input_size


def _shape(model: Model) -> tuple[str, int, dict]:
    """What makes two models the same network."""
    return model.model, _side(model), {**hyper_defaults(model.model), **model.hyper}
