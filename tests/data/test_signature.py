"""A data set's signature changes with its files, and with nothing else."""

import os
import shutil

from dfd_lib.data.signature import source_signature


def test_what_changes_it_and_what_does_not(tmp_path):
    root = tmp_path / "set"
    (root / "real").mkdir(parents=True)
    (root / "real" / "a.mp4").write_bytes(b"1")
    (root / "scenes.csv").write_text("file,group\n")
    first = source_signature(root)
    shutil.copytree(root, tmp_path / "moved", copy_function=shutil.copy2)  # keeps times, as rsync -a does
    assert source_signature(tmp_path / "moved") == first
    (root / ".DS_Store").write_bytes(b"seen in a window")
    (root / "gone.csv").symlink_to(root / "nowhere")
    assert source_signature(root) == first

    seen = {first}
    (root / "real" / "b.mp4").write_bytes(b"2")
    seen.add(source_signature(root))
    (root / "real" / "b.mp4").rename(root / "real" / "c.mp4")
    seen.add(source_signature(root))
    (root / "scenes.csv").write_text("file,group\na,1\n")
    seen.add(source_signature(root))
    (root / "real" / "a.mp4").write_bytes(b"9")  # as long as before, in place
    os.utime(root / "real" / "a.mp4", ns=(1, 1))
    seen.add(source_signature(root))
    (tmp_path / "elsewhere").mkdir()
    (root / "fake").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "d.mp4").write_bytes(b"3")  # below a link
    seen.add(source_signature(root))
    assert len(seen) == 6
