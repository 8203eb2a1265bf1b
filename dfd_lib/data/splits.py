"""Parts that share nobody: groups dealt out to train, val, calib and test."""

import numpy as np
import pandas as pd

from dfd_lib.data.audit import audit as audit
from dfd_lib.data.audit import leaks as leaks
from dfd_lib.data.audit import summary as summary
from dfd_lib.data.groups import connected_groups as connected_groups
from dfd_lib.data.groups import numbers, persons_apart
from dfd_lib.tables import SPLITS

GIANT = 0.2
"""A component with more than this share of the rows is split by its persons, where they are known."""

LARGE = 0.01
"""A group with more than this share of the rows, and `OUTSTANDING` times the mean group, goes to train."""

OUTSTANDING = 4

_TAKEN_FROM = {"val": ("train",), "calib": ("val", "train"), "test": ("val", "train")}
"""Where a part comes from that an official split lacks: the first of these that it has."""


def split(manifest: pd.DataFrame, shares: dict[str, float], seed: int, *, official: bool = True) -> tuple[pd.DataFrame, list[str]]:
    """Deal out groups to the parts of a split, so that no two parts share one.

    Every part gets its share of the real rows and of the fake rows, as nearly
    as whole groups allow. Large groups (`LARGE`) go to train. A component that
    would swallow more than a fifth of the rows (`GIANT`) is dealt out person by
    person; swaps between persons of two parts are left out, and `group` of the
    rest is rewritten. The order of the rows does not matter.

    An official split (`split` not empty, in at least two parts) wins, even
    where its parts share something: the audit says what. Rows without a part
    follow their group, else they count as train. A part that it lacks is taken
    by group from another: val from train, calib and test from val, else train.

    Args:
        manifest: one row a crop (or a file, of a listing).
        shares: of train and of other parts; they add up to 1.
        seed: another seed, another split.
        official: False = deal out everything anew.

    Returns:
        The manifest with `split` filled in, and notes on what was decided.

    Raises:
        ValueError: a part would lack a class: too few groups, or one group
            too large to split.
    """
    _check(manifest, shares)
    rng = np.random.default_rng(seed)
    table = manifest.reset_index(drop=True)
    notes = _first_notes(table)
    pool = _pools(table, shares, notes) if official else pd.Series("", table.index)
    part = pool.copy()
    for name, takers in _takers(pool, shares, notes).items():
        rows = pool.index[pool == name]
        part[rows], table.loc[rows, "group"] = _deal_out(table.loc[rows], takers, rng, notes)
    table = table.assign(split=part)[part != ""].reset_index(drop=True)
    _check_parts(table, shares)
    return table, notes


def random_split(manifest: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.DataFrame:
    """Deal out single frames at random, as much published work does. It LEAKS: frames of one clip land in several parts.

    It is here to measure what a leak buys. Stratified by label; `shares` and
    `seed` as for `split`.
    """
    _check(manifest, shares)
    rng = np.random.default_rng(seed)
    table = manifest.reset_index(drop=True)
    part = np.empty(len(table), object)
    for label in (0, 1):
        rows = table.index[table["label"] == label].to_numpy()
        rows = rng.permutation(rows[np.argsort(table["path"].to_numpy()[rows])])
        ends = np.round(np.cumsum([*shares.values()]) * len(rows)).astype(int)
        part[rows] = np.repeat([*shares], np.diff(ends, prepend=0))
    return table.assign(split=pd.Series(part, dtype=str))


def _check(manifest: pd.DataFrame, shares: dict[str, float]) -> None:
    needed = ("label", "split", "dataset", "video", "person", "donor", "group")
    missing = [column for column in needed if column not in manifest]
    if missing:
        raise ValueError(f"manifest: expected the columns {', '.join(needed)}, {missing[0]!r} is missing; build it with dfd_lib.data.")
    wrong = [part for part in shares if part not in SPLITS or shares[part] <= 0]
    if wrong or "train" not in shares or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(
            f"shares: expected train and some of {', '.join(SPLITS[1:])}, above 0 and adding up to 1, came {shares}; correct them."
        )


def _first_notes(table: pd.DataFrame) -> list[str]:
    sizes = np.bincount(numbers(table, "group"))
    notes = [f"{len(table):,} crops are in {len(sizes):,} groups; the largest has {sizes.max():,} ({sizes.max() / len(table):.1%})."]
    unknown = (table["person"] == "").mean()
    if unknown:
        notes.append(f"{unknown:.0%} of the crops name no person: people may recur across groups, and no audit can tell.")
    return notes


def _pools(table: pd.DataFrame, shares: dict[str, float], notes: list[str]) -> pd.Series:
    """The official part of each row, as far as one decides; empty everywhere where there is none."""
    given = table["split"]
    parts = {*given.unique()} - {""}
    if not parts or given.nunique() == 1:
        if parts:
            notes.append(f"All are officially {parts.pop()}: that decides nothing, so all were dealt out anew.")
        return pd.Series("", table.index)
    if not parts <= shares.keys():
        came = f"the official split has {', '.join(sorted(parts))}, came {', '.join(shares)}"
        raise ValueError(f"shares: {came}; add the part that is missing, or pass official=False.")
    open_, group = (given == "").to_numpy(), numbers(table, "group")
    if not open_.any():
        return given
    notes.append(f"{open_.sum():,} crops without an official part follow their group, else they count as train.")
    seen = pd.DataFrame({"group": group, "part": given})[~open_].drop_duplicates()
    seen = seen[~seen["group"].duplicated(keep=False)].set_index("group")["part"]  # groups that are in one part
    seen = seen[np.bincount(group)[seen.index] <= GIANT * len(table)]
    return given.where(~open_, seen.reindex(group).fillna("train").to_numpy())


def _takers(pool: pd.Series, shares: dict[str, float], notes: list[str]) -> dict[str, dict[str, float]]:
    """The parts that each pool is dealt out to, and their shares of it."""
    present = {*pool.unique()}
    if present == {""}:
        return {"": shares}
    if "train" not in present:
        raise ValueError("official split: expected a part train, came none; pass official=False to deal out everything anew.")
    takers: dict[str, dict[str, float]] = {part: {part: shares[part]} for part in shares if part in present}
    for part in shares:
        if part not in present:
            source = next(one for one in _TAKEN_FROM[part] if one in present)
            takers[source][part] = shares[part]
            notes.append(f"The official split has no {part}: it was taken from {source}, by group.")
    dealt = {name: own for name, own in takers.items() if len(own) > 1}
    return {name: {part: share / sum(own.values()) for part, share in own.items()} for name, own in dealt.items()}


def _deal_out(rows: pd.DataFrame, shares: dict[str, float], rng: np.random.Generator, notes: list[str]) -> tuple[pd.Series, pd.Series]:
    """The part and the group of each row; an empty part where a swap was left out."""
    code, home, guest = numbers(rows, "group"), rows["group"].copy(), rows["group"].copy()
    sizes = np.bincount(code)
    giants = [inside for giant in np.flatnonzero(sizes > GIANT * len(rows)) if _has_people(inside := rows[code == giant], 2 * len(shares))]
    for inside in giants:
        home.loc[inside.index], guest.loc[inside.index] = persons_apart(inside)
        notes.append(f"{len(inside) / len(rows):.0%} of the crops are linked through their people: the people were dealt out instead.")
    both = pd.DataFrame({"dataset": pd.concat([rows["dataset"]] * 2), "group": pd.concat([home, guest])})
    own, other = np.split(numbers(both, "group") if giants else np.tile(code, 2), 2)
    part = _parts_of_groups(own, rows["label"].to_numpy(), shares, rng, notes)
    torn = part[own] != part[other]
    if torn.any():
        notes.append(f"{torn.sum():,} crops of swaps between people of two parts were left out.")
    return pd.Series(np.array([*shares], object)[part[own]], rows.index, dtype=str).mask(torn, ""), home


def _has_people(inside: pd.DataFrame, least: int) -> bool:
    """Whether every row of a component names a person, and there are enough of them to deal out."""
    named = (inside["person"] != "") | (inside["donor"] != "")
    return bool(named.all()) and len({*inside["person"].unique(), *inside["donor"].unique()} - {""}) >= least


def _parts_of_groups(
    group: np.ndarray, label: np.ndarray, shares: dict[str, float], rng: np.random.Generator, notes: list[str]
) -> np.ndarray:
    """The number of the part of each group, for the group and the label of each row."""
    counts = np.stack([np.bincount(group, label == one) for one in (0, 1)], axis=1).astype(int)
    size = counts.sum(axis=1)
    share = np.array([*shares.values()])
    first = [*shares].index("train") if "train" in shares else int(share.argmax())
    large = (size > LARGE * len(group)) & (size > OUTSTANDING * size.mean())
    order = np.argsort(np.where(large, -size, 0), kind="stable")
    large[order] &= np.cumsum(size[order]) - size[order] < share[first] * len(group)  # until train is full
    if large.any():
        notes.append(
            f"{large.sum()} groups over {LARGE:.0%} of the crops, {size[large].sum() / len(group):.1%} in all, went to {[*shares][first]}."
        )
    part = np.full(len(size), first)
    part[~large] = _balanced(counts[~large], counts[large].sum(axis=0), first, share, rng)
    _fill_empty(part, counts, large, len(share))
    return part


def _balanced(counts: np.ndarray, before: np.ndarray, first: int, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deal out groups so that each part gets its share of both classes.

    Groups of equal composition are dealt out together, the largest first, in
    proportion to what each part still lacks; the rounding is systematic
    sampling with one random start, and what it leaves is carried on.

    Args:
        counts: (groups, 2) real and fake rows.
        before: (2,) rows that part `first` has already.
        share: (parts,) adding up to 1.
    """
    total = np.maximum(counts.sum(axis=0) + before, 1)
    code = counts[:, 0] * (counts[:, 1].max(initial=0) + 1) + counts[:, 1]
    _, some, kind, number = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    members = np.split(np.lexsort((rng.permutation(len(counts)), kind)), np.cumsum(number)[:-1])
    weight = counts[some] / total
    lack = np.outer(share, before / total)
    lack[first] -= before / total
    part = np.empty(len(counts), int)
    for at in np.argsort(-weight.sum(axis=1), kind="stable"):
        own = weight[at]
        lack += number[at] * np.outer(share, own)
        dealt = _whole(lack @ own, number[at], rng)
        lack -= np.outer(dealt, own)
        part[members[at]] = np.repeat(np.arange(len(share)), dealt)
    return part


def _whole(wanted: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Round wishes to whole numbers that add up to `number`, none of them off by 1 or more."""
    wanted = np.maximum(wanted, 0)
    ends = np.cumsum(wanted) * (number / wanted.sum())
    ends[-1] = number
    return np.diff(np.floor(ends + rng.random()), prepend=0).astype(int)


def _fill_empty(part: np.ndarray, counts: np.ndarray, fixed: np.ndarray, parts: int) -> None:
    """Give each part a group of each class where another part can spare one (in place)."""
    held = counts > 0
    for label in (0, 1):
        for poor in range(parts):
            have = np.array([[np.sum(held[part == one, each]) for each in (0, 1)] for one in range(parts)])
            if have[poor, label]:
                continue
            spare = held[:, label] & ~fixed & np.all(~held | (have[part] > 1), axis=1)
            if spare.any():
                richest = np.lexsort((np.arange(len(part)), counts.sum(axis=1), -have[part, label], ~spare))[0]
                part[richest] = poor


def _check_parts(table: pd.DataFrame, shares: dict[str, float]) -> None:
    """Raise unless each part holds both classes."""
    group = numbers(table, "group")
    for label, name in enumerate(("real", "fake")):
        own = table["label"] == label
        lacking = [part for part in shares if not (own & (table["split"] == part)).any()]
        if lacking:
            largest = np.bincount(group).max()
            raise ValueError(
                f"split: expected {name} faces in each of {', '.join(shares)}; {', '.join(lacking)} would have none: they are in "
                f"{len(np.unique(group[own]))} groups, at least {len(shares)} are needed, and none may be a group too large to split (the "
                f"largest has {largest:,} of {len(table):,} crops). Bring more people or scenes, or an official split."
            )
