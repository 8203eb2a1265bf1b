"""The command that explains recipes: `dfd keys`."""

from typing import Annotated

import typer

from dfd_lib.cli.show import Json, show


def keys(
    part: Annotated[str, typer.Argument(help="Only the keys that begin so, such as `training` or `faces`.")] = "",
    as_json: Json = False,
) -> None:
    """Every key that a recipe may have, what it means, its kind and its default."""
    from dfd_lib.recipe_keys import recipe_keys

    rows = recipe_keys(part)
    if as_json:
        show(rows, as_json)
        return
    wide = max(len(row["key"]) for row in rows)
    for row in rows:
        must = "must be given" if row["default"] == "-" and "left out" not in row["meaning"] else f"default {row['default'] or 'nothing'}"
        typer.echo(f"{row['key']:<{wide}}  {row['meaning']} ({row['kind']}; {must})")
    typer.echo("What stands under `training` may stand under a model too, for that model alone.")
