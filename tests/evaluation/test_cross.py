"""What is said of models on data that they were not trained on."""

import pandas as pd

from dfd_lib.evaluation.cross import pair_findings


def test_differences_beyond_chance_are_counted_and_the_largest_named_the_better_one_first():
    rows = [("b", -0.04, -0.06, -0.02, True), ("c", 0.07, 0.05, 0.09, True), ("d", 0.2, -0.1, 0.5, False)]
    table = pd.DataFrame(rows, columns=["right", "difference", "low", "high", "significant"])
    table = table.assign(left="a", dataset="away", aggregator="mean", frames_per_clip=5.0)
    quiet = table.assign(dataset="far", significant=False)
    assert pair_findings(pd.concat([table, quiet])) == [
        "On away the AUCs by clip (mean of 5 frames) of 2 of 3 pairs of models differ beyond chance, most of all "
        "a over c +.070 (+.050 to +.090); b over a +.040 (+.020 to +.060).",
        "On far the AUCs by clip (mean of 5 frames) of 0 of 3 pairs of models differ beyond chance.",
    ]
    assert pair_findings(table.head(0)) == []
