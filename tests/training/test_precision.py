"""bfloat16: only the arithmetic of the convolutions changes; weights, head and what is written stay float32."""

import h5py
import numpy as np
from test_fit import LENET, write_crops

from dfd_lib.data.pixels import load_pixels
from dfd_lib.models.weights import load_weights
from dfd_lib.training.fit import fit


def test_weights_of_bfloat16_score_in_float32(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    manifest = write_crops(tmp_path)
    config = LENET.model_copy(update={"precision": "mixed_bfloat16", "epochs": 6})
    run = fit(manifest, tmp_path, config, name="lenet", seed=1, out=tmp_path / "run", verbose=0)
    dtypes = set()
    with h5py.File(run.folder / "best.weights.h5") as file:
        file.visititems(lambda _, item: dtypes.add(item.dtype.name) if isinstance(item, h5py.Dataset) and item.size else None)
    assert dtypes == {"float32"}
    rows = np.flatnonzero(manifest["split"] != "train")
    plain = load_weights("lenet", run.folder / "best.weights.h5", image_size=32).predict(
        load_pixels(manifest, tmp_path, 32)[rows], verbose=0
    )
    halved = run.predictions["p_fake"].to_numpy()
    assert np.ptp(halved) > 0.015
    np.testing.assert_allclose(halved, plain[:, 0], atol=0.005)
    assert not np.array_equal(halved, plain[:, 0])  # or nothing was computed in bfloat16
    assert run.history["loss"].iloc[-1] < run.history["loss"].iloc[0]
