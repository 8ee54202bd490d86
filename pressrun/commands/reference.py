"""`pressrun reference`: what settings and templates there are, as the code says it."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from pressrun.commands.common import out


def reference(
    subject: Annotated[
        Literal["settings", "templates"],
        typer.Argument(help="The settings of pressrun.toml, or the templates."),
    ],
) -> None:
    """Show every setting with its default, or every template with what it is given; Markdown where piped."""
    from pressrun.reference import settings_reference, templates_reference

    text = settings_reference() if subject == "settings" else templates_reference()
    if out.is_terminal:
        from rich.markdown import Markdown

        out.print(Markdown(text.replace("<br>", " · ")))
    else:
        sys.stdout.write(text)
