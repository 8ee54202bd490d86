"""What search finds an article's text by. `templates/web/search.js` folds a reader's words in the same way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from html import unescape
from itertools import islice
from string import ascii_lowercase, digits
from types import MappingProxyType

MAX_WORDS = 2_000  # of one article: some 15 KB
MAX_LENGTH = 40  # of a word
_EVERYDAY = {
    "en": """
        about after all also an and any are as at be because been before between but by can could did do
        does for from had has have he her here him his how if in into is it its just may more most no not of
        on one only or other our out over she so some such than that the their them then there these they
        this those to too up us very was we were what when where which while who will with would you your
        """,
    "de": """
        aber als am an auch auf aus bei bin bis da das dass dem den denn der des die diese diesem diesen
        dieser dieses doch du durch ein eine einem einen einer eines er es etwas euch fur haben hat hatte
        ich ihm ihn ihr ihre im in ins ist ja kann kein keine konnen man mehr mit nach nicht noch nur ob
        oder ohne sehr sein seine sich sie sind so uber um und uns unter vom von vor war waren was wenn wer
        werden wie wieder wir wird wo wurde zu zum zur zwischen
        """,
    "fr": """
        ai au aux avait avec ce ces cet cette comme dans de des dont du elle elles en encore entre est
        et etait etre eux fait il ils je la le les leur leurs lui ma mais me meme mes moi mon ne nos
        notre nous on ont ou par pas peu peut plus pour qu que qui sa sans se ses si son sont sous sur ta te
        tes toi ton tous tout toute tres tu un une vos votre vous
        """,
}
COMMON: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: frozenset(words.split()) for language, words in _EVERYDAY.items()}
)
"""Words that nearly every text of a language holds, folded: the index leaves them out, and nobody need find them."""
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[^\W_]+")
_BETWEEN = bytes(byte if chr(byte).isalnum() else ord(" ") for byte in range(128)) + bytes(range(128, 256))
_LETTERS_ALONE = tuple(ascii_lowercase + digits)
_OTHER = re.compile(r"[^\x00-\x7f]")
_MARKS = ("Mn", "Mc", "Me")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_UNSPACED = re.compile("[\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]+")  # kana and Han: written without spaces


def folded(text: str) -> str:
    """Without case, accents and ligatures: "Kürbiß" → "kurbiss"."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.lower())
    return _OTHER.sub(_letter, parts).lower().translate(_LETTERS)


def _letter(found: re.Match[str]) -> str:
    return "" if unicodedata.category(found[0]) in _MARKS else found[0]


def common_in(language: str) -> frozenset[str]:
    """What the index leaves out of texts in a language (a BCP 47 tag); nothing where we know none."""
    return COMMON.get(language.casefold().partition("-")[0], frozenset())


def words_of(html: str) -> str:
    """The different words of an article, folded, as they come, parted by spaces.

    Text without spaces between its words is cut into pairs of characters.
    """
    text = folded(unescape(_TAG.sub(" ", html)))
    if text.isascii():  # a third of the time that the expression takes
        text = text.encode().translate(_BETWEEN).decode()
        found = dict.fromkeys(text.split())
        if len(max(found, key=len, default="")) <= MAX_LENGTH:
            for letter in _LETTERS_ALONE:
                found.pop(letter, None)
            return " ".join(islice(found, MAX_WORDS))
    else:
        found = dict.fromkeys(_WORD.findall(text))
        if _UNSPACED.search(text):
            found = dict.fromkeys(part for word in found for part in _cut(word))
    return " ".join([word for word in found if 1 < len(word) <= MAX_LENGTH][:MAX_WORDS])


def _cut(word: str) -> list[str]:
    if word.isascii() or not _UNSPACED.search(word):
        return [word]
    pairs = [run[at : at + 2] for run in _UNSPACED.findall(word) for at in range(max(1, len(run) - 1))]
    return pairs + [part for part in _UNSPACED.split(word) if part]
