"""Cards of titles: which article has one, and when it is drawn.

A card stands at an address of its own as long as its article stands at its; its mark in a link's query says what it
shows, so that networks that keep pictures fetch a changed one.
"""

from __future__ import annotations

from pressrun.domain.articles import Article, Image
from pressrun.domain.caching import PAGE_CACHE
from pressrun.domain.markup import SITE
from pressrun.domain.pictures import CARD_SIZE, card_key, wants_card
from pressrun.domain.publication import Publication
from pressrun.ports import Put
from pressrun.rendering.cards import card_mark, draw_card
from pressrun.services.catalogue import Source


def card_of_title(article: Article, publication: Publication) -> Image | None:
    """The card that the article's page is to name; None where it has a picture or there are to be no cards."""
    if not publication.images.cards or not wants_card(article.image):
        return None
    mark = card_mark(article.title, publication.title, publication.images.colour)
    src = f"{SITE}/{card_key(article.path)}?v={mark}"
    return Image(src=src, alt=article.title, width=CARD_SIZE[0], height=CARD_SIZE[1], mark=mark)


def drawn_anew(article: Article, old: Source | None, publication: Publication, *, suspect: bool) -> list[Put]:
    """The article's card, where it is not what was drawn before; `suspect`: what was drawn may not be there."""
    card = article.card
    if card is None:
        return []
    known = old is not None and old.live and (old.drawn, old.path) == (card.mark, article.path)
    if known and not suspect:
        return []
    body = draw_card(article.title, publication.title, publication.images.colour)
    return [Put(key=card_key(article.path), body=body, content_type="image/png", cache_control=PAGE_CACHE)]
