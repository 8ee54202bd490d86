"""The command line, as an editor meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pressrun import cli
from tests.fakes.smtp import Post, serving

GOOD = "---\ntitle: Hello\ndate: 2026-01-01\nsummary: A start.\n---\nText.\n"
BAD = "---\ntitle: Hello\ndate: yesterday or so\n---\nText.\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Runs `pressrun` with these arguments; its exit status."""
    monkeypatch.setattr("sys.argv", ["pressrun", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "hello.md").write_text(GOOD)
    return folder


def test_publish_says_what_it_did(monkeypatch, capsys, content, tmp_path) -> None:
    """The first run publishes, the second has nothing to do."""
    home = tmp_path / "home"
    assert run(monkeypatch, "publish", content, "--home", home) == 0
    assert "/hello/" in (said := capsys.readouterr().out)
    assert "1 published" in said
    assert run(monkeypatch, "publish", content, "--home", home) == 0
    assert "Nothing has changed: 1 unchanged." in capsys.readouterr().out


def test_a_home_keeps_one_publication(monkeypatch, capsys, content, tmp_path) -> None:
    """Another's would be withdrawn with a slip of the keyboard; one whose folder has moved is the same."""
    other, home = tmp_path / "other", tmp_path / "home"
    other.mkdir()
    (other / "moon.md").write_text(GOOD.replace("Hello", "Moon"))
    assert run(monkeypatch, "publish", content, "--home", home) == 0
    assert run(monkeypatch, "publish", other, "--home", home) != 0
    assert "another home" in capsys.readouterr().err
    assert (home / "site" / "hello" / "index.html").exists()
    moved = content.rename(tmp_path / "elsewhere")
    assert run(monkeypatch, "publish", moved, "--home", home) == 0
    assert "Nothing has changed" in capsys.readouterr().out


def test_publish_exits_with_1_and_names_file_and_line(monkeypatch, capsys, content, tmp_path) -> None:
    """What can be published is; what cannot is named."""
    (content / "bad.md").write_text(BAD)
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 1
    printed = capsys.readouterr()
    assert "bad.md:3: " in printed.err
    assert "1 published, 1 refused." in printed.out


def test_wrong_settings_stop_the_first_run(monkeypatch, capsys, content, tmp_path) -> None:
    """Nothing is published under settings that nobody meant."""
    (content / "pressrun.toml").write_text('titel = "Oops"\n')
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 1
    assert "pressrun.toml:1: `titel` is not a setting; did you mean `title`?" in capsys.readouterr().err
    assert not (tmp_path / "home" / "site" / "index.html").exists()


def test_a_missing_folder_is_named_with_what_to_do(monkeypatch, capsys, tmp_path) -> None:
    """Exit status 2: the call was wrong, not a file."""
    assert run(monkeypatch, "publish", tmp_path / "nowhere") == 2
    assert "pressrun init" in capsys.readouterr().err


def test_check_prints_findings_as_text_and_as_json(monkeypatch, capsys, content) -> None:
    """Nothing is written; errors exit with 1."""
    (content / "bad.md").write_text(BAD)
    assert run(monkeypatch, "check", content) == 1
    assert "bad.md:3: " in capsys.readouterr().out
    assert run(monkeypatch, "check", content, "--format", "json") == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["file"], finding["line"], finding["severity"]) == ("bad.md", 3, "error")
    assert sorted(path.name for path in content.iterdir()) == ["bad.md", "hello.md"]


def test_a_new_publication_can_be_published_at_once(monkeypatch, capsys, tmp_path) -> None:
    """`init` makes a folder that `check` has nothing to say against."""
    folder = tmp_path / "my new"
    assert run(monkeypatch, "init", folder, "--title", 'The "Quoted" Times') == 0
    assert f"pressrun serve '{folder}'" in capsys.readouterr().out.replace("\n", "")
    assert run(monkeypatch, "check", folder) == 0
    assert "Nothing to mend" not in capsys.readouterr().err
    assert run(monkeypatch, "publish", folder, "--home", tmp_path / "home") == 0
    assert "The &#34;Quoted&#34; Times" in (tmp_path / "home/site/index.html").read_text()
    assert "Nothing has been read yet." in (tmp_path / "home/site/popular/index.html").read_text()


def test_init_never_writes_into_a_folder_that_is_not_empty(monkeypatch, capsys, content) -> None:
    """What is there stays as it is."""
    assert run(monkeypatch, "init", content) == 2
    assert [path.name for path in content.iterdir()] == ["hello.md"]


def test_doctor_says_what_is_missing(monkeypatch, capsys, content, tmp_path) -> None:
    """On AWS it names the variables; at home it hints at settings."""
    for name in ("CONTENT_BUCKET", "SITE_BUCKET", "TABLE", "QUEUE_URL"):
        monkeypatch.delenv(f"PRESSRUN_{name}", raising=False)
    assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 0
    assert "pressrun.toml" in capsys.readouterr().out
    (content / "pressrun.toml").write_text('url = "https://example.org/blog"')
    assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 0
    assert "write `Sitemap: https://example.org/blog/sitemap.xml` there" in capsys.readouterr().out
    assert run(monkeypatch, "doctor", content, "--target", "aws") == 1
    shown = capsys.readouterr().out
    assert "PRESSRUN_SITE_BUCKET is not set" in shown and "own: links" not in shown
    (content / "pressrun.toml").write_text('url = "http://127.0.0.1:8000"')
    run(monkeypatch, "doctor", content, "--target", "aws")
    assert "own: links in feeds and mails would lead nowhere" in capsys.readouterr().out


def test_doctor_names_variables_that_nothing_reads(monkeypatch, capsys, content, tmp_path) -> None:
    """A mistyped variable changes nothing, and would say so nowhere else."""
    for name in [name for name in os.environ if name.startswith("PRESSRUN_")]:
        monkeypatch.delenv(name)  # such as those that the tests read
    for name in (
        "PRESSRUN_TITEL",
        "PRESSRUN_TITLE",
        "PRESSRUN_FEED__ENTRIES",
        "PRESSRUN_STACK",
        "PRESSRUN_XYZ",
    ):
        monkeypatch.setenv(name, "7")
    assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 0
    said = [line[5:] for line in capsys.readouterr().out.splitlines() if "nothing reads" in line]
    assert said[0] == "nothing reads PRESSRUN_TITEL; did you mean PRESSRUN_TITLE?"
    assert len(said) == 2
    assert "PRESSRUN_XYZ" in said[1]


def test_doctor_greets_the_mail_server(monkeypatch, capsys, content, tmp_path) -> None:
    """It is sent nothing; where nobody answers, that is said."""
    monkeypatch.setenv("PRESSRUN_MAILER", "smtp")
    with serving(post := Post()):
        monkeypatch.setenv("PRESSRUN_SMTP_URL", f"smtp://127.0.0.1:{post.port}")
        assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 0
    assert "which answers" in capsys.readouterr().out
    assert post.counts["ehlo"] and not post.counts["mail"]
    assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 1
    assert "mailer: " in capsys.readouterr().out


def test_the_environment_overrides_settings(monkeypatch, capsys, content, tmp_path) -> None:
    """PRESSRUN_TITLE is the publication's title, whatever the file says."""
    monkeypatch.setenv("PRESSRUN_TITLE", "From outside")
    monkeypatch.setenv("PRESSRUN_FEED__ENTRIES", "7")
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 0
    assert "From outside" in (tmp_path / "home/site/hello/index.html").read_text()


def test_long_work_is_shared_by_processes_with_the_same_result(
    monkeypatch, capsys, content, tmp_path
) -> None:
    """Two processes write the bytes that one writes."""
    for number in range(310):
        text = f"---\ntitle: T{number}\ndate: 2026-{number % 9 + 1:02}-11\ntags: [t{number % 5}]\n---\nText {number}.\n"
        (content / f"{number}.md").write_text(text)
    for jobs in (1, 2):
        assert run(monkeypatch, "publish", content, "--home", tmp_path / str(jobs), "--jobs", jobs) == 0
    one, two = (
        {
            str(p.relative_to(tmp_path / jobs)): p.read_bytes()
            for p in (tmp_path / jobs / "site").rglob("*")
            if p.is_file()
        }
        for jobs in ("1", "2")
    )
    assert one == two
    assert len(one) > 400


def test_check_blames_the_file_that_publish_refuses(monkeypatch, capsys, content, tmp_path) -> None:
    """Whoever was published first keeps the address, whatever the files are called; a draft wants none."""
    (content / "a.md").write_text(GOOD.replace("date:", "slug: hello\ndate:"))
    (content / "draft.md").write_text(GOOD.replace("date:", "slug: hello\ndraft: true\ndate:"))
    assert run(monkeypatch, "check", content, "--home", tmp_path / "home") == 1
    assert capsys.readouterr().out.startswith("hello.md:1: /hello/ is the address of a.md already")
    (content / "a.md").unlink()
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 0
    (content / "a.md").write_text(GOOD.replace("date:", "slug: hello\ndate:"))
    capsys.readouterr()
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 1
    refused = capsys.readouterr().err
    assert run(monkeypatch, "check", content, "--home", tmp_path / "home") == 1
    assert refused.startswith("a.md:3: /hello/ is the address of hello.md already")
    assert capsys.readouterr().out.startswith(refused)


def test_a_wrong_variable_is_refused_until_it_is_right(monkeypatch, capsys, content, tmp_path) -> None:
    """The settings in force stay so, and nothing is left to be said once it is right."""
    home = tmp_path / "home"
    assert run(monkeypatch, "publish", content, "--home", home) == 0
    monkeypatch.setenv("PRESSRUN_URL", "nonsense")
    for _ in range(2):
        assert run(monkeypatch, "publish", content, "--home", home) == 1
        assert capsys.readouterr().err.startswith("$PRESSRUN_URL: ")
    monkeypatch.delenv("PRESSRUN_URL")
    assert run(monkeypatch, "publish", content, "--home", home) == 0
    assert not list((home / "errors").iterdir())


@pytest.mark.parametrize("home", ["file", "file/below", "/proc/here"])
@pytest.mark.parametrize("command", ["publish", "serve"])
def test_a_home_that_cannot_be_written_is_named(
    monkeypatch, capsys, content, tmp_path, command: str, home: str
) -> None:
    """In a sentence, with what to do."""
    (tmp_path / "file").write_text("")
    assert run(monkeypatch, command, content, "--home", tmp_path / home) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert str(tmp_path / home) in said
    assert "with --home" in said
    assert "Errno" not in said
    assert run(monkeypatch, "check", content, "--home", tmp_path / home) == 0
    if home.startswith("file"):
        assert run(monkeypatch, "doctor", content, "--home", tmp_path / home) == 1


def test_what_is_not_read_is_named(monkeypatch, capsys, content, tmp_path) -> None:
    """Links out of the folder, links to folders, pipes; hidden names are the editor's own."""
    (tmp_path / "elsewhere.md").write_text(GOOD)
    (content / "out.md").symlink_to(tmp_path / "elsewhere.md")
    (content / "nowhere.png").symlink_to("gone.png")
    (content / "more").symlink_to(tmp_path)
    (content / "same.png").symlink_to("hello.md")
    for name in ("pipe.md", "pressrun.toml", "_pipe.md", ".pipe"):
        os.mkfifo(content / name)
    named = ["more", "nowhere.png", "out.md", "pipe.md", "pressrun.toml"]
    assert run(monkeypatch, "check", content, "--home", tmp_path / "home") == 0
    found = [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()]
    assert found == [*named, "same.png", "0 errors, 6 warnings"]
    assert run(monkeypatch, "publish", content, "--home", tmp_path / "home") == 0
    assert [line.partition(": ")[0] for line in capsys.readouterr().err.splitlines()] == named
    assert run(monkeypatch, "doctor", content, "--home", tmp_path / "home") == 0
