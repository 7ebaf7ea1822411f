"""What a customer may wish, suggested and no more."""

from __future__ import annotations

import pytest

from app.threats import wish

WISHES = [
    ("Please delete my account and all my data.", "delete_data", ()),
    ("Stop the SMS and delete my records.", "delete_data", ()),
    ("Remove my number from your database.", "delete_data", ()),
    ("Please take me off the mailing list.", "stop_all", ()),
    ("Stop sending me promotions.", "stop_all", ()),
    ("STOP", "stop_all", ()),
    ("Please don't call me any more.", "stop_specific", ("calls",)),
    ("No more calls and no more SMS, please.", "stop_specific", ("calls", "sms")),
    ("Stop calls and SMS, e-mails are OK.", "stop_specific", ("calls", "sms")),
    ("Turn off the push notifications.", "stop_specific", ("push",)),
    ("Please ignore my deletion request, I changed my mind.", "withdraw", ()),
    ("I want to receive your offers again.", "withdraw", ()),
    ("If you don't delete my account I go to BNM.", "delete_data", ()),
    ("When is my next instalment due?", "other", ()),
    ("Sila padamkan akaun saya.", "delete_data", ()),
    ("Sila hentikan semua promosi.", "stop_all", ()),
    ("jgn call sy lg", "stop_specific", ("calls",)),
    ("tlg stop wasap", "stop_specific", ("whatsapp",)),
    ("xjadi delete", "withdraw", ()),
    ("请删除我的账户。", "delete_data", ()),
    ("請停止推銷。", "stop_all", ()),
    ("不要再打电话给我。", "stop_specific", ("calls",)),
    ("不用删除了。", "withdraw", ()),
    ("என் கணக்கை நீக்குங்கள்.", "delete_data", ()),
    ("விளம்பரங்களை நிறுத்துங்கள்.", "stop_all", ()),
    ("என்னை அழைக்க வேண்டாம்.", "stop_specific", ("calls",)),
    ("En account delete pannunga.", "delete_data", ()),
    ("Promo niruthunga.", "stop_all", ()),
]


@pytest.mark.parametrize(("text", "intent", "channels"), WISHES)
def test_a_wish_is_suggested(text: str, intent: str, channels: tuple[str, ...]) -> None:
    assert wish.suggest(text) == wish.Wish(intent, channels)  # type: ignore[arg-type]
