"""Who is sent to the page for reviews: one word in the dealer's file."""

import pytest

from tests.glass.room import REVIEW, Room, invoice, lead


@pytest.mark.parametrize(("word", "linked"), [("always", [True, True]), ("never", [False, False])])
def test_the_dealer_chooses_who_is_asked_for_a_review(shop: Room, word: str, linked: list[bool]) -> None:
    file = shop.home / "feeds" / "dealers" / "glass.yaml"
    shop.write(file.read_text().replace("reviewUrl:", f"reviewLink: {word}\n      reviewUrl:"))
    shop.told(lead(), lead("E-2"), invoice("Smile"), invoice("Frown", order="E-2"))
    assert [REVIEW in each for each in shop.texts.bodies] == linked
