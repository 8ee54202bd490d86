"""How these tests read a source: `parse(text)` for the article, `problems(text)` for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pressrun.domain.articles import ParsedArticle
from pressrun.domain.problems import Problem
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid
from pressrun.parsing.source import parse_article

SHARED = Path(__file__).resolve().parents[4] / "shared"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture(scope="session")
def parse() -> Callable[..., ParsedArticle]:
    def parse(text: str | bytes, key: str = "a.md", **settings: Any) -> ParsedArticle:
        return parse_article(key, _bytes(text), Publication(**settings))

    return parse


@pytest.fixture(scope="session")
def problems() -> Callable[..., list[Problem]]:
    def problems(text: str | bytes, key: str = "a.md") -> list[Problem]:
        try:
            parse_article(key, _bytes(text), Publication())
        except Invalid as error:
            return list(error.problems)
        return []

    return problems


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A file of the shared test data, which lies beside the repository; without it the test is skipped."""

    def shared(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip("the shared test data is not here")
        return SHARED / path

    return shared


@pytest.fixture(scope="session")
def shared_json(shared: Callable[[str], Path]) -> Callable[[str], Any]:
    return lambda path: json.loads(shared(path).read_text("utf-8"))
