"""The three tables: what is refused and in which words, and that a table read back is the table written."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfd_lib.tables import (
    MANIFEST,
    METRICS,
    METRICS_TABLE,
    PREDICTIONS,
    SPLITS,
    check_manifest,
    check_metrics,
    check_predictions,
    read_table,
    write_table,
)

# names as data sets have them: numbers with leading zeros, words that readers of CSV take for "missing", separators, other scripts
AWKWARD = ["033", "1e5", "0x1F", "nan", "NA", "None", "null", "True", "inf", "a,b", 'say "x"', " padded ", "c:\\d", "Größe/ß", "面/1", "-"]
NAMES = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
SHARES = st.floats(0, 1, allow_nan=False)


def columns_of(schema, rows: list[dict]) -> pd.DataFrame:
    kinds = {name: "str" if "str" in str(column.dtype) else str(column.dtype) for name, column in schema.columns.items() if column.required}
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


@st.composite
def manifests(draw) -> pd.DataFrame:
    count = draw(st.integers(1, 6))
    paths = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    box = st.floats(0, 4000, allow_nan=False, width=32) | st.just(np.nan)
    row = st.fixed_dictionaries(
        {
            "label": st.integers(0, 1),
            "split": st.sampled_from(["", *SPLITS]),
            **dict.fromkeys(("dataset", "video", "group"), NAMES),
            **dict.fromkeys(("method", "person", "donor"), NAMES | st.just("")),
            **dict.fromkeys(("frame", "face"), st.integers(0, 10**6)),
            **dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), box),
            "score": SHARES,
        }
    )
    return columns_of(MANIFEST, [{"path": path, **draw(row)} for path in paths])


@st.composite
def predictions(draw) -> pd.DataFrame:
    count = draw(st.integers(1, 6))
    paths = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    row = st.fixed_dictionaries(
        {
            **dict.fromkeys(("model", "dataset", "condition", "video", "group"), NAMES),
            "seed": st.integers(0, 99),
            "split": st.sampled_from(["", *SPLITS]),
            "level": st.just("frame"),
            "face": st.integers(0, 9),
            "frame": st.integers(0, 10**6),
            "label": st.integers(0, 1),
            "p_fake": SHARES,
        }
    )
    return columns_of(PREDICTIONS, [{"path": path, **draw(row)} for path in paths])


def a_manifest(**changes) -> pd.DataFrame:
    row = {
        "path": "a/1.png",
        "label": 1,
        "split": "train",
        "dataset": "demo",
        "method": "swap",
        "video": "a",
        "frame": 0,
        "face": 0,
        "person": "p",
        "donor": "q",
        "group": "g",
        **dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), 1.0),
        "score": 0.9,
    }
    return columns_of(MANIFEST, [row, row | {"path": "a/2.png"}]).assign(**changes)


def a_metrics_row(**changes) -> pd.DataFrame:
    row = {"model": "lenet", "seed": 1, "dataset": "demo", "split": "val", "level": "video", "aggregator": "mean", "condition": "clean"}
    row |= {"n": 10, "n_fake": 5, "threshold": 0.5, **dict.fromkeys(METRICS, 0.5)}
    return columns_of(METRICS_TABLE, [row]).assign(**changes)


@settings(max_examples=25)
@given(table=manifests(), suffix=st.sampled_from([".parquet", ".csv"]))
def test_a_manifest_comes_back_as_it_was_written(tmp_path_factory, table, suffix):
    path = tmp_path_factory.mktemp("round") / f"manifest{suffix}"
    back = check_manifest(read_table(write_table(table, path)))
    pd.testing.assert_frame_equal(back, table, rtol=1e-5, check_exact=suffix == ".parquet")


@settings(max_examples=25)
@given(table=predictions(), suffix=st.sampled_from([".parquet", ".csv"]))
def test_predictions_come_back_as_they_were_written(tmp_path_factory, table, suffix):
    path = tmp_path_factory.mktemp("round") / f"predictions{suffix}"
    back = check_predictions(read_table(write_table(table, path)))
    pd.testing.assert_frame_equal(back, table, rtol=1e-5, check_exact=suffix == ".parquet")


def test_metrics_come_back_with_what_is_missing_still_missing(tmp_path):
    table = check_metrics(a_metrics_row(auc=np.nan, auc_low=np.nan, auc_high=np.nan, accuracy_low=0.25, split=""))
    back = check_metrics(read_table(write_table(table, tmp_path / "metrics.csv")))
    pd.testing.assert_frame_equal(back, table)


def test_columns_are_put_in_order():
    shuffled = a_manifest()[sorted(MANIFEST.columns)]
    assert list(check_manifest(shuffled)) == list(MANIFEST.columns)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": [1, 2]}, r"manifest: column 'label': expected .*\[0, 1\].*, came '2' in row 1 \(1 such in all\)"),
        ({"label": ["real", "fake"]}, r"manifest: column 'label': expected .*int.*"),
        ({"split": ["train", "trian"]}, r"column 'split': .*came 'trian' in row 1"),
        ({"path": ["a/1.png", ""]}, r"column 'path': .*came '' in row 1"),
        ({"path": ["a/1.png", "a/1.png"]}, r"1 rows repeat one; the first repeats path='a/1.png'"),
        ({"frame": [0, -1]}, r"column 'frame': .*came '-1' in row 1"),
        ({"group": [None, "g"]}, r"column 'group'"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_line_that_names_the_cell(changes, said):
    with pytest.raises(ValueError, match=said) as caught:
        check_manifest(a_manifest(**changes))
    assert "\n" not in str(caught.value)


def test_a_missing_and_an_unknown_column_are_both_named():
    with pytest.raises(ValueError, match=r"manifest: expected the columns path, .*; missing label; unknown lable\. ") as caught:
        check_manifest(a_manifest().rename(columns={"label": "lable"}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("p_fake", [-0.01, 1.01, np.nan])
def test_a_probability_outside_0_to_1_is_refused(p_fake):
    table = a_manifest()[["dataset", "split", "path", "video", "face", "frame", "group", "label"]]
    table = table.assign(model="m", seed=1, level="frame", condition="clean", p_fake=[0.5, p_fake])
    assert len(check_predictions(table.assign(p_fake=0.5))) == 2
    with pytest.raises(ValueError, match="column 'p_fake'"):
        check_predictions(table)


def test_the_key_of_predictions_holds_every_part_that_tells_two_scores_apart():
    table = a_manifest()[["dataset", "split", "path", "video", "face", "frame", "group", "label"]].assign(path="")
    table = table.assign(model="m", seed=1, level="video", condition="clean", p_fake=0.5, frame=-1)
    with pytest.raises(ValueError, match="1 rows repeat one"):
        check_predictions(table)
    for column, other in {"model": "n", "seed": 2, "dataset": "e", "condition": "jpeg-30", "video": "b", "face": 1}.items():
        assert len(check_predictions(table.assign(**{column: [table[column][0], other]}))) == 2


def test_metrics_take_intervals_but_no_column_of_another_name():
    assert "auc_low" in check_metrics(a_metrics_row(auc_low=0.4, auc_high=0.6))
    with pytest.raises(ValueError, match="unknown auc_std"):
        check_metrics(a_metrics_row(auc_std=0.1))


def test_a_table_that_is_not_there_names_the_command_that_writes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"metrics\.csv: expected a file, found none.*dfd report"):
        read_table(tmp_path / "metrics.csv")


def test_a_write_that_fails_leaves_the_table_before_it(tmp_path):
    path = write_table(a_manifest(), tmp_path / "manifest.parquet")
    with pytest.raises(Exception, match=r"[Cc]onver|[Ee]xpected"):
        write_table(a_manifest(score=[object(), 1]), path)
    assert len(read_table(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("commit", ["7821157", "0170e70", "170e701"])
def test_a_commit_is_text_even_where_it_looks_like_a_number(commit, tmp_path):
    write_table(pd.DataFrame({"date": ["now"], "commit": [commit], "command": ["x"], "result": ["y"]}), tmp_path / "test_reads.csv")
    assert read_table(tmp_path / "test_reads.csv")["commit"].tolist() == [commit]
