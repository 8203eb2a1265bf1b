"""Data sets as they lie on disk -> a listing: one row a file, whatever the layout."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dfd_lib.data import layouts
from dfd_lib.data.annotations import given_groups
from dfd_lib.data.splits import connected_groups
from dfd_lib.data.tree import Tree, as_on_disk, read_tree
from dfd_lib.data.walk import Problems
from dfd_lib.paths import find_source
from dfd_lib.spelling import did_you_mean

LAYOUTS = {
    "listing": "your own table: listing.csv in the folder, with file and label (real, fake, 0 = real or 1 = fake)",
    "dfdc": "DFDC videos: *.mp4 and metadata.json in the same folder",
    "dfdc-faces": "DFDC faces of Kaggle: metadata.csv with videoname and label, and faces_224/<video>.jpg",
    "faceforensics": "FaceForensics++: original_sequences/ and manipulated_sequences/; train.json, val.json, test.json where present",
    "celeb-df": "Celeb-DF: Celeb-real/, Celeb-synthesis/, YouTube-real/; List_of_testing_videos.txt where present",
    "mesonet": "class folders (real/ and df/) of faces named <video>_<frame>.jpg",
    "folders": "class folders (real/ and fake/, training_real/ and training_fake/, 0/ = real and 1/ = fake) of images or videos",
}
"""The layouts that can be read, and how each is recognised; `folders` may lie in train/, val/ and test/."""

COLUMNS = (
    *("file", "kind", "label", "split", "dataset", "method", "video", "frame"),
    *("person", "donor", "source", "original", "scene", "group"),
)

_READERS: dict[str, Callable[[Tree], tuple[pd.DataFrame, Problems]]] = {
    "listing": layouts.read_listing,
    "dfdc": layouts.read_dfdc,
    "dfdc-faces": layouts.read_dfdc_faces,
    "faceforensics": layouts.read_faceforensics,
    "celeb-df": layouts.read_celeb_df,
    "mesonet": layouts.read_mesonet,
    "folders": layouts.read_folders,
}


def list_source(
    root: str | Path, *, layout: str = "auto", groups: str | None = None, dataset: str | None = None, tell: Callable[[str], object] = str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the images and videos of a data set, with all that its layout says of them.

    Nothing is decoded. Two files that differ only in suffix are one video: the
    first is kept, a video before an image. Names that differ in case, or in how
    an accent is composed, are different names.

    Args:
        root: the data set's folder, or its name; see `paths.find_source`.
        layout: one of `LAYOUTS`, or `auto`.
        groups: a CSV file, relative to `root` or absolute: the first column is
            a file or a video, with or without folder and suffix, the second its
            group (a scene, a session: whatever must stay together). A file
            that it does not name stands alone.
        dataset: the data set's name; default, what the layout says, else the
            folder's name.
        tell: is given a line on the files that are neither images nor videos,
            where there are some; they have no row anywhere.

    Returns:
        The listing and the problems.

        The listing has one row a file, sorted by file:

        ======== ===========================================================
        file     path relative to `root`, with `/`
        kind     image or video
        label    1 = FAKE, 0 = REAL
        split    the official part (train, val, calib, test), or empty
        dataset  the data set's name
        method   `real`, the manipulation's name, or `unknown`
        video    path relative to `root` without suffix, of the clip
        frame    number of the frame, where the file is one
        person   whose scene it is, or empty = unknown
        donor    whose face was put in, or empty = nobody's or unknown
        source   the video that this fake was made from, or empty = unknown
        original that video's file (of a frame: that frame's), or empty
        scene    the group given by the user, or empty
        group    what a split must not tear apart: the connected component of
                 all that shares person, donor, source, video or scene
        ======== ===========================================================

        The problems have one row (file, reason) for each file that was set
        aside: missing, without a label, in an unknown format, or a double.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: unknown or unrecognised layout, an unreadable table, a
            label that is neither, or a class without a file.
    """
    root = find_source(root)
    if not root.is_dir():
        raise ValueError(f"data source {root}: expected a folder, came a file; give the folder that holds it.")
    tree, problems = read_tree(root)
    if tree.others:
        tell(tree.passed_over())
    if tree.media.empty:
        raise ValueError(
            f"data source {root}: expected images or videos, found none in {len(tree.others)} files; give the data set's folder."
        )
    name = _recognise(tree) if layout == "auto" else _known(layout, tree)
    table, more = _READERS[name](tree)
    table, doubles = _existing(table, tree)
    table = _completed(table, dataset or root.name, overrule=dataset is not None)
    problems += more + doubles + _unlabelled(tree, table, more + doubles, name)
    if groups is not None:
        table["scene"], unknown = given_groups(table, root, groups)
        problems += unknown
    _check_classes(table, root, name, len(problems))
    table["original"] = _originals(table)
    table["group"] = connected_groups(table)
    return table[list(COLUMNS)], _problem_table(problems)


def _known(layout: str, tree: Tree) -> str:
    if layout not in LAYOUTS:
        hint = did_you_mean(layout, LAYOUTS, f"expected auto, {', '.join(LAYOUTS)}.")
        raise ValueError(f"layout {layout!r}: unknown; {hint}")
    # that names are <video>_<frame> is a guess where it decides, and your word where you say so
    if not _fits(tree)["folders" if layout == "mesonet" else layout]:
        what = f"expected the layout {layout!r} ({LAYOUTS[layout]}), found no sign of it"
        raise ValueError(f"data source {tree.root}: {what}; try layout 'auto'.")
    return layout


def _fits(tree: Tree) -> dict[str, bool]:
    """Which layouts leave their signs in this folder."""
    stem = tree.media["stem"]
    tops = {part for folder in stem.str.replace(r"/?[^/]*$", "", regex=True).unique() for part in folder.split("/")}
    classes, _ = layouts.read_folders(tree)
    return {
        "listing": "listing.csv" in tree.others,
        "dfdc": bool(tree.named("metadata.json")) and bool((tree.media["kind"] == "video").any()),
        "dfdc-faces": bool(tree.named("metadata.csv")),
        "faceforensics": bool(tops & {"original_sequences", "manipulated_sequences"}),
        "celeb-df": bool(tops & {"Celeb-real", "Celeb-synthesis", "YouTube-real"}),
        "mesonet": _numbered_frames(classes),
        "folders": not classes.empty,
    }


def _numbered_frames(classes: pd.DataFrame) -> bool:
    """Whether both classes have at least two clips with several frames <video>_<frame>, as faces cut from clips have."""
    clip = classes["file"].str.extract(r"^(?P<clip>.+)_\d+\.[^.]+$")["clip"]
    frames = classes.assign(clip=clip).groupby(["label", "clip"]).size()
    clips = frames[frames > 1].groupby("label").size()
    return bool(clip.notna().all()) and len(clips) == 2 and bool((clips > 1).all())


def _recognise(tree: Tree) -> str:
    """The one layout that fits: your own listing first, then a published layout, then class folders."""
    fits = _fits(tree)
    published = [name for name in ("dfdc", "dfdc-faces", "faceforensics", "celeb-df") if fits[name]]
    if fits["listing"]:
        return "listing"
    if len(published) == 1:
        return published[0]
    if not published and fits["folders"]:
        return "mesonet" if fits["mesonet"] else "folders"
    found = (
        f"signs of {' and '.join(published)}; name the layout" if published else "no sign of one; arrange the files, or write a listing.csv"
    )
    looked = "; ".join(f"{name}: {what}" for name, what in LAYOUTS.items())
    raise ValueError(f"data source {tree.root}: expected one layout, found {found}. Looked for {looked}.")


def _existing(table: pd.DataFrame, tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """The rows whose file is there, once, sorted by file; and the others."""
    table = table.assign(file=as_on_disk(table["file"], tree.media["file"])).merge(tree.media, on="file", how="left")
    absent = table["kind"].isna()
    problems = [(file, "is named, but missing, or no image or video") for file in table.loc[absent, "file"]]
    table = table[~absent].drop_duplicates().sort_values("file", kind="stable")
    said = table.groupby("file")["label"].nunique()
    if (said > 1).any():
        raise ValueError(f"{said.index[said > 1][0]}: expected one label, came both; correct the table that names it twice.")
    again = table.duplicated("file")
    problems += [(file, "is named twice, the first line counts") for file in table.loc[again, "file"]]
    table = table[~again]
    return _without_doubles(table, problems)


def _without_doubles(table: pd.DataFrame, problems: Problems) -> tuple[pd.DataFrame, Problems]:
    """One file a video: a.jpg beside a.png would have the same name in every table."""
    order = table.sort_values(["kind", "file"], ascending=[False, True])
    first = order.groupby("stem")["file"].transform("first")
    double = order.duplicated("stem")
    problems += [
        (file, f"has the same name as {kept} but for the suffix; rename one")
        for file, kept in zip(order["file"][double], first[double], strict=True)
    ]
    return table.drop(index=order.index[double]).reset_index(drop=True), problems


def _completed(table: pd.DataFrame, dataset: str, overrule: bool) -> pd.DataFrame:
    """All columns, with what the layout does not say filled in."""
    fake = table["label"] == 1
    said = {column: table[column].fillna("") if column in table else pd.Series("", table.index) for column in COLUMNS if column != "frame"}
    table = table.assign(**{column: said[column] for column in ("split", "person", "donor", "source", "scene")})
    table["dataset"] = dataset if overrule else said["dataset"].where(said["dataset"] != "", dataset)
    table["video"] = said["video"].where(said["video"] != "", table["stem"])
    table["method"] = said["method"].where(said["method"] != "", "unknown").where(fake, "real")
    table["frame"] = table["frame"].astype(int) if "frame" in table else 0
    scene_of = table.drop_duplicates("video").set_index("video")["person"]
    # a fake shows the scene of the video that it was made from, so its person is that video's
    table["person"] = table["person"].where(table["person"] != "", table["source"].map(scene_of).fillna(""))
    return table


def _originals(table: pd.DataFrame) -> pd.Series:
    """The file of each row's source, where it is listed: a clip's clip, a frame's frame."""
    place = ["video", "kind", "frame"]
    file_of = table.drop_duplicates(place).set_index(place)["file"]
    wanted = pd.MultiIndex.from_frame(table[["source", "kind", "frame"]], names=place)
    return pd.Series(file_of.reindex(wanted).to_numpy(), table.index, dtype=str).fillna("")


def _unlabelled(tree: Tree, table: pd.DataFrame, said: Problems, name: str) -> Problems:
    known = {*table["file"], *(file for file, _ in said)}
    return [(file, f"has no label in the layout {name!r}") for file in tree.media["file"] if file not in known]


def _check_classes(table: pd.DataFrame, root: Path, name: str, problems: int) -> None:
    real, fake = int((table["label"] == 0).sum()), int((table["label"] == 1).sum())
    if not (real and fake):
        raise ValueError(
            f"data source {root}: expected real and fake files in the layout {name!r}, came {real} real and {fake} fake "
            f"({problems} set aside); add the missing class, or name another layout."
        )


def _problem_table(problems: Problems) -> pd.DataFrame:
    table = pd.DataFrame(problems, columns=["file", "reason"], dtype=str)
    return table.drop_duplicates().sort_values(["file", "reason"], ignore_index=True)
