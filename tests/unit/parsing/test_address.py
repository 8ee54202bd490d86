"""What is taken as a mail address, and what is not."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from pressrun.parsing.address import AddressError, known_as, mail_address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Marsh+news@Example.ORG\n", "Ada.Marsh+news@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.de", "ada@xn--strae-oqa.de"),
    ],
)
def test_an_address_is_kept_as_typed_with_its_domain_in_ascii(typed: str, address: str) -> None:
    """Only the domain is rewritten: what stands before the @ belongs to the reader's provider."""
    assert mail_address(typed) == address


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("", "has no @"),
        ("ada", "has no @"),
        ("ädä@example.org", "SMTPUTF8"),
        ("ada\u202e@example.org", "SMTPUTF8"),
        ("ada@example", "period"),
        ("ada@localhost", "period"),
        ("ada@host.test", "reserved"),
        ("ada..b@example.org", "two periods"),
        ("ada@exa mple.org", "SPACE"),
        ("ada@example.org\nBcc: all@example.org", "after the @"),
        ("Ada <ada@example.org>", "display name"),
        ('"ada"@example.org', "quoting"),
        ("ada@[127.0.0.1]", "bracketed"),
        ("ada@bob@example.org", "@"),
        ("a" * 65 + "@example.org", "too long"),
        ("a@" + ".".join(["x" * 62] * 4) + ".org", "too long"),
        ("a" * 64 + "@" + ".".join(["x" * 62] * 3) + ".org", "too long"),
        ("a" * 100_000 + "@example.org", "too long"),
    ],
)
def test_what_cannot_be_mailed_to_is_refused_with_a_reason(typed: str, what: str) -> None:
    """The reason names what to look at."""
    with pytest.raises(AddressError) as refused:
        mail_address(typed)
    assert what in refused.value.what


def test_all_spellings_of_an_address_are_one_subscriber() -> None:
    """Case, space and the domain's script make no difference."""
    assert known_as("Ada@Bücher.Example") == known_as(" ada@xn--bcher-kva.example ")
    assert known_as("ada@example.org") != known_as("ada+b@example.org")


PARTS = st.text(st.sampled_from("abZ09._+-'@ äß\u202e\ud800"), max_size=12)


@given(PARTS, PARTS)
def test_the_short_cut_agrees_with_the_library(local: str, domain: str) -> None:
    """A plain local part with a domain seen before is judged as the whole address would be."""
    typed = f"{local}@{domain}.org"
    try:
        expected = validate_email(
            typed.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
        ).ascii_email
    except (EmailNotValidError, UnicodeError):
        expected = None
    try:
        found = mail_address(typed)
    except AddressError:
        found = None
    assert found == expected
