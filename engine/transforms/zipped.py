"""Values that stand beside each other, put together."""

from engine.errors import RecordError
from engine.model import Value


def transform(value: Value, names: list[str] | None = None) -> Value:
    """With `names`, a list becomes an object: `[1, 2]` by `[id, size]` is `{"id": 1, "size": 2}`.

    Without, an object of lists becomes a list of objects, as long as the longest; what is
    lacking is left out.
    """
    if names is not None:
        if not isinstance(value, list):
            raise RecordError("transform.unsuitable", "`zip` with names takes a list")
        return dict(zip(names, value, strict=False))
    if not isinstance(value, dict) or not all(isinstance(column, list) for column in value.values()):
        raise RecordError("transform.unsuitable", "`zip` takes an object of lists")
    length = max((len(column) for column in value.values()), default=0)
    return [{name: column[at] for name, column in value.items() if at < len(column)} for at in range(length)]
