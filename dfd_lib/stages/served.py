"""What a detector in a file says of a whole data set: predictions of its members and of their ensemble. No TensorFlow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import crop_name
from dfd_lib.data.crops import read_image
from dfd_lib.data.manifest import crop_path
from dfd_lib.data.media import reason
from dfd_lib.data.origins import crops_origin
from dfd_lib.data.sequences import PERSON
from dfd_lib.data.sources import list_source
from dfd_lib.detector.networks import BATCH, Networks
from dfd_lib.detector.predict import BAD, DeepfakeDetector
from dfd_lib.evaluation.combined import combine_predictions
from dfd_lib.stages.scoring import in_threads
from dfd_lib.tables import check_manifest, check_predictions, read_table

COLUMNS = ["dataset", "split", "path", "video", "face", "frame", "group", "label"]

Skipped = dict[str, str]
"""From a file that could not be used to the reason."""


class MemberScores:
    """Scores of a detector's members, gathered part by part.

    Args:
        networks: the members.
        aggregator: how frames become a person's score.
    """

    def __init__(self, networks: Networks, aggregator: str) -> None:
        self.networks, self.aggregator = networks, aggregator
        self.names = [member.name for member in networks.members]
        self.of_clips = [bool(member.frames) for member in networks.members]
        self._rows: list[tuple[pd.DataFrame, np.ndarray]] = []

    def parts(self, manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """The rows that `add` takes at once: a person in the order of time where a member takes clips, else any batch."""
        if any(self.of_clips):
            yield from (own.sort_values("frame", kind="stable") for _, own in manifest.groupby(PERSON, sort=False))
        else:
            yield from (manifest.iloc[first : first + BATCH] for first in range(0, len(manifest), BATCH))

    def add(self, rows: pd.DataFrame, crops: list[np.ndarray]) -> None:
        """Score a part: a row of a manifest for each crop, uint8 (H, W, 3), RGB."""
        scores = self.networks.scores(crops)
        self._rows.append((rows[COLUMNS].assign(level="frame"), scores))
        if any(self.of_clips):
            whole = self.networks.together(crops, scores, [np.arange(len(crops))], self.aggregator)
            person = rows.iloc[:1][COLUMNS].assign(level="video", path="", frame=-1, label=int(rows["label"].max()))
            self._rows.append((person, np.where(self.of_clips, whole, np.nan)))

    def table(self) -> pd.DataFrame:
        """Predictions: members of single faces at level frame, members of clips at level video.

        Raises:
            ValueError: nothing was scored.
        """
        if not self._rows:
            raise ValueError("score: expected a face that can be scored, came none. See the files that were skipped.")
        rows = pd.concat([rows for rows, _ in self._rows], ignore_index=True).assign(seed=0, condition="clean")
        scores = np.concatenate([scores for _, scores in self._rows])
        parts = [rows.assign(model=name, p_fake=own)[~np.isnan(own)] for name, own in zip(self.names, scores.T, strict=True)]
        return check_predictions(pd.concat(parts, ignore_index=True))


def score_crops(networks: Networks, manifest: pd.DataFrame, root: Path, aggregator: str, skipped: Skipped) -> pd.DataFrame:
    """Predictions of the members on crops; shows a bar.

    Args:
        networks: the members.
        manifest: a row a crop; paths are relative to `root`.
        root: of the crops.
        aggregator: how frames become a person's score.
        skipped: crops that cannot be read are added to it.
    """
    scored = MemberScores(networks, aggregator)
    with tqdm(total=len(manifest), desc="score", unit="crop", disable=None) as bar:
        for rows in scored.parts(manifest):
            crops = [*in_threads(lambda path: _read(root, path, skipped), rows["path"], BATCH)]
            good = [crop is not None for crop in crops]
            if any(good):
                scored.add(rows[good], [crop for crop in crops if crop is not None])
            bar.update(len(rows))
    return scored.table()


def _read(root: Path, path: str, skipped: Skipped) -> np.ndarray | None:
    try:
        return read_image(root / path)
    except BAD as error:
        skipped[path] = reason(root / path, error)
        return None


def score_media(detector: DeepfakeDetector, listing: pd.DataFrame, root: Path, skipped: Skipped, limit: float) -> pd.DataFrame:
    """Predictions of the members on the people of photos and clips, found and cut as the detector does it; shows a bar.

    Args:
        detector: opened.
        listing: a row a file, as `data.sources.list_source` makes it.
        root: of the files.
        skipped: files that cannot be used, or show no face, are added to it.
        limit: seconds that reading a file may take.

    Returns:
        Predictions; `path` is named as `dfd extract` would name the crop.
    """
    scored = MemberScores(detector.networks, detector.spec.aggregator)
    for facts in tqdm([*listing.itertuples(index=False)], desc="score", unit="file", disable=None):
        try:
            watched = detector.watch(root / facts.file, limit=limit)
        except BAD as error:
            skipped[facts.file] = reason(root / facts.file, error)
            continue
        if not watched.people:
            skipped[facts.file] = watched.remark or "no face was found"
        for number, seen in enumerate(watched.people):
            scored.add(_rows(facts, number, [one.frame for one in seen]), [one.crop for one in seen])
    return scored.table()


def _rows(facts, number: int, frames: list[int | None]) -> pd.DataFrame:
    known = {name: getattr(facts, name) for name in ("dataset", "split", "video", "group", "label")}
    return pd.DataFrame(
        [
            {
                **known,
                "path": crop_path(facts.file, crop_name(frame, number)),
                "face": number,
                "frame": facts.frame if frame is None else frame,
            }
            for frame in frames
        ]
    )


def score_source(
    detector: DeepfakeDetector,
    root: Path,
    *,
    layout: str = "auto",
    groups: str | None = None,
    photos: bool = False,
    limit: float = 300,
    tell: Callable[[str], object] = str,
) -> tuple[pd.DataFrame, Skipped]:
    """Score a data set of any layout with a detector.

    A folder that `dfd extract` wrote, and images alone, are face crops already
    and scored as they are. Where there are videos, or the images are whole
    photos, faces are found, sampled and cut as the detector does it.

    Args:
        detector: opened.
        root: the folder.
        layout, groups: as for `data.sources.list_source`.
        photos: the images are whole photos.
        limit: seconds that reading a file may take.
        tell: is given a line on what the user should know.

    Returns:
        (predictions, what was skipped). Models are the members, and their ensemble
        under the detector's name: its score before calibration, of frames (unless a
        member takes clips) and of persons of clips.

    Raises:
        ValueError: not a data set, or nothing in it can be scored.
    """
    spec, skipped = detector.spec, {}
    if (root / "manifest.parquet").is_file() and not photos:
        manifest = check_manifest(read_table(root / "manifest.parquet"))
        _tell_cut(root, detector, tell)
        members = score_crops(detector.networks, manifest, root, spec.aggregator, skipped)
    else:
        listing, problems = list_source(root, layout=layout, groups=groups, tell=tell)
        skipped.update(zip(problems["file"], problems["reason"], strict=True))
        if photos or (listing["kind"] == "video").any():
            members = score_media(detector, listing, root, skipped, limit)
        else:
            members = score_crops(detector.networks, listing.assign(path=listing["file"], face=0), root, spec.aggregator, skipped)
    names = [member.name for member in spec.members]
    own = spec.name if spec.name not in names else f"{spec.name}-detector"
    whole = combine_predictions(members, names, spec.combination, name=own, aggregator=spec.aggregator)
    return check_predictions(pd.concat([members, whole], ignore_index=True)), skipped


def _tell_cut(root: Path, detector: DeepfakeDetector, tell: Callable[[str], object]) -> None:
    """Crops that were cut otherwise than the detector cuts are scored all the same, but not without a word."""
    origin, own = crops_origin(root), detector.spec.crop
    names = ("margin", "square", "align")
    if origin and any(getattr(origin.crop, name) != getattr(own, name) for name in names):
        came, expected = (", ".join(f"{name} {getattr(spec, name)}" for name in names) for spec in (origin.crop, own))
        tell(f"these crops were cut with {came}, the detector cuts with {expected}: its scores may be off")
