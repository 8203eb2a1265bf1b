"""The commands of a finished detector: `dfd detect`, `dfd card`, `dfd export` and `dfd page`."""

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfd_lib.cli.show import Json

if TYPE_CHECKING:
    from dfd_lib.detector.predict import DeepfakeDetector
    from dfd_lib.detector.verdict import Verdict

Bundle = Annotated[str, typer.Option("--detector", help="A .dfd file; default: the one that comes with the package.")]


def detect(
    files: Annotated[list[Path], typer.Argument(help="Photos, videos, or folders of them.")],
    detector: Bundle = "built-in",
    error_rate: Annotated[float | None, typer.Option(min=0.001, max=0.5, help="What REAL and FAKE promise for each class.")] = None,
    as_json: Json = False,
    table: Annotated[Path | None, typer.Option("--csv", help="Write a line a file to this CSV too.")] = None,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds that reading a video may take.")] = 300,
) -> None:
    """Say of photos and videos whether the faces in them are REAL or FAKE, or that it is UNSURE.

    Exit code 0: every file was judged (whatever the verdict); 1: some could not be read; 2: a mistake in the command.
    """
    from dfd_lib.detector.predict import DeepfakeDetector

    found, unread = _media(files)
    if not found and not unread:
        raise ValueError("detect: expected photos or videos, came folders without any. Give a file.")
    if table is not None:
        _check_writable(table)
    judge = DeepfakeDetector(detector, error_rate=error_rate)
    verdicts = [*_judged(judge, found, time_limit, tell=not as_json), *_told(unread, tell=not as_json)]
    if as_json:
        typer.echo(json.dumps([verdict.to_dict() for verdict in verdicts], indent=2))
    else:
        typer.echo("\n".join(_last_words(verdicts)))
    if table is not None:
        _write_csv([verdict.to_row() for verdict in verdicts], table)
    raise typer.Exit(1 if any(verdict.verdict == "ERROR" for verdict in verdicts) else 0)


def _media(files: list[Path]) -> tuple[list[Path], list["Verdict"]]:
    """Files as they were named, and of folders all that is a photo or a video, or should be one by its name, in order.

    Links are followed. What cannot be read of a folder is an ERROR each: a file that is not looked at must not go unsaid.
    """
    from dfd_lib.data.walk import walk
    from dfd_lib.detector.verdict import Verdict

    found, unread, others = [], [], 0
    for path in files:
        if not path.is_dir():
            found.append(path)
            continue
        inside, problems = walk(path)
        media = [path / one for one in inside if _is_medium(path / one)]
        unread += [Verdict(str(path / one), "", "ERROR", reason=why) for one, why in problems]
        found, others = found + media, others + len(inside) - len(media)
    if others:
        typer.echo(f"passed over {others} {'file that is' if others == 1 else 'files that are'} neither photo nor video", err=True)
    return found, unread


def _is_medium(path: Path) -> bool:
    """By its content; one that is damaged, or cannot be read, by its suffix, so that it is told."""
    from dfd_lib.data.magic import sniff
    from dfd_lib.data.suffixes import AMBIGUOUS, IMAGES, UNREAD, VIDEOS

    suffix = path.suffix.lower()
    if suffix in (*IMAGES, *VIDEOS, *UNREAD) and suffix not in AMBIGUOUS:
        return True
    try:
        return sniff(path).kind in ("image", "video")
    except OSError:
        return False


def _judged(judge: "DeepfakeDetector", files: list[Path], limit: float, *, tell: bool) -> Iterator["Verdict"]:
    """Verdicts one after the other, each told at once; a bar on a terminal, where there are several."""
    from tqdm import tqdm

    for file in tqdm(files, desc="detect", unit="file", leave=False, disable=True if len(files) == 1 else None):
        verdict = judge(file, limit=limit)
        if tell:
            tqdm.write(_line(verdict))
        yield verdict


def _told(verdicts: list["Verdict"], *, tell: bool) -> list["Verdict"]:
    if tell:
        typer.echo("".join(f"{_line(one)}\n" for one in verdicts), nl=False)
    return verdicts


def _line(verdict: "Verdict") -> str:
    said = "" if verdict.p_fake is None else f"  p_fake {verdict.p_fake:.2f}"
    everybody = ", ".join(f"{one.verdict} {one.p_fake:.2f}" for one in verdict.people)
    people = f"  {len(verdict.people)} people: {everybody}" if len(verdict.people) > 1 else ""
    moment = ""
    if verdict.people and verdict.kind == "video":
        frames = [one.frame for one in verdict.worst().deciding()]
        moment = f"  frames {', '.join(map(str, frames))}"
    why = f"  ({verdict.reason})" if verdict.reason else ""
    return f"{verdict.verdict:8}{said}{people}{moment}  {verdict.file}  {verdict.seconds:.1f} s{why}"


def _last_words(verdicts: list["Verdict"]) -> Iterator[str]:
    """What one answer means, or how many files got which; then once what holds for all of them."""
    from dfd_lib.detector.verdict import ELSEWHERE, OF_MANY, VERDICTS, meaning, rate, sentence

    counts = {name: sum(one.verdict == name for one in verdicts) for name in VERDICTS}
    shares = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    yield meaning(verdicts[0]) if len(verdicts) == 1 else f"{len(verdicts)} files: {shares}"
    for promise in dict.fromkeys(one.promise for one in verdicts if one.promise is not None and len(verdicts) > 1):
        yield f"Promised: at most {rate(promise)} of real files called FAKE, and of fakes REAL."
    if len(verdicts) > 1 and any(one.p_fake is not None for one in verdicts):
        yield f"{OF_MANY} {ELSEWHERE}"
    yield from map(sentence, dict.fromkeys(one.caveat for one in verdicts if one.caveat))


def _check_writable(path: Path) -> None:
    """Ten thousand files later would be too late to find out."""
    if path.is_dir():
        raise ValueError(f"--csv: expected a file, came the folder {path}. Name a file in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def _write_csv(rows: list[dict], path: Path) -> None:
    from dfd_lib.paths import whole

    with whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def card(detector: Bundle = "built-in", as_json: Json = False) -> None:
    """Show a detector's model card: what it was trained on, how good it is, what it must not be used for."""
    from dfd_lib.detector.bundle import load_bundle
    from dfd_lib.detector.card import card as render
    from dfd_lib.detector.predict import BUILT_IN, built_in

    spec = load_bundle(built_in() if detector == BUILT_IN else detector).spec
    typer.echo(json.dumps(spec.facts, indent=2) if as_json else render(spec))


def export(
    name: Annotated[str, typer.Argument(help="An experiment that has been run.")],
    out: Annotated[Path | None, typer.Option(help="The .dfd file; default: detector.dfd in the report.")] = None,
    megabytes: Annotated[float, typer.Option(min=0.1, help="How large the file may become.")] = 15.0,
    clips: Annotated[bool, typer.Option("--clips", help="Let models of clips in: such a detector judges no photo.")] = False,
) -> None:
    """Make a detector of the best ensemble of an experiment: one file for `dfd detect` and the page."""
    from dfd_lib.detector.bundle import load_bundle
    from dfd_lib.experiment import load_experiment
    from dfd_lib.process import start_tensorflow
    from dfd_lib.stages.export import export_detector

    experiment = load_experiment(name)
    start_tensorflow()
    file = export_detector(experiment, out, megabytes, clips=clips)
    if said := load_bundle(file).spec.facts["ensemble"]["chosen"]:
        typer.echo(said)
    typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB; try it with `dfd detect FILE --detector {file}`")


def page(
    detector: Bundle = "built-in",
    host: Annotated[str, typer.Option(help="127.0.0.1: this machine alone; 0.0.0.0: everybody who can reach it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    password: Annotated[str | None, typer.Option(envvar="DFD_PASSWORD", help="Ask for it; the user is `dfd`.")] = None,
    megabytes: Annotated[int, typer.Option(min=1, help="Largest upload.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="Longest video.")] = 300,
) -> None:
    """Serve the web page: drop a photo or a video, read the verdict."""
    from importlib.util import find_spec

    from dfd_lib.detector.limits import Limits
    from dfd_lib.detector.predict import DeepfakeDetector

    if find_spec("gradio") is None:
        raise ValueError("page: expected the package gradio, found none. Install the extra: pip install 'dfd-lab[page]'.")
    from dfd_lib.detector.page import serve

    judge = DeepfakeDetector(detector)
    typer.echo(f"the page is at http://{host}:{port}; Ctrl-C ends it", err=True)
    serve(judge, host=host, port=port, password=password, limits=Limits(bytes=megabytes * 2**20, seconds=seconds))
