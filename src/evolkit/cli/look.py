"""Commands that look at a run folder."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from evolkit.cli import options as opt
from evolkit.cli.progress import show_end
from evolkit.errors import UnknownName
from evolkit.export import exporter
from evolkit.report.stats import VIEWS
from evolkit.run import Run


def status(folder: opt.Folder) -> None:
    """Where a run stands, also while it runs elsewhere."""
    run = Run(folder)
    show_end(run, run.status())
    Console(highlight=False).print(escape(run.signature), soft_wrap=True, style="dim")


def stats(
    folder: opt.Folder,
    view: Annotated[str, typer.Option(help=f"One of {', '.join(VIEWS)}, all, or json.")] = "all",
) -> None:
    """Rows and mean tokens per step, language and task."""
    found = Run(folder).stats()
    if view == "json":
        typer.echo(found.model_dump_json(indent=2))
    elif view == "all":
        typer.echo(str(found))
    elif view in VIEWS:
        typer.echo(found.as_table(view))
    else:
        raise UnknownName("view", view, (*VIEWS, "all", "json"))


def export(
    folder: opt.Folder,
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="messages, sharegpt, records, parquet.")
    ],
    path: Annotated[Path, typer.Argument(help="The file to write; - for standard output.")],
    kind: Annotated[list[str] | None, typer.Option(help="Only evolved or multi_turn rows.")] = None,
) -> None:
    """Write a run's records to a file for training."""
    run = Run(folder)
    kinds: Any = kind or None
    if str(path) == "-":
        records = (each for each in run.records() if not kind or each.kind in kind)
        exporter(form)(records, sys.stdout.buffer)
        return
    rows = run.export(form, path, kinds=kinds)
    typer.echo(f"{rows:,} rows written to {path}")
