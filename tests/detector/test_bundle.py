import json
import zipfile

import numpy as np
import pytest
import tiny_bundle

from dfd_lib.detector.bundle import load_bundle, save_bundle
from dfd_lib.detector.networks import Networks, check_golden


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return tiny_bundle.write(tmp_path_factory.mktemp("bundle") / "tiny.dfd")


def rewritten(good, target, change):
    """The bundle with its entries changed: `change` gets a dictionary of bytes."""
    with zipfile.ZipFile(good) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target


def with_facts(**changes):
    def change(entries):
        entries["detector.json"] = json.dumps({**json.loads(entries["detector.json"]), **changes}).encode()

    return change


def test_what_was_saved_is_loaded(good):
    bundle = load_bundle(good)
    assert [one.name for one in bundle.spec.members] == ["bright", "red"]
    assert bundle.networks == tiny_bundle.networks()
    assert np.array_equal(bundle.golden["drawn-3"], tiny_bundle.golden()["drawn-3"])
    assert bundle.spec.crop.size == 64 and bundle.spec.photo.promise(0.1).real_limit == 0.6


def test_equal_detectors_are_equal_files(good, tmp_path):
    assert tiny_bundle.write(tmp_path / "again.dfd").read_bytes() == good.read_bytes()


def test_networks_say_what_the_formula_says(good):
    bundle = load_bundle(good)
    crops = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 3), np.uint8)
    scores = Networks(bundle.spec.members, bundle.networks, threads=1).scores(crops)
    assert scores[:, 0] == pytest.approx(tiny_bundle.expected(crops), abs=1e-6)
    assert scores[:, 1] == pytest.approx(tiny_bundle.expected(crops, tiny_bundle.RED), abs=1e-6)


def test_golden_scores_that_moved_are_refused(tmp_path):
    path = tiny_bundle.write(tmp_path / "moved.dfd", golden={"drawn-3": [0.5, 0.123]})
    bundle = load_bundle(path)
    with pytest.raises(ValueError, match=r"expected \w+ to score its golden face 'drawn-3'.*dependency"):
        check_golden(bundle, Networks(bundle.spec.members, bundle.networks, threads=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format: expected 1, came 2"),
        ({"positive": "REAL"}, "wrong way round"),
        ({"members": []}, "members: expected a list of 1 to 16"),
        ({"members": {"a": 1}}, "members: expected a list"),
        ({"name": "../../etc/passwd"}, "name: expected letters"),
        ({"aggregator": "worst"}, "aggregator: expected one of mean"),
        ({"crop": {"size": 10**9}}, "crop: size"),
        ({"crop": {"exec": "rm"}}, "crop: expected only"),
        ({"faces": "haar"}, "faces: expected one of auto"),
        ({"frames": 10**9}, "frames: expected a whole number from 1 to 1000"),
        ({"frames": True}, "frames: expected a whole number"),
        ({"error_rate": 1e999}, "error_rate: expected a number"),
        ({"combination": {"rule": "mean", "weights": [1.0]}}, "combination.weights: expected a list of 2 to 2"),
        ({"combination": {"rule": "exec", "weights": [0.5, 0.5]}}, "combination.rule: expected one of mean"),
        ({"photo": {"calibration": {"method": "pickle"}}}, "conformal: expected a list"),
        ({"photo": {**tiny_bundle.judgement(), "calibration": {"method": "pickle"}}}, "calibration: expected a method"),
        ({"photo": {**tiny_bundle.judgement(), "share_fake": 0}}, "share_fake: expected a number"),
        ({"golden": {}}, "golden: expected scores of 1 to 32"),
        ({"golden": {"../x": [0.5, 0.5]}}, "golden: expected letters"),
    ],
)
def test_facts_that_make_no_detector_are_refused(good, tmp_path, changes, said):
    with pytest.raises(ValueError, match=said) as error:
        load_bundle(rewritten(good, tmp_path / "bad.dfd", with_facts(**changes)))
    assert "\n" not in str(error.value) and str(error.value).startswith("detector bad.dfd: ")


def put(name, content):
    return lambda entries: entries.__setitem__(name, content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("../../evil.sh", b"x"), "expected just the files"),
        (put("/etc/evil", b"x"), "expected just the files"),
        (put("members/extra.onnx", b"x"), "expected just the files"),
        (put("members/red.onnx", b"junk"), "another SHA-256"),
        (put("golden/drawn-3.png", b"junk"), "expected PNG faces"),
        (put("detector.json", b"{"), "Expecting"),
        (put("detector.json", b"[" * 100_000), "detector bad.dfd"),
        (put("detector.json", b"\xff\xfe"), "detector bad.dfd"),
        (lambda entries: entries.pop("detector.json"), "expected detector.json"),
        (lambda entries: entries.pop("members/red.onnx"), "expected just the files"),
    ],
)
def test_files_that_make_no_detector_are_refused(good, tmp_path, change, said):
    with pytest.raises(ValueError, match=said) as error:
        load_bundle(rewritten(good, tmp_path / "bad.dfd", change))
    assert "\n" not in str(error.value)


def test_a_zip_bomb_is_refused_by_its_declared_size(good, tmp_path):
    bomb = tmp_path / "bomb.dfd"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("detector.json", b"0" * 2**23)
    with pytest.raises(ValueError, match=r"detector.json: expected at most 4194304 bytes, came 8388608"):
        load_bundle(bomb)


@pytest.mark.parametrize("length", [0, 1, 30, 500, 2000])
def test_half_a_file_is_refused(good, tmp_path, length):
    half = tmp_path / "half.dfd"
    half.write_bytes(good.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"expected a \.dfd file"):
        load_bundle(half)


def test_a_network_that_asks_for_other_files_is_refused(tmp_path):
    import onnx

    proto = onnx.load_from_string(tiny_bundle.network())
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    networks = {**tiny_bundle.networks(), "red": proto.SerializeToString()}
    path = save_bundle(tmp_path / "external.dfd", tiny_bundle.facts(), networks, tiny_bundle.golden())
    with pytest.raises(ValueError, match="asks for other files"):
        load_bundle(path)


def test_a_network_of_another_shape_is_refused(tmp_path):
    networks = {**tiny_bundle.networks(), "red": tiny_bundle.network(side=64)}
    bundle = load_bundle(save_bundle(tmp_path / "shape.dfd", tiny_bundle.facts(), networks, tiny_bundle.golden()))
    with pytest.raises(ValueError, match=r"member red: expected images of 32 px in"):
        Networks(bundle.spec.members, bundle.networks)


def test_no_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file, found none"):
        load_bundle(tmp_path / "none.dfd")


def test_nothing_is_left_of_a_bundle_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="expected networks"):
        save_bundle(tmp_path / "a.dfd", tiny_bundle.facts(), {**tiny_bundle.networks(), "more": b""}, tiny_bundle.golden())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_refused_and_the_older_one_stays(tmp_path):
    old = tiny_bundle.write(tmp_path / "tiny.dfd")
    before = old.read_bytes()
    told, size = tiny_bundle.facts(name="new"), len(before) / 1e6
    with pytest.raises(ValueError, match=r"detector tiny.dfd: expected a file of at most 0.001 MB, came 0\.\d+\. Allow more"):
        save_bundle(old, told, tiny_bundle.networks(), tiny_bundle.golden(), megabytes=0.001)
    assert old.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["tiny.dfd"]
    assert save_bundle(old, told, tiny_bundle.networks(), tiny_bundle.golden(), megabytes=2 * size).read_bytes() != before
