"""What another experiment has trained alike is not trained again."""

import json

import pandas as pd
import pytest

from dfd_lib.training.finished import take_finished


@pytest.fixture
def reports(tmp_path):
    run = tmp_path / "first" / "models" / "lenet-s1"
    run.mkdir(parents=True)
    (run / "best.weights.h5").write_bytes(b"weights")
    (run / "history.csv").write_text("epoch,val_auc\n1,0.9\n")
    pd.DataFrame({"model": ["lenet", "lenet"], "p_fake": [0.25, 0.75]}).to_parquet(run / "predictions.parquet")
    (run / "run.json").write_text(json.dumps({"model": "lenet", "seed": 1, "fingerprint": "abc"}))
    return tmp_path


def test_it_is_copied_under_the_other_name(reports):
    out = reports / "second" / "models" / "own-s1"
    assert take_finished(reports, out, "abc", "own") == reports / "first" / "models" / "lenet-s1"
    assert json.loads((out / "run.json").read_text()) == {
        "model": "own",
        "seed": 1,
        "fingerprint": "abc",
        "taken_from": "first/models/lenet-s1",
    }
    assert (out / "best.weights.h5").read_bytes() == b"weights"
    assert pd.read_parquet(out / "predictions.parquet")["model"].unique().tolist() == ["own"]
    assert take_finished(reports, out, "abc", "own") is None, "it is there already"
    assert json.loads((reports / "first/models/lenet-s1/run.json").read_text())["model"] == "lenet"


def test_another_recipe_and_half_a_run_are_left(reports):
    out = reports / "second" / "models" / "own-s1"
    assert take_finished(reports, out, "other", "own") is None
    (reports / "first/models/lenet-s1/best.weights.h5").unlink()
    assert take_finished(reports, out, "abc", "own") is None
    assert not out.exists()


def test_a_run_does_not_take_itself(reports):
    own = reports / "first/models/lenet-s1"
    assert take_finished(reports, own, "abc", "lenet") is None
    assert (own / "best.weights.h5").read_bytes() == b"weights"
