"""A page with a password whose detector waits for a file to appear, so that a queue fills up; run by test_guarded.py."""

import sys
import time
from pathlib import Path

from dfd_lib.detector.page import serve
from dfd_lib.detector.predict import DeepfakeDetector


class Patient(DeepfakeDetector):
    """Looks at nothing until the gate is there."""

    def look(self, *arguments, **how):
        while not gate.exists():
            time.sleep(0.05)
        return super().look(*arguments, **how)


if __name__ == "__main__":  # collected for doctests, it serves nothing
    bundle, port, password, gate = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    serve(Patient(bundle, threads=1), port=port, password=password)
