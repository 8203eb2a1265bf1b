"""What the commands share: how a choice is refused, and how a table is shown."""

import json
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check_choice(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless an option's value is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"--{option}: expected one of {', '.join(allowed)}, came {value!r}")


def with_intervals(row: dict) -> dict:
    """A row for people: a number, its `_low` and its `_high` in one cell.

    Example:
        >>> with_intervals({"n": 40, "auc": 0.931, "auc_low": 0.902, "auc_high": 0.955})
        {'n': 40, 'auc': '.931 (.902–.955)'}
    """
    from dfd_lib.formats import between

    ends = {f"{name}{end}" for name in row for end in ("_low", "_high") if f"{name}_low" in row}
    number = {name: between(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))) for name in row if f"{name}_low" in row}
    return {name: number.get(name, value) for name, value in row.items() if name not in ends}


def show(rows: list[dict], as_json: bool) -> None:
    """Print rows as JSON, an unknown number as null, or as an aligned table."""
    if as_json:
        known = [{name: None if value != value else value for name, value in row.items()} for row in rows]  # NaN is no JSON
        typer.echo(json.dumps(known, indent=2, default=float))
        return
    import pandas as pd

    typer.echo(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.4f}") if rows else "nothing to show")
