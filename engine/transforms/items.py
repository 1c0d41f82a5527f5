"""An object as a list of its entries."""

from engine.errors import RecordError
from engine.model import Value


def transform(value: Value) -> list[dict[str, Value]]:
    """`{"a": 1}` is `[{"key": "a", "value": 1}]`, in the order sent."""
    if not isinstance(value, dict):
        raise RecordError("transform.unsuitable", "`items` takes an object")
    return [{"key": key, "value": item} for key, item in value.items()]
