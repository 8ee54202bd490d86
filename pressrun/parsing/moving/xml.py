"""XML of other systems, item by item: no DTD, no entities, nothing fetched, and a line for each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from pressrun.errors import Invalid

MAX_DEPTH: Final = 100
MAX_ITEM: Final = 32 * 2**20
"""Characters of an item."""
_CHUNK = 1 << 16
_CONTROLS = bytes({*range(32)} - {9, 10, 13})


class _Builder(TreeBuilder):
    """Builds the tree, and takes each item out of it as soon as it is whole."""

    def __init__(self, names: frozenset[str], place: str) -> None:
        super().__init__()
        self.found: list[tuple[Element, int]] = []
        self.line = lambda: 0
        self._names, self._place = names, place
        self._open: list[Element] = []
        self._item = self._started = self._size = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        if len(self._open) >= MAX_DEPTH:
            raise Invalid.at(self._place, self.line(), f"elements nested deeper than {MAX_DEPTH} levels",  # type: ignore[no-untyped-call]
                             "export it again", code="xml")  # fmt: skip
        element = super().start(tag, attrs)
        if not self._item and local(tag) in self._names:
            self._item, self._started, self._size = len(self._open) + 1, self.line(), 0  # type: ignore[no-untyped-call]
        self._open.append(element)
        self._size += sum(map(len, attrs.values()))
        return element

    def data(self, data: Any, /) -> None:
        self._size += len(data)
        if self._size > MAX_ITEM:
            raise Invalid.at(self._place, self._started, f"an element of more than {MAX_ITEM // 2**20} MiB",
                             "export it in parts", code="xml")  # fmt: skip
        super().data(data)

    def end(self, tag: Any, /) -> Element:
        element = super().end(tag)
        if self._item == len(self._open):
            self._item = 0
            self.found.append((element, self._started))
            if len(self._open) > 1:
                self._open[-2].remove(element)
        self._open.pop()
        return element


def local(tag: str) -> str:
    """A tag's name without its namespace."""
    return tag.rpartition("}")[2]


def items(stream: BinaryIO, place: str, names: frozenset[str]) -> Iterator[tuple[Element, int]]:
    """The elements of these names with the lines that they begin on, in order. Raises Invalid.

    Control characters, which no XML may hold and old databases do, are left out.
    """
    builder = _Builder(names, place)
    parser = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    builder.line = lambda: int(parser.parser.CurrentLineNumber)
    wide = False
    try:
        while chunk := stream.read(_CHUNK):
            wide = wide or chunk.startswith((b"\xff\xfe", b"\xfe\xff"))
            parser.feed(chunk if wide else chunk.translate(None, _CONTROLS))
            yield from builder.found
            builder.found.clear()
        parser.close()
    except ParseError as error:
        line = error.position[0]
        what = f"this is not well-formed XML: {str(error).partition(': line')[0]}"
        raise Invalid.at(place, line, what, "export it again", code="xml") from None
    except DefusedXmlException:
        what = "a document type or entities, which no export needs"
        raise Invalid.at(place, builder.line(), what, "remove the <!DOCTYPE …>", code="xml") from None  # type: ignore[no-untyped-call]
    yield from builder.found
