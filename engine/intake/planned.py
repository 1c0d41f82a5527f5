"""A plan that was kept: the files it saw, what they were to bring, and what all of it stood on.

Pure: says what has changed since, never looks itself. Holds no customer's data.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import orjson

from engine.effect import Effect
from engine.errors import FeedError
from engine.intake.names import escaped, unescaped
from engine.language import fingerprint
from engine.model import DeliveryReport, Feed, Issue, Value
from engine.store.journal import Entry, counted
from transports.base import RemoteFile

VERSION = 1
_ID = 10  # hex digits: enough for what lies in one folder
_WORDS = {"mapping": "how records are mapped", "guards": "its guards", "transport": "its transport"}


class PlanUnreadable(FeedError):
    """What was given as a plan is none that this engine has written."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file as it was seen. `counts` are those of a Tally that are not zero."""

    name: str  # escaped
    size: int | None
    modified: float | None
    sha256: str  # "" where it was not fetched, for its size
    state: str
    counts: Mapping[str, int]

    def is_of(self, entry: Entry) -> bool:
        """Whether this is what a run has now fetched."""
        return (entry.name, entry.sha256 or "") == (self.name, self.sha256)


@dataclass(frozen=True, slots=True)
class Plan:
    feed: str
    made: str
    definition: Mapping[str, str]  # hashes, by part
    store: Mapping[str, Value]  # how far the dealer's store had come
    files: tuple[PlannedFile, ...]

    @property
    def id(self) -> str:
        return fingerprint.digest(asdict(self))[:_ID]


def definition(feed: Feed) -> dict[str, str]:
    """What of the definition decides about rows and files, as hashes."""
    return {
        "mapping": feed.mapping_hash,
        "guards": fingerprint.digest(feed.guards),
        "transport": fingerprint.digest(feed.transport),
    }


def planned_file(delivery: DeliveryReport) -> PlannedFile:
    """A file of a trial, as a plan keeps it."""
    seen = delivery.effect or Effect()
    counts = {name: count for name, count in counted(delivery.tally).items() if count}
    return PlannedFile(delivery.name, seen.size, seen.modified, delivery.sha256, delivery.state, counts)


# --- as it is written down -------------------------------------------------------------------


def written(plan: Plan) -> bytes:
    return orjson.dumps({"version": VERSION, "id": plan.id, **asdict(plan)}, option=orjson.OPT_INDENT_2) + b"\n"


def read(content: bytes) -> Plan:
    """Raises PlanUnreadable for anything but what `written` gave, also where a person has edited it."""
    try:
        found = orjson.loads(content)
        version = found["version"]
        if version != VERSION:
            raise PlanUnreadable(f"expected a plan of version {VERSION}, found version {version!r}; make a new one")
        files = tuple(PlannedFile(**file) for file in found["files"])
        plan = Plan(found["feed"], found["made"], found["definition"], found["store"], files)
        intact = plan.id == found["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise PlanUnreadable("this is no plan that `feeds plan` has saved; make a new one") from error
    if not intact:
        raise PlanUnreadable("this plan has been edited since it was saved, or is damaged; make a new one")
    return plan


def is_id(text: str) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{_ID}}}", text) is not None


# --- what has changed since ------------------------------------------------------------------


def redefined(plan: Plan, feed: Feed) -> Iterator[Issue]:
    """The definition is no longer the one that was planned with."""
    now = definition(feed)
    changed = [_WORDS[name] for name in now if plan.definition.get(name) != now[name]]
    if changed:
        yield _refusal("plan.definitionChanged", f"the definition has changed since: {' and '.join(changed)}")


def moved_on(plan: Plan, position: Mapping[str, Value]) -> Iterator[Issue]:
    """The dealer's store is no longer what the counts were made against."""
    if plan.store == position:
        return
    if plan.store.get("repairs") != position["repairs"]:
        yield _refusal("plan.storeChanged", "rows in quarantine have been corrected since, so the counts may differ")
    else:
        text = f"the dealer's store has moved on: delivery {position['delivery']} was stored since"
        yield _refusal("plan.storeChanged", f"{text}, so the counts may differ")


def left_over(unfinished: Sequence[Entry], states: Collection[str]) -> Iterator[Issue]:
    """An earlier run has left deliveries of which the plan knows nothing."""
    names = ", ".join(entry.name for entry in unfinished if entry.state in states)
    if names:
        yield _refusal("plan.unfinished", f"an earlier run was cut off at {names}: a run without a plan finishes it")


def replaced(plan: Plan, listing: Mapping[str, RemoteFile], waiting: Sequence[RemoteFile]) -> Iterator[Issue]:
    """Files that are gone, that are others by now, or that have been taken."""
    new = {escaped(file.name) for file in waiting}
    for file in plan.files:
        there = listing.get(unescaped(file.name))
        if there is None:
            yield _refusal("plan.fileGone", "it is no longer there", file.name)
        elif (there.size, there.modified) != (file.size, file.modified):
            text = f"it was replaced: {file.size} bytes were planned, {there.size} are there, or its time is another"
            yield _refusal("plan.fileReplaced", text, file.name)
        elif file.name not in new:
            yield _refusal("plan.fileTaken", "a run has taken it since", file.name)


def other_content(name: str) -> Issue:
    """A file that kept its size and time, and not its bytes; or that went away while it was fetched."""
    text = "its content is not what was planned; it was left where it is, and so were the files after it"
    return _refusal("plan.fileReplaced", text, name)


def unsettled(plan: Plan, still: Collection[str]) -> Iterator[Issue]:
    for file in plan.files:
        if file.name not in still:
            yield _refusal(
                "plan.fileUnsettled", "it is still being written, or has not stood still for `settle`", file.name
            )


def differing(plan: Plan, deliveries: Sequence[DeliveryReport]) -> Iterator[Issue]:
    """Where a run came to other counts than its plan, which nothing above has foreseen."""
    wanted = {file.name: file.counts for file in plan.files}
    for delivery in deliveries:
        if delivery.name in wanted and planned_file(delivery).counts != wanted[delivery.name]:
            yield Issue("plan.countsDiffer", "it did not come to the counts of the plan", delivery=delivery.name)


def _refusal(code: str, text: str, name: str | None = None) -> Issue:
    return Issue(code, f"{text}; make a new plan with `feeds plan`", "error", delivery=name)
