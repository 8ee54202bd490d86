"""Health on the desk: queues and their dead letters, what was refused, what went wrong, what may be sent."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import islice
from typing import Any, Final

from pressrun.domain.letters import Quota
from pressrun.errors import NotFound, PressrunError
from pressrun.ports import Depth, Queue
from pressrun.server.desk.room import Visit
from pressrun.server.messages import Answer
from pressrun.services.catalogue import attempt_of, refusal_of

LOOKED: Final = 200  # dead letters that are read for their causes
SHOWN: Final = 10


def shown(visit: Visit) -> Answer:
    """How the publication is. Reads, and changes nothing."""
    house, publication = visit.room.house, visit.publication
    quota: Quota | None = None
    wrong = ""
    try:
        quota = house.pace.quota(publication.mail)
    except PressrunError as error:
        wrong = str(error)
    swept = house.table.get("site", "swept")
    depths: dict[str, Depth] = {}
    silent: dict[str, str] = {}
    for name, queue in house.queues.items():
        try:
            depths[name] = queue.depth()
        except PressrunError as error:  # the other ones are shown all the same
            silent[name] = str(error)
    return visit.page(
        "health",
        "Health",
        "health",
        depths=depths,
        silent=silent,
        causes={name: _causes(house.queues[name]) for name, depth in depths.items() if depth.dead},
        refused=[refusal_of(row) for row in house.table.query("refused", limit=200)],
        attempts=[
            attempt_of(row).sort.partition("#")[0] for row in house.table.query("attempt", limit=SHOWN)
        ],
        swept=str(swept.item["at"]) if swept else "",
        quota=quota,
        quota_wrong=wrong,
        pace=house.pace.current(),
        errors=list(visit.room.errors)[:SHOWN],
        here=visit.room.here,
    )


def redrive(visit: Visit) -> Answer:
    """Sends a queue's dead letters again."""
    name = visit.form.get("queue")
    if name not in visit.room.house.queues:
        raise NotFound(f"there is no queue {name[:40]!r}")
    number = visit.room.house.queues[name].redrive()
    visit.session.say(f"{number:,} message{'' if number == 1 else 's'} of {name} sent again.")
    return visit.back("health")


def _causes(queue: Queue) -> list[tuple[str, int]]:
    """Why messages were given up, the most frequent first; not what they hold, which may be somebody's address."""
    letters: Any = queue.dead()
    with closing(letters):  # which lets others see them again
        causes = Counter(
            letter.cause or "no cause was kept; the function's log has it"
            for letter in islice(letters, LOOKED)
        )
    return causes.most_common(SHOWN)


PAGES: Final = {
    ("GET", "health"): shown,
    ("POST", "health/redrive"): redrive,
}
