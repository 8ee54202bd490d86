"""What `pressrun check` says of pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressrun.runs import check_all
from tests.pictures import opened, photo


def plain(width: int, height: int) -> bytes:
    """A photograph without metadata."""
    import io

    written = io.BytesIO()
    opened(photo(width, height)).save(written, "JPEG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (plain(700, 400), []),
        (plain(599, 400), [("a.md", 4, "picture-small")]),
        (photo(700, 400), []),
        (photo(700, 400)[:-900], [("p.jpg", 0, "picture")]),
        (photo(700, 400)[:40], [("p.jpg", 0, "picture")]),
        (photo(700, 400, "PNG")[:-900], [("p.jpg", 0, "picture")]),
        (photo(700, 400, "WEBP")[:-90], [("p.jpg", 0, "picture")]),
        (plain(700, 400) + bytes(5_000_000), [("p.jpg", 0, "picture-size")]),
        (
            photo(64, 64, "PNG")[:16] + (90_000).to_bytes(4, "big") * 2 + photo(64, 64, "PNG")[24:],
            [("p.jpg", 0, "pixels")],
        ),
    ],
)
def test_pictures_are_looked_at(tmp_path: Path, picture: bytes, expected: list[tuple[str, int, str]]) -> None:
    """By file, and by the line that names one that is too small to be shared."""
    (tmp_path / "a.md").write_text(
        "---\ntitle: T\ndate: 2026-01-01\nimage: p.jpg\nimage_alt: A\n---\nText.\n"
    )
    (tmp_path / "p.jpg").write_bytes(picture)
    found = check_all(tmp_path, tmp_path / ".pressrun")
    assert [(problem.file, problem.line, problem.code) for problem in found] == expected
