"""The publication in force: its settings and templates, kept in the catalogue, loaded once per change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pressrun.config import ENVIRONMENT_PREFIX, SETTINGS_FILE, publication_from, read_settings
from pressrun.domain.publication import Publication
from pressrun.errors import Invalid, NotFound
from pressrun.ports import MAX_ITEM, Item, ObjectStore, Save, Table

if TYPE_CHECKING:
    from pressrun.rendering.theme import Theme

TEMPLATES = "templates/"
_ROW = ("site", "publication")


def is_setting(key: str) -> bool:
    """Whether a file of the content folder configures the publication and is no content itself.

    Variables that override settings are refused by name as files are, as "$PRESSRUN_…".
    """
    return key == SETTINGS_FILE or key.startswith((TEMPLATES, f"${ENVIRONMENT_PREFIX}"))


@dataclass(frozen=True, kw_only=True)
class Imprint:
    """A publication and the templates that it brings; what pages are made with is made when one is."""

    publication: Publication
    templates: Mapping[str, str]

    @cached_property
    def theme(self) -> Theme:
        """What pages and mails are made with. Raises Invalid where a template is broken."""
        return theme_of(self.publication, self.templates)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that changes what every page looks like."""
        from pressrun.rendering.shipped import fingerprint_of

        return fingerprint_of(self.publication, self.templates)


class Imprints:
    """Loads the imprint; costs one read of the Table where nothing has changed since."""

    def __init__(self, content: ObjectStore, table: Table, overrides: dict[str, str] | None = None) -> None:
        self._content = content
        self._table = table
        self._environment = overrides or {}
        self._loaded: tuple[int, Imprint] | None = None
        self._checked: tuple[bytes, dict[str, str], Item] | None = None  # what was read, and what it came to

    def current(self) -> Imprint:
        """The imprint in force. Raises Invalid where none is yet and the settings in the content are wrong."""
        row = self._table.get(*_ROW)
        if row is None:
            self.refresh()
            row = self._table.get(*_ROW)
            if row is None:  # pragma: no cover - refresh has just written it
                raise NotFound("settings")
        if self._loaded is None or self._loaded[0] != row.version:
            item: Any = row.item
            publication = Publication.from_item(item["publication"])
            self._loaded = (row.version, Imprint(publication=publication, templates=item["templates"]))
        return self._loaded[1]

    @classmethod
    def read(cls, content: ObjectStore, environment: dict[str, str]) -> Imprint:
        """The imprint that the content describes, whatever is in force. Raises Invalid."""
        publication = publication_from(read_settings(_settings(content)), environment)
        templates = _templates(content)
        imprint = Imprint(publication=publication, templates=templates)
        imprint.theme  # noqa: B018 - a broken template is told of here
        return imprint

    def refresh_if_right(self) -> bool:
        """Takes new settings into force where they are right; where none are yet, Invalid says what is wrong."""
        try:
            return self.refresh()
        except Invalid:
            if self._table.get(*_ROW) is None:
                raise
            return False

    def described(self) -> Item:
        """The imprint that the content describes, as it is stored once in force. Raises Invalid."""
        settings, templates = _settings(self._content), _templates(self._content)
        if self._checked is None or self._checked[:2] != (settings, templates):
            publication = publication_from(read_settings(settings), self._environment)
            item: Item = {"publication": publication.to_item(), "templates": {**templates}}
            self._checked = (settings, templates, item)
        return self._checked[2]

    def refresh(self) -> bool:
        """Reads settings and templates from the content; True where they changed.

        Raises Invalid with file and line where they are wrong: the ones in force stay so.
        """
        item: Any = self.described()
        row = self._table.get(*_ROW)
        if row is not None and row.item == item:
            return False
        if item["templates"]:  # what is shipped has been tried
            from pressrun.rendering.rehearsal import rehearse

            rehearse(theme_of(Publication.from_item(item["publication"]), item["templates"]))
        self._table.write([Save(partition=_ROW[0], sort=_ROW[1], item=item)])
        return True


def theme_of(publication: Publication, templates: Mapping[str, str]) -> Theme:
    """A theme; who only asks for the settings does not pay for it. Raises Invalid."""
    from pressrun.rendering.theme import Theme

    return Theme(publication, templates)


def _settings(content: ObjectStore) -> bytes:
    """The settings file; nothing where there is none."""
    try:
        return content.get(SETTINGS_FILE).body
    except NotFound:
        return b""


def _templates(content: ObjectStore) -> dict[str, str]:
    texts: dict[str, str] = {}
    for stat in content.list(TEMPLATES):
        name = stat.key.removeprefix(TEMPLATES)
        if not name.startswith(("web/", "email/", "words/")):
            continue
        try:
            texts[name] = content.get(stat.key).body.decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid.at(stat.key, 0, "is not UTF-8", "save it as UTF-8", code="encoding") from None
        except NotFound:
            continue
    if sum(map(len, texts.values())) > MAX_ITEM // 2:
        todo = f"keep them under {MAX_ITEM // 2:,} bytes in all"
        raise Invalid.at(TEMPLATES, 0, "templates are too large", todo, code="size")
    return texts
