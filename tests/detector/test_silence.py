"""Nothing is told to anybody: neither by this library nor by those that it rests on."""

import os
import subprocess
import sys


def test_the_networks_run_without_their_librarys_telemetry(tmp_path):
    """Where it is on, it keeps a session file in the temporary folder from the import on, and looks for its host."""
    code = "import os, dfd_lib.detector.predict as one\none.DeepfakeDetector(threads=1)\nprint(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n" and list(tmp_path.iterdir()) == []
