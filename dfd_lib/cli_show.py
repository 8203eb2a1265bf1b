"""What the commands share: how a choice is refused, and how a table is shown."""

import json
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check_choice(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless an option's value is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"--{option}: expected one of {', '.join(allowed)}, came {value!r}")


def show(rows: list[dict], as_json: bool) -> None:
    """Print rows as JSON, an unknown number as null, or as an aligned table."""
    if as_json:
        known = [{name: None if value != value else value for name, value in row.items()} for row in rows]  # NaN is no JSON
        typer.echo(json.dumps(known, indent=2, default=float))
        return
    import pandas as pd

    typer.echo(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.4f}") if rows else "nothing to show")
