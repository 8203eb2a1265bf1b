"""The steps of an experiment, by name: what notebooks and the command line call.

Each step reads tables from disk and writes tables to disk, so it can be rerun,
cached or sent to another machine. The Snakefile says which follows which.
"""

from dfd_lib.process import workers
from dfd_lib.stages.ablation_tables import collect_ablations, collect_finalists, compared_before
from dfd_lib.stages.ablations import ablate, ablation_runs, ablation_settings, ablations_asked, blended_faces
from dfd_lib.stages.checks import check_leak_free, check_written, stamp
from dfd_lib.stages.leaktax import pay_leak_tax
from dfd_lib.stages.media import draw_clips, find_faces, list_media, read_faces, read_manifest, sample_crops, split_faces
from dfd_lib.stages.places import crops_root, run_dir, source_dir
from dfd_lib.stages.results import best_line, compare, search_ensembles
from dfd_lib.stages.shortcuts import find_shortcuts
from dfd_lib.stages.systems import compare_systems
from dfd_lib.stages.time import compare_time, time_questions
from dfd_lib.stages.training import collect_runs, model_settings, train
from dfd_lib.stages.tuning import best_settings, search_dir, search_space, tune, tuned_models, tuning_gains

__all__ = [
    "ablate",
    "ablation_runs",
    "ablation_settings",
    "ablations_asked",
    "best_line",
    "best_settings",
    "blended_faces",
    "check_leak_free",
    "check_written",
    "collect_ablations",
    "collect_finalists",
    "collect_runs",
    "compare",
    "compare_systems",
    "compare_time",
    "compared_before",
    "crops_root",
    "draw_clips",
    "find_faces",
    "find_shortcuts",
    "list_media",
    "model_settings",
    "pay_leak_tax",
    "read_faces",
    "read_manifest",
    "run_dir",
    "sample_crops",
    "search_dir",
    "search_ensembles",
    "search_space",
    "source_dir",
    "split_faces",
    "stamp",
    "time_questions",
    "train",
    "tune",
    "tuned_models",
    "tuning_gains",
    "workers",
]
