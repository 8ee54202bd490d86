"""People, readers, machines and bots, told apart by what they call themselves."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import re2
import yaml

from pressrun.parsing.agents import verdicts
from pressrun.parsing.agents.verdicts import Verdict, plain, verdict
from tests.accesslogs import CHROME, FEEDLY, GMAIL, GOOGLEBOT

SHARED = Path(__file__).parents[4] / "shared/data/ua"
there = pytest.mark.skipif(not SHARED.exists(), reason="the agents lie beside the repository")
BOTS = Path(verdicts.__file__).with_name("bots.json")
# Those of isbot's patterns that look around; the first has a look-behind of two widths, which Python lacks.
ORIGINALS = {
    r"(?<! channel/)(?<!google/)google(?!(?:wv|app|/google| pixel))": "google",
    r"(?:^|[^g])news(?!sapphire)": "news",
    r"(?<! cu)bots?(?:\b|_)": "bots?",
    r"(?<!cam)scan": "scan",
    r"(?<!lib)http": "http",
    r"java(?!;)": "java",
}


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (CHROME, Verdict("human")),
        (GOOGLEBOT, Verdict("bot")),
        ("", Verdict("bot")),
        ("-", Verdict("bot")),
        ("curl/8.5.0", Verdict("bot")),
        ("Pressrun/0.1 (+https://example.org)", Verdict("self")),
        (FEEDLY.format(870), Verdict("reader", "Feedly", 870)),
        (FEEDLY.format(999_999_999), Verdict("reader", "Feedly", 0)),
        (f"{CHROME} (5000 subscribers)", Verdict("human")),
        (
            "NetNewsWire (RSS Reader; https://netnewswire.com/; 7 subscribers)",
            Verdict("reader", "NetNewsWire", 0),
        ),
        (GMAIL, Verdict("mail", "Gmail")),
        ("Mozilla/5.0", Verdict("mail", "Apple Mail")),
    ],
)
def test_agents_are_who_they_are(agent: str, wanted: Verdict) -> None:
    """Only families that are known to tell the truth may report, and no absurd number."""
    assert verdict(agent) == wanted


def test_agents_are_decoded_twice_and_literal_escapes_too() -> None:
    assert plain("Mozilla/5.0%2520(X11)") == plain("Mozilla/5.0%20(X11)") == plain("Mozilla/5.0\\x20(X11)")


@there
def test_known_readers_report_what_they_report() -> None:
    """And people within apps are people."""
    with (SHARED / "feed-and-mail-agents.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            found = verdict(row["user_agent"])
            human = row["family"].startswith("human:")
            mail = row["family"] in {"GmailProxy", "GmailPrefetch", "AppleMPP", "YahooMailProxy"}
            assert found.kind == ("human" if human else "mail" if mail else "reader"), row
            assert found.subscribers == int(row["subscribers"] or 0)


@there
def test_no_browser_is_a_bot() -> None:
    """555 of them; Thunderbird is a reader."""
    browsers = [
        a
        for some in yaml.safe_load((SHARED / "isbot-browsers.yml").read_text("utf-8")).values()
        for a in some
    ]
    wrong = {agent for agent in browsers if verdict(agent).kind != "human"}
    assert {agent for agent in wrong if "Thunderbird" not in agent} == set()


def test_patterns_written_without_look_around_mean_the_same() -> None:
    """Every way that a word can be cut by what may stand before or after it."""
    patterns = json.loads(BOTS.read_text("utf-8"))
    before = [
        "",
        "x",
        " channel/",
        "channel/",
        "google/",
        "oogle/",
        "gle/",
        "g",
        "xg",
        " cu",
        "cu",
        "cam",
        "am",
        "lib",
        "ib",
        "b",
    ]
    after = [
        "",
        "x",
        "wv",
        "w",
        "app",
        "ap",
        "/google",
        "/goo",
        " pixel",
        " pix",
        "sapphire",
        "sapp",
        ";",
        "_",
        "s",
        "s_",
    ]
    for original, word in ORIGINALS.items():
        key = word.rstrip("s?")
        rewritten = [p for p in patterns if re.search(rf"(?<![a-z]){key}", p) and ("|[^" in p or "[^;]" in p)]
        [pattern] = [
            p for p in rewritten if key in p.replace("google/", "").replace("/google", "")
        ] or rewritten
        options = verdicts._options()
        fast, slow = re2.compile(pattern, options), re.compile(original, re.I)
        for start in before:
            for end in after:
                for text in (f"{start}{key}{end}", f"z{start}{key}{end}z", f"{start}{key}{end} {key}"):
                    assert bool(fast.search(text.encode())) == bool(slow.search(text)), (pattern, text)
