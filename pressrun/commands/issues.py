"""`pressrun issue …`: what an editor does with the mails of a newsletter."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape as escape_html
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table as Grid

from pressrun.commands.common import (
    DEFAULT_CONTENT,
    DEFAULT_HOME,
    ContentOption,
    Home,
    Target,
    count,
    fail,
    opened,
    out,
    when,
    zone,
)
from pressrun.domain.letters import PLACE, in_scheme, shown_mail
from pressrun.errors import Invalid, NotFound

if TYPE_CHECKING:
    from pressrun.domain.issues import Issue
    from pressrun.domain.letters import Letter
    from pressrun.house import House
    from pressrun.services.forecast import Forecast

NAMED = 50  # uncertain recipients that `show` names

app = typer.Typer(
    name="issue",
    help="See, test, schedule, send and stop the issues of newsletters.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[
    str, typer.Argument(metavar="ISSUE", help="An issue's id, or the beginning of one; `list` shows them.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_issues(
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    everything: Annotated[bool, typer.Option("--all", help="Old articles that wait, too.")] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """What is cooling off, waiting, under way and sent; the newest first."""
    with opened(content, home, target) as house:
        issues = sorted(house.newsroom.every(), key=lambda issue: issue.created, reverse=True)
        if form == "json":
            out.print_json(json.dumps([asdict(issue) for issue in issues]))
            return
        old = [issue for issue in issues if issue.state == "waiting" and issue.kind == "article"]
        shown = issues if everything else [issue for issue in issues if issue not in old[5:]]
        grid = Grid(box=None, pad_edge=False)
        for column in ("issue", "newsletter", "state", "when", "what"):
            grid.add_column(column, overflow="fold", no_wrap=column == "issue")
        for issue in shown:
            grid.add_row(issue.id, issue.newsletter, _state(issue), _when(house, issue), escape(issue.title))
        out.print(
            grid if shown else "There are no issues yet: the first publication of an article makes one."
        )
        if len(shown) < len(issues):
            out.print(
                f"And {count(len(issues) - len(shown), 'older article')} that wait for your word: --all"
            )


@app.command()
def show(
    name: Name,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    recipients: Annotated[
        bool, typer.Option("--recipients", help="Each recipient and what became of it.")
    ] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """One issue: before it is sent what sending would mean, afterwards what became of it."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if form == "json":
            _show_json(house, issue, recipients=recipients)
            return
        out.print(f"[bold]{escape(issue.title)}[/]  {issue.newsletter}/{issue.id}")
        out.print(f"{_state(issue)} {_when(house, issue)}")
        if issue.letter:
            _show_sent(house, issue)
        else:
            letter = _letter(house, issue)
            _show_forecast(house.forecast(issue, letter), letter)
        if recipients:
            for batch in house.newsroom.ledger.batches(issue):
                for entry in batch.entries:
                    said = f" [dim]{escape(entry.feedback or entry.detail)}[/]"
                    out.print(f"  {entry.state:<10} {escape(entry.address)}{said}")


@app.command()
def preview(
    name: Name,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page here and open nothing.")
    ] = None,
) -> None:
    """Open the mail in the browser: at phone and desktop width, light and dark, and as text."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        page = preview_page(_letter(house, issue))
    path = output or Path(tempfile.mkdtemp(prefix="pressrun-")) / f"{issue.id}.html"
    path.write_text(page, encoding="utf-8")
    out.print(f"The preview is in {escape(str(path))}.")
    if output is None:
        webbrowser.open(path.resolve().as_uri())


@app.command("test")
def send_test(
    name: Name,
    address: Annotated[str, typer.Argument(help="Where to send it; nothing is recorded.")],
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Send the mail as it is now to one address, with [Test] before its subject."""
    from pressrun.domain.subscribers import subscriber_id
    from pressrun.services.deliver import trial

    with opened(content, home, target) as house:
        issue = _one(house, name)
        result = trial(house.mailer(), _letter(house, issue), address, subscriber_id(address))
        if result.fate != "sent":
            fail(f"{address}: {result.fate}: {result.reason}")
        out.print(f"Sent to {escape(address)}.")


@app.command()
def create(
    newsletter: Annotated[str, typer.Argument(help="The newsletter's slug.")],
    articles: Annotated[list[str], typer.Argument(help="Files of the content folder, such as tides.md.")],
    correction: Annotated[
        str, typer.Option("--correction", help="Make it a correction; this says what was wrong.")
    ] = "",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Make an issue by hand; it waits for `issue send` or `issue schedule`."""
    with opened(content, home, target) as house:
        found = house.imprints.current().publication.newsletter(newsletter)
        if found is None:
            fail(f"there is no newsletter {newsletter!r} in pressrun.toml")
        issue = house.newsroom.create(
            found, articles, kind="correction" if correction else "manual", note=correction
        )
        out.print(f"Made {issue.newsletter}/{issue.id}. Look at it: pressrun issue show {issue.id}")


@app.command()
def schedule(
    name: Name,
    at: Annotated[str, typer.Argument(help='When, as "2026-05-01 08:00" in the publication\'s time zone.')],
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Send it at a certain time."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        moment = _moment(at, zone(house))
        if moment < house.clock.now():
            fail(f"{at} has passed; name a time to come, or use `pressrun issue send {issue.id}`")
        _told(house, house.newsroom.schedule(issue, moment), "cooling")


@app.command()
def send(
    name: Name,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    yes: Yes = False,
) -> None:
    """Say what sending means, ask, and commit: content and audience are frozen, and workers send it."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if issue.letter:
            fail(
                f"{issue.id} is {issue.state}; a correction can be made: pressrun issue create --correction …"
            )
        letter = _letter(house, issue)
        found = house.forecast(issue, letter)
        _show_forecast(found, letter)
        if not yes and not typer.confirm(f"Send it to {count(found.recipients, 'recipient')}?"):
            raise typer.Exit(1)
        _told(house, house.newsroom.commit(issue), "planning", "sending", "sent")
        if target == "local":
            out.print("`pressrun serve` or `pressrun work` sends it.")


@app.command()
def pause(
    name: Name, content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """Stop an issue that is cooling off, or hold one that is being sent; what is in a worker's hands goes out."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if issue.state == "cooling":
            _told(house, house.newsroom.stop(issue, "stopped by an editor"), "waiting")
        else:
            _told(house, house.newsroom.pause(issue, "paused by an editor"), "paused")


@app.command()
def resume(
    name: Name, content: ContentOption = DEFAULT_CONTENT, home: Home = DEFAULT_HOME, target: Target = "local"
) -> None:
    """Go on with a paused issue."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if issue.state == "waiting":
            fail(f"{issue.id} waits for your word: pressrun issue send {issue.id}, or issue schedule")
        _told(house, house.newsroom.resume(issue), "planning", "sending", "sent")


@app.command()
def cancel(
    name: Name,
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    yes: Yes = False,
) -> None:
    """Never send it, or not to those who do not have it yet. This cannot be undone."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if not yes and not typer.confirm(f"Cancel {issue.id}, {issue.title}?"):
            raise typer.Exit(1)
        _told(house, house.newsroom.cancel(issue, "cancelled by an editor"), "cancelled")


@app.command()
def resolve(
    name: Name,
    verdict: Annotated[
        Literal["sent", "resend"],
        typer.Argument(help="[bold]sent[/]: they count as sent. [bold]resend[/]: some may get it twice."),
    ],
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
) -> None:
    """Settle recipients whose fate is not known, since a machine died while it sent to them."""
    with opened(content, home, target) as house:
        issue = _one(house, name)
        if verdict == "resend" and issue.state == "cancelled":
            fail(f"{issue.id} is cancelled: nobody is sent it any more; `sent` settles the rest")
        number = house.newsroom.resolve(issue, resend=verdict == "resend")
        done = "to be sent again" if verdict == "resend" else "taken for sent"
        out.print(f"{count(number, 'recipient')} {done}.")


def _one(house: House, name: str) -> Issue:
    wanted = name.rpartition("/")[2]
    found = [issue for issue in house.newsroom.every() if issue.id.startswith(wanted)]
    exact = [issue for issue in found if name in {issue.id, f"{issue.newsletter}/{issue.id}"}]
    found = exact or found
    if not found:
        fail(f"there is no issue {name!r}; `pressrun issue list` shows them")
    if len(found) > 1:
        fail(f"{name!r} may be {', '.join(f'{issue.newsletter}/{issue.id}' for issue in found[:5])}")
    return found[0]


def _letter(house: House, issue: Issue) -> Letter:
    try:
        return house.newsroom.letters.current(issue)
    except (NotFound, Invalid) as error:
        fail(f"the mail cannot be made now: {error}")


def _show_forecast(found: Forecast, letter: Letter) -> None:
    out.print(f"  subject     {escape(letter.subject)}")
    out.print(f"  from        {escape(letter.sender.name)} <{escape(letter.sender.address)}>")
    out.print(f"  recipients  {found.recipients:,}")
    for reason, number in sorted(found.passed_over.items()):
        out.print(f"  [dim]left out    {number:,} {reason}[/]")
    out.print(f"  takes       {found.takes}")
    out.print(f"  costs       {found.price:.2f}")
    clipped = "  [yellow]Gmail will cut it off[/]" if found.clipped else ""
    out.print(f"  HTML        {found.html_bytes:,} bytes{clipped}")
    for link in found.dead_links:
        out.print(f"  [yellow]dead link[/]   {escape(link)}")
    for finding in found.findings:
        out.print(f"  [yellow]note[/]        {escape(finding)}")


def _show_sent(house: House, issue: Issue) -> None:
    tally = house.newsroom.ledger.tally(issue)
    out.print(f"  subject     {escape(issue.subject)}")
    for state in ("audience", "sent", "excluded", "uncertain", "pending"):
        if tally.states[state]:
            out.print(f"  {state:<11} {tally.states[state]:,}")
    for title, counter in (
        ("excluded", tally.reasons),
        ("heard", tally.feedback),
        ("left out", tally.passed_over),
    ):
        for reason, number in sorted(counter.items()):
            out.print(f"  [dim]{title:<11} {number:,} {escape(reason)}[/]")
    if tally.states["uncertain"]:
        for entry in islice(house.newsroom.ledger.unsure(issue), NAMED):
            out.print(f"  [dim]uncertain   {escape(entry.address)}[/]")
        out.print(f"Settle the uncertain ones: pressrun issue resolve {issue.id} sent|resend")


def _show_json(house: House, issue: Issue, *, recipients: bool) -> None:
    found = asdict(issue)
    if issue.letter:
        found |= asdict(house.newsroom.ledger.tally(issue))
    else:
        found["forecast"] = asdict(house.forecast(issue, _letter(house, issue)))
    if recipients:
        found["recipients"] = [
            asdict(entry) for batch in house.newsroom.ledger.batches(issue) for entry in batch.entries
        ]
    out.print_json(json.dumps(found))


def _told(house: House, issue: Issue, *expected: str) -> None:
    reason = f": {issue.reason}" if issue.reason else ""
    if issue.state not in expected:
        fail(f"{issue.id} is {issue.state}{reason}")
    out.print(f"{issue.newsletter}/{issue.id} is {issue.state}{escape(reason)} {_when(house, issue)}")


def _state(issue: Issue) -> str:
    color = {"cooling": "cyan", "waiting": "yellow", "paused": "yellow", "sent": "green"}.get(issue.state, "")
    state = f"[{color}]{issue.state}[/]" if color else issue.state
    return f"{state} [dim]{escape(issue.reason)}[/]" if issue.reason else state


def _when(house: House, issue: Issue) -> str:
    if issue.due:
        return f"due {when(issue.due, zone(house))}"
    return when(issue.finished or issue.frozen or issue.created, zone(house))


def _moment(text: str, there: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f'{text!r} is no time; write it as "2026-05-01 08:00"')
    return (found if found.tzinfo else found.replace(tzinfo=there)).astimezone(UTC)


def preview_page(letter: Letter) -> str:
    """One page that shows a letter at phone and desktop width, light and dark, without pictures, and its text."""
    html = shown_mail(letter)
    frames = [
        ("Phone", 375, "light", html),
        ("Phone, dark", 375, "dark", html),
        ("Desktop", 700, "light", html),
        ("Desktop, dark", 700, "dark", html),
        ("Pictures blocked", 375, "light", html.replace(" src=", " data-src=")),
    ]
    parts = [
        f'<figure><figcaption>{title}</figcaption><iframe sandbox title="{title}" width="{width}" height="800" '
        f'srcdoc="{escape_html(in_scheme(page, scheme))}"></iframe></figure>'
        for title, width, scheme, page in frames
    ]
    headers = "\n".join(f"{name}: {value}" for name, value in letter.headers)
    subject, text, headers = (
        escape_html(PLACE.sub("…", part)) for part in (letter.subject, letter.text, headers)
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{subject}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem; background: #ddd }}
main {{ display: flex; flex-wrap: wrap; gap: 2rem }}
figure {{ margin: 0 }}
iframe {{ border: 1px solid #888; background: #fff }}
pre {{ white-space: pre-wrap; background: #fff; padding: 1rem; max-width: 80ch }}
</style>
<h1>{subject}</h1>
<main>{"".join(parts)}</main>
<h2>Text</h2><pre>{text}</pre>
<h2>Headers</h2><pre>{headers}</pre>
</html>
"""
