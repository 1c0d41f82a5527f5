"""Leads as ADF: valid whatever is in them, read back as they were, in the dialect that a receiver wants."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from engine.errors import EncodeError
from engine.outbound.encode import encode, encode_many
from tests.encode.hostile import strings

DTD = etree.DTD(str(Path(__file__).parent / "adf.dtd"))
ADF = {"format": "adf"}
# What XML 1.0 cannot hold, said in another way than the encoder does.
NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def lead(**prospect: Any) -> dict[str, Any]:
    whole = {
        "id": {"value": "L-1", "sequence": 1, "source": "icc"},
        "requestdate": "2022-01-31T15:30:20-08:00",
        "vehicle": {"interest": "buy", "status": "new", "year": 2022, "make": "Wanderbird", "model": "29RLS"},
        "customer": {"contact": {"name": {"first": "Robin", "last": "Vale"}, "email": "robin.vale@example.com"}},
        "vendor": {"vendorname": "Acme RV", "contact": {"name": "Acme RV", "phone": "+15555550199"}},
    }
    return {"prospect": {**whole, **prospect}}


def written(fields: dict[str, Any], **how: Any) -> str:
    """What is inside the prospect, without its required neighbours."""
    return encode(fields, {**ADF, **how}).body.decode()


def read(body: bytes) -> Any:
    """The document, valid."""
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, huge_tree=True))
    assert DTD.validate(root), DTD.error_log.filter_from_errors()
    return root


def test_a_lead_is_this_document() -> None:
    assert written(lead()) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<?adf version="1.0"?>\n'
        '<adf><prospect><id sequence="1" source="icc">L-1</id><requestdate>2022-01-31T15:30:20-08:00</requestdate>'
        '<vehicle interest="buy" status="new"><year>2022</year><make>Wanderbird</make><model>29RLS</model></vehicle>'
        '<customer><contact><name part="first">Robin</name><name part="last">Vale</name>'
        "<email>robin.vale@example.com</email></contact></customer>"
        '<vendor><vendorname>Acme RV</vendorname><contact><name part="full">Acme RV</name>'
        "<phone>+15555550199</phone></contact></vendor></prospect></adf>"
    )


def everywhere(text: str) -> dict[str, Any]:
    """A lead with the text in every element and every attribute that takes any."""
    identity = {"value": text, "sequence": text, "source": text}
    price = {"value": text, "currency": text, "source": text}
    contact = {
        "name": {"first": text, "last": text},
        "email": text,
        "phone": [{"value": text, "type": "fax"}, text],
        "address": {
            **dict.fromkeys(("apartment", "city", "regioncode", "postalcode", "country"), text),
            "street": {"1": text, "2": text},
        },
    }
    plain = ("vin", "stock", "trim", "doors", "bodystyle", "transmission", "condition", "pricecomments", "comments")
    vehicle = {
        **dict.fromkeys(("year", "make", "model", "odometer", *plain), text),
        "id": [identity, identity],
        "colorcombination": dict.fromkeys(("interiorcolor", "exteriorcolor", "preference"), text),
        "imagetag": {"value": text, "width": text, "height": text, "alttext": text},
        "price": price,
        "option": [{"optionname": text, "manufacturercode": text, "stock": text, "weighting": text, "price": price}]
        * 2,
        "finance": {
            "method": text,
            "amount": {"total": {"value": text, "currency": text}, "monthly": text},
            "balance": {"value": text, "currency": text},
        },
    }
    timeframe = dict.fromkeys(("description", "earliestdate", "latestdate"), text)
    return lead(
        id=identity,
        requestdate=text,
        vehicle=vehicle,
        customer={"contact": contact, "id": text, "timeframe": timeframe, "comments": text},
        vendor={"id": text, "vendorname": text, "url": text, "contact": contact},
        provider={
            **dict.fromkeys(("name", "service", "url", "email", "phone"), text),
            "id": {"source": text, "value": text},
            "contact": contact,
        },
    )


_WORDS = {"first", "last", "full", "fax", "total", "monthly", "1", "2"}


def contents(root: Any) -> set[str]:
    """Every text and every attribute of a document, but for the words and numbers that told elements apart."""
    leaves = [each for each in root.iter() if len(each) == 0]
    texts = {each.text or "" for each in leaves}
    return texts | {value for each in root.iter() for value in each.attrib.values()} - _WORDS


def test_all_hostile_strings_are_valid_everywhere_and_come_back_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = strings()
    for text in hostile:
        expected = NO_CHARACTERS.sub("\ufffd", text)
        body = encode(everywhere(text), ADF).body
        # Two parsers: libxml2 and expat.
        assert contents(read(body)) - _WORDS == {expected} - _WORDS, ascii(text)
        assert contents(ET.fromstring(body)) - _WORDS == {expected} - _WORDS, ascii(text)  # noqa: S314  # our own
    with capsys.disabled():
        print(f"\nhostile strings as ADF: {len(hostile)} of 500 valid and read back")
    assert len(hostile) == 500


SCALARS = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans())


def tree(names: list[str]) -> st.SearchStrategy[Any]:
    """Fields of any shape whose names are those of ADF, right or wrong in their place."""
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(names), inner, max_size=4)
        ),
        max_leaves=8,
    )


NAMES = sorted({*(each.name for each in DTD.iterelements()), "value", "type", "part", "first", "source"})
INSIDE = {
    "vehicle": (
        "vin",
        "odometer",
        "colorcombination",
        "price",
        "option",
        "finance",
        "comments",
        "imagetag",
        "interest",
    ),
    "customer": ("id", "timeframe", "comments"),
    "vendor": ("id", "url"),
    "": ("id", "provider", "status"),
}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([(place, name) for place, names in INSIDE.items() for name in names]), tree(NAMES))
def test_whatever_the_fields_are_the_document_is_valid_or_refused_by_name(where: tuple[str, str], value: Any) -> None:
    place, name = where
    fields = lead()
    inside = fields["prospect"][place] if place else fields["prospect"]
    changed = {**inside, name: value}
    fields["prospect"] = {**fields["prospect"], place: changed} if place else changed
    try:
        body = encode(fields, ADF).body
    except EncodeError as error:
        assert error.code.startswith("encode.")
        assert str(error.field).startswith("prospect.")
    else:
        read(body)


# --- what may be left out, and what not -----------------------------------------------------


def test_what_is_blank_is_left_out() -> None:
    blank = {
        "vin": None,
        "stock": "",
        "price": {"value": "", "currency": "USD"},
        "option": [],
        "comments": {"value": None},
    }
    fields = lead(vehicle={**lead()["prospect"]["vehicle"], **blank}, provider={"name": None, "id": [None, ""]})
    assert written(fields) == written(lead())


def test_a_lead_without_a_vehicle_a_street_or_a_name_is_valid() -> None:
    contact = {"phone": {"cellphone": "+15555550101"}, "address": {"city": "Testville"}}
    root = read(encode(lead(vehicle=None, customer={"contact": contact}), ADF).body)
    assert etree.tostring(root.find("prospect/vehicle")) == b"<vehicle><year/><make/><model/></vehicle>"
    assert etree.tostring(root.find("prospect/customer/contact")) == (
        b'<contact><name/><phone type="cellphone">+15555550101</phone>'
        b"<address><street/><city>Testville</city></address></contact>"
    )


CANARY = "Robin-Vale-5550101"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no date": (lead(requestdate=None), "encode.missing", "prospect.requestdate"),
    "nobody to be reached": (
        lead(customer={"contact": {"name": CANARY}}),
        "encode.missing",
        "prospect.customer.contact.email",
    ),
    "no vendor": (lead(vendor=None), "encode.missing", "prospect.vendor.vendorname"),
    "a name that is none": (lead(mobile=CANARY), "encode.name", "prospect.mobile"),
    "a name beside the prospect": ({**lead(), "comments": CANARY}, "encode.name", "comments"),
    "an attribute elsewhere": (
        lead(vehicle={"make": {"value": CANARY, "source": "x"}}),
        "encode.name",
        "prospect.vehicle.make.source",
    ),
    "two dates": (lead(requestdate=[CANARY, "2"]), "encode.repeated", "prospect.requestdate"),
    "parts in a text": (
        lead(vehicle={"comments": {"value": {"a": CANARY}}}),
        "encode.shape",
        "prospect.vehicle.comments",
    ),
    "a word of its own": (lead(status=CANARY), "encode.choice", "prospect.status"),
    "a part of its own": (
        lead(customer={"contact": {"name": {"nick": CANARY}, "email": "a@example.com"}}),
        "encode.choice",
        "prospect.customer.contact.name.part",
    ),
    "money without a method": (
        lead(vehicle={"finance": {"amount": {"total": CANARY}}}),
        "encode.missing",
        "prospect.vehicle.finance.method",
    ),
}


@pytest.mark.parametrize(("fields", "code", "field"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_said_in_adf_is_refused_by_its_name_and_without_its_value(
    fields: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(EncodeError) as raised:
        encode(fields, ADF)
    assert raised.value.code == code
    assert str(raised.value.field).startswith(field)
    assert str(raised.value.field) in str(raised.value)
    assert CANARY not in str(raised.value)


# --- dialects -------------------------------------------------------------------------------


def test_a_receiver_may_want_the_instruction_in_capitals_or_nothing_before_the_document() -> None:
    assert written(lead(), instruction="upper").splitlines()[1] == '<?ADF VERSION="1.0"?>'
    assert written(lead(), instruction="none", declaration=False).startswith("<adf>")
    assert encode(lead(), {**ADF, "media": "text/xml"}).media == "text/xml"
    assert encode(lead(), ADF).media == "application/xml"


def test_a_receiver_may_do_without_what_the_format_wants() -> None:
    fields = lead(vendor={"vendorname": "Acme RV"}, customer={"contact": {"name": "Robin Vale"}}, requestdate=None)
    optional = ["prospect.vendor.contact", "prospect.customer.contact.phone", "prospect.requestdate"]
    root = etree.fromstring(encode(fields, {**ADF, "optional": optional}).body)
    assert root.find("prospect/vendor/contact") is None
    assert root.find("prospect/requestdate") is None


def test_a_receiver_may_have_elements_of_its_own() -> None:
    extra = {"prospect": ["leadtype", "tags"], "prospect.customer.contact": ["nickname"]}
    fields = lead(leadtype="web", tags=["a", "b"])
    fields["prospect"]["customer"]["contact"]["nickname"] = "<Rob>"
    text = written(fields, extra=extra)
    assert "<leadtype>web</leadtype><tags>a</tags><tags>b</tags></prospect>" in text
    assert "<nickname>&lt;Rob&gt;</nickname></contact>" in text
    with pytest.raises(EncodeError, match="leadtype"):
        encode(fields, ADF)


def test_several_leads_are_one_document() -> None:
    root = read(encode_many([lead(), lead(id="L-2")], ADF).body)
    assert [each.findtext("id") for each in root] == ["L-1", "L-2"]
