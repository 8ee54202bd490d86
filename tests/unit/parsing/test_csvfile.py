"""CSV files as they come, good and bad."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.parsing.csvfile import CsvFile, Damage, Record


def read(data: bytes, **options: str) -> list[Record | Damage]:
    return list(CsvFile(lambda: io.BytesIO(data), **options).records())


def cells(data: bytes, **options: str) -> list[list[str]]:
    return [record.cells for record in read(data, **options) if isinstance(record, Record)]


TABLE = "name,mail\r\nZoë,zoe@example.org\r\nÆgir,aegir@example.org\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_told_by_what_is_in_the_file(encoding: str) -> None:
    """With and without byte order mark; what is not UTF-8 is Windows-1252, and said to be."""
    data = TABLE.encode(encoding)
    file = CsvFile(lambda: io.BytesIO(data))
    rows = [record.cells for record in file.records() if isinstance(record, Record)]
    assert rows == list(csv.reader(io.StringIO(TABLE)))
    assert file.legacy == (2 if encoding == "cp1252" else 0)


def test_encodings_can_be_mixed() -> None:
    """Lists that several programs wrote to: each line is read as what it is."""
    data = "Zoë,a@example.org\n".encode() + "Zoë,b@example.org\n".encode("cp1252")
    assert cells(data) == [["Zoë", "a@example.org"], ["Zoë", "b@example.org"]]


def test_an_encoding_can_be_stated() -> None:
    """Polish in Windows-1250 cannot be told from Windows-1252."""
    assert cells("Łucja,a@example.org\n".encode("cp1250"), encoding="cp1250") == [["Łucja", "a@example.org"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_by_even_widths(delimiter: str) -> None:
    """Even where another one stands in some cells."""
    rows = [
        ["name", "mail", "note"],
        ["Ada, Countess", "a@example.org", "x;y;z"],
        ["Bob", "b@example.org", "p|q"],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    assert cells(text.getvalue().encode()) == rows


def test_a_line_that_states_the_delimiter_is_obeyed() -> None:
    """Excel's `sep=;`."""
    found = read(b"sep=;\r\nmail;name\r\na@example.org;A, B\r\n")
    assert found == [Record(2, ["mail", "name"]), Record(3, ["a@example.org", "A, B"])]


def test_a_quotation_mark_that_is_never_closed_takes_one_line_with_it() -> None:
    """Not the rest of the file."""
    data = b'mail,name\na@example.org,"A\n' + b"".join(b"b%d@example.org,B\n" % at for at in range(500))
    found = read(data)
    assert found[1] == Damage(2, 'a@example.org,"A\n', "a quotation mark is not closed")
    assert [record.line for record in found[2:]] == list(range(3, 503))


def test_text_after_a_quotation_mark_is_refused_and_lines_are_counted_on() -> None:
    """A cell with line breaks counts all its lines."""
    found = read(b'a,"b\nc"\nd,"e" f\ng,h\n')
    assert found == [Record(1, ["a", "b\nc"]), Damage(3, 'd,"e" f\n', "text follows a closing quotation mark"),
                     Record(4, ["g", "h"])]  # fmt: skip


def test_huge_lines_and_nul_bytes_are_refused_alone() -> None:
    """Ten megabytes in one cell are not kept."""
    found = read(b"a,b\n" + b"x" * 10_000_000 + b",y\nc\0,d\n\n ,\ne,f\n")
    assert [type(one) for one in found] == [Record, Damage, Damage, Record]
    assert "65,536" in found[1].what
    assert len(found[1].text) < 70_000
    assert "NUL" in found[2].what
    assert found[3] == Record(6, ["e", "f"])


def test_nothing_is_read_from_nothing() -> None:
    """Empty, and blank lines only."""
    assert read(b"") == []
    assert read(b"\n\r\n \n,,\n") == []


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2),
        max_size=8,
    )
)
def test_whatever_a_csv_writer_wrote_is_read_again(rows: list[list[str]]) -> None:
    """RFC 4180's quoting, but for space at the start of cells."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    expected = [row for row in rows if any(cell and not cell.isspace() for cell in row)]
    assert cells(text.getvalue().encode(), encoding="utf-8", delimiter=",") == expected


@given(st.binary(max_size=400))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    """Nothing raises, whatever the file."""
    lines = [record.line for record in read(data)]
    assert lines == sorted(lines)
