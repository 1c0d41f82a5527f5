"""The blocks of a feed that are no mapping: transport, schedule, guards, requirements, gates.

Checks what a schema cannot see: patterns, zones, hosts, what a dealer has and has confirmed.
"""

from datetime import date

from engine.language import durations, values
from engine.language.fields import check_pattern, check_zone
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import Dealer, Guards

# Each delivery of these is the whole truth; of the others it is what changed.
FILES = frozenset({"sftp", "ftp", "file"})


def transport(node: Node | None, problems: Problems) -> None:
    """The pattern of the names, the pinned host, and what goes over the network unprotected."""
    if node is None or not node.is_map:
        return
    _filename(node, problems)
    kind = node.text("type")
    pinned = node.child("hostKey")
    if kind == "sftp" and (pinned is None or pinned.value in (None, "")):
        at = node.child("host") or node.value["type"]
        help = "add hostKey: with the server's key (ssh-keyscan prints it; compare it with what the vendor says)"
        problems.add(at, "E071", "the host has no pinned key", help)
    insecure = node.child("insecure")
    if kind == "ftp" and insecure is not None and insecure.value is True:
        problems.add(insecure, "W002", "the password and the files go over the network unprotected", "use FTPS or SFTP")


def schedule(node: Node | None, problems: Problems) -> None:
    if node is None or not node.is_map:
        return
    cron = node.child("cron")
    if cron is not None and isinstance(cron.value, str):
        try:
            values.cron(cron.value)
        except ValueError as error:
            help = "minute hour day month weekday, such as 30 5 * * 1-5"
            problems.add(cron, "E059", f"bad cron line: {error}", help, offset=values.cron_fault(cron.value))
    zone = node.child("timezone")
    if zone is not None and isinstance(zone.value, str):
        check_zone(zone, problems)


def guards(node: Node | None, problems: Problems) -> Guards:
    if node is None:
        return Guards()
    rows = node.number("minRows")
    return Guards(
        max_bad_percent=node.number("maxBadPercent"),
        max_drop_percent=node.number("maxDropPercent"),
        min_rows=None if rows is None else int(rows),
        warn_after=_seconds(node.child("warnAfter"), problems),
        error_after=_seconds(node.child("errorAfter"), problems),
        business_days=node.texts("businessDays"),
    )


def lacking(node: Node, dealer: Dealer, has_webhook: bool) -> tuple[str, ...]:
    """What a part's `requires:` asks for and this dealer's feed does not have, in words."""
    given = node.child("requires")
    if given is None:
        return ()
    missing = [f"the feature `{name}`" for name in given.texts("features") if name not in dealer.features]
    any_of = given.texts("anyFeature")
    if any_of and not dealer.features.intersection(any_of):
        missing.append(f"one of the features {', '.join(f'`{name}`' for name in any_of)}")
    if given.flag("webhook") and not has_webhook:
        missing.append("a webhook trigger that is enabled")
    return tuple(missing)


def has_webhook(definition: Node) -> bool:
    """Reads of every trigger whether it is on: a verdict rests on that for other reasons as well."""
    triggers = [trigger.flag("enabled", default=True) for trigger in definition.elements("triggers")]
    return definition.text("transport", "type") == "webhook" or any(triggers)


def gates(definition: Node, entry: Node, is_enabled: bool, problems: Problems) -> dict[str, dict[str, str | None]]:
    """For `enable` and `retire` each gate with the day it was confirmed, or None."""
    confirmed = entry.entries("confirmed")
    found: dict[str, dict[str, str | None]] = {}
    for when, node in definition.entries("gates").items():
        found[when] = {each.value: None for each in node.elements() if isinstance(each.value, str)}
    for name, node in confirmed.items():
        if not any(name in names for names in found.values()):
            problems.unknown(
                node, "E077", "gate", {key for names in found.values() for key in names}, name=name, key=True
            )
            continue
        try:
            day = date.fromisoformat(str(node.value)).isoformat()
        except ValueError:
            problems.add(node, "E078", f"`{name}` is confirmed with something that is no day", "write it as 2022-01-31")
            continue
        for names in found.values():
            if name in names:
                names[name] = day
    at = entry.child("uses") or entry
    for name, confirmed_on in found.get("enable", {}).items():
        if is_enabled and confirmed_on is None and name not in confirmed:
            problems.add(
                at, "W001", f"the gate `{name}` is not confirmed", f"when it is: confirmed: {{{name}: 2022-01-31}}"
            )
    return found


def _filename(node: Node, problems: Problems) -> None:
    filename = node.child("filename")
    if filename is None and node.flag("regex"):
        return  # it goes by another name: told already
    groups: tuple[str, ...] = ()
    if filename is not None and node.flag("regex"):
        heard = Problems()
        groups = check_pattern(filename, heard)
        problems.take(heard.findings)
        if heard.findings:
            return  # which groups it was to have is not known
    order = node.child("order")
    if order is not None and isinstance(order.value, str) and order.value not in ("name", "modified", *groups):
        problems.unknown(order, "E064", "order", ("name", "modified", *groups))


def _seconds(node: Node | None, problems: Problems) -> int | None:
    if node is None or node.value is None:
        return None
    try:
        return durations.seconds(str(node.value))
    except ValueError as error:
        problems.add(node, "E046", str(error))
        return None
