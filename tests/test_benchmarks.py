"""The benchmarks run to their end, on inputs so tiny that their figures mean nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "benchmarks"
SLOW = {"bench_faces": pytest.mark.slow}  # it runs MTCNN on full frames


@pytest.mark.parametrize("name", [pytest.param(path.stem, marks=SLOW.get(path.stem, ())) for path in sorted(HERE.glob("bench_*.py"))])
def test_every_benchmark_gives_ratios(name):
    done = subprocess.run([sys.executable, HERE / "run.py", "--tiny", "--only", name], capture_output=True, text=True, check=True)
    ratios = re.findall(r", ratio ([\d.]+)$", done.stdout, re.MULTILINE)
    assert ratios
    assert all(float(ratio) > 0 for ratio in ratios)
