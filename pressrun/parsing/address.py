"""Mail addresses as people type them, made fit to be mailed to; no DNS is asked."""

from __future__ import annotations

import re
from functools import lru_cache

from pressrun.domain.subscribers import subscriber_id

MAX_ADDRESS = 254
"""Characters of an address that SMTP can carry (RFC 5321 4.5.3.1.3, less the angle brackets)."""
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63})")
_NOBODYS = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})


class AddressError(ValueError):
    """Not an address that mail can be sent to. `what` is wrong with it, in a few words without a full stop."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def mail_address(text: str) -> str:
    """The address to mail to: as typed, without space around it, its domain in lower case and ASCII (IDNA 2008).

    Refuses what needs SMTPUTF8 (RFC 6531), quoted local parts, address literals, display names, and domains that
    nobody can own (RFC 6761). Take `subscriber_id` of the result alone. Raises AddressError.
    """
    text = text.strip()
    if len(text) > 4 * MAX_ADDRESS:
        raise AddressError("is too long")
    local, _, domain = text.rpartition("@")
    # Measured: 45 microseconds by the library, 2 where both parts are as plain as nearly all are.
    if not (_PLAIN.fullmatch(local) and len(local) <= 64):
        return _checked(text)
    address = f"{local}@{_domain(domain)}"
    if len(address) > MAX_ADDRESS:
        raise AddressError("is too long")
    return address


def known_as(text: str) -> str:
    """The subscriber's id for an address as typed. Raises AddressError."""
    return subscriber_id(mail_address(text))


@lru_cache(maxsize=8_192)
def _domain(domain: str) -> str:
    plain = _HOST.fullmatch(domain)
    if plain and len(domain) <= 253 and "--" not in domain and plain[1].lower() not in _NOBODYS:
        return domain.lower()
    return _checked(f"a@{domain}").rpartition("@")[2]


def _checked(text: str) -> str:
    # Its import takes 100 ms, which most commands and functions need not pay.
    from email_validator import EmailNotValidError, validate_email

    local = text.rpartition("@")[0]
    if local and not local.isascii():
        raise AddressError("has letters beyond ASCII before the @ (SMTPUTF8), which few mail servers take")
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except (EmailNotValidError, UnicodeError) as error:
        raise AddressError(_reason(str(error))) from None
    if found.ascii_email is None:  # pragma: no cover - without SMTPUTF8 there always is one
        raise AddressError("has no form in ASCII")
    return found.ascii_email


def _reason(message: str) -> str:
    """The library's sentence, in the form of ours: "has two periods in a row"."""
    message = message.rstrip(".")
    for start, ours in (
        ("An email address must have an @-sign", "has no @"),
        ("An email address cannot have ", "has "),
        ("The email address ", ""),
        ("The part after the @-sign ", "after the @ "),
    ):
        if message.startswith(start):
            return ours + message.removeprefix(start)
    return f"is no mail address: {message[:1].lower()}{message[1:]}"
