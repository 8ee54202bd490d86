"""Lists of subscribers from elsewhere: which column means what, and what each row says of a reader.

Formats are known by their headers; each says what its state columns mean. Nothing is ever guessed into consent: a
state that is not known is refused.
"""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from pressrun.domain.roster import COLUMNS, STATES, RosterError, from_row, plain
from pressrun.domain.subscribers import Subscriber, SubscriberState
from pressrun.parsing.address import AddressError, mail_address
from pressrun.parsing.csvfile import Damage, Record
from pressrun.parsing.dates import DateError, parse_date
from pressrun.parsing.encoding import legal

MAX_NAME: Final = 200  # characters
MAX_EXTRA: Final = 500  # of each value
MAX_EXTRAS: Final = 8_000  # of all values and names of a row

ROLES: Final[Mapping[str, str]] = {
    "address": "address email emailaddress mail mailaddress emailadresse mailadresse epost epostadresse adresseemail"
    " adressemail adresseelectronique courriel correo correoelectronico direcciondecorreo enderecodeemail"
    " enderecoeletronico indirizzoemail postaelettronica emailadres sahkoposti subscriberemail contactemail useremail",
    "name": "name fullname displayname subscribername contactname vollername nomcomplet nombrecompleto nomecompleto"
    " naam navn namn nimi",
    "first": "firstname fname givenname forename first vorname prenom nombre nome voornaam fornavn fornamn etunimi",
    "last": "lastname lname surname familyname last nachname familienname nom nomdefamille apellido apellidos"
    " sobrenome cognome achternaam etternavn efternavn efternamn sukunimi",
    "state": "status state subscriptionstatus subscriberstatus subscriberstate subscribed subscribedtoemails"
    " optin optedin statut estado stato abonniert abonne suscrito iscritto tila",
    "left": "unsubscribed unsubscribedat unsubscribeddate unsubscribedate unsubscribetime unsubtime optout optedout"
    " optoutdate optouttime abgemeldet abgemeldetam desabonne desabonnele",
    "bounced": "bounced bouncedat bouncetime hardbounce hardbounced cleaned cleanedat cleantime",
    "complained": "complained complainedat complaint complaintdate spamcomplaint markedasspam",
    "created": "created createdat createdon creationdate datecreated createtime signupdate signedupat subscribedat"
    " subscribedon subscribedate subscriptiondate dateadded addedat added joined joinedat datejoined optintime"
    " optindate startdate registered registeredat angemeldetam erstelltam inscritle datedinscription fechadealta",
    "confirmed": "confirmed confirmedat confirmtime confirmationtime confirmationdate doubleoptinat bestatigtam",
    "language": "language lang locale sprache langue idioma lingua taal sprak preferredlanguage",
}  # fmt: skip
"""What a column can mean, and what it is called, without accents, spaces and punctuation."""

_WORDS: Final[Mapping[SubscriberState, str]] = {
    "active": "active subscribed confirmed enabled optedin optin yes y true 1 regular premium trialed unpaid gifted"
    " churning paused pastdue abonniert aktiv abonne actif suscrito activo iscritto attivo ja oui si",
    "pending": "pending unconfirmed unactivated nonsubscribed notconfirmed transactional unbestatigt nonconfirme",
    "unsubscribed": "unsubscribed inactive disabled optedout optout removed no n false 0 left deleted abgemeldet"
    " inaktiv desabonne inactif nein non cancelled canceled archived",
    "bounced": "bounced cleaned undeliverable hardbounce hardbounced invalid",
    "complained": "complained complaint spam abuse spamcomplaint markedasspam",
    "suppressed": "suppressed blocklisted blacklisted blocked banned spammy erased",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_RANK: Final[Mapping[SubscriberState, int]] = {
    "active": 0, "pending": 1, "unsubscribed": 2, "bounced": 3, "complained": 4, "suppressed": 5,
}  # fmt: skip
_SAID: Final[Mapping[str, SubscriberState]] = {
    "left": "unsubscribed", "bounced": "bounced", "complained": "complained",
}  # fmt: skip
_EMPTY = frozenset({"", "0", "false", "no", "n", "null", "none", "nein", "non"})
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_FILES = re.compile(r"(?i)(?P<pending>nonsubscribed|unconfirmed)|(?P<unsubscribed>unsub)|(?P<bounced>clean|bounce)|"
                    r"(?P<complained>complain)|(?P<suppressed>suppress|block|blacklist)")  # fmt: skip

Cells = Callable[[str], str]
"""The cell under a header (as `plain_name` writes it), "" where there is none."""


def stricter(one: SubscriberState, other: SubscriberState) -> SubscriberState:
    """Of two things said of one reader, the one that allows less mail."""
    return one if _RANK[one] >= _RANK[other] else other


def plain_name(header: str) -> str:
    """A header without case, accents, spaces and punctuation."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says of a reader. `subscriber.lists` is empty where the row names none.

    `left`: when they left, ISO 8601, where the row says so. `id`: of somebody erased, who has no address.
    """

    line: int
    subscriber: Subscriber
    left: str = ""
    whole: bool = False  # a row of our own export: all of it is meant
    id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not taken, with the value that is wrong."""

    line: int
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A service's export. `marks`: headers that only it has, any one set of them."""

    name: str
    marks: tuple[str, ...]
    ignored: str = ""  # columns that say nothing of the reader, or more than is needed
    roles: Mapping[str, str] = field(default_factory=dict)
    state: Callable[[Cells], SubscriberState | None] | None = None  # None: the words of the state column


def _ghost(cell: Cells) -> SubscriberState:
    return "active" if not cell("deletedat") and _yes(cell("subscribedtoemails")) else "unsubscribed"


def _substack(cell: Cells) -> SubscriberState:
    return "unsubscribed" if _yes(cell("emaildisabled")) else "active"


def _mailchimp(cell: Cells) -> SubscriberState:
    if re.search("(?i)abuse|complain", cell("unsubreason") + cell("unsubreasonother")):
        return "complained"
    return "bounced" if cell("cleantime") else "unsubscribed" if cell("unsubtime") else "active"


def _listmonk(cell: Cells) -> SubscriberState | None:
    known: dict[str, SubscriberState] = {
        "enabled": "active", "disabled": "unsubscribed", "blocklisted": "suppressed", "blacklisted": "suppressed",
    }  # fmt: skip
    return known.get(cell("status"))


FORMATS = (
    Format(name="Pressrun", marks=("address state lists consents extra",)),
    Format(
        name="Ghost",
        marks=("email subscribedtoemails createdat",),
        ignored="id complimentaryplan stripecustomerid deletedat giftid",
        state=_ghost,
        roles={"address": "email", "left": "deletedat", "created": "createdat", "name": "name"},
    ),
    Format(
        name="Substack",
        marks=("email activesubscription emaildisabled",),
        ignored="expiry firstpaymentat preferdigests activesubscription emaildisabled",
        state=_substack,
        roles={"address": "email", "created": "createdat"},
    ),
    Format(
        name="Mailchimp",
        marks=("leid euid", "memberrating optintime"),
        ignored="memberrating optinip confirmip latitude longitude gmtoff dstoff timezone cc region lastchanged leid"
        " euid unsubcampaigntitle unsubcampaignid unsubreason unsubreasonother cleancampaigntitle cleancampaignid"
        " cleantime",
        state=_mailchimp,
        roles={"left": "unsubtime", "created": "optintime", "confirmed": "confirmtime"},
    ),
    Format(
        name="Buttondown",
        marks=("email subscribertype", "emailaddress type creationdate", "email type creationdate"),
        ignored="id secondaryid referrerurl ipaddress utmcampaign utmmedium utmsource referralcode avatarurl"
        " stripecustomerid stripecustomer purchasedby riskscore opencount clickcount transitions stripecoupon",
        roles={"state": "subscribertype type", "created": "creationdate"},
    ),
    Format(
        name="listmonk",
        marks=("uuid email attributes status",),
        ignored="uuid updatedat",
        state=_listmonk,
        roles={"address": "email", "created": "createdat"},
    ),
)  # fmt: skip
_GENERIC = Format(name="CSV", marks=())
_SPREAD = frozenset({"attributes", "metadata"})  # columns that hold JSON objects


class ColumnError(ValueError):
    """The columns cannot be told. `what` is wrong, and what `todo`."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


class MemberList:
    """Reads the rows of one file.

    `first` are its first records, `mapping` says what columns mean (role → header or number, "" for none), `name` is
    the file's: "unsubscribed_….csv" says what is in it. Raises ColumnError where no column holds addresses.
    """

    def __init__(self, first: Sequence[Record], mapping: Mapping[str, str], name: str) -> None:
        if not first:
            raise ColumnError("there is nothing in it", "export the list again")
        head = [legal(cell).strip() for cell in first[0].cells]
        self.has_header = not any(_ADDRESS.fullmatch(cell) for cell in head)
        self.header = head if self.has_header else [f"column {number}" for number in range(1, len(head) + 1)]
        sample = [record.cells for record in (first[1:] if self.has_header else first)]
        names = [plain_name(header) for header in self.header]
        self._index = {name: at for at, name in reversed(list(enumerate(names)))}
        self.format = _format(set(names)) if self.has_header else _GENERIC
        self._own = self.format.name == "Pressrun"
        roles = self._guess(names, sample) | self._mapped(mapping)
        self._roles = {role: at for role, at in roles.items() if at >= 0}
        if "address" not in self._roles:
            raise ColumnError(
                f"no column holds addresses; there are: {', '.join(header[:30] for header in self.header[:20])}",
                "say which one does: --map address=COLUMN (its name or its number)",
            )
        ignored = {self._index[name] for name in self.format.ignored.split() if name in self._index}
        taken = {*self._roles.values(), *ignored}
        self._extras = [(at, header) for at, header in enumerate(self.header) if at not in taken and header]
        found = None if self._own else _FILES.match(re.split(r"[/\\]", name)[-1])
        self.floor: SubscriberState = next(
            (state for state in STATES if found and found.groupdict().get(state)), "active"
        )

    @property
    def whole(self) -> bool:
        """Whether it is an export of ours."""
        return self._own

    @property
    def mixed(self) -> bool:
        """Whether some rows may say that a reader has left, and others that one has not."""
        stated = self._own or self.format.state is not None or bool({"state", *_SAID} & self._roles.keys())
        return stated and self.floor in {"active", "pending"}

    @property
    def columns(self) -> dict[str, str]:
        """What was taken for what: role → header."""
        return {role: self.header[at] for role, at in self._roles.items()}

    @property
    def left_out(self) -> list[str]:
        """Headers of the columns that are not taken over: they say nothing of the reader, or more than is needed."""
        kept = {*self._roles.values(), *(at for at, _ in self._extras)}
        return [header for at, header in enumerate(self.header) if at not in kept and header]

    def read(self, record: Record | Damage) -> Entry | Refused | None:
        """What a record says; None for the header."""
        if isinstance(record, Damage):
            return Refused(record.line, record.text, record.what)
        cells = record.cells
        if self.has_header and [legal(cell).strip() for cell in cells] == self.header:
            return None
        if len(cells) > len(self.header) and any(cells[len(self.header) :]):
            return Refused(
                record.line, cells[0], f"has {len(cells)} cells, more than the {len(self.header)} columns"
            )
        try:
            return self._whole(record) if self._own else self._entry(record)
        except (AddressError, RosterError) as error:
            return Refused(record.line, self._cell(cells, "address") or cells[0], error.what)
        except _StateError as error:
            return Refused(
                record.line, str(error), "is no state that is known; --map state= takes no column as state"
            )

    def _whole(self, record: Record) -> Entry:
        row = {name: plain(self._under(record.cells, name)) for name in COLUMNS}
        identifier, subscriber = from_row(row)
        if not identifier:
            subscriber = replace(subscriber, address=mail_address(subscriber.address))
        return Entry(record.line, subscriber, whole=True, id=identifier)

    def _entry(self, record: Record) -> Entry:
        cells = record.cells
        address = mail_address(plain(self._cell(cells, "address")))
        extra: dict[str, str] = {}
        dates = {role: self._date(cells, role, extra) for role in ("created", "confirmed", "left")}
        state = self._state(cells)
        if state == "active":
            dates["left"] = ""
        self._add_extras(cells, extra)
        subscriber = Subscriber(
            address=address,
            state=state,
            name=self._name(cells),
            language=_language(self._cell(cells, "language")),
            created=dates["created"] or dates["confirmed"],
            confirmed=dates["confirmed"] if state == "active" else "",
            extra=extra,
        )
        return Entry(record.line, subscriber, left=dates["left"])

    def _state(self, cells: Sequence[str]) -> SubscriberState:
        if self.format.state is not None:
            state = self.format.state(lambda name: self._under(cells, name))
            if state is None:
                raise _StateError(self._cell(cells, "state") or "an empty cell")
        elif "state" in self._roles:
            value = self._cell(cells, "state")
            state = _STATES.get(plain_name(value))
            if state is None:
                raise _StateError(value or "an empty cell")
        else:
            state = "active"
        for role, means in _SAID.items():
            if role in self._roles and plain_name(self._cell(cells, role)) not in _EMPTY:
                state = stricter(state, means)
        return stricter(state, self.floor)

    def _name(self, cells: Sequence[str]) -> str:
        whole = self._cell(cells, "name") or f"{self._cell(cells, 'first')} {self._cell(cells, 'last')}"
        return " ".join(plain(whole.strip()).split())[:MAX_NAME]

    def _date(self, cells: Sequence[str], role: str, extra: dict[str, str]) -> str:
        """The date in a column; what is none is kept as it is, with the other columns."""
        value = self._cell(cells, role)
        if not value:
            return ""
        with contextlib.suppress(DateError, ValueError, OverflowError):
            moment = _moment(value)
            return moment.astimezone(UTC).isoformat(timespec="seconds")
        if plain_name(value) not in _EMPTY | _STATES.keys():
            extra[self.header[self._roles[role]]] = value[:MAX_EXTRA]
        return ""

    def _add_extras(self, cells: Sequence[str], extra: dict[str, str]) -> None:
        room = MAX_EXTRAS
        for at, header in self._extras:
            value = legal(cells[at]).strip() if at < len(cells) else ""
            if not value or value in {"[]", "{}"}:
                continue
            spread = _object(value) if plain_name(header) in _SPREAD else None
            for name, text in (spread if spread is not None else {header: plain(value)}).items():
                room -= len(name) + min(len(text), MAX_EXTRA)
                if room > 0:
                    extra[name[:100]] = text[:MAX_EXTRA]

    def _cell(self, cells: Sequence[str], role: str) -> str:
        at = self._roles.get(role, -1)
        return legal(cells[at]).strip() if 0 <= at < len(cells) else ""

    def _under(self, cells: Sequence[str], name: str) -> str:
        at = self._index.get(name, -1)
        return legal(cells[at]).strip() if 0 <= at < len(cells) else ""

    def _guess(self, names: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, int]:
        likely = [sum(at < len(row) and bool(_ADDRESS.fullmatch(row[at].strip())) for row in sample)
                  for at in range(len(names))]  # fmt: skip
        roles: dict[str, int] = {}
        for role, words in ROLES.items():
            known = (self.format.roles.get(role) or words).split()
            found = [at for at, name in enumerate(names) if name in known and at not in roles.values()]
            if role == "address":
                # A header can mean a postal address: what the column holds counts for more.
                found = [at for at in found if likely[at] or (not any(likely) and names[at] != "address")]
                found = found or [at for at in range(len(names)) if likely[at] == max(likely) > 0]
                found.sort(key=lambda at: -likely[at])
            if role == "state" and found and names[found[0]] == "state":
                found = [
                    at
                    for at in found
                    if any(at < len(row) and plain_name(row[at]) in _STATES for row in sample)
                ]
            if found:
                roles[role] = found[0]
        if self._own and "address" in names:
            roles["address"] = names.index("address")
        if "last" in roles and "first" not in roles and "name" not in roles:
            roles["name"] = roles.pop("last")  # the French `nom` alone is a name
        return roles

    def _mapped(self, mapping: Mapping[str, str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for role, column in mapping.items():
            if not column:
                found[role] = -1
            elif column.isascii() and column.isdigit() and 0 < int(column) <= len(self.header):
                found[role] = int(column) - 1
            elif plain_name(column) in self._index:
                found[role] = self._index[plain_name(column)]
            else:
                raise ColumnError(
                    f"no column {column!r}; there are: {', '.join(header[:30] for header in self.header[:20])}",
                    "name one of these, or give its number",
                )
        return found


class _StateError(ValueError):
    """A word that says nothing known of a reader."""


def _format(names: set[str]) -> Format:
    return next(
        (known for known in FORMATS if any(names >= {*marks.split()} for marks in known.marks)), _GENERIC
    )


def _yes(cell: str) -> bool:
    return plain_name(cell) not in _EMPTY


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return parse_date(value, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _language(value: str) -> str:
    return value.replace("_", "-") if re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", value) else ""


def _object(value: str) -> dict[str, str] | None:
    """A JSON object as texts by name; None where it is something else."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {
        legal(name): legal(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False))
        for name, one in found.items()
        if one not in (None, "", [], {})
    }
