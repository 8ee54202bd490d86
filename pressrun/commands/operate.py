"""`pressrun status`, `redrive` and `cost`: what an operator looks at, and what brings stuck work on its way again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson
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
from pressrun.domain.costs import LIST_PRICES, Line, Usage, bill, estimate
from pressrun.domain.issues import Issue
from pressrun.domain.letters import Quota
from pressrun.errors import Permanent, PressrunError
from pressrun.ports import Depth

if TYPE_CHECKING:
    from pressrun.house import House

LATE: Final = 2  # hours without a look at every file
SHOWN: Final = 5
CAUSES: Final = 200  # dead letters that are read for their causes
LEFT_OUT: Final = (
    "an estimate at list prices (--price), free allowances taken off; without requests to S3, starts of "
    "functions, mails that are no issues, Route 53, tax"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a publication is. Times are ISO 8601, "" where something has never happened."""

    queues: dict[str, Depth]
    published: str  # when something of the site was last written
    swept: str  # when every file was last looked at
    attempts: list[str]  # since when batches of uploads are under way
    refused: list[str]
    issues: dict[str, int]  # by state
    open_issues: list[Issue]
    restoring: bool  # a restore was begun and has not ended
    uncertain: int  # recipients whose fate is not known
    subscribers: dict[str, int]
    quota: Quota | None
    quota_error: str
    sent: int  # mails of issues this month
    price: float
    costs: list[Line] = field(default_factory=list)  # this month's until now, reckoned
    costs_error: str = ""


def survey(house: House) -> Condition:
    """Reads all that it says, and changes nothing. A million recipients under way take some seconds."""
    from pressrun.services.catalogue import attempt_of
    from pressrun.services.restore import MARK

    publication = house.imprints.current().publication
    month = house.clock.now().isoformat()[:7]
    issues = list(house.newsroom.every())
    sent = uncertain = 0
    for issue in issues:
        tally = house.newsroom.ledger.tally(issue).states if issue.open else Counter(issue.counts)
        uncertain += tally["uncertain"]
        if (issue.finished or month).startswith(month) and issue.frozen:
            sent += tally["sent"]
    quota, error = None, ""
    try:
        quota = house.mailer().quota()
    except PressrunError as wrong:
        error = str(wrong)
    swept = house.table.get("site", "swept")
    people = Counter[str](stored.subscriber.state for stored in house.subscribers.everyone())
    return Condition(
        queues={name: queue.depth() for name, queue in house.queues.items()},
        published=max((stat.modified.isoformat() for stat in house.site.list()), default=""),
        swept=str(swept.item["at"]) if swept else "",
        attempts=[attempt_of(row).sort.partition("#")[0] for row in house.table.query("attempt")],
        refused=[row.sort for row in house.table.query("refused")],
        issues=dict(Counter(issue.state for issue in issues)),
        open_issues=[issue for issue in issues if issue.open or issue.state in {"cooling", "waiting"}],
        restoring=house.table.get(*MARK) is not None,
        uncertain=uncertain,
        subscribers=dict(people),
        quota=quota,
        quota_error=error,
        sent=sent,
        price=round(sent / 1000 * publication.mail.price_per_thousand, 2),
    )


def reckon(house: House, stack: str, sent: int, prices: Mapping[str, float]) -> list[Line]:
    """What this month has cost until now, as far as AWS says without being paid for it.

    `sent` are mails. Raises PressrunError where AWS does not say, or not to these credentials.
    """
    from pressrun.adapters.aws.spending import spent

    if not stack:
        raise Permanent("the stack's name is not known; `pressrun deploy` writes it, or set PRESSRUN_STACK")
    now = house.clock.now()
    used = spent(stack, now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), now)
    mails = {"ses.thousand": house.imprints.current().publication.mail.price_per_thousand}
    return bill(replace(used, mails=sent), {**LIST_PRICES, **mails, **prices})


Prices = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="NAME=DOLLARS", help="Replaces a price; any number of times."),
]


def _prices(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in LIST_PRICES:
            fail(f"there is no price {name}; `pressrun cost --list-prices` names them")
        try:
            found[name] = float(value)
        except ValueError:
            fail(f"{text}: write it as {name}=0.12")
    return found


def status(
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")] = "text",
    price: Prices = None,
) -> None:
    """Say how the publication is: queues, refused files, issues, quota, and what this month has cost until now.

    Exits with 1 where something waits for a person: dead letters, refused files, uncertain recipients.
    """
    with opened(content, home, target) as house:
        found = survey(house)
        if target == "aws":
            try:
                lines = reckon(house, os.environ.get("PRESSRUN_STACK", ""), found.sent, _prices(price or []))
                found = replace(found, costs=lines)
            except PressrunError as error:
                found = replace(found, costs_error=str(error))
        now, there = house.clock.now(), zone(house)
    if form == "json":
        out.print_json(orjson.dumps(asdict(found), default=str).decode())
    else:
        _show(found, now, there, target)
    if (
        found.refused
        or found.uncertain
        or found.restoring
        or any(depth.dead for depth in found.queues.values())
    ):
        raise typer.Exit(1)


def _show(found: Condition, now: datetime, there: ZoneInfo, target: str) -> None:
    for name, depth in found.queues.items():
        dead = f"[red]{count(depth.dead, 'dead letter')}[/]: pressrun redrive {name}" if depth.dead else ""
        out.print(f"queue {name:<9} {depth.waiting} waiting, {depth.hidden} in hand  {dead}")
    out.print(f"last written    {_ago(found.published, now)}")
    if target == "aws" or found.swept:
        late = bool(found.swept) and (now - datetime.fromisoformat(found.swept)).total_seconds() > LATE * 3600
        warning = "  [red]the tick does not run[/]" if late and target == "aws" else ""
        out.print(f"last sweep      {_ago(found.swept, now)}{warning}")
    if found.restoring:
        out.print("[red]restore[/]         was cut short; call `pressrun restore` again with the same file")
    if found.attempts:
        out.print(f"under way       {len(found.attempts)} × uploads, since {when(found.attempts[0], there)}")
    if found.refused:
        names = ", ".join(found.refused[:SHOWN]) + (" …" if len(found.refused) > SHOWN else "")
        out.print(f"[red]refused[/]         {count(len(found.refused), 'file')}: {escape(names)}")
    people = ", ".join(f"{number:,} {state}" for state, number in sorted(found.subscribers.items()))
    out.print(f"subscribers     {people or 'none'}")
    states = ", ".join(f"{number} {state}" for state, number in sorted(found.issues.items()))
    out.print(f"issues          {states or 'none'}")
    for issue in found.open_issues[: SHOWN * 2]:
        why = issue.reason or (f"due {when(issue.due, there)}" if issue.due else "")
        out.print(
            f"  {issue.state:<9} {issue.newsletter}/{issue.id}  {escape(issue.title)}  [dim]{escape(why)}[/]"
        )
    if found.uncertain:
        out.print(f"[red]uncertain[/]       {count(found.uncertain, 'recipient')}: pressrun issue resolve")
    if found.quota is None:
        out.print(f"[red]mailer[/]          {escape(found.quota_error)}")
    elif found.quota.per_day or found.quota.per_second:
        per_day = f"{found.quota.sent_today:,} of {found.quota.per_day:,} sent today"
        out.print(f"quota           {per_day}, {found.quota.per_second:g} a second")
    out.print(f"this month      {count(found.sent, 'mail')} of issues, {found.price:.2f} for sending them")
    if found.costs_error:
        out.print(f"costs so far    not known: {escape(found.costs_error)}")
    elif found.costs:
        dearest = sorted((line for line in found.costs if line.price >= 0.005), key=lambda line: -line.price)
        parts = ", ".join(f"{line.service} {line.price:.2f}" for line in dearest)
        total = sum(line.price for line in found.costs)
        out.print(f"costs so far    about {total:.2f} US$ this month{': ' * bool(parts)}{parts}")
        out.print(f"                [dim]{LEFT_OUT}[/]")


def _ago(moment: str, now: datetime) -> str:
    if not moment:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(moment)).total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count(seconds // size, name)} ago"
    return "just now"


def redrive(
    queue: Annotated[
        str, typer.Argument(metavar="[QUEUE]", help="publish, mail, feedback or count; empty: show all.")
    ] = "",
    content: ContentOption = DEFAULT_CONTENT,
    home: Home = DEFAULT_HOME,
    target: Target = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show why messages were given up, and send those of one queue again.

    Mend the cause first: what fails again comes back here. No mail goes out twice by this: who has been sent an issue
    stands in the ledger.
    """
    with opened(content, home, target) as house:
        if queue and queue not in house.queues:
            fail(f"there is no queue {queue}; there are {', '.join(house.queues)}")
        found = 0
        for name in [queue] if queue else house.queues:
            found += _causes(house, name)
        if not queue or not found:
            return
        if not yes and not typer.confirm(f"Send {count(found, 'message')} again?"):
            return
        out.print(f"{count(house.queues[queue].redrive(), 'message')} sent again.")


def _causes(house: House, name: str) -> int:
    """Prints the causes of a queue's dead letters, the most frequent first; how many letters there are."""
    dead = house.queues[name].depth().dead
    causes: Counter[tuple[str, str]] = Counter()
    letters: Any = house.queues[name].dead()
    with closing(letters):  # which lets others see them again
        for letter in islice(letters, CAUSES):
            causes[letter.cause or "no cause was kept; the function's log has it", _said(letter.body)] += 1
    out.print(f"[bold]{name}[/]: {count(dead, 'dead letter') if dead else 'no dead letters'}")
    for (cause, body), number in causes.most_common(SHOWN * 2):
        out.print(f"  {number} × [red]{escape(cause[:300])}[/]  [dim]{escape(body)}[/]")
    return max(dead, sum(causes.values()))


def _said(body: str) -> str:
    """What a message is about, without anybody's address."""
    try:
        found: Any = orjson.loads(body)
        if "detail" in found and "object" in found["detail"]:
            return str(found["detail"]["object"]["key"])
        if "Records" in found:
            return ", ".join(str(record["s3"]["object"]["key"]) for record in found["Records"])[:200]
        if "pressrun" in found:
            return " ".join(
                str(value)
                for name, value in found.items()
                if name in {"pressrun", "newsletter", "issue", "keys"}
            )[:200]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return "no message of a known shape"
    return ""


def cost(
    subscribers: Annotated[int, typer.Option("--subscribers", min=0)] = 1_000,
    issues: Annotated[float, typer.Option("--issues", min=0, help="A month.")] = 4.33,
    views: Annotated[int, typer.Option("--views", min=0, help="A month.")] = 10_000,
    articles: Annotated[int, typer.Option("--articles", min=0, help="That there are.")] = 100,
    uploads: Annotated[int, typer.Option("--uploads", min=0, help="Files a month.")] = 30,
    page_kb: Annotated[int, typer.Option("--page-kb", min=1, help="Sent for a view.")] = 60,
    feed_requests: Annotated[int, typer.Option("--feed-requests", min=0, help="A month.")] = 100_000,
    price: Prices = None,
    free: Annotated[bool, typer.Option("--free/--no-free", help="Take off what is always free.")] = True,
    list_prices: Annotated[
        bool, typer.Option("--list-prices", help="Print the prices' names, and end.")
    ] = False,
) -> None:
    """Reckon what a month on AWS costs. Prices are list prices as remembered: check them, and replace them."""
    prices = {**LIST_PRICES, **_prices(price or [])}
    if list_prices:
        for name, amount in prices.items():
            out.print(f"{name:<34} {amount:g}")
        return
    usage = Usage(
        subscribers=subscribers,
        issues=issues,
        views=views,
        articles=articles,
        uploads=uploads,
        page_kb=page_kb,
        feed_requests=feed_requests,
    )
    lines = estimate(usage, prices, free=free)
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("a month")
    grid.add_column("US$", justify="right")
    grid.add_column("for")
    for line in lines:
        grid.add_row(line.service, f"{line.price:.2f}", f"[dim]{line.why}[/]")
    grid.add_row("[bold]together[/]", f"[bold]{sum(line.price for line in lines):.2f}[/]", "")
    out.print(grid)
    out.print(
        "List prices of us-east-1 as remembered in November 2026, before tax: check them (--list-prices, --price). "
        "A domain's zone in Route 53 is 0.50 more."
    )
