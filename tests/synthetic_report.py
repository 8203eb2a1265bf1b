"""A whole made-up report: every table that a report's folder may hold, from a seed."""

import functools
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import synthetic_promises
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, precision_score, recall_score, roc_auc_score

from dfd_lib.evaluation.claims import recompute
from dfd_lib.evaluation.findings import findings
from dfd_lib.stages.explain import agreement, extremes
from dfd_lib.tables import METRICS, write_table

NAMES = [
    "lenet", "minivggnet", "resnet", "meso4", "mesoinception4", "dilated_cnn", "inception_resnet_v2", "alexnet", "vgg16", "vgg19",
    "mobilenet_v2", "xception", "efficientnet_v2_b0", "resnext50_small",
]  # fmt: skip

RECIPE = """title: {title}
about: {about}
data: {{source: {source}}}
models:
  lenet: {{epochs: 3}}
  meso4: {{epochs: 3}}
"""


def predictions(names=NAMES[:5], rows=400, seeds=(1,), seed=0) -> pd.DataFrame:
    """Models of rising quality on `val` and `test`, at level frame, 4 crops a video."""
    random = np.random.default_rng(seed)
    parts = []
    for split, size in (("val", rows // 2), ("test", rows)):
        videos = np.arange(size) // 4
        label = videos % 2
        common = random.normal(size=size)
        for place, name in enumerate(names):
            for run in seeds:
                signal = (label - 0.5) * (0.8 + 2.2 * place / len(names)) + 0.6 * common + random.normal(size=size)
                parts.append(
                    pd.DataFrame(
                        {
                            "model": name, "seed": run, "dataset": "drawn", "split": split, "level": "frame", "condition": "clean",
                            "path": [f"{split}/{row}.png" for row in range(size)], "video": [f"{split}/{video}" for video in videos],
                            "face": 0, "frame": np.arange(size) % 4, "group": [f"{split}-{video // 2}" for video in videos],
                            "label": label, "p_fake": 1 / (1 + np.exp(-2 * signal)),
                        }
                    )
                )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Metrics of `predictions` at both levels, with intervals of a made-up width, and the majority rows."""
    rows = []
    for (model, seed, split), one in table.groupby(["model", "seed", "split"], sort=False):
        rows.append(_scored(model, seed, split, "frame", one["label"], one["p_fake"]))
        clips = one.groupby("video")[["label", "p_fake"]].mean()
        rows.append(_scored(model, seed, split, "video", clips["label"].astype(int), clips["p_fake"]))
    for split, level in itertools.product(("val", "test"), ("frame", "video")):
        values = dict.fromkeys(METRICS, np.nan) | {"accuracy": 0.52, "balanced_accuracy": 0.5}
        size = next(row for row in rows if row["split"] == split and row["level"] == level)
        rows.append(_key("majority", 0, split, level, size["n"], size["n_fake"]) | values)
    frame = pd.DataFrame(rows)
    for name in METRICS:
        width = 0.03 if name != "log_loss" else 0.1
        frame[f"{name}_low"] = frame[name] - width
        frame[f"{name}_high"] = (frame[name] + width * 0.8).clip(upper=None if name == "log_loss" else 1)
    return frame


def _key(model, seed, split, level, n, n_fake) -> dict:
    return {
        "model": model, "seed": seed, "dataset": "drawn", "split": split, "level": level, "condition": "clean",
        "aggregator": "mean" if level == "video" else "none", "n": n, "n_fake": n_fake, "threshold": 0.5,
    }  # fmt: skip


def _scored(model, seed, split, level, label, p_fake) -> dict:
    answer = (p_fake >= 0.5).astype(int)
    auc = roc_auc_score(label, p_fake)
    return _key(model, seed, split, level, len(label), int(label.sum())) | {
        "accuracy": accuracy_score(label, answer), "balanced_accuracy": accuracy_score(label, answer), "f1": f1_score(label, answer),
        "precision": precision_score(label, answer), "recall": recall_score(label, answer), "auc": auc, "average_precision": auc - 0.01,
        "eer": 1 - auc, "log_loss": log_loss(label, p_fake), "brier": brier_score_loss(label, p_fake), "ece": 0.05,
    }  # fmt: skip


def slices(scored: pd.DataFrame) -> pd.DataFrame:
    """Two slices: by method, whose values hold one class alone, and by face size."""
    test = scored[(scored["split"] == "test") & (scored["model"] != "majority")]
    parts = []
    for name, values in (("method", ["real", "swap_easy", "swap_hard"]), ("face_size", ["small", "medium", "large"])):
        for place, value in enumerate(values):
            one = test.assign(slice=name, value=value, n=test["n"] // (place + 2))
            for column in ("auc", "accuracy"):
                for end in ("", "_low", "_high"):
                    one[column + end] = np.nan if name == "method" and column == "auc" else one[column + end] - 0.03 * place
            parts.append(one)
    return pd.concat(parts, ignore_index=True)


def histories(names=NAMES[:5], epochs=12, seeds=(1,)) -> pd.DataFrame:
    """Falling losses, and a validation AUC that peaks at two thirds."""
    epoch = np.arange(1, epochs + 1)
    parts = []
    for place, (name, seed) in enumerate(itertools.product(names, seeds)):
        loss = 0.7 * np.exp(-epoch / (4 + place))
        val_auc = 0.9 - 0.0015 * (epoch - epochs * 2 // 3 - seed) ** 2
        parts.append(
            pd.DataFrame(
                {"model": name, "seed": seed, "epoch": epoch, "loss": loss, "auc": 1 - loss / 2, "val_loss": loss + 0.02 * epoch,
                 "val_auc": val_auc, "seconds": 3.5}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def runs(names=NAMES[:5], seeds=(1,)) -> pd.DataFrame:
    """One row a training run."""
    rows = [
        {"model": name, "seed": seed, "registry_name": name, "image_size": 64, "parameters": 28_073 * (place + 1), "trainable": 27_977,
         "epochs": 12, "best_epoch": 8, "val_auc": 0.9, "seconds": 42.5 * (place + 1), "images_per_second": 310.0, "stopped": "epochs"}
        for place, name in enumerate(names)
        for seed in seeds
    ]  # fmt: skip
    return pd.DataFrame(rows)


def pairs(names=NAMES[:5], level="video") -> pd.DataFrame:
    """All pairs; later models are better, neighbours not significantly."""
    rows = []
    for left, right in itertools.combinations(range(len(names)), 2):
        gap = right - left
        rows.append(
            {"left": names[left], "right": names[right], "level": level, "metric": "auc", "difference": -0.012 * gap, "p": 0.001 * gap,
             "low": -0.012 * gap - 0.015, "high": -0.012 * gap + 0.015, "p_holm": 0.01, "significant": gap > 1}
        )  # fmt: skip
    return pd.DataFrame(rows)


def ensembles(names=NAMES[:5], rules=("mean", "logit_mean", "weighted", "vote", "stacking")) -> pd.DataFrame:
    """The best single model (the first), then all others and every subset under every rule, best on val first."""
    rows = []
    random = np.random.default_rng(1)
    for size in range(2, len(names) + 1):
        for members in itertools.combinations(names, size):
            for rule in rules:
                gain = random.normal(0.004, 0.006)
                rows.append(
                    {"name": f"{rule}({'+'.join(members)})", "rule": rule, "members": "+".join(members), "size": size,
                     "val_auc": 0.9 + 0.004 * size + random.normal(0, 0.006), "test_auc": 0.9 + gain, "test_accuracy": 0.82 + gain,
                     "gain": gain, "gain_low": gain - 0.006, "gain_high": gain + 0.007}
                )  # fmt: skip
    for place, name in enumerate(names):
        rows.append(
            {"name": name, "rule": "single", "members": name, "size": 1, "val_auc": 0.91 - 0.01 * place, "test_auc": 0.9,
             "test_accuracy": 0.82, "gain": -0.01 * place, "gain_low": -0.01 * place, "gain_high": 0.0}
        )  # fmt: skip
    table = pd.DataFrame(rows).sort_values("val_auc", ascending=False)
    best = table[table["name"] == names[0]]
    return pd.concat([best, table.drop(best.index)], ignore_index=True)


def diversity(names=NAMES[:5]) -> pd.DataFrame:
    """All pairs."""
    couples = list(itertools.combinations(names, 2))
    place = np.arange(len(couples))
    return pd.DataFrame(couples, columns=["left", "right"]).assign(
        disagreement=0.05 + 0.2 * place / len(couples), error_correlation=0.8 - 0.9 * place / len(couples)
    )


def split() -> pd.DataFrame:
    """Four parts."""
    return pd.DataFrame(
        {"split": ["train", "val", "calib", "test"], "groups": [30, 8, 5, 1], "videos": [154, 38, 26, 38], "crops": [1232, 304, 208, 304],
         "real": [616, 152, 104, 150], "fake": [616, 152, 104, 154]}
    )  # fmt: skip


def audit(leak=False) -> pd.DataFrame:
    """What the parts share."""
    rows = [(check, "train", right, 0, 0, "", True) for check in ("group", "person", "video") for right in ("val", "calib", "test")]
    if leak:
        rows.append(("donor", "train", "test", 3, 12, "id7", False))
    return pd.DataFrame(rows, columns=["check", "left", "right", "shared", "rows", "example", "ok"])


def coverage(files=120, skipped=25) -> pd.DataFrame:
    """Clips with faces, some without, some that could not be read."""
    rows = []
    for place in range(files):
        kept = 10 - (place % 7 == 0) * 4 if place % 15 else 0
        status, reason = ("ok", "") if kept else ("skipped", "no face was found")
        if place < skipped:
            status, reason, kept = "skipped", "truncated file: expected 20,133 bytes, came 11,002", 0
        rows.append((f"clips/{place:03d}.mp4", place % 2, status, reason, 0 if place < skipped else 10, kept, kept, 640, 360))
    columns = ["file", "label", "status", "reason", "frames_read", "faces_found", "faces_kept", "width", "height"]
    return pd.DataFrame(rows, columns=columns)


def differences(warns=("codec", "files with a face")) -> pd.DataFrame:
    """Seven facts of the files, some of which tell fake from real."""
    names = ["codec", "files with a face", "width", "fps", "bits_per_pixel", "format", "exif"]
    auc = np.array([0.93, 0.56, 0.58, 0.52, 0.51, 0.5, 0.7])
    known = np.arange(len(names)) < len(names) - 1  # of the last, too few groups
    return pd.DataFrame(
        {"fact": names, "n_real": 60, "n_fake": 1_060, "real": ["h264 (98 %)", "99.0 %", *["25"] * 5],
         "fake": ["mjpg (51 %)", "87.0 %", *["30"] * 5], "higher": "fake", "auc": auc, "auc_low": np.where(known, auc - 0.04, np.nan),
         "auc_high": np.where(known, auc + 0.04, np.nan), "unit": "person", "groups": 60, "warn": [name in warns for name in names]}
    )  # fmt: skip


def leak_tax() -> pd.DataFrame:
    """Accuracy .98 on frames at random, .91 on whole groups."""
    numbers = {"accuracy": [0.98, 0.91, 0.07], "auc": [0.99, 0.95, 0.04]}
    table = {"split": ["frames at random", "groups kept whole", "difference"], "model": "lenet", "seeds": [3, 3, np.nan]}
    table |= {name: [many, many, np.nan] for name, many in (("n_train", 600), ("n_test", 240), ("groups", 24), ("majority", 0.5))}
    table["torn"] = [1.0, 0.0, np.nan]
    for name, values in numbers.items():
        for how, reach in (("", 0.02), ("_rows", 0.005)):
            ends = np.array([*values[:2], values[2] if not how else np.nan])
            table |= {f"{name}{how}_low": ends - reach, f"{name}{how}_high": np.minimum(ends + reach, 1)}
        table[name] = values
    return pd.DataFrame(table)


def shortcuts(warns=("encoding", "everything")) -> pd.DataFrame:
    """Four rows, of which two warn."""
    auc = np.array([0.71, 0.52, 0.55, 0.73])
    families = ["encoding", "resolution", "sharpness", "everything"]
    return pd.DataFrame(
        {"family": families, "kind": ["file", "file", "crop", "both"], "facts": ["codec, mode", "width", "sharpness", "codec, mode, width"],
         "n": 240, "n_fake": 120, "groups": 60, "auc": auc, "auc_low": auc - 0.06, "auc_high": auc + 0.06,
         "shuffled": [np.nan] * 3 + [0.495], "shuffled_high": [np.nan] * 3 + [0.55], "warn": [name in warns for name in families]}
    )  # fmt: skip


def robustness(names=NAMES[:5], seeds=(1,)) -> pd.DataFrame:
    """The best models lose most; under darkness nothing changes. The last one is an ensemble."""
    steps = {"clean": 0, **{f"jpeg-{quality}": quality for quality in (75, 40)}, "blur-1": 1, "brightness-20": -20, "brightness+20": 20}
    rows = []
    for place, name in enumerate([*names[:-1], f"mean({'+'.join(names[:2])})"]):
        for seed, (condition, strength) in itertools.product(seeds, steps.items()):
            loss = 0 if strength <= 0 else 0.02 * (place + 1) * (1 if condition != "jpeg-40" else 2)
            auc = 0.7 + 0.02 * place - loss
            kind = condition.split("-")[0].split("+")[0]
            rows.append(
                {"model": name, "seed": seed, "dataset": "drawn", "condition": condition, "kind": kind, "strength": float(strength),
                 "auc": auc, "auc_low": auc - 0.04, "auc_high": auc + 0.03, "accuracy": auc - 0.1, "accuracy_low": auc - 0.14,
                 "accuracy_high": auc - 0.06, "auc_change": -loss, "auc_change_low": -loss - 0.01 if strength else np.nan,
                 "auc_change_high": 0.01 - loss if strength else np.nan}
            )  # fmt: skip
    return pd.DataFrame(rows)


def cross(names=NAMES[:2], places=("drawn", "photos")) -> pd.DataFrame:
    """At home good, elsewhere no better than a guess."""
    rows = []
    for name, here, there in itertools.product(names, places, places):
        auc = 0.8 if here == there else 0.52
        rows.append(
            {"model": name, "trained_on": here, "scored_on": there, "seed": 1, "n": 200, "n_fake": 100, "auc": auc, "auc_low": auc - 0.05,
             "auc_high": auc + 0.05, "accuracy": auc - 0.1, "chance": here != there}
        )  # fmt: skip
    return pd.DataFrame(rows)


def leave_out(methods=("swap", "puppet")) -> pd.DataFrame:
    """What is not seen is missed."""
    rows = []
    for place, method in enumerate(methods):
        after = 0.7 - 0.1 * place
        rows.append(
            {"method": method, "model": "lenet", "seed": 1, "n": 90, "n_fake": 30, "recall_before": 0.8, "recall_after": 0.5,
             "auc_before": 0.9, "auc_before_low": 0.85, "auc_before_high": 0.95, "auc_after": after, "auc_after_low": after - 0.1,
             "auc_after_high": after + 0.1, "change": after - 0.9, "change_low": after - 1, "change_high": after - 0.8}
        )  # fmt: skip
    return pd.DataFrame(rows)


STAMP = {
    "versions": {"python": "3.11.7", "tensorflow": "2.21.0", "numpy": "2.4.0"},
    "machine": {"cores": 2, "system": "Linux", "processor": "A processor"},
    "data_hash": "0123456789abcdef", "recipe_hash": "fedcba9876543210", "seeds": [1], "finished": "2026-05-09 07:35 UTC",
    "seconds": 431.0, "commit": "abc1234",
}  # fmt: skip


@functools.cache
def tables(names: tuple[str, ...], seeds=(1,), leak=False) -> dict[str, pd.DataFrame]:
    """Every table of a report, by its file name; made once, so leave them as they are."""
    table = predictions(names, seeds=seeds)
    scored = metrics(table)
    promises = synthetic_promises.promises(names, groups=10, seeds=seeds)
    return {
        "predictions.parquet": table, "metrics.csv": scored, "slices.csv": slices(scored), "pairs.csv": pairs(names),
        "ensembles.csv": ensembles(names), "diversity.csv": diversity(names), "runs.csv": runs(names, seeds),
        "histories.csv": histories(names, seeds=seeds), "split.csv": split(), "audit.csv": audit(leak), "coverage.csv": coverage(),
        "differences.csv": differences(), "leak_tax.csv": leak_tax(), "shortcuts.csv": shortcuts(), "claims.csv": recompute(),
        "calibration.csv": promises.calibration, "reliability.csv": promises.reliability, "operating.csv": promises.operating,
        "conformal.csv": promises.conformal, "agreement.csv": agreement(table), "extremes.csv": extremes(table),
        "robustness.csv": robustness(names, seeds), "cross.csv": cross(names[:2]), "leave_out.csv": leave_out(),
        "cross_pairs.csv": pairs(names[:2]).assign(dataset="photos"),
        "test_reads.csv": pd.DataFrame(
            {"date": ["2026-05-09 07:33 UTC"], "commit": ["abc1234"], "command": ["50_compare"], "result": ["lenet: video AUC .931"]}
        ),
    }  # fmt: skip


def trials(count=12, seed=0) -> pd.DataFrame:
    """The trials of a search, best first; the second failed, the last was stopped early."""
    random = np.random.default_rng(seed)
    fixed = {"status": "completed", "seconds": 30.5, "epochs": 4, "stopped": "planned", "message": ""}
    drawn = {"learning_rate": 10 ** random.uniform(-5, -2, count), "width": random.choice([0.5, 1.0], count)}
    drawn |= {"padding": random.choice(["same", "valid"], count)}
    table = pd.DataFrame({"trial": np.arange(1, count + 1), "val_auc": random.uniform(0.5, 0.9, count)}).assign(**fixed, **drawn)
    table.loc[0, ["learning_rate", "width", "padding"]] = [1e-3, 1.0, "same"]
    table.loc[1, ["val_auc", "status", "message"]] = [np.nan, "failed", "ValueError: too wide"]
    table.loc[count - 1, ["stopped", "epochs"]] = ["early", 2]
    return table.sort_values("val_auc", ascending=False, ignore_index=True)


def write_search(folder: Path, model: str, count=12) -> pd.DataFrame:
    """A search as a report's folder holds it, and what it bought; returns the trials."""
    table, defaults = trials(count), {"learning_rate": 1e-3, "width": 1.0, "padding": "same"}
    best = table.iloc[0]
    facts = {"trials": count, "trial": int(best["trial"]), "val_auc": best["val_auc"], "defaults": defaults}
    write_table(table, folder / "tuning" / model / "trials.csv")
    (folder / "tuning" / model / "best.json").write_text(json.dumps(facts | {"drawn": {name: best[name] for name in defaults}}))
    gain = {"model": model, "trials": count, "val_default": 0.7, "val_tuned": 0.8, "test_default": 0.71, "test_tuned": 0.76}
    write_table(pd.DataFrame([gain | {"gain": 0.05, "gain_low": 0.02, "gain_high": 0.08, "p": 0.01}]), folder / "tuning.csv")
    (folder / "tuning.txt").write_text(f"Tuning {model} ({count} trials) bought something.\n")
    return table


def write_report(
    folder: Path, names=NAMES[:5], seeds=(1,), leak=False, title="A made-up report", about="Some words.", source="demo"
) -> Path:
    """Write recipe, tables, texts, stamp and notebooks (no figures) of a report; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "experiment.yaml").write_text(RECIPE.format(title=json.dumps(title), about=json.dumps(about), source=json.dumps(source)))
    for name, table in tables(tuple(names), seeds, leak).items():
        write_table(table, folder / name)
    (folder / "notes.txt").write_text("2 groups of over 1 % of the crops were given to train.\nActors may recur across groups.\n")
    (folder / "robustness.txt").write_text("It loses most by jpeg-40.\n")
    (folder / "cross.txt").write_text("Elsewhere it guesses.\n")
    (folder / "leave_out.txt").write_text("What is not seen is missed.\n")
    (folder / "ensembles.txt").write_text("Ensembles: no real gain over the best single model.\n")
    promises = synthetic_promises.promises(tuple(names), groups=10, seeds=seeds)
    (folder / "calibration.txt").write_text("\n".join(findings(promises, names[-1], 0.1)) + "\n")
    (folder / "leak_tax.txt").write_text("lenet is right on .980 of the test crops where frames are split at random.\n")
    (folder / "shortcuts.txt").write_text("From what is known of the files, labels can be guessed.\n")
    (folder / "stamp.json").write_text(json.dumps(STAMP))
    (folder / "notebooks").mkdir(exist_ok=True)
    (folder / "notebooks" / "50_compare.ipynb").write_text("{}")
    return folder
