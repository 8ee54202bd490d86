"""Addresses, their keys, and the names that nobody may take."""

from __future__ import annotations

import pytest

from pressrun.domain.urls import asset_problem, better_path, claim_of, href, join, page_key, path_problem


@pytest.mark.parametrize("path", ["hello/", "2026/05/01/Rust-1.0/", "käse/", "a b/"])
def test_ordinary_addresses_are_free(path: str) -> None:
    """Any script, dots and folders."""
    assert path_problem(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "tags/",
        "Archive/x/",
        "../up/",
        "a//b/",
        ".hidden/",
        "a/_b/",
        "a\\b/",
        "a\x00/",
        "x" * 300 + "/",
        "index.html/",
    ],
)
def test_reserved_and_dangerous_addresses_are_not(path: str) -> None:
    """Each is told why."""
    assert path_problem(path)


def test_case_and_composition_make_no_second_address() -> None:
    """Readers, disks and caches may take them for one."""
    assert claim_of("Käse/") == claim_of("ka\u0308SE/") == claim_of("käse")


def test_keys_and_hrefs() -> None:
    """What is stored under a key is reached at an encoded path."""
    assert (page_key(""), page_key("a/"), page_key("old.html")) == ("index.html", "a/index.html", "old.html")
    assert href("käse/a b/") == "/k%C3%A4se/a%20b/"


def test_references_never_leave_the_content() -> None:
    """A path that climbs too high leads nowhere."""
    assert join("posts", "../pic.png") == "pic.png"
    assert join("posts", "../../etc/passwd") is None


@pytest.mark.parametrize("key", ["feed.xml", "tags/x.png", "sitemap-2026-01.xml", "posts/index.html"])
def test_files_cannot_replace_what_the_publisher_writes(key: str) -> None:
    """But a site's own robots.txt and favicon can."""
    assert asset_problem(key)
    assert asset_problem("robots.txt") is None
    assert asset_problem("favicon.svg") is None


def test_a_file_without_a_suffix_may_be_called_as_a_folder_is() -> None:
    """Nothing is written at the names themselves, and only files below them would be in the way."""
    assert asset_problem("archive") is None
    assert asset_problem("Archive/map.png") == "/Archive/ is reserved for pages that Pressrun writes itself"


@pytest.mark.parametrize(
    ("path", "better"),
    [
        ("tags", "tags-page"),
        ("Archive/x", "archive-page/x"),
        ("feed.xml", "feed-xml"),
        ("../up", "up"),
        (".hidden", "hidden"),
        ("a b/c", "a-b/c"),
        ("index.html", "index-html"),
        ("a/" * 500 + "b", "b"),
    ],
)
def test_a_better_address_is_one_that_is_free(path: str, better: str) -> None:
    """What is suggested works."""
    assert better_path(path) == better
    assert path_problem(f"{better}/") is None
