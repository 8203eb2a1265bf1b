"""The benchmarks run to their end, on inputs so tiny that their figures mean nothing."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "benchmarks"
SLOW = {"bench_faces", "bench_clips", "bench_training"}  # MTCNN on full frames; processes that start TensorFlow; networks of every kind
NAMES = [path.stem for path in sorted(HERE.glob("bench_*.py"))]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NAMES])
def test_every_benchmark_gives_ratios(name):
    done = subprocess.run([sys.executable, HERE / "run.py", "--tiny", "--only", name], capture_output=True, text=True, check=True)
    ratios = re.findall(r", ratio ([\d.]+)$", done.stdout, re.MULTILINE)
    assert ratios
    assert all(float(ratio) > 0 for ratio in ratios)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A page of two parts, and what writes them."""
    monkeypatch.syspath_prepend(str(HERE))
    measure, bench_run = importlib.import_module("measure"), importlib.import_module("run")
    page = importlib.import_module("benchmark_page")
    path = tmp_path / "benchmarks.md"

    def write(part, ratio, commit="abc"):
        row = measure.Row(f"{part} of crops", "a loop", (1.0,), (ratio,), target=2)
        bench_run.write(path, part, page.section([row], commit=commit, seconds=75, load=0.1))
        return path.read_text()

    write("faces", 3.0)
    return write


def test_one_part_is_measured_anew_and_the_others_stay(written):
    before = written("training", 1.5)
    faces = before[before.index("## faces") : before.index("## training")]
    assert "commit abc, measured in 1 min 15 s" in faces
    assert "| faces of crops | a loop | 3.00 (3.00 to 3.00) | 2.00 |  | yes |" in faces
    after = written("training", 2.5, commit="def")
    assert faces in after
    assert "| training of crops | a loop | 2.50 (2.50 to 2.50) | 2.00 |  | yes |" in after
    assert after.count("training of crops") == after.count("commit def") == 1


def test_a_way_that_ran_once_is_held_against_every_turn(written):
    measure = importlib.import_module("measure")
    row = measure.race("faces", lambda: None, 5.0, reference="once", target=1, turns=3)
    assert row.theirs == (5.0,) * 3
    assert len(row.ours) == 3


def test_the_page_in_the_repository_has_sections_of_parts_alone(written):
    page, bench_run = importlib.import_module("benchmark_page"), importlib.import_module("run")
    text = (HERE.parent.parent / "reports" / "benchmarks.md").read_text()
    assert {"faces"} <= set(page.sections_of(text)) <= set(bench_run.parts())
    assert page.page(page.sections_of(text)) == text


def test_one_benchmark_of_a_part_can_be_chosen(written):
    bench_run = importlib.import_module("run")
    every = [bench.__name__ for bench in bench_run.benchmarks("training")]
    assert "bench_scores" in every
    assert [bench.__name__ for bench in bench_run.benchmarks("training", "scores")] == ["bench_scores"]
    with pytest.raises(ValueError, match=r"training\.score: expected one of .*training\.scores"):
        bench_run.benchmarks("training", "score")


def test_memory_without_files_leaves_out_what_is_mapped(written, tmp_path):
    measure = importlib.import_module("measure")
    file = tmp_path / "mapped.bin"
    file.write_bytes(bytes(60_000_000))
    code = (
        f"import mmap, time; file = open({str(file)!r}, 'rb'); m = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "[m[place] for place in range(0, 60_000_000, 4096)]; own = b'1' * 30_000_000; time.sleep(0.2)"
    )
    peak = measure.peak_memory([sys.executable, "-c", code])
    assert peak.resident > 90_000_000
    assert 30_000_000 < peak.own < 60_000_000


def test_an_unknown_part_is_refused():
    done = subprocess.run([sys.executable, HERE / "run.py", "--tiny", "--only", "face"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "faces" in done.stderr
    assert "statistics" in done.stderr
