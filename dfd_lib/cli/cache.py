"""The command `dfd cache`: what is kept in data/cache, and making room there."""

import datetime
from typing import Annotated

import typer

from dfd_lib.cli.show import Json, show


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything that no run is reading now.")] = False,
    limit: Annotated[float | None, typer.Option(min=0, help="Remove the least recently used until so many gigabytes are left.")] = None,
    as_json: Json = False,
) -> None:
    """List the decoded pixels and features in data/cache, the least recently used first, or remove them.

    DFD_CACHE_GB bounds the folder (default 50).
    """
    from dfd_lib.data.cache import GIGABYTE, cache_limit, entries, make_room
    from dfd_lib.paths import cache_dir

    if clear and limit is not None:
        raise ValueError("cache: expected --clear or --limit, came both; give one of them")
    if clear or limit is not None:
        gone = make_room(limit=0 if clear else limit)
        typer.echo(f"removed {len(gone)} arrays, {sum(entry.bytes for entry in gone) / GIGABYTE:.2f} GB, from {cache_dir()}", err=True)
    left = entries()
    show([_row(entry) for entry in left], as_json)
    typer.echo(f"{sum(entry.bytes for entry in left) / GIGABYTE:.2f} of {cache_limit():g} GB in {cache_dir()}", err=True)


def _row(entry) -> dict:
    used = datetime.datetime.fromtimestamp(entry.used, datetime.UTC).strftime("%Y-%m-%d %H:%M")
    return {"name": entry.path.stem, "megabytes": entry.bytes / 1e6, "last_used_utc": used, "in_use": entry.in_use}
