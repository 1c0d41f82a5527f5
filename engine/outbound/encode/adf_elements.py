"""The elements of ADF 1.0 as data: what stands in which, in which order, and with which attributes. Writes nothing."""

from collections.abc import Mapping

# Children in the order in which they have to stand: `?` at most once, `*` any number, `+` at least once, else once.
# What is not named here holds text.
_CONTENT = {
    "prospect": "id* requestdate vehicle+ customer vendor provider?",
    "vehicle": "id* year make model vin? stock? trim? doors? bodystyle? transmission? odometer? condition? "
    "colorcombination* imagetag? price? pricecomments? option* finance? comments?",
    "colorcombination": "interiorcolor? exteriorcolor? preference?",
    "option": "optionname manufacturercode? stock? weighting? price?",
    "finance": "method amount+ balance?",
    "customer": "contact id* timeframe? comments?",
    "timeframe": "description? earliestdate? latestdate?",
    "vendor": "id* vendorname url? contact",
    "provider": "id* name service? url? email? phone? contact?",
    "contact": "name+ email? phone* address?",  # and one of email and phone
    "address": "street+ apartment? city? regioncode? postalcode? country?",
}


def _child(word: str) -> tuple[str, str]:
    return (word[:-1], word[-1]) if word[-1] in "?*+" else (word, "")


CONTENT: Mapping[str, tuple[tuple[str, str], ...]] = {
    name: tuple(_child(word) for word in words.split()) for name, words in _CONTENT.items()
}

_ANY: tuple[str, ...] = ()
_YES_OR_NO = ("0", "1")
# The words that an attribute may hold; none where it holds any text.
ATTRIBUTES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "prospect": {"status": ("new", "resend")},
    "vehicle": {"interest": ("buy", "lease", "sell", "trade-in", "test-drive"), "status": ("new", "used")},
    "odometer": {"status": ("unknown", "rolledover", "replaced", "original"), "units": ("km", "mi")},
    "imagetag": {"width": _ANY, "height": _ANY, "alttext": _ANY},
    "price": {
        "type": ("quote", "offer", "msrp", "invoice", "call", "appraisal", "asking"),
        "currency": _ANY,
        "delta": ("absolute", "relative", "percentage"),
        "relativeto": ("msrp", "invoice"),
        "source": _ANY,
    },
    "amount": {
        "type": ("downpayment", "monthly", "total"),
        "limit": ("maximum", "minimum", "exact"),
        "currency": _ANY,
    },
    "balance": {"type": ("finance", "residual"), "currency": _ANY},
    "name": {"part": ("surname", "first", "middle", "last", "full"), "type": ("business", "individual")},
    "email": {"preferredcontact": _YES_OR_NO},
    "phone": {
        "type": ("voice", "fax", "cellphone", "pager"),
        "time": ("morning", "afternoon", "evening", "nopreference", "day"),
        "preferredcontact": _YES_OR_NO,
    },
    "address": {"type": ("work", "home", "delivery")},
    "street": {"line": _ANY},
    "id": {"sequence": _ANY, "source": _ANY},
}

# Elements of which there are several that one attribute tells apart: `name.first` is <name part="first">.
TOLD_BY: Mapping[str, str] = {"name": "part", "phone": "type", "street": "line", "amount": "type", "id": "source"}

# What has to stand there, and may be empty: a lead without a vehicle, a street or a name is a lead.
MAY_BE_EMPTY = frozenset({"year", "make", "model", "street", "name"})
