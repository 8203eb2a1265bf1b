"""Crops scored from their files: as Keras scores their pixels, in order, without the bad ones, no thread running far ahead."""

import threading
import time

import cv2
import numpy as np
import pandas as pd
import pytest

from dfd_lib.data.crops import read_image, resize
from dfd_lib.models.registry import build
from dfd_lib.stages.score_files import BATCH, score_files
from dfd_lib.stages.scoring import in_threads

COUNT = 2 * BATCH + 5


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """More than two batches of files of several sizes, formats and modes; three are bad."""
    root = tmp_path_factory.mktemp("crops")
    paths = []
    for row in range(COUNT):
        path = root / f"{row:03}.{('png', 'jpg')[row % 2]}"
        image = np.random.default_rng(row).integers(0, 256, (30 + row % 7, 40, (1, 3)[row % 3 > 0]), dtype=np.uint8)
        cv2.imwrite(str(path), image)
        paths.append(path)
    paths[3].write_bytes(paths[3].read_bytes()[:200])
    paths[BATCH].unlink()
    cv2.imwrite(str(paths[-1]), np.zeros((4, 4, 3), np.uint8))
    facts = {"label": 0, "split": "test", "dataset": "d", "face": 0, "frame": 0}
    names = [path.name for path in paths]
    return pd.DataFrame({"path": names, "video": names, "group": names, **facts}), root


def test_files_are_scored_as_their_pixels_and_bad_ones_are_told(crops):
    manifest, root = crops
    model = build("lenet", image_size=32)
    table, skipped = score_files(model, manifest, root, name="lenet", how="area", progress=False)
    assert [*skipped] == [manifest["path"][row] for row in (3, BATCH, COUNT - 1)]
    assert "damaged" in skipped["003.jpg"]
    assert not any(str(root) in said for said in skipped.values())
    assert [*table["path"]] == [path for path in manifest["path"] if path not in skipped]
    pixels = np.stack([resize(read_image(root / path), 32) for path in table["path"]])
    np.testing.assert_allclose(table["p_fake"], model.predict(pixels, verbose=0)[:, 0], atol=1e-6)


def test_nothing_but_bad_files_is_an_error_that_shows_one(crops):
    manifest, root = crops
    with pytest.raises(ValueError, match=r"a crop that can be read, came none of 1 in .* 003\.jpg: .*damaged"):
        score_files(build("lenet", image_size=32), manifest.iloc[[3]], root, name="lenet", progress=False)


def test_threads_keep_the_order_and_stay_a_chunk_ahead(monkeypatch):
    monkeypatch.setenv("DFD_THREADS", "3")
    begun, lock = [], threading.Lock()

    def work(job):
        with lock:
            begun.append(job)
        time.sleep(0.001 * (job % 3))
        return job * 10

    for taken, result in enumerate(in_threads(work, range(30), 5)):
        assert result == taken * 10
        assert len(begun) <= taken + 5
    with pytest.raises(ZeroDivisionError):
        [*in_threads(lambda job: 1 // job, [1, 0, 1], 2)]
