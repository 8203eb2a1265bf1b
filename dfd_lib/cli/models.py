"""The command that lists the networks: `dfd models`."""

from dfd_lib.cli.show import Json, show


def models(as_json: Json = False) -> None:
    """List the models with their input sizes and exact parameter counts."""
    from dfd_lib.models.registry import describe

    show(describe(), as_json)
