"""Signatures that others can verify."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from pressrun.adapters.local.dkim import Signer, relaxed_body
from pressrun.errors import Permanent
from pressrun.rendering.mime import Composer
from tests.contract.mailers import letter, recipient

KEY = generate_private_key(public_exponent=65537, key_size=2048)


def pem(folder: Path, key: RSAPrivateKey | Ed25519PrivateKey) -> Path:
    path = folder / "dkim.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def mail(text: str = "Hello\n\n.dot  two \t spaces \n\n\n") -> bytes:
    return Composer(letter(text=text)).message(recipient(1), message_id="1@example.org")


def published(name: bytes, timeout: int = 5) -> bytes:
    """The DNS, as dkimpy asks it."""
    assert name == b"june._domainkey.example.org."
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.load(pem(tmp_path, KEY), domain="example.org", selector="june")


def test_a_signed_mail_is_verified_by_others(signer: Signer) -> None:
    unsigned = mail()
    signed = signer.sign(unsigned)
    assert signed.endswith(b"\r\n" + unsigned)
    assert dkim.verify(signed, dnsfunc=published)


def test_what_providers_ask_for_is_covered(signer: Signer) -> None:
    """RFC 8058, section 4: both List-Unsubscribe fields must be."""
    found = re.search(rb"h=([^;]*);", signer.sign(mail()))
    assert found
    names = re.sub(rb"\s", b"", found[1]).decode().split(":")
    assert {"to", "subject", "date", "message-id", "list-id", "mime-version", "content-type"} <= set(names)
    assert {"list-unsubscribe", "list-unsubscribe-post", "reply-to"} <= set(names)
    assert names.count("from") == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hullo"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe-Post: x"),
        (b"To: reader1@", b"To: reader2@"),
        (b"\r\nTo:", b"\r\nFrom: x@example.net\r\nTo:"),
    ],
)
def test_a_changed_mail_is_not(signer: Signer, old: bytes, new: bytes) -> None:
    signed = signer.sign(mail())
    assert old in signed
    assert not dkim.verify(signed.replace(old, new, 1), dnsfunc=published)


def test_a_relay_may_fold_headers_and_touch_spaces_at_line_ends(signer: Signer) -> None:
    signed = signer.sign(mail()).replace(b"Subject: ", b"Subject:\r\n\t ") + b"\r\n\r\n"
    assert dkim.verify(signed, dnsfunc=published)


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b".", b"=20"]), max_size=30))
def test_bodies_are_made_canonical_as_others_do(parts: list[bytes]) -> None:
    body = b"".join(parts) + b"\r\n"
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)


def test_ed25519_signatures_are_those_of_rfc_8463(tmp_path: Path) -> None:
    """The signature is of the SHA-256 of the canonical header fields."""
    key = Ed25519PrivateKey.generate()
    signed = Signer.load(pem(tmp_path, key), domain="example.org", selector="june").sign(mail())
    head, _, body = signed.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?!\s)", head)
    own = fields[0]
    assert b"a=ed25519-sha256" in own
    assert b64encode(sha256(Relaxed.canonicalize_body(body)).digest()) in own
    signature = b64decode(re.sub(rb"\s", b"", own.rpartition(b"b=")[2]))
    unsigned = own[: own.rindex(b"b=") + 2]
    names = re.sub(rb"\s", b"", re.search(rb"h=([^;]*);", own)[1]).split(b":")  # type: ignore[index]
    found = {name.lower(): (name, value) for name, value in (field.split(b":", 1) for field in fields[1:])}
    covered = Relaxed.canonicalize_headers([found[name] for name in dict.fromkeys(names)])
    text = b"".join(name + b":" + value for name, value in covered)
    text += b":".join(Relaxed.canonicalize_headers([tuple(unsigned.split(b":", 1))])[0]).rstrip()
    key.public_key().verify(signature, sha256(text).digest())
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, sha256(text + b"x").digest())


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no key")
    for path in (broken, tmp_path / "nowhere.pem"):
        with pytest.raises(Permanent, match="cannot be read"):
            Signer.load(path, domain="example.org", selector="june")
    with pytest.raises(Permanent, match="PRESSRUN_DKIM_SELECTOR"):
        Signer.load(pem(tmp_path, KEY), domain="example.org", selector="")
