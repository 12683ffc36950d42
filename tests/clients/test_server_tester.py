"""caldav-server-tester: no feature may be worse than with stock Radicale."""

from __future__ import annotations

import pytest

from tests.clients import compatibility
from tests.clients.servers import Served, reference_radicale


@pytest.fixture(scope="session")
def stock_grades(tmp_path_factory: pytest.TempPathFactory) -> compatibility.Grades:
    """What the program finds on stock Radicale with its own file storage."""
    with reference_radicale(tmp_path_factory.mktemp("stock")) as stock:
        return compatibility.grades(stock, stock.account("practitioner"))


def test_no_feature_is_worse_than_stock(served: Served, stock_grades: compatibility.Grades) -> None:
    ours = compatibility.grades(served, served.account("practitioner", 1))
    assert compatibility.surprises(stock_grades, ours) == {}
    if served.name == "application":
        assert compatibility.PAGE.read_text("utf-8") == compatibility.page(stock_grades, ours)


def test_a_further_fall_of_a_feature_known_to_be_lower_is_found() -> None:
    name, (grade, _) = next(iter(compatibility.LOWER.items()))
    lower = {feature: pinned for feature, (pinned, _) in compatibility.LOWER.items()}
    stock = dict.fromkeys([*lower, "search.any-new-todo-feature"], "full")
    ours = {**lower, "search.any-new-todo-feature": "full"}
    assert grade != "unknown" and compatibility.surprises(stock, ours) == {}
    for feature, fallen in ((name, "unknown"), (name, "full"), ("search.any-new-todo-feature", "quirk")):
        assert compatibility.surprises(stock, {**ours, feature: fallen}) == {feature: ("full", fallen)}
