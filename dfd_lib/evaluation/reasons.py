"""Why a published number and what is reached here differ: a leak, a shortcut, how it was tested, the recipe."""

import pandas as pd

from dfd_lib.evaluation.leaktax import TAX
from dfd_lib.evaluation.systems import ABSENT, PUBLISHED
from dfd_lib.formats import between, by_clip, percent

_LEAK = "frames of one clip on both sides of its split"

OF_THEIRS = {
    "S0": {"test": "its matrix is that of the MesoNet authors' weights on the authors' own faces, not of its training"},
    "S1": {"leak": "nothing is said of persons and source videos on both sides of its split"},
    "S2": {"leak": _LEAK, "test": "its 99.52 % is that of a line of training"},
    "S3": {
        "shortcut": "whole generated images against photos of another source and file history",
        "test": "the checkpoint was chosen on the test images",
    },
    "S4": {"leak": _LEAK},
}
"""What their own publications show, by system; nothing is known where nothing stands."""

UNEVEN = 0.05
"""By how much one class must be commoner in a published test than here to be told."""

REASONS = ("leak", "shortcut", "test", "by_recipe")
"""The columns that `with_reasons` adds."""


def with_reasons(table: pd.DataFrame, leak_tax: pd.DataFrame | None = None, shortcuts: pd.DataFrame | None = None) -> pd.DataFrame:
    """The systems' table with what may explain each gap, in words.

    Args:
        table: of `systems.systems_table`.
        leak_tax: of `leaktax.leak_tax` on the same data: what a leak buys here.
        shortcuts: of `shortcuts` on the same data: what can be guessed here without a face.

    Returns:
        The table with `gap`, the claimed accuracy minus the one reached here, and
        `REASONS`: of the published number (leak, shortcut, what its test was), each
        with what was measured of it here, and of the recipe (the paired difference).
    """
    tax, guess = _tax(leak_tax), _guess(shortcuts)
    rows = []
    for _, row in table.iterrows():
        theirs = OF_THEIRS.get(row["system"], {})
        rows.append(
            {
                "leak": _with(theirs.get("leak", ""), tax),
                "shortcut": _with(theirs.get("shortcut", ""), guess),
                "test": "; ".join(filter(None, (theirs.get("test", ""), _of_balance(row)))),
                "by_recipe": _of_recipe(row),
            }
        )
    gap = (table["claimed"] - table["accuracy"]).astype(float)
    return table.assign(gap=gap).join(pd.DataFrame(rows, index=table.index, columns=list(REASONS)))


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words what the table of `with_reasons` shows: a sentence about all, and one for each way to train that mattered."""
    trained = table[table["recipe"] == PUBLISHED]
    if trained.empty:
        return ["No published recipe was trained here: nothing is said of the systems."]
    best = trained.loc[trained["auc"].idxmax()]
    within = trained[trained["gap"] <= 0]
    reached = ", ".join(f"{row['system']} {row['model']}" for _, row in within.iterrows()) or "none"
    names = f"{len(trained)} published {'result' if len(trained) == 1 else 'results'}"
    said = [f"Of {names}, trained here by their own recipes, {reached} reached the accuracy that was claimed."]
    highest = between(best["auc"], best["auc_low"], best["auc_high"])
    how = by_clip(best["aggregator"], best["frames_per_clip"])
    said.append(f"The best of them by AUC {how} is {best['system']} {best['model']}, {highest}; its accuracy is {_accuracy(best)}.")
    return [*said, _about_recipes(trained)]


def _about_recipes(trained: pd.DataFrame) -> str:
    known = trained.dropna(subset=["difference_low"])
    if known.empty:
        return "No system stands beside the same architecture under this project's own settings."
    names = known["system"] + " " + known["model"]
    sure = known["significant"].astype(bool)
    better, worse = (", ".join(names[sure & side]) or "none" for side in (known["difference"] > 0, known["difference"] < 0))
    stand = "1 stands" if len(known) == 1 else f"{len(known)} stand"
    said = f"{stand} beside the same architecture under this project's own settings."
    return f"{said} By AUC, the published recipe is really better for {better}; really worse for {worse}."


def _accuracy(row: pd.Series) -> str:
    return f"{between(row['accuracy'], row['accuracy_low'], row['accuracy_high'])}, claimed were {percent(row['claimed'], 1)}"


def _with(theirs: str, here: str) -> str:
    return f"{theirs}; {here}" if theirs and here else theirs


def _tax(table: pd.DataFrame | None) -> str:
    if table is None or table.empty:
        return ""
    row = table[table["split"] == TAX].iloc[0]
    gain = between(row["accuracy"], row["accuracy_low"], row["accuracy_high"], sign=True)
    return f"on these data, a split at random buys {table['model'].iloc[0]} {gain} in accuracy"


def _guess(table: pd.DataFrame | None) -> str:
    if table is None or table["auc"].isna().all():
        return ""
    best = table.loc[table["auc"].idxmax()]
    return (
        f"on these data, guessing without a face ({best['family']}) has an AUC of {between(best['auc'], best['auc_low'], best['auc_high'])}"
    )


def _of_balance(row: pd.Series) -> str:
    """Where one class is commoner there than here, an accuracy there is worth less."""
    here = max(row["n_fake"], row["n"] - row["n_fake"]) / row["n"] if row["n"] > 0 else None
    there = row["claimed_majority"]
    if pd.isna(there) or there - (here or 0.5) < UNEVEN:
        return ""
    said = f"always naming the commoner class would have had {percent(there, 1)}"
    return said if here is None else f"{said} there, and has {percent(here, 1)} here"


def _of_recipe(row: pd.Series) -> str:
    if row["recipe"] == ABSENT:
        return row["changed"]
    if row["recipe"] != PUBLISHED or pd.isna(row["difference"]):
        return ""
    real = "no real difference" if not row["significant"] else "a real gain" if row["difference"] > 0 else "a real loss"
    difference = between(row["difference"], row["difference_low"], row["difference_high"], sign=True)
    return f"{real} in AUC against own settings, {difference}"
