"""The bundle: what it leaves out is missed by nothing, its bytes are the same each time, and its weight has limits."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import xform_name

from infra import bundle as making
from infra.trim import CALLS
from tests.infra.made import bundle
from tests.infra.templates import ROOT

# Each prints, for some tags of languages, all that a page says in that language's own way.
SAID = """
import json, sys
from datetime import date
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.localedata import locale_identifiers
from pressrun.rendering.words import locale_for, Words

def said(tag):
    locale = locale_for(tag)
    words = Words(locale, {})
    days = [date(2026, month, 5 * (month % 5) + 1) for month in range(1, 13)] + [date(1868, 2, 29)]
    return [
        str(locale), locale.get_display_name(), locale.text_direction,
        [words.number(n) for n in (7, 1234, 1234567, -98765)], [words.size(n) for n in (1, 2_500_000, 10**10)],
        [locale.plural_form(n) for n in (0, 1, 2, 3, 5, 11, 21, 100, 1000000)],
        [format_list(["a", "b", "c"][:n], locale=locale) for n in (1, 2, 3)],
        [format_skeleton(s, day, locale=locale) for s in ("yMMMM", "MMMd") for day in days],
        [format_date(day, s, locale=locale) for s in ("LLLL", "short", "medium", "long", "full") for day in days],
    ]

tags = sys.argv[1:] or sorted(tag.replace("_", "-") for tag in locale_identifiers())
print(json.dumps({tag: said(tag) for tag in tags}))
"""
MARKED = """
from pygments.lexers import get_all_lexers
from pressrun.parsing.highlight import _lexer
print(sorted((alias, len(list(_lexer(alias)("x = 1 # y")))) for _, aliases, _, _ in get_all_lexers(plugins=False)
             for alias in aliases[:1]))
"""

PICTURED = """
import io
from hashlib import sha256
from PIL import Image
from pressrun.rendering.pictures import encode
for form in ("JPEG", "PNG", "WEBP"):
    file = io.BytesIO()
    bands = [Image.linear_gradient("L").resize((900, 700)).rotate(turn) for turn in (0, 90, 200)]
    Image.merge("RGB", bands).save(file, form)
    made = encode(file.getvalue(), f"image/{form.lower()}", 900, 700)
    print(form, made.suffix, *(sha256(body).hexdigest() for body in (*made.webp.values(), made.plain)))
"""
CARDED = """
from hashlib import sha256
from pressrun.rendering.cards import draw_card
for title in ("A tide table", "Приливы, œuvre, Größe", "潮汐表"):
    print(sha256(draw_card(title, "Slack Water", "#a3124a")).hexdigest())
"""


def run(program: str, *arguments: str, bundled: bool, layered: bool = False) -> str:
    """What a program prints with the bundle, its layer or not, alone on its path; or with what is installed here."""
    folder = bundle().with_suffix("")
    path = [folder] if bundled else [ROOT]
    path += [making.pictures_of(folder) / "python"] if layered else []
    bare = ["-S"] if bundled else []
    done = subprocess.run(
        [sys.executable, *bare, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_bundle_speaks_as_the_installed_package_does() -> None:
    """Dates, numbers, lists, plurals and names of languages, in several scripts and with regions."""
    tags = ("en", "de-AT", "fr", "pt-BR", "zh-Hant", "ar", "th", "sr-Latn", "es-MX", "no-such")
    assert json.loads(run(SAID, *tags, bundled=True)) == json.loads(run(SAID, *tags, bundled=False))


def test_the_bundle_makes_the_same_pictures() -> None:
    """JPEG, PNG and WebP, of which each is a library of its own."""
    assert run(PICTURED, bundled=True, layered=True) == run(PICTURED, bundled=False)


def test_the_bundle_draws_the_same_cards() -> None:
    """With its own font, and the libraries that draw it."""
    assert run(CARDED, bundled=True, layered=True) == run(CARDED, bundled=False)


@pytest.mark.slow
def test_the_bundle_speaks_every_language_and_marks_all_code() -> None:
    """Of all that Babel and Pygments know."""
    assert json.loads(run(SAID, bundled=True)) == json.loads(run(SAID, bundled=False))
    assert run(MARKED, bundled=True) == run(MARKED, bundled=False)


def test_what_is_called_of_aws_is_described() -> None:
    """No more and no less: infra/trim.py against the drivers that functions have."""
    folder = bundle().with_suffix("") / "pressrun" / "adapters" / "aws"
    drivers = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    called = set(re.findall(r"self\._client\.(\w+)\b(?<!get_paginator)", drivers))
    called |= set(re.findall(r'get_paginator\("(\w+)"\)', drivers))
    assert {xform_name(name) for names in CALLS.values() for name in names} == called


def test_every_handler_starts_from_the_bundle() -> None:
    """With what it imports when it is first called: all that is left of our own modules. None asks for the layer.

    And no text that `dataclasses` writes for our value classes is left to be compiled.
    """
    program = """
import dataclasses, importlib, os, pkgutil, sys
import handlers, pressrun
from handlers.compiled import known
texts, run, ours = known(), dataclasses.exec, []
def noted(text, *names):
    frame = sys._getframe()
    while "cls" not in frame.f_locals:
        frame = frame.f_back
    if frame.f_locals["cls"].__module__.startswith(("handlers.", "pressrun.")):
        ours.append(text in texts)
    run(text, *names)
dataclasses.exec = noted
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
for package in (handlers, pressrun):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
from pressrun.adapters.aws.clients import Clients
clients = Clients()
made = [getattr(clients, name) for name in ("s3", "dynamodb", "sqs", "sns", "sesv2")]
print([len(client.meta.service_model.operation_names) for client in made])
print(len(ours), all(ours), repr(importlib.import_module("pressrun.domain.letters").Quota(per_day=3)))
"""
    operations, compiled = run(program, bundled=True).splitlines()
    assert json.loads(operations) == [len(CALLS[name]) for name in ("s3", "dynamodb", "sqs", "sns", "sesv2")]
    assert re.fullmatch(r"\d{3} True Quota\(per_second=0.0, per_day=3, sent_today=0\)", compiled)


def test_a_bundle_above_its_budget_is_refused(tmp_path: Path) -> None:
    """And what is large in it is named."""
    (tmp_path / "lambda" / "heavy").mkdir(parents=True)
    (tmp_path / "lambda" / "heavy" / "words.py").write_bytes(b"x" * 2_000_000)
    (tmp_path / "lambda" / "light.py").write_bytes(b"x")
    folder, archive = tmp_path / "lambda", tmp_path / "lambda.zip"
    making.pack(folder, archive)
    making.check(folder, archive, (3_000_000, 3_000_000))
    for budget, shown in (((1, 9_000_000), "2.0 MB of 1e-06"), ((9_000_000, 1), "zipped 0.0 of 1e-06")):
        with pytest.raises(making.TooLargeError) as refused:
            making.check(folder, archive, budget)
        assert shown in str(refused.value)
        assert "heavy 2.0, light.py 0.0" in str(refused.value)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(making.interpreter(making.PYTHON) is None, reason=f"needs Python {making.PYTHON}")
def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    """In other folders, at other times, with other file times; and a budget that is passed leaves nothing to deploy."""
    first, second = tmp_path / "here", tmp_path / "far" / "away"
    for clone in (first, second):
        for name in ("pressrun", "handlers", "templates", "infra"):
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, clone)
    for path in second.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    script = second / "infra" / "bundle.py"
    script.write_text(script.read_text("utf-8").replace("\nBUDGET = (", "\nBUDGET = (1 or "), "utf-8")
    made, refused = (
        subprocess.run(
            [sys.executable, clone / "infra" / "bundle.py"],
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        for clone, zone, seed in ((first, "UTC", "1"), (second, "Asia/Tokyo", "2"))
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert refused.returncode == 1
    assert refused.stderr.startswith("lambda is too large: ")
    for name in ("lambda", "lambda-pictures"):
        assert not (second / "build" / f"{name}.zip").exists()
        making.pack(second / "build" / name, second / "again.zip")
        assert (first / "build" / f"{name}.zip").read_bytes() == (second / "again.zip").read_bytes()
