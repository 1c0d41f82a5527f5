"""What the name of a column says about it, by its words. Never looks at a value."""

import re
from collections.abc import Mapping

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

# Folded words of a heading -> our name for it. Longer headings are tried without the words of _WHOSE.
_CONTACT: Mapping[str, str] = {
    **dict.fromkeys(("firstname", "fname", "first", "givenname", "forename", "namefirst"), "firstName"),
    **dict.fromkeys(("lastname", "lname", "last", "surname", "familyname", "namelast"), "lastName"),
    **dict.fromkeys(("middlename", "middleinitial", "middle", "mi"), "middleName"),
    **dict.fromkeys(("suffix", "namesuffix"), "suffix"),
    **dict.fromkeys(("name", "fullname", "displayname"), "name"),
    **dict.fromkeys(
        ("company", "companyname", "business", "businessname", "organization", "organisation", "firm"), "company"
    ),
    **dict.fromkeys(("email", "emailaddress", "mail", "emails", "email1", "emailaddress1"), "email"),
    **dict.fromkeys(
        ("phone", "phonenumber", "phoneno", "telephone", "telephonenumber", "tel", "homephone", "phone1"),
        "phone",
    ),
    **dict.fromkeys(
        ("cell", "cellphone", "mobile", "mobilephone", "cellnumber", "mobilenumber", "mobileno", "workphone", "phone2",
         "businessphone", "dayphone", "eveningphone", "daytimephone", "cellular"),
        "phone",
    ),
    **dict.fromkeys(("street", "address", "address1", "addressline1", "addr", "addr1", "streetaddress"), "street"),
    **dict.fromkeys(("street2", "address2", "addressline2", "addr2", "apt", "unitno"), "street2"),
    **dict.fromkeys(("city", "town", "addresscity"), "city"),
    **dict.fromkeys(("state", "province", "stateprovince", "addressstate"), "state"),
    **dict.fromkeys(("zip", "zipcode", "postalcode", "postcode", "postal", "zippostalcode"), "postalCode"),
    **dict.fromkeys(("country", "countrycode"), "country"),
    **dict.fromkeys(("birthdate", "dateofbirth", "dob", "birthday", "birth"), "birthDate"),
    **dict.fromkeys(("language", "preferredlanguage"), "language"),
}  # fmt: skip
_NUMBERED: Mapping[str, str] = dict.fromkeys(
    ("customerno", "customernumber", "customerid", "custno", "custid", "custnumber", "customercode", "clientid",
     "clientno", "clientnumber", "contactid", "accountnumber", "accountno", "accountid", "customerkey", "buyerid",
     "ownerid"),
    "externalId",
)  # fmt: skip
_PERSONS = frozenset(
    {"customer", "cust", "client", "buyer", "contact", "owner", "purchaser", "soldto", "billto", "guest", "person"}
)
_WHOSE = (*sorted(_PERSONS, key=len, reverse=True), "home", "billing", "mailing", "primary", "main")
_VEHICLE: Mapping[str, str] = {
    **dict.fromkeys(("vin", "vinnumber", "vinno", "serialno", "vehicleid"), "vin"),
    **dict.fromkeys(("plate", "licenseplate", "licenceplate", "plateno", "platenumber", "licenseno", "tag"), "plate"),
    **dict.fromkeys(("platestate", "licensestate", "tagstate"), "plateState"),
    **dict.fromkeys(("year", "modelyear", "yr"), "year"),
    "make": "make",
    **dict.fromkeys(("model", "modelname"), "model"),
    **dict.fromkeys(("trim", "trimlevel"), "trim"),
    **dict.fromkeys(("unittype", "bodytype", "bodystyle"), "unitType"),
    **dict.fromkeys(("mfg", "mfr", "manufacturer"), "manufacturer"),
    **dict.fromkeys(("odometer", "mileage", "miles", "odometerin", "mileagein", "odo", "odometerreading"), "odometer"),
    **dict.fromkeys(("stock", "stockno", "stocknumber", "stk", "stkno"), "stockNumber"),
    **dict.fromkeys(("color", "colour", "exteriorcolor", "exteriorcolour"), "color"),
}
_OF_VEHICLE = ("vehicle", "veh", "unit", "car")

# Somebody who works there: never the contact.
_STAFF = frozenset(
    {"salesperson", "salesman", "salesrep", "rep", "advisor", "adviser", "technician", "tech", "cashier", "employee",
     "user", "manager", "staff", "writer", "agent", "operator", "clerk", "mechanic", "dealer", "dealership", "store",
     "shop", "vendor", "supplier", "location", "branch", "lienholder", "bank", "lender"}
)  # fmt: skip
_MONEY = frozenset(
    {"amount", "total", "subtotal", "price", "cost", "paid", "balance", "tax", "taxes", "payment", "fee", "fees",
     "deposit", "discount", "charge", "charges", "sum", "revenue", "msrp", "financed", "labor", "parts"}
)  # fmt: skip
_NUMBERS = frozenset({"no", "number", "num", "nr", "id", "key", "code", "ref", "reference", "uuid", "guid"})
_DEALS = frozenset(
    {"invoice", "order", "receipt", "ro", "wo", "deal", "ticket", "transaction", "appointment", "sale", "document",
     "estimate", "workorder", "repairorder", "booking", "lead", "quote", "contract", "job", "po"}
)  # fmt: skip
_NOT_WHEN = frozenset(
    {"birth", "dob", "birthday", "due", "expires", "expiry", "expiration", "next", "updated", "modified", "last",
     "final", "promised", "delivery", "warranty", "end", "printed", "synced"}
)  # fmt: skip
_WHEN = (
    {"sold", "sale", "closed", "invoice", "invoiced", "order", "ordered", "receipt", "purchase", "purchased",
     "completed", "appointment", "contract", "deal", "transaction", "service"},
    {"created", "date", "day", "opened", "open", "start", "when", "time", "datetime", "on", "at", "timestamp"},
)  # fmt: skip
_AS_TEXT = _NUMBERS | {"zip", "zipcode", "postal", "postcode", "sku", "plate", "account", "acct", "stock", "upc"}
_DAYS = frozenset(
    {
        "date",
        "day",
        "on",
        "at",
        "time",
        "dob",
        "birthday",
        "datetime",
        "timestamp",
        "when",
        "created",
        "opened",
        "closed",
    }
)


def words(heading: str) -> tuple[str, ...]:
    """The words of a heading in small letters: of `First.Name`, `firstName` and `FIRST_NAME` the same two."""
    parts = heading.replace("#", " no ")
    return tuple(word.casefold() for piece in _WORD.findall(parts) for word in _CAMEL.sub(" ", piece).split())


def person(heading: str) -> str | None:
    """The contact field that a heading names, or None."""
    said = words(heading)
    folded = "".join(said)
    if not said or _STAFF.intersection(said) or "fax" in said or folded.startswith(("sales", "ship")):
        return None
    if folded in _NUMBERED:
        return _NUMBERED[folded]
    if folded in _CONTACT:
        return _CONTACT[folded]
    if folded in _PERSONS:
        return "name"
    for whose in _WHOSE:
        rest = folded.removeprefix(whose).removesuffix(whose)
        if rest != folded and rest in _CONTACT:
            return _CONTACT[rest]
    return None


def unit(heading: str) -> str | None:
    """The vehicle field that a heading names, or None."""
    folded = "".join(words(heading))
    if folded in _VEHICLE:
        return _VEHICLE[folded]
    return next((_VEHICLE[rest] for of in _OF_VEHICLE if (rest := folded.removeprefix(of)) in _VEHICLE), None)


def says_money(heading: str) -> bool:
    return bool(_MONEY.intersection(words(heading)))


def says_text(heading: str) -> bool:
    """Whether digits under it name something and are no quantity: leading zeros count."""
    said = words(heading)
    return bool(_AS_TEXT.intersection(said)) or any(word.endswith(("no", "num", "number")) for word in said[-1:])


def says_phone(heading: str) -> bool:
    return bool({"phone", "cell", "mobile", "tel", "telephone", "cellphone"}.intersection(words(heading)))


def says_email(heading: str) -> bool:
    return "email" in "".join(words(heading))


def says_day(heading: str) -> bool:
    said = words(heading)
    return bool(_DAYS.intersection(said)) or any(word.endswith("date") for word in said)


def says_yes(heading: str) -> bool:
    """Whether 1 and 0 under it mean yes and no."""
    said = words(heading)
    return bool(said) and said[0] in ("is", "has", "can", "allow", "was")


def as_key(heading: str) -> int:
    """How much a heading sounds like the number of what happened: 3 invoice number, 2 invoice, 1 id, 0 not at all."""
    said = set(words(heading))
    folded = "".join(words(heading))
    if person(heading) or unit(heading) or _STAFF & said:
        return 0
    is_deal = bool(_DEALS & said) or any(folded.startswith(deal) for deal in _DEALS if len(deal) > len("po"))
    is_number = bool(_NUMBERS & said) or folded.endswith(("no", "number", "id", "num"))
    if is_deal and not (says_money(heading) or says_day(heading)):
        return 3 if is_number else 2
    return 1 if is_number and len(said) == 1 else 0


def as_date(heading: str) -> int:
    """How much a date under this heading is the day it happened; below 0: rather not."""
    said = set(words(heading))
    if _NOT_WHEN & said or person(heading) == "birthDate":
        return -1
    folded = "".join(words(heading))
    return sum(
        weight
        for weight, group in ((2, _WHEN[0]), (1, _WHEN[1]))
        if group & said or any(word in folded for word in group if len(word) > len("date"))
    )


def name_of(heading: str) -> str:
    """A field's name in camelCase, such as `amountFinanced` of `Amount.Financed`; letters and digits only."""
    plain = [word.encode("ascii", "ignore").decode() for word in words(heading)]
    parts = [word for word in plain if word]
    name = "".join([*parts[:1], *(word[:1].upper() + word[1:] for word in parts[1:])])
    return name if _LETTERS.fullmatch(name) else f"field{name[:1].upper()}{name[1:]}" if name else "field"


def label_of(heading: str) -> str:
    """A heading as a label on the screen."""
    said = [word for piece in _WORD.findall(heading) for word in _CAMEL.sub(" ", piece).split()]
    return " ".join(word if word.isupper() else word[:1].upper() + word[1:] for word in said) or "Field"


def slug(text: str) -> str:
    """Small letters, digits and single dashes."""
    return "-".join(words(text.encode("ascii", "ignore").decode()))
