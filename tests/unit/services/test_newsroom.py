"""Issues: made once, changed while they cool off, committed once, and stopped by a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pressrun.domain.calendar import boundary
from pressrun.domain.newsletters import Newsletter
from pressrun.services.digests import MAX_DIGEST
from tests.fakes.office import SETTINGS, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_first_publication_makes_one_issue_whatever_happens_to_the_file(office: Office) -> None:
    """Edits, a rename, a withdrawal and a second upload make no other."""
    office.publish("tides.md")
    office.publish("tides.md", "Edited.")
    (office.folder / "tides.md").rename(office.folder / "moved.md")
    office.publish()
    (office.folder / "moved.md").unlink()
    office.publish()
    office.publish("tides.md", "Back again.")
    assert [issue.title for issue in office.issues()] == ["Tides"]


def test_a_repeated_batch_makes_no_second_issue(office: Office) -> None:
    """Whoever finds a dead batch does its work again, the announcement included."""
    office.publish("tides.md")
    office.house.publisher.publish(["tides.md"], force=True, suspect=True)
    assert len(office.issues()) == 1


def test_an_announcement_that_was_lost_is_made_when_the_batch_is_done_again(office: Office) -> None:
    """The publisher dies after its rows are written and before the newsletters are told."""

    class Killed(BaseException):
        pass

    def die(news: object) -> None:
        raise Killed

    office.write("tides.md")
    publisher = office.house.publisher
    announce, publisher.announce = publisher.announce, die
    with pytest.raises(Killed):
        publisher.publish(["tides.md"])
    publisher.announce = announce
    assert office.issues() == []
    office.publish()
    assert len(office.issues()) == 1


def test_edits_are_taken_in_until_it_is_committed_and_never_after(office: Office) -> None:
    """The mail has the text that stood there when the cooling-off ended."""
    office.reader("ada@example.org")
    office.publish("tides.md", "First.")
    office.publish("tides.md", "Second.")
    office.minutes(12)
    office.publish("tides.md", "Third.")
    office.minutes(60)
    ((_, letter, _),) = office.sink.sent
    assert "Second." in letter.text and "First." not in letter.text
    assert office.issue().state == "sent"


def test_nothing_goes_out_before_its_time(office: Office) -> None:
    """Ten minutes of cooling off are ten minutes."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(9)
    assert office.sink.sent == [] and office.issue().state == "cooling"
    office.minutes(2)
    assert office.sink.addresses() == ["ada@example.org"]


@pytest.mark.parametrize("flag", ["false", '"no"'])
def test_an_article_can_say_that_it_is_no_mail(office: Office, flag: str) -> None:
    """And change its mind before anybody was mailed."""
    office.publish("tides.md", newsletter=flag)
    assert office.issues() == []


def test_a_draft_is_announced_when_it_is_published(office: Office) -> None:
    """Not before, and once."""
    office.publish("tides.md", draft="true")
    assert office.issues() == []
    office.publish("tides.md")
    assert len(office.issues()) == 1


def test_an_article_withdrawn_while_it_cools_off_is_not_mailed(office: Office) -> None:
    """The issue waits, and says why: the article may come back."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    (office.folder / "tides.md").unlink()
    (office.folder / "other.txt").write_text("Other\n\nText.\n")
    office.publish()
    office.minutes(20)
    issue = next(issue for issue in office.issues() if issue.title == "Tides")
    assert issue.state == "waiting" and "published" in issue.reason
    assert "Tides" not in [letter.subject for _, letter, _ in office.sink.sent]


def test_a_file_that_is_wrong_when_it_is_due_waits_for_a_person(office: Office) -> None:
    """What is published stays; the mail is not made of a guess."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    (office.folder / "tides.md").write_text("---\ntitle: [\n---\n")
    office.publish()
    office.minutes(12)
    assert office.issue().state == "waiting" and "tides.md:" in office.issue().reason
    assert office.sink.sent == []


def test_old_articles_wait_for_a_word(office: Office) -> None:
    """An import mails nobody."""
    office.reader("ada@example.org")
    office.publish("old.md", date="2020-01-01")
    office.minutes(30)
    assert office.issue().state == "waiting" and office.sink.sent == []
    office.house.newsroom.commit(office.issue())
    office.work()
    assert office.sink.addresses() == ["ada@example.org"]


def test_what_is_found_long_past_its_time_waits(office: Office) -> None:
    """After a restore, say (invariant 13)."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    office.clock.advance(7 * 3600)
    office.minutes(1)
    assert office.issue().state == "waiting" and "7 hours ago" not in office.sink.addresses()
    assert office.sink.sent == []


def test_articles_from_before_the_newsletter_are_no_news(tmp_path: Path) -> None:
    """Neither when it is declared, nor when they are edited afterwards, nor when that is done again."""
    office = Office(tmp_path, SETTINGS.partition("[[")[0])
    office.publish("tides.md")
    (office.folder / "pressrun.toml").write_text(SETTINGS)
    office.publish()
    office.publish("tides.md", "Edited.")
    office.house.publisher.publish(["tides.md"], force=True, suspect=True)
    assert office.issues() == []


def test_a_newsletter_takes_the_tags_it_asks_for(tmp_path: Path) -> None:
    """Compared as addresses compare them."""
    office = Office(tmp_path, SETTINGS + 'tags = ["Deep Water"]\n')
    office.publish("one.md", tags="[deep water]")
    office.publish("two.md", tags="[shallows]")
    assert [issue.title for issue in office.issues()] == ["One"]


def test_an_article_that_is_retagged_later_is_no_news_and_is_sent_by_hand(tmp_path: Path) -> None:
    """It is said that it was not mailed, until an issue has it; other newsletters' articles are not spoken of."""
    office = Office(tmp_path, SETTINGS + 'tags = ["tides"]\n')
    newsroom = office.house.newsroom
    office.reader("ada@example.org")
    office.publish("one.md", tags="[print]")
    assert newsroom.unmailed("one.md") == []
    office.publish("one.md", tags="[print, tides]")
    assert office.issues() == []
    (letters,) = newsroom.unmailed("one.md")
    newsroom.commit(newsroom.create(letters, ["one.md"]))
    office.work()
    assert office.sink.addresses() == ["ada@example.org"]
    office.publish("two.md", tags="[tides]")
    assert newsroom.unmailed("one.md") == newsroom.unmailed("two.md") == []


def test_without_a_postal_address_nothing_is_sent(tmp_path: Path) -> None:
    """The law asks for one."""
    office = Office(tmp_path, SETTINGS.replace('postal_address = "1 Quay Street, Lisbon"\n', ""))
    office.reader("ada@example.org")
    office.publish("tides.md")
    office.minutes(12)
    assert office.issue().state == "waiting" and "postal_address" in office.issue().reason


def test_an_editor_can_schedule_stop_and_cancel(office: Office) -> None:
    """Each word counts until the next."""
    office.reader("ada@example.org")
    office.publish("tides.md")
    newsroom = office.house.newsroom
    newsroom.stop(office.issue(), "stopped")
    office.minutes(30)
    assert office.issue().state == "waiting"
    newsroom.schedule(office.issue(), office.clock.now() + timedelta(hours=1))
    office.minutes(59)
    assert office.sink.sent == []
    newsroom.cancel(office.issue(), "cancelled")
    office.minutes(10)
    assert office.issue().state == "cancelled" and office.sink.sent == []


def test_a_template_without_the_way_out_is_not_sent(office: Office) -> None:
    """Nor one without the postal address: a publication's own template must have both."""
    office.reader("ada@example.org")
    folder = office.folder / "templates" / "email"
    folder.mkdir(parents=True)
    for name in ("article.html", "article.txt"):
        (folder / name).write_text("hi")
    office.publish("tides.md")
    office.minutes(12)
    assert office.issue().state == "waiting" and "unsubscribe" in office.issue().reason
    assert office.sink.sent == []


def test_a_correction_goes_out_on_request(office: Office) -> None:
    """It says what was wrong, and is an issue of its own."""
    office.reader("ada@example.org")
    office.publish("tides.md", "High water at nine.")
    office.minutes(12)
    newsletter = office.house.imprints.current().publication.newsletters[0]
    made = office.house.newsroom.create(newsletter, ["tides.md"], kind="correction", note="It was at ten.")
    office.house.newsroom.commit(made)
    office.work()
    assert office.sink.sent[0][1].subject == "Tides"
    assert "It was at ten." in office.sink.sent[1][1].text


def test_what_is_sent_is_kept(office: Office) -> None:
    """The letter lies in the mail store, and a second commit does not change it."""
    office.reader("ada@example.org")
    office.publish("tides.md", "First.")
    office.minutes(12)
    issue = office.issue()
    assert "First." in office.house.newsroom.letters.current(issue).text
    office.publish("tides.md", "Second.")
    assert office.house.newsroom.commit(issue) == office.issue()
    assert "First." in office.house.newsroom.letters.current(office.issue()).text
    assert issue.counts == {"audience": 1, "sent": 1}


def test_a_digest_takes_what_was_published_since_the_last(tmp_path: Path) -> None:
    """At eight in the morning in Lisbon, to those who chose the rhythm, in the newsletter's language."""
    office = Office(tmp_path, SETTINGS + 'language = "de"\n')
    office.reader("each@example.org")
    office.reader("daily@example.org", rhythm="daily")
    office.minutes(1)  # the first look only remembers the time
    office.publish("one.md")
    office.publish("two.md")
    office.minutes(22 * 60, step=10)
    digests = [
        recipient.address
        for _, letter, recipient in office.sink.sent
        if "One" in letter.text and "Two" in letter.text
    ]
    assert digests == ["daily@example.org"]
    assert [letter.subject for _, letter, _ in office.sink.sent][-1] == "Letters: 2. März 2026"
    assert sorted(office.sink.addresses()) == ["daily@example.org", "each@example.org", "each@example.org"]
    office.minutes(24 * 60, step=10)
    assert len(office.sink.sent) == 3


def test_an_article_is_mailed_wherever_its_file_has_been_moved(office: Office) -> None:
    """While it cools off, and before a digest."""
    office.reader("each@example.org")
    office.reader("daily@example.org", rhythm="daily")
    office.minutes(1)
    office.publish("tides.md")
    (office.folder / "tides.md").rename(office.folder / "moved.md")
    office.publish()
    office.minutes(24 * 60, step=10)
    assert office.sink.addresses() == ["each@example.org", "daily@example.org"]


def test_a_digest_leaves_old_articles_out(office: Office) -> None:
    """An import mails nobody, by a digest neither."""
    office.reader("daily@example.org", rhythm="daily")
    office.minutes(1)
    office.publish("old.md", date="2020-01-01")
    office.publish("new.md")
    office.minutes(24 * 60, step=10)
    assert [issue.articles for issue in office.issues() if issue.kind == "digest"] == [("new.md",)] * 2


def test_a_digest_says_how_many_older_articles_it_does_not_show(office: Office) -> None:
    """None is left out without a word."""
    office.reader("daily@example.org", rhythm="daily")
    office.minutes(1)
    for number in range(MAX_DIGEST + 3):
        office.write(f"{number:02}.md", "Text.")
    office.publish()
    office.minutes(24 * 60, step=10)
    (digest,) = [issue for issue in office.issues() if issue.audience == "daily"]
    assert (len(digest.articles), digest.more) == (MAX_DIGEST, 3)
    ((_, letter, _),) = office.sink.sent
    assert f"{MAX_DIGEST + 3} articles" in letter.text and "3 more" in letter.text and "3 more" in letter.html


def test_a_digest_waits_for_an_article_whose_file_is_broken(office: Office) -> None:
    """It would never be in a later one."""
    office.minutes(1)
    office.publish("tides.md")
    (office.folder / "tides.md").write_text("---\ntitle: [\n---\n")
    office.publish()
    office.minutes(24 * 60, step=10)
    states = {(issue.state, issue.articles) for issue in office.issues() if issue.audience == "daily"}
    assert states == {("waiting", ("tides.md",))}


def test_an_article_that_is_no_longer_for_a_newsletter_is_not_mailed_by_it(tmp_path: Path) -> None:
    """Its tags are taken as they are when the cooling-off ends."""
    office = Office(tmp_path, SETTINGS + 'tags = ["tides"]\n')
    office.reader("ada@example.org")
    office.publish("tides.md", tags="[tides]")
    office.publish("tides.md", tags="[print]")
    office.minutes(12)
    assert office.issue().state == "waiting" and office.sink.sent == []


@pytest.mark.parametrize(
    ("rhythm", "at", "now", "due"),
    [
        ("daily", "08:00", "2026-03-28T12:00", "2026-03-28T07:00"),
        ("daily", "02:30", "2026-03-29T12:00", "2026-03-29T01:30"),  # left out by the change to summer time
        ("daily", "02:30", "2026-10-25T12:00", "2026-10-25T00:30"),  # comes twice: the first counts
        ("daily", "08:00", "2026-03-29T05:59", "2026-03-28T07:00"),
        ("daily", "08:00", "2026-03-29T06:00", "2026-03-29T06:00"),
        ("weekly", "08:00", "2026-03-31T12:00", "2026-03-30T06:00"),
        ("monthly", "08:00", "2026-03-31T12:00", "2026-03-01T07:00"),
    ],
)
def test_digests_are_due_at_a_local_time(rhythm: str, at: str, now: str, due: str) -> None:
    """In Berlin, around the changes of clocks."""
    newsletter = Newsletter(slug="n", name="N", sender="n@example.org", at=at)
    found = boundary(
        newsletter,
        rhythm,  # type: ignore[arg-type]
        ZoneInfo("Europe/Berlin"),
        datetime.fromisoformat(now).replace(tzinfo=UTC),
    )
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)
