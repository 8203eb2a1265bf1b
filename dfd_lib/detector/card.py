"""A detector's model card, written from what its file holds (Mitchell et al., "Model cards for model reporting", 2019)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dfd_lib.detector.spec import Spec
from dfd_lib.detector.verdict import rate

CHANCE = 0.5
"""The AUC of guessing."""

NOT_FOR = (
    "Do not decide about a person with it: no accusation, no dismissal, no publication rests on this alone. "
    "It knows the kinds of manipulation it was trained on; new ones, strong compression and other cameras make it err. "
    "REAL means 'none of the traces that it knows', never 'proven authentic'. It judges faces alone: not voices, text or scenes."
)


def card(spec: Spec) -> str:
    """The card as Markdown.

    Raises:
        ValueError: the file tells of its data or metrics in other words than these.

    Example:
        `print(card(load_bundle("reports/demo/detector.dfd").spec))`
    """
    try:
        return "\n".join([f"# {spec.facts.get('title', spec.name)}", "", *_about(spec), *_sections(spec)]) + "\n"
    except (AttributeError, TypeError, KeyError) as error:
        raise ValueError(f"card: expected facts of data and metrics by name, came others ({error}). Build the detector again.") from None


def _about(spec: Spec) -> Iterator[str]:
    count = len(spec.members)
    what = f"{count} networks, combined by `{spec.combination.rule}`" if count > 1 else f"One network, `{spec.members[0].model}`"
    built = spec.facts.get("built", "at an unknown date")
    yield f"{what}. Built {built}. label 1 is FAKE; a score is near 1 where a face looks manipulated."


def _sections(spec: Spec) -> Iterator[str]:
    for title, lines in {
        "What it must not be used for": [NOT_FOR],
        "How it works": list(_works(spec)),
        "What it was trained on": list(_data(spec.facts.get("data", {}))),
        "How good it is": list(_metrics(spec)),
        "How good it is elsewhere": list(_elsewhere(spec.facts.get("metrics", {}))),
        "What its verdicts promise": list(_promises(spec)),
        "Licences and versions": list(_origin(spec.facts)),
    }.items():
        yield from ("", f"## {title}", "", *lines)


def _works(spec: Spec) -> Iterator[str]:
    crop = spec.crop
    known = spec.facts.get("crop_measured", "as in training")
    yield f"- faces by `{spec.faces}`, cut with a margin of {crop.margin:g} to {crop.size} px ({known})"
    yield f"- of a video {_sampled(spec)}; a person's score is the {spec.aggregator} of their frames"
    yield "- a file's score is that of its most suspicious person"
    yield from (f"- `{one.name}`: {one.model} at {one.image_size} px{_together(one.frames)}" for one in spec.members)
    if spec.takes_clips:
        yield "- it judges videos alone: a photo has no time to look at"


def _sampled(spec: Spec) -> str:
    return f"every {spec.every}th frame" if spec.every else f"{spec.frames} frames"


def _together(frames: int | None) -> str:
    return f", on {frames} frames of a person together" if frames else ""


def _data(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data.get('dataset', 'unknown')}: {data.get('about', '')}".strip()
    parts = data.get("parts", {})
    if parts:
        rows = [[name, *(part.get(key, "") for key in ("crops", "fakes", "clips", "groups"))] for name, part in parts.items()]
        yield from ("", *_table(["part", "crops", "of them fake", "clips", "groups"], rows))


def _metrics(spec: Spec) -> Iterator[str]:
    rows = spec.facts.get("metrics", {}).get("test", [])
    if not rows:
        yield "Not measured."
        return
    said = "On `test`, which chose nothing in this experiment; in brackets 95 % intervals from resampling groups."
    yield f"{said} {_fresh(spec.facts)}".strip()
    if chosen := spec.facts.get("ensemble", {}).get("chosen"):
        yield from ("", chosen)
    found = [[name, *(_between(row, name) for row in rows)] for name in ("auc", "accuracy", "precision", "recall", "f1", "log_loss")]
    yield from ("", *_table(["metric", *(f"{row.get('n', '')} {_level(row)}" for row in rows)], found))
    yield from _calibrated(spec.facts["metrics"].get("calibration", []), {row.get("level"): row.get("threshold") for row in rows})


def _fresh(facts: Mapping[str, Any]) -> str:
    """What is known of others who have read the same crops."""
    return facts.get("data", {}).get("test_elsewhere", "Whether other reports had read the same crops before is not recorded in this file.")


def _calibrated(rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, Any]) -> Iterator[str]:
    """What the p_fake that people see is worth; `thresholds` are those of the raw score, by level."""
    known = [row for row in rows if row["level"] in thresholds]
    if not known:
        return
    threshold = thresholds[known[0]["level"]]
    raw = "" if threshold is None else f", FAKE from {threshold:g} on"
    yield from ("", f"That was the raw score{raw}. The p_fake beside a verdict is this score calibrated on `calib`; on `test` it has:", "")
    found = [[_level(row), row["method"], _between(row, "log_loss"), _between(row, "ece")] for row in known]
    yield from _table(["calibrated p_fake of", "calibration", "log_loss", "ece"], found)
    yield from ("", "ece (15 bins) has no interval: on few rows it is too high even for a perfect p_fake.")


def _elsewhere(metrics: Mapping[str, Any]) -> Iterator[str]:
    cross, damaged = metrics.get("cross", []), metrics.get("robustness", [])
    if not (cross or damaged):
        yield "Not measured: expect clearly worse on other cameras, other compression and other kinds of fakes."
        return
    yield (
        "By clip, the same ensemble of the same networks before they were exported (above: as exported, at half precision); "
        "in brackets 95 % intervals from resampling groups."
    )
    if cross:
        rows = [[row["dataset"], row.get("n", ""), _between(row, "auc"), _between(row, "accuracy"), _guess(row)] for row in cross]
        yield from ("", "On the test parts of other data sets, and of its own:", "")
        yield from _table(["data set", "n", "auc", "accuracy", "remark"], rows)
    if damaged:
        rows = [[row["condition"], *(_between(row, name) for name in ("auc", "auc_change", "accuracy"))] for row in damaged]
        yield from ("", "On its own test part, damaged (the number is the strength):", "")
        yield from _table(["damage", "auc", "change of auc", "accuracy"], rows)


def _guess(row: Mapping[str, Any]) -> str:
    low = row.get("auc_low")
    return "no better than guessing" if low is None or low <= CHANCE else ""


def _promises(spec: Spec) -> Iterator[str]:
    rows = spec.facts.get("metrics", {}).get("verdicts", [])
    if not rows:
        yield "Nothing: the data set held too few groups to promise an error rate."
        return
    said = "A verdict is REAL or FAKE where the other answer is ruled out at the promised error rate, else UNSURE. Measured on `test`"
    ends = "; in brackets 95 % intervals from resampling groups" if any(row.get("unsure_low") is not None for row in rows) else ""
    yield f"{said}{ends}:"
    if not spec.clip.measured:
        yield "The data held one crop a clip, so nothing was measured on clips: what is promised of them is a guess."
    columns = ("error_real", "error_fake", "unsure")
    found = [[_level(row), rate(row["promised"]), *(_between(row, name, ".1%") for name in columns)] for row in rows]
    yield from ("", *_table(["of", "promised", "reals missed", "fakes missed", "UNSURE"], found))


def _origin(facts: Mapping[str, Any]) -> Iterator[str]:
    if terms := facts.get("data", {}).get("licence"):
        yield f"- data: {terms}"
    yield from (f"- {one}" for one in facts.get("licences", []))
    versions = facts.get("environment", {}).get("versions", {})
    if versions:
        yield f"- built with {', '.join(f'{name} {number}' for name, number in versions.items() if number)}"


def _level(row: Mapping[str, Any]) -> str:
    return {"frame": "single faces", "video": "clips"}.get(str(row.get("level")), str(row.get("level")))


def _between(row: Mapping[str, Any], name: str, form: str = ".3f") -> str:
    """A number with its interval, which an older file may lack."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "unknown"
    return f"{value:{form}}" if low is None or high is None else f"{value:{form}} ({low:{form}} to {high:{form}})"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
