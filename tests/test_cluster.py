"""The Snakefile's shards, on this machine and through Slurm: the same tables, byte for byte, as one `dfd extract`."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

from dfd_lib.data.demo import draw_portrait
from dfd_lib.data.extract import extract
from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Faces
from dfd_lib.paths import faces_dir

SNAKEFILE = Path(__file__).parents[1] / "Snakefile"
RECIPE = "{title: Shards, data: {source: photos}, faces: {size: 32, shards: 3}, models: {lenet: {}}}\n"

CONF = """
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort={controller}
SlurmdPort={node}
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName=localhost NodeHostname={host} NodeAddr=localhost CPUs={cpus} RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES State=UP
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight photos and a recipe of three shards."""
    for number in range(8):
        photo = tmp_path / "photos" / ("fake" if number % 2 else "real") / f"{number}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(photo), cv2.cvtColor(draw_portrait(number, 160), cv2.COLOR_RGB2BGR))
    (tmp_path / "reports/shards").mkdir(parents=True)
    (tmp_path / "reports/shards/experiment.yaml").write_text(RECIPE)
    (tmp_path / "notebooks").symlink_to(SNAKEFILE.with_name("notebooks"))
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return tmp_path


def snakemake(project: Path, *options: str) -> subprocess.CompletedProcess:
    """As the README says, but no further than the faces."""
    command = [sys.executable, "-m", "snakemake", "-s", SNAKEFILE, "--directory", project / "reports/shards", "--cores", "2"]
    command += [*options, "--config", "experiment=shards", "--", faces_dir("shards") / "manifest.parquet"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_tables(project: Path) -> None:
    listing, problems = list_source(project / "photos")
    extract(listing, project / "photos", project / "alone", faces=Faces(size=32), workers=0, progress=False, problems=problems)
    for name in ("manifest.parquet", "coverage.csv"):
        assert (faces_dir("shards") / name).read_bytes() == (project / "alone" / name).read_bytes()
    assert len(list(faces_dir("shards").glob("shards/*-of-3/manifest.parquet"))) == 3


@pytest.mark.slow
def test_shards_by_snakemake(project: Path) -> None:
    done = snakemake(project)
    assert done.returncode == 0, done.stderr
    check_tables(project)
    assert "Nothing to be done" in snakemake(project).stderr


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster of one node, this machine, with ports and keys of its own."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)]
    missing += [] if find_spec("snakemake_executor_plugin_slurm") else ["snakemake-executor-plugin-slurm"]
    if missing or os.geteuid():
        pytest.skip(f"needs Slurm and root on this machine; missing: {', '.join(missing) or 'root'}")
    folder = tmp_path / "slurm"
    for part in ("state", "spool", "bin"):
        (folder / part).mkdir(parents=True)
    controller, node = free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(controller=controller, node=node, folder=folder, host=socket.gethostname(), cpus=os.cpu_count()))
    monkeypatch.setenv("SLURM_CONF", str(conf))
    srun = folder / "bin" / "srun"  # Snakemake takes all of Slurm's variables away before it calls it
    srun.write_text(f'#!/bin/sh\nSLURM_CONF="{conf}" exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(srun.parent), os.environ["PATH"]]))
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    munge = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    places = [f"--{option}-file={munge[name]}" for option, name in (("pid", "pid"), ("log", "log"), ("seed", "seed"))]
    commands = (
        ["munged", "--foreground", "--force", f"--socket={munge['socket']}", f"--key-file={folder / 'munge.key'}", *places],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", "localhost"],
    )
    daemons = []
    with (folder / "said.txt").open("w") as said:
        try:
            for command in commands:
                daemons.append(subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT))
                time.sleep(1)
            wait_for_the_node(folder / "said.txt")
            yield
        finally:
            for daemon in reversed(daemons):
                daemon.terminate()
                daemon.wait(30)


def free_ports(count: int) -> list[int]:
    with socket.socket() as one, socket.socket() as two:
        sockets = (one, two)[:count]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for_the_node(said: Path) -> None:
    for _ in range(60):
        state = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False).stdout.strip()
        if state == "idle":
            return
        time.sleep(1)
    pytest.fail(f"the node did not come up:\n{said.read_text()}")


@pytest.mark.slow
def test_shards_by_slurm(project: Path, slurm: None) -> None:
    options = ["--executor", "slurm", "--jobs", "4", "--slurm-status-command", "squeue"]
    done = snakemake(project, *options, "--default-resources", "slurm_account=root", "slurm_partition=main")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("has been submitted with SLURM jobid") == 4, done.stderr
    check_tables(project)
