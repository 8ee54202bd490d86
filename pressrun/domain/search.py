"""What search finds an article's text by. `templates/web/search.js` folds a reader's words in the same way."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

MAX_WORDS = 2_000  # of one article: some 15 KB
MAX_LENGTH = 40  # of a word
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[^\W_]+")
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


def words_of(html: str) -> str:
    """The different words of an article, folded, in order, parted by spaces.

    Text without spaces between its words is cut into pairs of characters.
    """
    words: dict[str, None] = {}
    for found in _WORD.finditer(folded(unescape(_TAG.sub(" ", html)))):
        for word in _cut(found[0]):
            if 1 < len(word) <= MAX_LENGTH:
                words[word] = None
        if len(words) >= MAX_WORDS:
            break
    return " ".join(sorted(words))


def _cut(word: str) -> list[str]:
    if word.isascii() or not _UNSPACED.search(word):
        return [word]
    pairs = [run[at : at + 2] for run in _UNSPACED.findall(word) for at in range(max(1, len(run) - 1))]
    return pairs + [part for part in _UNSPACED.split(word) if part]
