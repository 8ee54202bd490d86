"""Articles on the desk: the list, uploads, one article with its versions, withdrawing and restoring."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pressrun.domain.uploads import MAX_UPLOAD, upload_key
from pressrun.errors import Invalid, NotFound
from pressrun.parsing.keys import is_article
from pressrun.rendering.desk import desk_page
from pressrun.server.desk.room import Visit, answered, said
from pressrun.server.messages import Answer
from pressrun.services.editing import difference
from pressrun.services.shelf import STANDINGS, Piece, pieces, pieces_at

SHOWN: Final = 200
ASKED: Final = 300  # files whose state may be asked for at once


def listed(visit: Visit) -> Answer:
    """All articles, or those that `q` and `state` ask for."""
    everything = pieces(visit.room.house.content, visit.room.house.table, visit.room.shelves.aside)
    wanted, state = visit.query.get("q").strip().casefold(), visit.query.get("state")
    found = [piece for piece in everything if wanted in f"{piece.title} {piece.key}".casefold()]
    counts = Counter(piece.standing for piece in found)
    shown = [piece for piece in found if not state or piece.standing == state]
    return visit.page(
        "articles",
        "Articles",
        "articles",
        pieces=shown[:SHOWN],
        more=max(0, len(shown) - SHOWN),
        total=len(everything),
        counts=counts,
        states=[name for name in STANDINGS if counts[name] or name == state],
        state=state,
        q=visit.query.get("q"),
        limit=MAX_UPLOAD,
    )


def states(visit: Visit) -> Answer:
    """Some files as they are now, each as a row of the list, for the script that follows them."""
    keys = visit.query.fields.get("key", [])[:ASKED]
    found = pieces_at(visit.room.house.content, visit.room.house.table, keys)
    return said({piece.key: _row(visit, piece) for piece in found})


def upload(visit: Visit) -> Answer:
    """One file as the body of a request (the script), or several in a form."""
    if visit.form.files:
        return _upload_form(visit)
    key = upload_key(visit.query.get("key"))
    if visit.query.get("unique"):
        key = _free(visit, key)
    replacing = visit.query.get("replace") or None
    saved = visit.room.editing.write(key, visit.body, replacing=replacing)
    visit.room.look([key])
    return said({"key": key, "name": key.rpartition("/")[2], "state": saved.state, "etag": saved.etag})


def _upload_form(visit: Visit) -> Answer:
    folder, replacing = visit.form.get("folder").strip("/ "), bool(visit.form.get("replace"))
    written: list[str] = []
    kept: list[str] = []
    refused: list[str] = []
    for _, name, body in visit.form.files:
        if not name:
            continue
        key = upload_key(f"{folder}/{name}" if folder else name)
        try:
            saved = visit.room.editing.write(key, body)
            if saved.state == "there" and replacing:
                saved = visit.room.editing.write(key, body, replacing=saved.etag)
        except Invalid as error:
            refused.append(str(error))
            continue
        (kept if saved.state == "there" else written).append(key)
    if written:
        visit.room.look(written)
        visit.session.say(f"Uploaded: {', '.join(written[:20])}")
    if kept:
        what = f"Left as they were, since there are files of these names: {', '.join(kept[:20])}"
        visit.session.say(f"{what}. Tick “Replace” to replace them.", "wrong")
    for text in refused[:20]:
        visit.session.say(text, "wrong")
    return visit.back("")


def _free(visit: Visit, key: str) -> str:
    """The key, or one like it that nothing stands under."""
    stem, dot, suffix = key.rpartition(".")
    stem, suffix = (stem, suffix) if dot else (key, "")
    for number in range(1, 100):
        wanted = key if number == 1 else f"{stem}-{number}{dot}{suffix}"
        there = visit.room.editing.read(wanted)
        if there is None or there.body == visit.body:
            return wanted
    return key


def one(visit: Visit) -> Answer:
    """An article: where it is, what is wrong with it, its versions."""
    key = visit.query.get("key")
    aside = {stat.key for stat in visit.room.editing.withdrawn()}
    blob = visit.room.editing.read(key)
    versions = visit.room.editing.versions(key)
    if blob is None and key not in aside:
        raise NotFound(f"there is no file {key[:200]}")
    found = pieces_at(visit.room.house.content, visit.room.house.table, [key]) if blob else []
    piece = found[0] if found else _gone(visit, key)
    chosen = visit.query.get("version")
    diff = current = None
    if chosen:
        after = blob.body if blob else visit.room.shelves.aside.get(key).body
        before = visit.room.editing.version(key, chosen)
        current = before == after
        diff = difference(before, after)
    return visit.page(
        "article",
        piece.title,
        "articles",
        piece=piece,
        versions=versions,
        chosen=chosen,
        diff=diff,
        current=current,
        there=blob is not None,
        editable=is_article(key),
        suggested=visit.next_hour(),
        unmailed=visit.room.house.newsroom.unmailed(key) if piece.path else [],
    )


def _gone(visit: Visit, key: str) -> Piece:
    stat = next(stat for stat in visit.room.editing.withdrawn() if stat.key == key)
    return Piece(key=key, standing="withdrawn", title=key, modified=stat.modified)


def version(visit: Visit) -> Answer:
    """A version's bytes, as plain text."""
    body = visit.room.editing.version(visit.query.get("key"), visit.query.get("version"))
    return answered(200, "text/plain; charset=utf-8", body)


def withdraw(visit: Visit) -> Answer:
    """Takes an article off the site; it can be restored."""
    key = visit.form.get("key")
    visit.room.editing.withdraw(key)
    visit.room.look([key])
    visit.session.say(f"{key} is withdrawn. It is kept, and “Restore” brings it back.")
    return visit.back("")


def restore(visit: Visit) -> Answer:
    """Brings a withdrawn article back."""
    key = visit.form.get("key")
    visit.room.editing.restore(key)
    visit.room.look([key])
    visit.session.say(f"{key} is back.")
    return visit.back("")


def schedule(visit: Visit) -> Answer:
    """Has an article published at a time, or at once."""
    key, text = visit.form.get("key"), visit.form.get("at").strip()
    if visit.form.get("now"):
        visit.room.editing.schedule(key, None)
        visit.session.say(f"{key} is published as soon as its date has come.")
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid.at(key, 0, f"{text[:40]!r} is no time", "choose a day and a time") from None
        zone = ZoneInfo(visit.publication.timezone)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        if at <= visit.room.house.clock.now():
            raise Invalid.at(key, 0, "that time has passed", "choose one to come, or publish it now")
        visit.room.editing.schedule(key, at)
        visit.session.say(f"{key} is to be published {at.astimezone(zone):%-d %b %Y, %H:%M} ({zone.key}).")
    visit.room.look([key])
    return visit.back("articles/one", key=key)


def go_back(visit: Visit) -> Answer:
    """Makes an earlier version the newest one."""
    key = visit.form.get("key")
    visit.room.editing.go_back(key, visit.form.get("version"))
    visit.room.look([key])
    visit.session.say(f"{key} is what it was. What it was just before is kept, too.")
    return visit.back("articles/one", key=key)


def _row(visit: Visit, piece: Piece) -> dict[str, object]:
    zone = visit.publication.timezone
    row = desk_page("row", piece=piece, alone=False, root=visit.root, site=visit.site, zone=zone)
    return {"standing": piece.standing, "settled": piece.settled, "row": row}


PAGES: Final = {
    ("GET", ""): listed,
    ("GET", "articles/states"): states,
    ("POST", "articles/upload"): upload,
    ("GET", "articles/one"): one,
    ("GET", "articles/version"): version,
    ("POST", "articles/withdraw"): withdraw,
    ("POST", "articles/restore"): restore,
    ("POST", "articles/schedule"): schedule,
    ("POST", "articles/back"): go_back,
}
