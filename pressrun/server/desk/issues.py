"""Issues on the desk: what is cooling off, under way and sent; one of them, and what is done to it."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from pressrun.domain.issues import OPEN_STATES, UNDER_WAY, Issue
from pressrun.domain.letters import PLACE, Letter, in_scheme, shown_mail
from pressrun.domain.subscribers import subscriber_id
from pressrun.errors import Invalid, NotFound, Permanent, PressrunError
from pressrun.server.desk.room import Visit, looked, said
from pressrun.server.messages import Answer
from pressrun.services.deliver import trial
from pressrun.services.forecast import Forecast

SHOWN: Final = 50  # of those that are sent, and of recipients


def listed(visit: Visit) -> Answer:
    """All issues, by what is to be done with them."""
    newsroom = visit.room.house.newsroom
    found = sorted(newsroom.every(), key=lambda issue: issue.created, reverse=True)
    over = [issue for issue in found if issue.state in {"sent", "cancelled"}]
    return visit.page(
        "issues",
        "Issues",
        "issues",
        newsletters=visit.publication.newsletters,
        cooling=sorted((i for i in found if i.state == "cooling"), key=lambda issue: issue.due),
        way=[(issue, _progress(visit, issue)) for issue in found if issue.state in UNDER_WAY],
        waiting=[issue for issue in found if issue.state == "waiting"][:SHOWN],
        over=over[:SHOWN],
        more=max(0, len(over) - SHOWN),
    )


def one(visit: Visit) -> Answer:
    """One issue: before it is sent what sending would mean, afterwards the record."""
    issue = _issue(visit)
    house = visit.room.house
    letter: Letter | None = None
    cast: Forecast | None = None
    wrong = ""
    try:
        letter = house.newsroom.letters.current(issue)
        if not issue.letter:
            cast = house.forecast(issue, letter)
    except PressrunError as error:
        wrong = str(error)
    tally = house.newsroom.ledger.tally(issue) if issue.letter else None
    found = None
    if issue.letter and (address := visit.query.get("address").strip()):
        batch = house.newsroom.ledger.holding(issue.newsletter, issue.id, subscriber_id(address))
        entries = batch.entries if batch else ()
        found = next((entry for entry in entries if entry.id == subscriber_id(address)), None)
    return visit.page(
        "issue",
        issue.subject or issue.title,
        "issues",
        issue=issue,
        open=issue.state in OPEN_STATES,
        way=issue.state in UNDER_WAY,
        letter=letter,
        subject=PLACE.sub("…", letter.subject) if letter else "",
        text=PLACE.sub("…", letter.text) if letter else "",
        headers=[(name, PLACE.sub("…", value)) for name, value in letter.headers] if letter else [],
        cast=cast,
        wrong=wrong,
        tally=tally,
        unsure=list(islice(house.newsroom.ledger.unsure(issue), SHOWN)) if tally else [],
        progress=_progress(visit, issue) if issue.state in UNDER_WAY else None,
        address=visit.query.get("address"),
        found=found,
        suggested=visit.next_hour(),
    )


def state(visit: Visit) -> Answer:
    """How far an issue is, for the script."""
    issue = _issue(visit)
    return said({"state": issue.state, "reason": issue.reason, "due": issue.due, **_progress(visit, issue)})


def mail(visit: Visit) -> Answer:
    """The mail by itself, for a frame."""
    issue, newsroom = _issue(visit), visit.room.house.newsroom
    letter = newsroom.letters.current(issue)
    html = in_scheme(shown_mail(letter), visit.query.get("scheme"))
    return looked(visit.at_home(html), images=visit.query.get("images") != "off")


def act(visit: Visit) -> Answer:
    """What an editor says: one of the verbs of `pressrun issue`."""
    issue, verb = _issue(visit), visit.path[3]
    newsroom = visit.room.house.newsroom
    match verb:
        case "stop":
            after = newsroom.stop(issue, "stopped by an editor")
        case "send":
            after = newsroom.commit(issue)
        case "schedule":
            after = newsroom.schedule(issue, _moment(visit))
        case "pause":
            after = newsroom.pause(issue, "paused by an editor")
        case "resume":
            after = newsroom.resume(issue)
        case "cancel":
            after = newsroom.cancel(issue, "cancelled by an editor")
        case "test":
            return _test(visit, issue)
        case "resolve":
            return _resolve(visit, issue)
        case _:
            raise NotFound(f"nothing is called {verb[:40]!r} here")
    wanted: dict[str, tuple[str, ...]] = {
        "stop": ("waiting",),
        "send": ("planning", "sending", "sent"),
        "schedule": ("cooling",),
        "pause": ("paused",),
        "resume": ("planning", "sending", "sent"),
        "cancel": ("cancelled",),
    }
    reason = f": {after.reason}" if after.reason else ""
    kind = "done" if after.state in wanted[verb] else "wrong"
    visit.session.say(f"“{after.title}” is {after.state}{reason}.", kind)
    return visit.back(f"issues/{after.newsletter}/{after.id}")


def _test(visit: Visit, issue: Issue) -> Answer:
    address, newsroom = visit.form.get("address").strip(), visit.room.house.newsroom
    letter = newsroom.letters.current(issue)
    result = trial(visit.room.house.mailer(), letter, address, subscriber_id(address))
    if result.fate == "sent":
        visit.session.say(f"A test is on its way to {address}.")
    else:
        visit.session.say(f"{address}: {result.fate}: {result.reason}", "wrong")
    return visit.back(f"issues/{issue.newsletter}/{issue.id}")


def _resolve(visit: Visit, issue: Issue) -> Answer:
    resend = visit.form.get("verdict") == "resend"
    number = visit.room.house.newsroom.resolve(issue, resend=resend)
    done = "are sent again" if resend else "count as sent"
    visit.session.say(f"{number:,} uncertain recipient{'' if number == 1 else 's'} {done}.")
    return visit.back(f"issues/{issue.newsletter}/{issue.id}")


def _issue(visit: Visit) -> Issue:
    found = visit.room.house.newsroom.issues.get(visit.path[1], visit.path[2])
    if found is None:
        raise NotFound(f"there is no issue {visit.path[2][:80]}")
    return found


def _progress(visit: Visit, issue: Issue) -> dict[str, int | bool]:
    whole, done, planned = visit.room.house.newsroom.ledger.progress(issue)
    return {"whole": whole, "done": done, "planned": planned}


def _moment(visit: Visit) -> datetime:
    text = visit.form.get("at").strip()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.at("", 0, f"{text[:40]!r} is no time", "choose a day and a time") from None
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(visit.publication.timezone))
    if at <= visit.room.house.clock.now():
        raise Permanent("that time has passed; choose one to come, or send it now")
    return at


PAGES: Final = {
    ("GET", "issues"): listed,
    ("GET", "issues/*/*"): one,
    ("GET", "issues/*/*/state"): state,
    ("GET", "issues/*/*/mail"): mail,
    ("POST", "issues/*/*/*"): act,
}
