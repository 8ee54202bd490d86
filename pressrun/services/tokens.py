"""Tokens in links: opaque, bound to a recipient, a newsletter and a purpose, signed, and as long for everybody.

A token is ``<id>.<newsletter>.<stamp>.<nonce>.<signature>``: the subscriber's id and the signature in URL-safe base64,
the stamp in seconds since 1970 as hexadecimal digits, the nonce empty where it is good for more than one use.
Signatures are HMAC-SHA256 (itsdangerous), the purpose is the salt. Keys are kept in the Table, the newest last; all of
them verify, the newest signs.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Literal

from itsdangerous import BadSignature, Signer

from pressrun.errors import Conflict, Permanent
from pressrun.ports import ABSENT, Clock, Save, Table

Purpose = Literal["confirm", "unsubscribe", "preferences", "export", "bounce"]
_ROW = ("secrets", "tokens")
_MAX = 200  # characters; ours have about 90
_FRESH = timedelta(minutes=1)  # how long a token that fails does not make us read the keys again


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a genuine token says."""

    subscriber: str
    newsletter: str
    at: datetime
    nonce: str = ""


class Tokens:
    """Makes and reads tokens. Keys are made where there are none, and kept.

    They are read again where a token fails, once a minute at most: another process may have rotated them.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._keys: list[str] = []
        self._loaded = clock.now()

    def make(self, purpose: Purpose, subscriber: str, newsletter: str = "", nonce: str = "") -> str:
        """A token. `nonce`: [a-z0-9]*, for what is good for one use."""
        return self.maker(purpose, newsletter, nonce)(subscriber)

    def maker(self, purpose: Purpose, newsletter: str = "", nonce: str = "") -> Callable[[str], str]:
        """Makes tokens of one kind, fast: a function of the subscriber's id."""
        signer = self._signer(purpose)
        tail = f".{newsletter}.{int(self._clock.now().timestamp()):x}.{nonce}".encode()

        def make(subscriber: str) -> str:
            head = urlsafe_b64encode(bytes.fromhex(subscriber)).rstrip(b"=")
            return signer.sign(head + tail).decode()

        return make

    def read(self, purpose: Purpose, token: str, *, max_age: timedelta | None = None) -> Claim | None:
        """What the token says; None where it is not genuine, not for this purpose, or older than `max_age`."""
        if len(token) > _MAX or not token.isascii():
            return None
        claim = self._genuine(purpose, token)
        if claim is None and self._clock.now() - self._loaded >= _FRESH:
            self._keys = []
            claim = self._genuine(purpose, token)
        if claim is None:
            return None
        now = self._clock.now()
        if max_age is not None and not claim.at <= now <= claim.at + max_age:
            return None
        return claim

    def _genuine(self, purpose: Purpose, token: str) -> Claim | None:
        try:
            payload = self._signer(purpose).unsign(token).decode()
            head, newsletter, stamp, nonce = payload.split(".")
            subscriber = urlsafe_b64decode(head + "==").hex()
            at = datetime.fromtimestamp(int(stamp, 16), self._clock.now().tzinfo)
        except (BadSignature, ValueError, OverflowError, OSError):
            return None
        if not self._canonical(token):
            return None
        return Claim(subscriber=subscriber, newsletter=newsletter, at=at, nonce=nonce)

    def bounce_maker(self, issue: str) -> Callable[[str], str]:
        """Makes what bounces are told apart by, 50 hex digits that any mail server leaves alone: a function of the
        subscriber's id. `issue` is "newsletter/id"."""
        mark = sha256(issue.encode()).hexdigest()[:8]
        key = self._load()[-1].encode()

        def make(subscriber: str) -> str:
            head = f"{subscriber}{mark}"
            return head + hmac_digest(key, head.encode(), "sha256").hex()[:10]

        return make

    def read_bounce(self, token: str, issues: Iterable[str]) -> tuple[str, str] | None:
        """The subscriber's id and which of `issues` ("newsletter/id") a bounce is of; None where it is not ours."""
        head, signature, mark = token[:40].lower(), token[40:].lower(), token[32:40].lower()
        for key in self._load():
            if compare_digest(hmac_digest(key.encode(), head.encode(), "sha256").hex()[:10], signature):
                for issue in issues:
                    if sha256(issue.encode()).hexdigest()[:8] == mark:
                        return head[:32], issue
        return None

    def rotate(self, *, keep: int = 9) -> None:
        """A new key signs from now on; `keep` older ones still verify. Raises Conflict."""
        keys = self._load()
        row = self._table.get(*_ROW)
        kept = [*keys[-keep:], secrets.token_urlsafe(32)]
        self._table.write(
            [
                Save(
                    partition=_ROW[0],
                    sort=_ROW[1],
                    item={"keys": list(kept)},
                    expect=row.version if row else ABSENT,
                )
            ]
        )
        self._keys = kept

    def secret(self, name: str) -> bytes:
        """A key for another use, derived from the newest."""
        return sha256(f"{name}:{self._load()[-1]}".encode()).digest()

    @staticmethod
    def _canonical(token: str) -> bool:
        """Whether a signature's last character has no bits that base64 ignores: no two tokens say the same."""
        signature = token.rpartition(".")[2]
        again = urlsafe_b64encode(urlsafe_b64decode(signature + "=" * (-len(signature) % 4))).rstrip(b"=")
        return compare_digest(again, signature.encode())

    def _signer(self, purpose: Purpose) -> Signer:
        return Signer(self._load(), salt=f"pressrun.{purpose}", sep=".", digest_method=sha256)

    def _load(self) -> list[str]:
        for _ in range(3):
            if self._keys:
                return self._keys
            row = self._table.get(*_ROW)
            if row is not None:
                keys: Any = row.item["keys"]
                self._keys = [str(key) for key in keys]
                self._loaded = self._clock.now()
                continue
            fresh = Save(
                partition=_ROW[0], sort=_ROW[1], item={"keys": [secrets.token_urlsafe(32)]}, expect=ABSENT
            )
            try:
                self._table.write([fresh])
            except Conflict:
                continue
        if not self._keys:  # pragma: no cover - two reads after a write that succeeded
            raise Permanent("the keys that sign links cannot be read")
        return self._keys
