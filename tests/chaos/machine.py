"""An editor who changes everything, workers who fail at everything, and readers who look at every moment."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.chaos.sources import (
    AUTHORS,
    BODIES,
    BROKEN,
    DATES,
    EXTRA_CSS,
    FOOTER,
    KEYS,
    PICTURE,
    SERIES,
    SETTINGS_KEY,
    SLUGS,
    TAGS,
    Draft,
    png,
    settings,
)
from tests.chaos.world import POISON, Kit, World

SOON = "2026-03-01T14:00:00+00:00"  # two hours after the world begins
LATE = "2026-03-09T00:00:00+00:00"
# The seconds after which each message about a change arrives: lost, at once, late, twice.
EVENTS = st.sampled_from([(), (0,), (0,), (0,), (0, 0), (700,), (0, 900)])
DRAFTS = st.builds(
    Draft,
    id=st.just(""),
    title=st.sampled_from(["One", "Two", "Three"]),
    slug=st.sampled_from(SLUGS),
    date=st.sampled_from(DATES),
    tags=st.sampled_from(TAGS),
    series=st.sampled_from(SERIES),
    author=st.sampled_from(AUTHORS),
    body=st.sampled_from(BODIES),
    alias=st.sampled_from(["", "", "", "/old/"]),
)
CHANGES = st.one_of(
    st.sampled_from(BODIES).map(lambda body: {"body": body}),
    st.sampled_from(["Four", "Five"]).map(lambda title: {"title": title}),
    st.sampled_from(SLUGS).map(lambda slug: {"slug": slug}),
    st.sampled_from(DATES).map(lambda date: {"date": date}),
    st.sampled_from(TAGS).map(lambda tags: {"tags": tags}),
    st.sampled_from(SERIES).map(lambda series: {"series": series}),
    st.booleans().map(lambda draft: {"draft": draft}),
    st.sampled_from(["", SOON, LATE]).map(lambda moment: {"publish_at": moment}),
)
SETTINGS = st.sampled_from(
    [
        (SETTINGS_KEY, settings("The Daily Test", 3)),
        (SETTINGS_KEY, settings("The Weekly Test", 2)),
        (SETTINGS_KEY, settings("The Weekly Test", 3)),
        (EXTRA_CSS, b"/* red */"),
        (EXTRA_CSS, b"/* blue */"),
        (FOOTER, b"<footer>Read on.</footer>"),
        (EXTRA_CSS, b""),
        (FOOTER, b""),
    ]
)
WRONG_SETTINGS = b'title = "T"\nlanguage = "klingon!"\n'
SEEDS = st.integers(0, 2**20)  # of what the workers do meanwhile


class Newsroom(RuleBasedStateMachine):
    """Whatever happens, and in whatever order: in the end the site is what the files say."""

    kit: ClassVar[Kit] = Kit()

    @initialize(articles=st.lists(st.tuples(st.sampled_from(KEYS), DRAFTS), max_size=4))
    def open(self, articles: list[tuple[str, Draft]]) -> None:
        self.world = World(self.kit)
        self.world.upload(SETTINGS_KEY, settings(), 0)
        for key, draft in articles:
            self.world.write(key, replace(draft, id=f"id-{key}"), 0)
        self.world.invoke()
        self.world.work(0, None, trouble=0, turn=0.5)

    # --- the editor -------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), draft=DRAFTS, events=EVENTS, seed=SEEDS)
    def upload(self, key: str, draft: Draft, events: tuple[int, ...], seed: int) -> None:
        self.world.write(key, replace(draft, id=f"id-{key}"), *events)
        self._meanwhile(seed)

    @precondition(lambda self: self.world.drafts)
    @rule(place=st.integers(0, 4), change=CHANGES, events=EVENTS, seed=SEEDS)
    def edit(self, place: int, change: dict[str, object], events: tuple[int, ...], seed: int) -> None:
        key = self._article(place)
        self.world.write(key, replace(self.world.drafts[key], **change), *events)  # type: ignore[arg-type]
        self._meanwhile(seed)

    @precondition(lambda self: self.world.drafts)
    @rule(place=st.integers(0, 4), to=st.sampled_from(KEYS), change=CHANGES, events=EVENTS, seed=SEEDS)
    def rename(
        self, place: int, to: str, change: dict[str, object], events: tuple[int, ...], seed: int
    ) -> None:
        key = self._article(place)
        if to not in self.world.content.objects:
            draft = self.world.drafts[key]
            self.world.remove(key, *events)
            self.world.write(to, draft if seed % 2 else replace(draft, **change), *events)  # type: ignore[arg-type]
        self._meanwhile(seed)

    @precondition(lambda self: self.world.drafts)
    @rule(place=st.integers(0, 4), events=EVENTS, seed=SEEDS)
    def withdraw(self, place: int, events: tuple[int, ...], seed: int) -> None:
        self.world.remove(self._article(place), *events)
        self._meanwhile(seed)

    @rule(key=st.sampled_from(KEYS), body=st.sampled_from(BROKEN), events=EVENTS, seed=SEEDS)
    def spoil(self, key: str, body: bytes, events: tuple[int, ...], seed: int) -> None:
        self.world.spoil(key, body, *events)
        self._meanwhile(seed)

    @rule(width=st.sampled_from([0, 3, 5]), events=EVENTS, seed=SEEDS)
    def picture(self, width: int, events: tuple[int, ...], seed: int) -> None:
        if width:
            self.world.upload(PICTURE, png(width, 2), *events)
        else:
            self.world.remove(PICTURE, *events)
        self._meanwhile(seed)

    @rule(file=SETTINGS, events=EVENTS, seed=SEEDS)
    def configure(self, file: tuple[str, bytes], events: tuple[int, ...], seed: int) -> None:
        key, text = file
        if text:
            self.world.upload(key, text, *events)
        else:
            self.world.remove(key, *events)
        self._meanwhile(seed)

    @rule(seed=SEEDS)
    def misconfigure(self, seed: int) -> None:
        self.world.spoil(SETTINGS_KEY, WRONG_SETTINGS, 0)
        self._meanwhile(seed)

    # --- the world --------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([60, 1000, 3700]), tick=st.booleans(), seed=SEEDS)
    def wait(self, seconds: int, tick: bool, seed: int) -> None:
        self.world.pass_time(seconds)
        if tick:
            self.world.tick()
        self._meanwhile(seed)

    @rule(key=st.sampled_from([*KEYS, PICTURE]), poison=st.booleans(), seed=SEEDS)
    def replay(self, key: str, poison: bool, seed: int) -> None:
        self.world.tell(key, 0)
        if poison:
            self.world.there.queue.send([POISON])
        self._meanwhile(seed)

    @rule(seed=SEEDS)
    def work(self, seed: int) -> None:
        self._meanwhile(seed, most=800)

    def _meanwhile(self, seed: int, most: int = 200) -> None:
        """Workers begin and go on, with more or less trouble and turn-taking; now and then all are killed."""
        chance = Random(seed)
        if chance.random() < 0.05:
            self.world.scheduler.kill()
        for _ in range(chance.choice([0, 1, 1, 2])):
            if len(self.world.scheduler.workers) < 4:
                self.world.invoke()
        steps = round(most ** chance.random())
        trouble = chance.choice([0, 0, 0.01, 0.05, 0.15])
        self.world.work(seed, steps, trouble=trouble, turn=chance.choice([0.02, 0.2, 1.0]))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def _article(self, place: int) -> str:
        keys = sorted(self.world.drafts)
        return keys[place % len(keys)]
