"""What the step about explanations counts, against numbers counted by hand."""

import pandas as pd
import pytest

from dfd_lib.stages.explain import agreement, best_of_faces, extremes


@pytest.fixture
def predictions():
    """Two models on four crops of val: `a` is right on all but c3, `b` on c0 alone."""
    labels = {"c0": 1, "c1": 1, "c2": 0, "c3": 0}
    scores = {"a": (0.9, 0.8, 0.1, 0.95), "b": (0.6, 0.4, 0.7, 0.55)}
    rows = [
        {
            "model": model,
            "seed": 1,
            "split": "val",
            "condition": "clean",
            "level": "frame",
            "path": crop,
            "video": crop,
            "label": label,
            "p_fake": p,
        }
        for model, own in scores.items()
        for (crop, label), p in zip(labels.items(), own, strict=True)
    ]
    other = [{**rows[0], "split": "test", "path": "t0", "video": "t0"}, {**rows[0], "level": "video", "path": ""}]
    return pd.DataFrame(rows + other)


def test_the_most_confident_hits_and_the_worst_errors_come_first(predictions):
    found = extremes(predictions, count=1)
    told = {(row.model, row.case, row.label): row.path for row in found.itertuples()}
    assert told == {
        ("a", "error", 0): "c3",
        ("a", "hit", 0): "c2",
        ("a", "hit", 1): "c0",
        ("b", "error", 0): "c2",
        ("b", "error", 1): "c1",
        ("b", "hit", 1): "c0",
    }


def test_agreement_counts_on_how_many_crops_how_many_models_are_right(predictions):
    table = agreement(predictions)
    assert table[["right", "crops", "fakes"]].to_numpy().tolist() == [[0, 1, 0], [1, 2, 1], [2, 1, 1]]
    assert table["share"].sum() == 1


def test_maps_are_of_the_best_model_that_scores_faces(predictions):
    runs = pd.DataFrame({"model": ["a", "clips", "b"], "val_auc": [0.6, 0.9, 0.7]})
    assert best_of_faces(predictions, runs) == "b"
    with pytest.raises(ValueError, match="came models of clips alone"):
        best_of_faces(predictions, runs[runs["model"] == "clips"])
