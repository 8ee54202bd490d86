"""An example of each command, which its help shows and a test runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import typer

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "init": "pressrun init content --title 'The Tide Table'",
        "check": "pressrun check content --format json",
        "publish": "pressrun publish",
        "serve": "pressrun serve content --port 8080",
        "desk": "pressrun desk --port 8001 --no-open",
        "doctor": "pressrun doctor",
        "work": "pressrun work --until-idle",
        "reference": "pressrun reference settings",
        "import": "pressrun import hugo old-site content --dry-run",
        "export markdown": "pressrun export markdown out/content",
        "export site": "pressrun export site out/site",
        "export subscribers": "pressrun export subscribers readers.csv",
        "export mbox": "pressrun export mbox sent.mbox",
        "issue list": "pressrun issue list",
        "issue show": "pressrun issue show m-2026-05-01 --recipients",
        "issue preview": "pressrun issue preview m-2026-05-01 --output mail.html",
        "issue test": "pressrun issue test m-2026-05-01 me@example.org",
        "issue create": "pressrun issue create letters posts/hello.md",
        "issue schedule": "pressrun issue schedule m-2026-05-01 '2030-05-01 08:00'",
        "issue send": "pressrun issue send m-2026-05-01 --yes",
        "issue pause": "pressrun issue pause m-2026-05-01",
        "issue resume": "pressrun issue resume m-2026-05-01",
        "issue cancel": "pressrun issue cancel m-2026-05-01 --yes",
        "issue resolve": "pressrun issue resolve m-2026-05-01 sent",
        "subscribers add": "pressrun subscribers add ada@example.org --confirmed",
        "subscribers list": "pressrun subscribers list --state active",
        "subscribers show": "pressrun subscribers show ada@example.org",
        "subscribers remove": "pressrun subscribers remove bob@example.org",
        "subscribers suppress": "pressrun subscribers suppress cyd@example.org --reason 'asked by letter'",
        "subscribers erase": "pressrun subscribers erase dan@example.org --yes",
        "subscribers rotate-keys": "pressrun subscribers rotate-keys",
        "subscribers export": "pressrun subscribers export active.csv --state active",
        "subscribers import": "pressrun subscribers import members.csv --dry-run",
        "bounce": "pressrun bounce --maildir bounces",
        "views count": "pressrun views count access.log",
        "views top": "pressrun views top all",
        "views show": "pressrun views show hello",
        "views feeds": "pressrun views feeds",
        "views reasons": "pressrun views reasons",
        "views days": "pressrun views days --limit 7",
        "views replay": "pressrun views replay",
        "status": "pressrun status --format json",
        "redrive": "pressrun redrive",
        "cost": "pressrun cost --subscribers 5000 --issues 8",
        "backup": "pressrun backup tides.pressrun.zip",
        "restore": "pressrun restore tides.pressrun.zip --replace --yes",
        "push": "pressrun push content --dry-run",
        "pull": "pressrun pull content --dry-run",
        "deploy": "pressrun deploy --domain tides.example --mail-domain tides.example --dry-run",
        "destroy": "pressrun destroy --confirm pressrun",
    }
)


PANELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Write and publish": ("init", "serve", "desk", "check", "publish", "doctor", "reference"),
        "Newsletters": ("issue", "work", "subscribers", "bounce"),
        "Who reads": ("views",),
        "Move in and out": ("import", "export"),
        "On AWS": ("deploy", "push", "pull", "cost", "destroy"),
        "Look after": ("status", "redrive", "backup", "restore"),
    }
)
"""What the commands are for, in the order in which somebody new meets them."""


def arrange(app: typer.Typer) -> None:
    """Puts each command and group under the heading of what it is for, and in its place there."""
    places = {name: (panel, at) for panel, names in PANELS.items() for at, name in enumerate(names)}
    order = list(places)
    app.registered_commands.sort(key=lambda info: order.index(_name(info)))
    for info in app.registered_commands:
        info.rich_help_panel = places[_name(info)][0]
    for group in app.registered_groups:
        if group.typer_instance:
            group.rich_help_panel = places[_group(group)][0]


def commands(app: typer.Typer, before: str = "") -> Iterator[tuple[str, typer.models.CommandInfo]]:
    """Every command of a group and of the groups in it, by its whole name."""
    for info in app.registered_commands:
        yield f"{before}{_name(info)}", info
    for group in app.registered_groups:
        if group.typer_instance:
            yield from commands(group.typer_instance, f"{before}{_group(group)} ")


def _name(info: typer.models.CommandInfo) -> str:
    return info.name or getattr(info.callback, "__name__", "").replace("_", "-")


def _group(group: typer.models.TyperInfo) -> str:
    instance = group.typer_instance
    return group.name if isinstance(group.name, str) else str(instance and instance.info.name)


def show_examples(app: typer.Typer) -> None:
    """Writes each command's example below its help."""
    for name, info in commands(app):
        if name in EXAMPLES:
            info.epilog = f"Example: [bold]{EXAMPLES[name]}[/]"
