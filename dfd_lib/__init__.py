"""A laboratory for deepfake detection on faces.

Names are loaded on first use, so `import dfd_lib` is quick and loads no
TensorFlow:

>>> import dfd_lib
>>> dfd_lib.load_experiment("smoke").name
'smoke'
"""

import os
from importlib import import_module

# TensorFlow's start-up lines would fill every notebook; TF_CPP_MIN_LOG_LEVEL=0 brings them back
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# a process takes of a GPU's memory what it needs: by default the first one takes all, and a notebook beside it fails
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# TensorFlow turns oneDNN on by itself only where a processor has AVX-512; with AVX2 alone a step is half as long again without it
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# ONNX Runtime's wheels for Linux tell Microsoft of every session that is opened; what is judged here is nobody's business
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
if "DFD_THREADS" in os.environ:  # read by TensorFlow when it starts, so set before anything can start it
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["DFD_THREADS"])
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", os.environ["DFD_THREADS"])

__version__ = "0.1.0"

_WHERE = {
    "load_experiment": "experiment",
    "run_notebook": "notebooks",
    "read_table": "tables",
    "write_table": "tables",
    "draw_demo": "data.demo",
    "draw_portrait": "data.demo",
    "list_source": "data.sources",
    "extract": "data.extract",
    "read_image": "data.crops",
    "load_pixels": "data.pixels",
    "split": "data.splits",
    "audit": "data.splits",
    "list_models": "models.registry",
    "build": "models.registry",
    "fit": "training.fit",
    "predict": "training.predict",
    "evaluate": "evaluation.metrics",
    "aggregate": "evaluation.metrics",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"dfd_lib has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"dfd_lib.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
