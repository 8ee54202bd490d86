"""Signs mails for a domain (DKIM, RFC 6376; Ed25519 by RFC 8463), with relaxed canonicalisation of both parts."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pressrun.errors import Permanent

SIGNED: Final = frozenset(
    b"from reply-to to subject date message-id mime-version content-type content-transfer-encoding list-id list-post "
    b"list-help list-archive list-unsubscribe list-unsubscribe-post feedback-id auto-submitted precedence".split()
)
"""Header fields that the signature covers where they are there (RFC 6376, section 5.4.1; RFC 8058, section 4)."""
_LEAST_BITS: Final = 1024  # what verifiers take (RFC 8301)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Signer:
    """Signs with one key. From is signed once more than it is there, so that nobody can add another."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, *, domain: str, selector: str) -> None:
        self._key = key
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._start = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};".encode()

    @classmethod
    def load(cls, path: Path, *, domain: str, selector: str) -> Signer:
        """With the private key in a PEM file: RSA from 1,024 bits on, or Ed25519. Raises Permanent."""
        for name, value in (("PRESSRUN_DKIM_DOMAIN", domain), ("PRESSRUN_DKIM_SELECTOR", selector)):
            if not _NAME.fullmatch(value):
                raise Permanent(f"{name} is {value!r}, and a DKIM key needs one")
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise Permanent(f"the DKIM key {path} cannot be read: {error}") from error
        if isinstance(key, Ed25519PrivateKey) or (
            isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_BITS
        ):
            return cls(key, domain=domain, selector=selector)
        raise Permanent(f"{path} is no DKIM key: make an RSA key with 2,048 bits, or an Ed25519 one")

    def sign(self, mail: bytes) -> bytes:
        """The mail with its signature before it. Lines are ended by CRLF."""
        head, _, body = mail.partition(b"\r\n\r\n")
        # The last field of a name is signed first (section 5.4.2): ours have one of each.
        fields = [field for field in _fields(head) if field[0] in SIGNED]
        names = b":".join([b"from", *(name for name, _ in fields)])
        digest = b64encode(sha256(relaxed_body(body)).digest())
        # Folded at spaces, which relaxed canonicalisation gives back; `b` is empty while it is being made.
        unsigned = b"%b\r\n h=%b;\r\n bh=%b;\r\n b=" % (self._start, _folded(names, b":"), digest)
        own = b"dkim-signature:" + _relaxed_value(unsigned)
        covered = b"".join(name + b":" + value + b"\r\n" for name, value in fields) + own
        signature = _folded(b64encode(self._raw(covered)), b"")
        return b"DKIM-Signature: " + unsigned + signature + b"\r\n" + mail

    def _raw(self, covered: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(covered, PKCS1v15(), hashes.SHA256())
        return self._key.sign(sha256(covered).digest())


def relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4: no space at the ends of lines, single spaces within, no empty lines at the end."""
    if b"\t" in body or b"  " in body:  # quoted-printable bodies have few of them: looking first is faster
        body = re.sub(rb"[ \t]+", b" ", body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.removesuffix(b" ") if not body.endswith(b"\r\n") else body
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """The header fields, in their relaxed form (section 3.4.2)."""
    found = []
    for field in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = field.partition(b":")
        found.append((name.strip().lower(), _relaxed_value(value)))
    return found


def _relaxed_value(value: bytes) -> bytes:
    return b" ".join(value.split())


def _folded(text: bytes, after: bytes) -> bytes:
    """Lines of at most 72 bytes, broken behind `after` (or anywhere)."""
    if not after:
        return b"\r\n ".join(text[at : at + 72] for at in range(0, len(text), 72))
    lines = [b""]
    for part in text.split(after):
        if len(lines[-1]) + len(part) > 70:
            lines.append(b"")
        lines[-1] += part + after
    return b"\r\n ".join(lines)[: -len(after)]
