"""Activity types: what an activity's fields, states and places in the console are."""

from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import ActivityField, ActivityType


def activity_type(node: Node, stem: str, problems: Problems) -> ActivityType:
    """The type that a document of kind `activity` describes; its name is `stem`, that of its file."""
    name = node.word("name", stem)
    if name != stem:
        problems.add(
            node.value["name"],
            "E053",
            f"the activity type `{name}` stands in {stem}.yaml",
            f"name the file {name}.yaml",
        )
    fields = {key: _field(key, child) for key, child in node.entries("fields").items() if child.is_map}
    for key, child in node.entries("fields").items():
        grey = child.child("greyIf")
        if grey is not None and isinstance(grey.value, str) and grey.value not in fields:
            problems.unknown(grey, "E064", "field", set(fields) - {key})
    states = node.texts("states")
    shows = tuple(element.plain for element in node.elements("shows"))
    for element in node.elements("shows"):
        for state in element.elements("states"):
            if state.value not in states:
                problems.unknown(state, "E068", "state", states)
    return ActivityType(
        name=stem,
        label=node.word("label", name),
        category=node.word("category", "other"),
        date_label=node.text("date", "label") or "Date",
        states=states,
        shows=shows,
        fields=fields,
    )


def _field(name: str, node: Node) -> ActivityField:
    return ActivityField(
        label=node.word("label", name),
        type=node.word("type", "string"),
        unit=node.text("unit"),
        grey_if=node.text("greyIf"),
        about=node.word("about", ""),
        elements=tuple(node.entries("fields")),
    )
