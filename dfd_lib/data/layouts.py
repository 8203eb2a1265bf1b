"""Readers of the data sets' layouts: what each says of its files, and where it says it.

A reader takes a `Tree` and returns a table and its problems. The table has one
row a file that the layout labels, with the columns `file` and `label`, and
whichever of `split`, `dataset`, `method`, `video`, `frame`, `person`, `donor`,
`source` and `scene` the layout knows; `dfd_lib.data.sources` says what each
means and fills in the rest.
"""

import re

import pandas as pd

from dfd_lib.data.annotations import PARTS, labels, lines, parts, read_csv, read_json, whole_numbers
from dfd_lib.data.tree import SUFFIX, Tree, as_on_disk
from dfd_lib.data.walk import Problems
from dfd_lib.spelling import did_you_mean

CLASSES = {
    **dict.fromkeys(("real", "reals", "original", "originals", "genuine", "authentic", "pristine"), 0),
    **dict.fromkeys(("fake", "fakes", "deepfake", "deepfakes", "manipulated", "synthetic", "forged"), 1),
    **dict.fromkeys(("df", "f2f", "face2face", "faceswap", "neuraltextures", "faceshifter"), 1),
}
"""Words of a class folder's name, in lower case, and their label. Folders `0` (real) and `1` (fake) count where no word does."""

FILLERS = {"face", "faces", "image", "images", "img", "imgs", "frame", "frames", "crop", "crops", "video", "videos", "data"}
"""Words that may stand beside a class word, as in `real_faces`; so may the names of `PARTS`, as in `training_real`."""

METHODS = {
    **{name.lower(): name for name in ("Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", "DeepFakeDetection")},
    "df": "Deepfakes",
    "f2f": "Face2Face",
}
"""Manipulations recognised by a folder's name, in lower case. `deepfakes` alone is what people call any fake."""

LISTING_COLUMNS = ("file", "label", "method", "person", "donor", "source", "dataset", "split", "group", "video", "frame")

_FACEFORENSICS = re.compile(
    r"(?P<video>(?P<before>^|.*?/)(?P<side>original|manipulated)_sequences/(?P<method>[^/]+)/(?P<place>(?:[^/]+/)*?)"
    r"(?P<person>\d+)(?:_(?P<donor>\d+))?(?P<scene>__[^/]*?)?(?:__[A-Z0-9]+)?)(?:/\D*(?P<frame>\d+))?$"
)
_CELEB_DF = re.compile(
    r"(?P<video>(?P<before>^|.*?/)(?P<side>Celeb-real|Celeb-synthesis|YouTube-real)/(?P<place>(?:[^/]+/)*?)"
    r"(?:(?P<person>id\d+)(?:_(?P<donor>id\d+))?_)?(?P<number>\d+))(?:/\D*(?P<frame>\d+))?$"
)


def read_dfdc(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """DFDC's videos: every folder has a metadata.json of its own; a swap's `original` lies in the same folder."""
    rows = []
    for name in tree.named("metadata.json"):
        entries = read_json(tree.root / name, name)
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) and "label" in entry for entry in entries.values()):
            raise ValueError(
                f'{name}: expected {{"x.mp4": {{"label": "FAKE", ...}}, ...}} for every video; correct it, or name the layout.'
            )
        here = name.removesuffix("metadata.json")
        for file, entry in entries.items():
            original = str(entry.get("original") or "")
            rows.append((here + file, str(entry["label"]), str(entry.get("split") or ""), original and here + original, f"{name}, {file}"))
    table = pd.DataFrame(rows, columns=["file", "label", "split", "source", "where"], dtype=str)
    table["label"] = labels(table["label"], table["where"])
    table["split"] = parts(table["split"], table["where"])
    table["source"] = _stem(table["source"])
    return table.drop(columns="where"), []


def read_dfdc_faces(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """Kaggle's DFDC faces: metadata.csv names the video that each crop came from."""
    name = tree.named("metadata.csv")[0]
    given = read_csv(tree.root / name, name, ["videoname", "label"])
    given["label"] = labels(given["label"], lines(name, given))
    crops = tree.media[tree.media["kind"] == "image"]
    crops = crops.assign(folder=crops["stem"].str.replace(r"[^/]*$", "", regex=True), clip=_last(crops["stem"]))
    table = given.assign(clip=as_on_disk(_stem(given["videoname"]), crops["clip"])).merge(crops, on="clip", how="left")
    absent, twice = table["file"].isna(), table.duplicated("clip")
    problems = [(video, f"named in {name}, but there is no such crop") for video in table.loc[absent & ~twice, "videoname"]]
    problems += [(file, f"a second crop, or a second line in {name}, of one video") for file in table.loc[~absent & twice, "file"]]
    table = table[~absent & ~twice]
    original = _stem(table["original"]) if "original" in table else pd.Series("", table.index)
    return table.assign(source=(table["folder"] + original).where(original != "", ""))[["file", "label", "source"]], problems


def read_faceforensics(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """FaceForensics++: target and source are in the name, 033_097; the actors' clips, 01_02__scene__CODE, too."""
    table = _parsed(tree, _FACEFORENSICS)
    fake = table["side"] == "manipulated"
    mask = table["place"].str.contains(r"(?:^|/)masks/")
    lost = fake & (table["donor"] == "") & ~mask
    problems = [(file, "expected a name such as 033_097, target and source") for file in table.loc[lost, "file"]]
    problems += [(file, "shows where a face was changed, not the face") for file in table.loc[mask, "file"]]
    originals = (table["method"] == "DeepFakeDetection").map({True: "actors/", False: "youtube/"})
    source = table["before"] + "original_sequences/" + originals + table["place"] + table["person"] + table["scene"]
    table = table.assign(label=fake.astype(int), method=table["method"].where(fake, "real"), source=source.where(fake, ""))
    table["donor"] = table["donor"].where(fake, "")  # an original's name may carry a take
    table["split"], torn = _faceforensics_split(tree, table)
    problems += [(file, "its two people are in different parts of the official split") for file in table.loc[torn & ~mask, "file"]]
    return table.loc[~lost & ~mask & ~torn, ["file", "label", "split", "method", "video", "frame", "person", "donor", "source"]], problems


def _faceforensics_split(tree: Tree, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The official part of each row, and whether it lies between two parts."""
    part_of: dict[str, str] = {}
    for part in ("train", "val", "test"):
        for name in tree.named(f"{part}.json")[:1]:
            pairs = read_json(tree.root / name, name)
            if not isinstance(pairs, list) or not all(isinstance(pair, list) for pair in pairs):
                raise ValueError(f'{name}: expected pairs of ids, [["071", "054"], ...]; correct it, or take it away.')
            part_of |= {str(one): part for pair in pairs for one in pair}
    own, other = (table[column].map(lambda one: part_of.get(one, "")).astype("str") for column in ("person", "donor"))
    return own, (table["donor"] != "") & (own != other)


def read_celeb_df(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """Celeb-DF: target and source are in the name, id0_id1_0000; in its list of test videos 1 means REAL."""
    table = _parsed(tree, _CELEB_DF)
    fake = table["side"] == "Celeb-synthesis"
    lost = fake & (table["donor"] == "")
    problems = [(file, "expected a name such as id0_id1_0000, target and source") for file in table.loc[lost, "file"]]
    source = table["before"] + "Celeb-real/" + table["place"] + table["person"] + "_" + table["number"]
    table = table.assign(label=fake.astype(int), method=table["side"].where(fake, "real"), source=source.where(fake, ""))
    tested, missing = _celeb_df_test(tree, table)
    table["split"] = tested.map({True: "test", False: ""})
    return table.loc[~lost, ["file", "label", "split", "method", "video", "frame", "person", "donor", "source"]], problems + missing


def _celeb_df_test(tree: Tree, table: pd.DataFrame) -> tuple[pd.Series, Problems]:
    """Whether each row is in the official test list, and the listed videos that are not there."""
    clips = table["side"] + "/" + _last(table["video"])
    for name in tree.named("List_of_testing_videos.txt")[:1]:
        text = pd.Series((tree.root / name).read_text(errors="replace").splitlines(), dtype=str)
        listed = text.str.extract(r"^\s*([01])\s+(\S+?)(?:\.\w+)?\s*$").dropna()
        wrong = listed[1].str.startswith("Celeb-synthesis/") == (listed[0] == "1")
        if wrong.any():
            came = " ".join(listed[wrong].iloc[0])
            raise ValueError(f"{name}: expected 1 before real videos and 0 before fakes, as its authors write, came {came!r}; correct it.")
        missing = listed.loc[~listed[1].isin(clips), 1]
        return clips.isin(listed[1]), [(clip, f"named in {name}, but there is no such video") for clip in missing]
    return pd.Series(False, table.index), []


def read_mesonet(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """The MesoNet authors' faces: class folders of <video>_<frame>.jpg."""
    table, problems = read_folders(tree)
    named = _stem(table["file"]).str.extract(r"^(.+)_(\d{1,18})$")
    return table.assign(video=named[0].fillna(table["video"]), frame=named[1].fillna("0").astype(int)), problems


def read_folders(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """Class folders (`CLASSES`), perhaps inside, around or named with the parts of an official split (`PARTS`).

    Numbered images in a folder of their own below the class folder, as in
    `fake/clip7/frame_0003.jpg`, are the frames of one clip.
    """
    folder = tree.media["file"].str.replace(r"/?[^/]*$", "", regex=True)
    facts = pd.DataFrame([(one, *_read_folder(one)) for one in folder.unique()], columns=["folder", "label", "split", "method", "clip"])
    table = tree.media.assign(folder=folder).merge(facts, on="folder")
    lost = table["label"] < 0
    problems = [(file, "is in no folder that says real or fake, or in one of each") for file in table.loc[lost, "file"]]
    table = table[~lost]
    number = table["stem"].str.extract(r"/(?i:frame|img|image|face)?[_-]?(\d{1,18})$")[0]
    is_frame = (table["kind"] == "image") & table["clip"] & number.notna()
    table = table.assign(video=table["folder"].where(is_frame, table["stem"]), frame=number.where(is_frame, "0").astype(int))
    return table[["file", "label", "split", "method", "video", "frame"]], problems


def _read_folder(folder: str) -> tuple[int, str, str, bool]:
    """Label (-1 = none, or both), official part, method, and whether the folder may be a clip's own."""
    names = folder.lower().split("/")
    words = [set(re.split(r"[\W_]+", name)) - {""} for name in names]
    said = [{CLASSES[word] for word in some & CLASSES.keys()} if _plain(some) else set() for some in words]
    label = set().union(*said) or {int(name) for name in names if name in ("0", "1")}
    if len(label) != 1:
        return -1, "", "", False
    split = [PARTS[word] for name, some in zip(names, words, strict=True) for word in (name, *sorted(some)) if word in PARTS]
    method = [METHODS[name] for name in names if name in METHODS] + (["Deepfakes"] if "deepfakes" in names[1:] else [])
    clip = not _plain(words[-1]) and (any(said) or names[-1] not in ("0", "1"))
    return *label, split[0] if split else "", (method or ["unknown"])[0] if label == {1} else "real", clip


def _plain(words: set[str]) -> bool:
    """Whether a folder's name says only class, part or nothing, as `training_real` or `0_real`, unlike `real_madrid`."""
    return words <= CLASSES.keys() | PARTS.keys() | FILLERS | {"0", "1"} and not words <= {"0", "1"}


def read_listing(tree: Tree) -> tuple[pd.DataFrame, Problems]:
    """Your own listing.csv, see `LISTING_COLUMNS`; its `group` is whatever must stay together besides people and sources."""
    name = "listing.csv"
    table = read_csv(tree.root / name, name, ["file", "label"])
    for column in table.columns.difference(LISTING_COLUMNS):
        hint = did_you_mean(column, LISTING_COLUMNS, f"expected {', '.join(LISTING_COLUMNS)}; rename or remove it.")
        raise ValueError(f"{name}: unknown column {column!r}; {hint}")
    where = lines(name, table)
    table["file"] = _posix(table["file"])
    table["label"] = labels(table["label"], where)
    if "split" in table:
        table["split"] = parts(table["split"], where)
    if "frame" in table:
        table["frame"] = whole_numbers(table["frame"], where, "frame")
    if "source" in table:
        table["source"] = _complete(_stem(_posix(table["source"])), tree.media["stem"])
    return table.rename(columns={"group": "scene"}), []


def _complete(source: pd.Series, stems: pd.Series) -> pd.Series:
    """Complete a source that was given without its folder, where just one file has that name."""
    source = as_on_disk(source, stems)
    by_name = pd.Series(stems.to_numpy(), _last(stems))
    found = source.map(by_name[~by_name.index.duplicated(keep=False)])
    return source.where(found.isna() | source.isin(stems), found)


def _parsed(tree: Tree, pattern: re.Pattern) -> pd.DataFrame:
    """The files whose stem has the pattern, with its groups as columns, empty where absent."""
    found = tree.media["stem"].str.extract(pattern)
    table = tree.media[["file"]].join(found).dropna(subset="video").fillna("")
    return table.assign(frame=table["frame"].where(table["frame"] != "", "0").astype(int))


def _posix(path: pd.Series) -> pd.Series:
    return path.str.replace("\\", "/", regex=False).str.removeprefix("./")


def _stem(path: pd.Series) -> pd.Series:
    return path.str.replace(SUFFIX, "", regex=True)


def _last(path: pd.Series) -> pd.Series:
    return path.str.replace(r"^.*/", "", regex=True)
