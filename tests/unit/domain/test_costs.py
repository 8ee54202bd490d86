"""The calculator, against the example that the project's price was reckoned with."""

from __future__ import annotations

import pytest

from pressrun.domain.costs import LIST_PRICES, Usage, estimate

BLOG = Usage(subscribers=10_000, issues=52 / 12, views=1_000_000, articles=500, uploads=60)


def test_a_weekly_newsletter_of_ten_thousand_costs_what_its_mails_cost() -> None:
    """4.33 dollars of it are SES; all of the rest is about half as much."""
    prices = {line.service: line.price for line in estimate(BLOG, LIST_PRICES)}
    assert prices["SES"] == pytest.approx(4.33, abs=0.01)
    assert 5 < sum(prices.values()) < 7.5


def test_a_price_that_is_replaced_counts() -> None:
    dear = estimate(BLOG, {**LIST_PRICES, "ses.thousand": 1.0})
    assert dear[0].price == pytest.approx(43.33, abs=0.01)


def test_nothing_that_is_free_makes_the_bill_smaller_than_zero() -> None:
    lines = estimate(Usage(subscribers=0, issues=0, views=0, uploads=0, feed_requests=0), LIST_PRICES)
    assert all(line.price >= 0 for line in lines)
    assert sum(line.price for line in lines) < 3


def test_without_what_is_free_everything_costs_more() -> None:
    with_free, without = estimate(BLOG, LIST_PRICES), estimate(BLOG, LIST_PRICES, free=False)
    assert all(a.price <= b.price for a, b in zip(with_free, without, strict=True))
    assert sum(line.price for line in without) > 10
