"""The text of an article's HTML: what it says without its markup, how long it is, how it begins."""

from __future__ import annotations

import re
from html import unescape

SUMMARY = 200
"""Characters of a summary cut from the first paragraph."""

_TAGS = re.compile(r"<[^>]*>")
_NOTE = re.compile(r'<sup class="footnote-ref">.*?</sup>', re.S)
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.S)
# Scripts that are written without spaces: each character counts as a word.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_WORDS = bytes(ord(" ") if chr(byte).isspace() else ord("w") for byte in range(128)) + bytes(128)
_FROM_U3000 = bytes(range(0xE3, 0xF5))  # the first bytes of such characters in UTF-8


def plain(html: str) -> str:
    """The text of inline HTML in one line."""
    return " ".join(unescape(_TAGS.sub("", html)).split())


def count_words(html: str) -> int:
    text = _TAGS.sub(" ", html)
    if text.isascii():  # without making the words: half of the time
        return b"".join((b" ", text.encode().translate(_WORDS))).count(b" w")
    if len(encoded := text.encode()) == len(encoded.translate(None, _FROM_U3000)):
        return len(text.split())
    spaced, characters = _UNSPACED.subn(" ", text)
    return len(spaced.split()) + characters


def first_paragraph(html: str) -> str:
    """The first paragraph that says something, cut at a word's end; "" where there is none."""
    for paragraph in _PARAGRAPH.finditer(html):
        inner = paragraph[1]
        if text := plain(_NOTE.sub("", inner) if "<sup" in inner else inner):
            return cut(text)
    return ""


def cut(text: str) -> str:
    """`text` in at most `SUMMARY` characters and an ellipsis, cut between words where there are spaces."""
    if len(text) <= SUMMARY:
        return text
    head = text[: SUMMARY + 1]
    space = head.rfind(" ")
    head = head[:space] if space > SUMMARY // 2 else head[:SUMMARY]
    return head.rstrip(" ,;:.–—-") + "…"
