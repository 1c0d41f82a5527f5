"""One value to one value: the transforms and the types of the feed language, by name.

Never sees a feed, a database or a transport. A transform is `transform(value, **arguments)`; a type
is `reader(**options)`, which gives the function that reads a raw value into its canonical form.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from engine.model import Value
from engine.transforms import (
    add,
    boolean,
    collapse,
    date,
    date_time,
    decimal_,
    digits,
    ensure,
    extract,
    first,
    hash_,
    integer,
    is_blank,
    items,
    last,
    lists,
    lower,
    money,
    multiply,
    not_,
    objects,
    pad_left,
    remove,
    replace,
    split,
    texts,
    title_case,
    trim,
    upper,
    url,
    version,
    vin,
    zipped,
)
from engine.transforms.scalars import over

TRANSFORMS: Mapping[str, Callable[..., Value]] = {
    "trim": over(trim.transform),
    "collapse": over(collapse.transform),
    "lower": over(lower.transform),
    "upper": over(upper.transform),
    "titleCase": over(title_case.transform),
    "remove": over(remove.transform),
    "replace": over(replace.transform),
    "extract": over(extract.transform),
    "split": over(split.transform),
    "first": first.transform,
    "last": last.transform,
    "digits": over(digits.transform),
    "padLeft": over(pad_left.transform),
    "multiply": over(multiply.transform),
    "add": over(add.transform),
    "hash": over(hash_.transform),
    "isBlank": is_blank.transform,
    "not": not_.transform,
    "items": items.transform,
    "zip": zipped.transform,
    "ensure": ensure.transform,
}

# `{remove: '-'}`: the argument that a bare value stands for.
SHORTHAND: Mapping[str, str] = {
    "remove": "text",
    "extract": "pattern",
    "split": "by",
    "padLeft": "width",
    "multiply": "by",
    "add": "number",
    "hash": "algorithm",
    "zip": "names",
}

# Those that say something about a blank; the others are skipped by it.
TAKE_BLANKS = frozenset({"isBlank", "not"})


def _late(module: str) -> Callable[..., Callable[[Value], Value]]:
    """A type whose library is loaded when a feed first has such a field: its tables take a tenth of a second."""

    def reader(**options: Value) -> Callable[[Value], Value]:
        made: Callable[[Value], Value] = import_module(f"engine.transforms.{module}").reader(**options)
        return made

    return reader


TYPES: Mapping[str, Callable[..., Callable[[Value], Value]]] = {
    "string": texts.reader,
    "integer": integer.reader,
    "decimal": decimal_.reader,
    "money": money.reader,
    "boolean": boolean.reader,
    "date": date.reader,
    "dateTime": date_time.reader,
    "phone": _late("phone"),
    "email": _late("email"),
    "vin": vin.reader,
    "url": url.reader,
    "version": version.reader,
    "list": lists.reader,
    "object": objects.reader,
}
