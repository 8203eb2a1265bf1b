"""The command `dfd`.

A user's mistake is one line on stderr and exit code 2; a step that failed is
one line and exit code 1.
"""

import os
import sys

import typer
from typer.exceptions import TyperException

# modules: a command imported by its own name would hide the module that is called so
from dfd_lib.cli import ablate, cache, detect, faces, generalise, keys, leaks, media, metrics, models, report, score, tune

app = typer.Typer(
    name="dfd",
    help="A laboratory for deepfake detection on faces. label 1 is FAKE, p_fake is P(fake).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# in the order in which `dfd --help` lists them
for _command in (
    models.models,
    media.demo,
    keys.keys,
    faces.extract,
    faces.merge,
    tune.tune,
    ablate.ablate,
    leaks.split,
    leaks.leak_tax,
    leaks.claims,
    cache.cache,
    generalise.generalise,
    score.score,
    detect.detect,
    detect.card,
    detect.export,
    detect.page,
    media.probe,
    metrics.metrics,
    report.report,
    report.diff,
    report.notebook,
):
    app.command()(_command)
app.command("page-of-report", hidden=True)(report.page_of_report)


def main() -> None:
    """Run the command line; the entry point of `dfd`."""
    from dfd_lib.paths import pin_folders
    from dfd_lib.process import follow_parent

    follow_parent()
    pin_folders()
    try:
        sys.exit(app(standalone_mode=False))
    except TyperException as error:  # an unknown option, a value out of range; without any argument, the help
        if not sys.argv[1:]:
            error.show()
            sys.exit(2)
        sys.exit(_complain(f"{error.format_message()} See `dfd --help`.", 2))
    except BrokenPipeError:  # `dfd models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, OSError) as error:
        sys.exit(_complain(error, 2))
    except RuntimeError as error:
        sys.exit(_complain(error, 1))


def _complain(error: Exception | str, code: int) -> int:
    print(f"dfd: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
    return code
