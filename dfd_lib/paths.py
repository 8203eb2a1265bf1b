"""Where things are: the only module that knows the folders.

Four environment variables move them, all optional:

============== ==================================================== =========================
variable       meaning                                              default
============== ==================================================== =========================
DFD_PROJECT    the folder with `reports/<name>/experiment.yaml`     the checkout, else the cwd
DFD_OUT        where `data/` and `reports/` are written             DFD_PROJECT
DFD_DATA       where your data sets are                             DFD_OUT/data/raw
DFD_WEIGHTS    where weight files are                               the user's cache folder
============== ==================================================== =========================
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part-"
"""How the hidden folders begin in which `whole` writes."""


def pin_folders() -> None:
    """Make the four variables absolute, so that they mean the same after the current folder was changed."""
    for name in ("DFD_PROJECT", "DFD_OUT", "DFD_DATA", "DFD_WEIGHTS"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().resolve())


def project_root() -> Path:
    """The folder whose `reports/` holds the recipes."""
    if "DFD_PROJECT" in os.environ:
        return Path(os.environ["DFD_PROJECT"]).resolve()
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def output_root() -> Path:
    """The folder under which everything is written."""
    return Path(os.environ.get("DFD_OUT") or project_root()).resolve()


def notebook(name: str) -> Path:
    """The path of a notebook by its name, such as `40_train`."""
    return project_root() / "notebooks" / f"{name}.ipynb"


def recipe(name: str) -> Path:
    """The path of an experiment's recipe."""
    return project_root() / "reports" / name / "experiment.yaml"


def recipes() -> list[str]:
    """The names of all experiments that have a recipe."""
    return sorted(path.parent.name for path in (project_root() / "reports").glob("*/experiment.yaml"))


def report_dir(name: str) -> Path:
    """Where an experiment's tables, figures, models and page are written."""
    return output_root() / "reports" / name


def faces_dir(name: str) -> Path:
    """Where an experiment's crops and their manifest are written."""
    return output_root() / "data" / "faces" / name


def cache_dir() -> Path:
    """Decoded pixels and other things that may be deleted at any time."""
    return output_root() / "data" / "cache"


def raw_dir() -> Path:
    """Data as it was brought; never changed by this project."""
    return output_root() / "data" / "raw"


def find_source(source: str | Path, base: Path | None = None) -> Path:
    """Resolve a data set's name or path to an existing folder.

    Args:
        source: an absolute path, a path relative to `base`, or a name under
            `DFD_DATA` or `data/raw`.
        base: default: the current folder.

    Returns:
        The existing path.

    Raises:
        FileNotFoundError: nothing is there; the message lists where it looked.
    """
    own = [Path(os.environ["DFD_DATA"])] if os.environ.get("DFD_DATA") else []
    places = [(folder / source).resolve() for folder in (base or Path.cwd(), *own, raw_dir())]
    for place in places:
        if place.exists():
            return place
    looked = ", ".join(str(place) for place in dict.fromkeys(places))
    raise FileNotFoundError(
        f"data source {str(source)!r}: expected a folder, found none at {looked}. "
        f"Copy or link the data there, or set DFD_DATA to the folder that holds it."
    )


def find_weights(name: str | Path) -> Path:
    """Resolve a weight file's name or path to an existing file.

    Raises:
        FileNotFoundError: nothing is there; the message lists where it looked.
    """
    base = Path(os.environ.get("DFD_WEIGHTS") or _user_cache())
    for place in (Path(name), base / name):
        if place.is_file():
            return place.resolve()
    raise FileNotFoundError(
        f"weights {str(name)!r}: expected a file, found none here or under {base}. "
        f"Give its path, or set DFD_WEIGHTS to the folder that holds it."
    )


def fetch_weights(name: str, address: str, sha256: str) -> Path:
    """`find_weights` for a file with a public home: where there is none, it is downloaded once into the user's cache folder.

    A file that you put there yourself, under DFD_WEIGHTS or in the current
    folder, is taken as it is. One in the cache is checked every time, and
    downloaded again if it is damaged.

    Args:
        name: the file's name under DFD_WEIGHTS or the cache folder.
        address: where it is published.
        sha256: what the published file is.

    Raises:
        FileNotFoundError: it is not here, or damaged, and could not be
            downloaded; the message says where to put it.
        ValueError: another file came.
    """
    cached = _user_cache() / name
    try:
        found = find_weights(name)
    except FileNotFoundError:
        found = cached
    return found if found != cached.resolve() and found != cached else _download(cached, address, sha256)


def _user_cache() -> Path:
    import pooch  # not above: every start would pay for it, and notebooks would show a warning of its progress bar

    return Path(pooch.os_cache("dfd-lab"))


def _download(target: Path, address: str, sha256: str) -> Path:
    by_hand = f"Copy it there by hand, or set DFD_WEIGHTS to a folder that holds {target.parent.name}/{target.name}."
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it tells of every download on stderr
    try:
        return Path(pooch.retrieve(address, f"sha256:{sha256}", target.name, target.parent))
    except OSError as error:  # what requests raises is an OSError too
        found = "a damaged one" if target.is_file() else "none"
        raise FileNotFoundError(
            f"weights {target}: expected a file, found {found}, and {address} could not be read ({type(error).__name__}). {by_hand}"
        ) from error
    except ValueError as error:
        raise ValueError(f"weights {target}: expected a file of SHA-256 {sha256}, came another from {address}. {by_hand}") from error
    finally:
        logger.setLevel(level)


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder so that it appears whole or not at all.

    Yields a path beside `path` to write to (a file, or make it a folder); on
    success it is renamed to `path`, on any error it is removed.

    Example:
        >>> import tempfile, pathlib
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "a" / "table.csv"
        >>> with whole(target) as beside:
        ...     _ = beside.write_text("x")
        >>> target.read_text()
        'x'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # a fresh folder of our own: two processes that write the same file never share it
    nest = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}-", dir=path.parent))
    beside = nest / path.name
    try:
        yield beside
        if beside.is_dir() and path.is_dir():
            shutil.rmtree(path)
        beside.replace(path)
    finally:
        shutil.rmtree(nest, ignore_errors=True)


def remove_parts(folder: Path, name: str = "") -> None:
    """Remove what killed processes left half-written in a folder and below; call it only while nobody else can write there.

    Args:
        folder: where to look; it need not exist.
        name: only the parts of the file of this name.
    """
    for part in list(folder.rglob(f"{PART}{name}*")):
        shutil.rmtree(part, ignore_errors=True)
