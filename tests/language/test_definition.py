"""A folder of definitions becomes feeds: what the author wrote is what the mapping is handed."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.deferred import Reference, SecretRef, Template
from engine.language import project
from engine.model import (
    After,
    Column,
    Const,
    Feed,
    FromField,
    Guards,
    Join,
    KeyHash,
    KeyParts,
    StateCase,
    StateRule,
    Text,
)
from tests.language.projects import (
    DEALER,
    FILES,
    GLASS,
    GLASS_DEALER,
    PUSHED,
    SALES,
    SOLD_UNIT,
    changed,
    read,
    shown,
    write,
)


@pytest.fixture
def sales(tmp_path: Path) -> Feed:
    found = read(tmp_path, FILES)
    assert shown(found.findings) == []
    return found.feeds["acme-rv/ids-sales"]


@pytest.fixture
def glass(tmp_path: Path) -> Feed:
    found = read(tmp_path, PUSHED)
    assert shown(found.findings) == []
    return found.feeds["clear-glass/glass-events"]


def feed(folder: Path, sales: str = SALES, dealer: str = DEALER, **others: str) -> Feed:
    """The one feed of a folder, which must have no error."""
    found = read(folder, {**FILES, "vendors/ids/sales.yaml": sales, "dealers/acme-rv.yaml": dealer, **others})
    assert [each for each in found.findings if each.severity == "error"] == []
    (only,) = found.feeds.values()
    return only


class TestOneFeed:
    def test_its_name_is_the_dealer_and_the_path_of_the_definition(self, sales: Feed) -> None:
        assert (sales.id, sales.definition, sales.namespace) == ("acme-rv/ids-sales", "ids/sales", "ids")

    def test_its_transport_has_the_dealers_values_and_open_secrets(self, sales: Feed) -> None:
        assert sales.transport["directory"] == "acme/IDS/"
        assert sales.transport["filename"] == r"_SL\.csv$"
        assert sales.transport["auth"] == {"type": "password", "password": SecretRef("FILES_PASSWORD")}

    def test_its_fields_have_one_source_each(self, sales: Feed) -> None:
        (stream,) = sales.streams
        assert stream.fields["phone"].source == Column(("Phone", "Home.Phone"))
        assert stream.fields["cashPurchase"].source == FromField("amountFinanced")
        assert stream.fields["unit"].source == Join(("mfg", "make", "model", "type"), (), " ")
        assert stream.fields["cashPurchase"].transforms == (("isBlank", {"zero": True}),)
        assert stream.fields["soldDate"].options == {"formats": ["%m/%d/%Y", "%m/%d/%y"]}
        assert stream.fields["soldDate"].required
        assert stream.fields["dealNumber"].optional

    def test_a_field_says_where_it_was_written(self, sales: Feed) -> None:
        line = SALES[: SALES.index("customerNo:")].count("\n") + 1
        assert sales.streams[0].fields["customerNo"].where.endswith(f"vendors/ids/sales.yaml:{line}")

    def test_fields_of_the_same_name_go_to_contact_vehicle_and_activity(self, sales: Feed) -> None:
        (stream,) = sales.streams
        assert stream.contact is not None
        assert dict(stream.contact.values) == {
            **{name: name for name in ("firstName", "lastName", "email", "phone")},
            "externalId": "customerNo",
        }
        assert stream.vehicle is not None
        assert stream.vehicle.values == (("vin", "vin"),)
        assert dict(stream.activities[0].values) == {name: name for name in ("cashPurchase", "term", "unit")}

    def test_the_alternatives_of_a_key_keep_their_order(self, sales: Feed) -> None:
        assert sales.streams[0].activities[0].key == (
            KeyParts(("dealNumber",)),
            KeyParts(("vin", "soldDate")),
            KeyHash(("customerNo", "soldDate", "vin")),
        )

    def test_what_is_not_said_has_the_ruled_default(self, sales: Feed) -> None:
        (stream,) = sales.streams
        assert stream.records.on_duplicate == "quarantine"
        assert stream.contact is not None
        assert stream.contact.match == (("externalId",), ("email", "name"), ("phone", "lastName"))
        assert stream.vehicle is not None
        assert stream.vehicle.match == (("vin",),)
        assert sales.sends_whole

    def test_guards_exports_gates_and_schedule(self, sales: Feed) -> None:
        assert sales.guards == Guards(5.0, 60.0, None, 26 * 3600, 50 * 3600)
        assert sales.excluded == ("leads",)
        assert sales.schedule["every"] == "1h"
        assert sales.gates == {
            "enable": {"dealerPermission": "2022-01-12", "fileNotice": "2022-01-20"},
            "retire": {"contractFollowed": None},
        }

    def test_the_activity_types_are_those_its_streams_name(self, sales: Feed) -> None:
        assert set(sales.activity_types) == {"soldUnit"}
        kind = sales.activity_types["soldUnit"]
        assert (kind.category, kind.date_label, kind.states) == ("sale", "Sold Date", ("recorded", "voided"))
        assert kind.fields["term"].grey_if == "cashPurchase"

    def test_a_paused_feed_keeps_its_definition_and_its_reason(self, tmp_path: Path) -> None:
        paused = feed(tmp_path, dealer=DEALER + "    enabled: false\n    reason: DMS move\n")
        assert (paused.enabled, paused.reason) == (False, "DMS move")

    def test_parameters_are_what_conditions_see_and_hold_no_secret(self, sales: Feed, glass: Feed) -> None:
        assert sales.params == {"folder": "acme", "filename": r"_SL\.csv$"}
        assert glass.params == {"days": 30}


class TestStreams:
    def test_they_stand_in_the_order_of_the_file(self, glass: Feed) -> None:
        assert [stream.name for stream in glass.streams] == ["leads", "appointments", "voids"]
        assert not glass.sends_whole
        assert {stream.records.on_duplicate for stream in glass.streams} == {"last"}

    def test_a_secret_parameter_becomes_the_dealers_own_secret(self, glass: Feed) -> None:
        (rule,) = glass.transport["verify"]
        assert rule["token"] == SecretRef("CLEAR_HOOK")
        assert glass.transport["endpoint"] == "glass/clear-glass"

    def test_a_text_keeps_what_only_a_record_knows(self, glass: Feed) -> None:
        note = glass.streams[0].fields["dueNote"].source
        assert note == Text(Template(("Order ", Reference(("field", "orderId")), " of Clear Glass")))

    def test_set_takes_offsets_from_the_definition_and_from_parameters(self, glass: Feed) -> None:
        later = Template((Reference(("run", "date"), days=30),))
        assert glass.streams[0].activities[0].set == {"dueDate": later, "later": later}
        assert glass.streams[0].activities[0].keep_first == ("dueDate",)

    def test_a_contact_and_an_activity_can_wait_for_another(self, glass: Feed) -> None:
        appointments = glass.streams[1]
        assert appointments.contact is not None
        assert appointments.contact.source == After("lead", ("orderId",), "hold")
        assert appointments.activities[0].after == After("lead", ("orderId",), "hold")

    def test_each_has_fields_of_its_own(self, glass: Feed) -> None:
        spec = glass.streams[2].activities[1]
        assert (spec.each, set(spec.fields)) == ("appointments", {"appointmentId", "start"})
        assert spec.values == (("start", "start"),)
        assert spec.on_none == "ignore"

    def test_a_typed_list_keeps_its_shape(self, glass: Feed) -> None:
        appointments = glass.streams[2].fields["appointments"]
        assert (appointments.by, appointments.keep, set(appointments.fields)) == ("id", ("start",), {"id", "start"})

    @pytest.mark.parametrize(
        ("written", "rule"),
        [
            ("state: recorded", StateRule(cases=(StateCase(None, "recorded"),))),
            (
                "state: [{if: vin, is: voided}, {is: recorded}]",
                StateRule(cases=(StateCase("vin", "voided"), StateCase(None, "recorded"))),
            ),
        ],
    )
    def test_a_state_is_a_word_or_cases_in_order(self, tmp_path: Path, written: str, rule: StateRule) -> None:
        found = feed(tmp_path, changed(SALES, "state: recorded", written))
        assert found.streams[0].activities[0].state == rule

    def test_a_state_is_a_map_with_ranges(self, tmp_path: Path) -> None:
        text = "state: {from: term, map: {0: voided, 1..360: recorded}, else: quarantine}"
        state = feed(tmp_path, changed(SALES, "state: recorded", text)).streams[0].activities[0].state
        assert state is not None
        assert state.map is not None
        assert (state.map.exact, state.map.ranges, state.map.otherwise) == (
            {"0": "voided"},
            ((1, 360, "recorded"),),
            "quarantine",
        )

    def test_the_else_of_a_map_may_be_a_value(self, tmp_path: Path) -> None:
        text = "term: {column: Term, map: {'60': five years}, else: other}"
        field = feed(tmp_path, changed(SALES, "term: {column: Term, type: integer}", text)).streams[0].fields["term"]
        assert field.map is not None
        assert field.map.otherwise == Const("other")


class TestParameters:
    @pytest.mark.parametrize(
        ("declared", "value", "kept"),
        [
            ("type: integer", "5", 5),
            ("type: boolean", "false", False),
            ("type: list", "[a, b]", ["a", "b"]),
            ("type: string", "'5'", "5"),
            ("type: decimal", "1.5", 1.5),
            ("type: enum, values: [retail, fleet]", "fleet", "fleet"),
            ("type: duration", "15m", "15m"),
            ("type: timezone", "America/Denver", "America/Denver"),
            ("type: string", "'${dealer.region}'", "US"),
        ],
    )
    def test_a_whole_reference_keeps_the_type_of_its_value(
        self, tmp_path: Path, declared: str, value: str, kept: Any
    ) -> None:
        sales = changed(SALES, "  folder:", f"  extra: {{{declared}}}\n  folder:")
        sales = changed(sales, "  term: {column: Term, type: integer}", "  term: {const: '${params.extra}'}")
        found = feed(tmp_path, sales, changed(DEALER, "{folder: acme}", f"{{folder: acme, extra: {value}}}"))
        assert found.streams[0].fields["term"].source == Const(kept)

    def test_what_a_parameter_brings_in_is_not_read_again(self, tmp_path: Path) -> None:
        sales = changed(SALES, "title: Units sold, through a file service", "title: 'Units of ${params.folder}'")
        found = feed(tmp_path, sales, changed(DEALER, "{folder: acme}", "{folder: 'a$${dealer.name}'}"))
        assert found.title == "Units of a${dealer.name}"

    def test_a_default_may_be_what_the_dealer_is(self, tmp_path: Path) -> None:
        sales = changed(SALES, "  folder:", "  zone: {type: timezone, default: '${dealer.timezone}'}\n  folder:")
        sales = changed(sales, "schedule: {every: 1h,", "schedule: {cron: 0 6 * * *, timezone: '${params.zone}',")
        assert feed(tmp_path, sales).schedule["timezone"] == "America/New_York"

    def test_a_context_of_the_dealer_is_a_constant(self, tmp_path: Path) -> None:
        sales = changed(SALES, "  term: {column: Term, type: integer}", "  term: {context: dealer.name}")
        assert feed(tmp_path, sales).streams[0].fields["term"].source == Const("acme-rv")


class TestInheritance:
    MOTILITY = """version: 1
kind: feed
title: The same from another DMS
basedOn: ids/sales
transport: {directory: '${params.folder}/Other/'}
fields:
  soldDate: {column: Contract Signing Date}
  unit: {column: Unit}
"""

    def other(self, folder: Path, text: str, dealer: str = DEALER) -> Feed:
        dealer = changed(dealer, "ids/sales", "motility/sales")
        files = {"vendors/motility/sales.yaml": text}
        return feed(folder, dealer=dealer, **files)

    def test_maps_merge_and_the_rest_stays(self, tmp_path: Path) -> None:
        found = self.other(tmp_path, self.MOTILITY)
        assert found.transport["directory"] == "acme/Other/"
        assert found.transport["host"] == "sftp.example.com"
        assert list(found.streams[0].fields)[:2] == ["customerNo", "firstName"]

    def test_the_same_verb_keeps_the_rest_of_a_field(self, tmp_path: Path) -> None:
        sold = self.other(tmp_path, self.MOTILITY).streams[0].fields["soldDate"]
        assert (sold.source, sold.type, sold.required) == (Column(("Contract Signing Date",)), "date", True)

    def test_another_verb_replaces_the_field(self, tmp_path: Path) -> None:
        text = changed(self.MOTILITY, "unit: {column: Unit}", "phone: {const: '5555550100'}")
        phone = self.other(tmp_path, text).streams[0].fields["phone"]
        assert (phone.source, phone.type, phone.on_error) == (Const("5555550100"), "string", "quarantine")

    def test_another_discriminator_replaces_its_block(self, tmp_path: Path) -> None:
        text = changed(
            self.MOTILITY,
            "transport: {directory: '${params.folder}/Other/'}",
            "transport: {type: file, directory: /srv, filename: '*.csv'}",
        )
        found = self.other(tmp_path, text)
        assert found.transport == {"type": "file", "directory": "/srv", "filename": "*.csv"}

    def test_another_kind_of_time_replaces_its_schedule(self, tmp_path: Path) -> None:
        cron = DEALER + "    override: {schedule: {cron: '15 4 * * *'}}\n"
        assert feed(tmp_path, dealer=cron).schedule == {"cron": "15 4 * * *"}

    def test_the_same_kind_of_time_keeps_the_rest_of_it(self, tmp_path: Path) -> None:
        found = feed(tmp_path, dealer=DEALER + "    override: {schedule: {every: 2h}}\n")
        assert (found.schedule["every"], found.schedule["timeout"]) == ("2h", "30m")

    def test_lists_replace(self, tmp_path: Path) -> None:
        text = self.MOTILITY + "decode: {nullValues: ['-']}\n"
        assert self.other(tmp_path, text).decode == {"format": "csv", "nullValues": ["-"]}

    def test_remove_takes_keys_away(self, tmp_path: Path) -> None:
        text = self.MOTILITY + "guards: {remove: [maxDropPercent]}\nremove: [schedule]\n"
        found = self.other(tmp_path, text)
        assert (found.guards.max_drop_percent, found.guards.max_bad_percent) == (None, 5.0)
        assert found.schedule == {}

    def test_its_namespace_is_its_own_vendors(self, tmp_path: Path) -> None:
        assert self.other(tmp_path, self.MOTILITY).namespace == "motility"

    def test_a_chain_is_followed_to_its_end(self, tmp_path: Path) -> None:
        third = "version: 1\nkind: feed\ntitle: Third\nbasedOn: motility/sales\ndecode: {delimiter: ';'}\n"
        found = feed(
            tmp_path,
            dealer=changed(DEALER, "ids/sales", "third/sales"),
            **{"vendors/motility/sales.yaml": self.MOTILITY, "vendors/third/sales.yaml": third},
        )
        assert found.streams[0].fields["soldDate"].source == Column(("Contract Signing Date",))
        assert found.decode["delimiter"] == ";"

    def test_a_dealer_overrides_under_the_same_rules(self, tmp_path: Path) -> None:
        found = feed(
            tmp_path, dealer=DEALER + "    override: {transport: {settle: 5m}, guards: {remove: [warnAfter]}}\n"
        )
        assert (found.transport["settle"], found.transport["order"]) == ("5m", "name")
        assert (found.guards.warn_after, found.guards.error_after) == (None, 50 * 3600)

    def test_an_override_may_use_parameters(self, tmp_path: Path) -> None:
        found = feed(tmp_path, dealer=DEALER + "    override: {transport: {directory: '${params.folder}/in'}}\n")
        assert found.transport["directory"] == "acme/in"


class TestRequirements:
    def test_a_stream_that_the_dealer_may_not_have_is_left_out(self, tmp_path: Path) -> None:
        text = changed(
            GLASS, "  appointments:\n    records", "  appointments:\n    requires: {features: [crm]}\n    records"
        )
        without = read(tmp_path / "a", {**PUSHED, "vendors/glass/events.yaml": text})
        dealer = changed(GLASS_DEALER, "feeds:", "features: [crm]\nfeeds:")
        files = {**PUSHED, "vendors/glass/events.yaml": text, "dealers/clear-glass.yaml": dealer}
        having = read(tmp_path / "b", files)
        names = [
            [stream.name for stream in each.feeds["clear-glass/glass-events"].streams] for each in (without, having)
        ]
        assert names == [["leads", "voids"], ["leads", "appointments", "voids"]]

    def test_an_activity_that_needs_a_webhook_is_left_out_without_one(self, tmp_path: Path) -> None:
        text = changed(SALES, "  - type: soldUnit\n", "  - type: soldUnit\n    requires: {webhook: true}\n")
        found = feed(tmp_path, text)
        assert found.streams[0].activities == ()

    def test_a_webhook_that_is_there_counts(self, tmp_path: Path) -> None:
        text = changed(GLASS, "      - type: lead\n", "      - type: lead\n        requires: {webhook: true}\n")
        found = read(tmp_path, {**PUSHED, "vendors/glass/events.yaml": text})
        assert found.feeds["clear-glass/glass-events"].streams[0].activities[0].type == "lead"


class TestProjects:
    def test_our_folder_stands_before_the_packaged_one(self, tmp_path: Path) -> None:
        packaged = write(tmp_path / "packaged", {**FILES, "dealers/sample.yaml": changed(DEALER, "acme-rv", "sample")})
        ours = write(tmp_path / "ours", {"dealers/acme-rv.yaml": DEALER})
        found = project.load(ours, packaged)
        assert shown(found.findings) == []
        # The packaged dealers are samples: they are nobody's feeds.
        assert list(found.feeds) == ["acme-rv/ids-sales"]
        write(ours, {"vendors/ids/sales.yaml": changed(SALES, "title: Units sold", "title: Ours")})
        assert project.load(ours, packaged).feeds["acme-rv/ids-sales"].title.startswith("Ours")

    def test_one_bad_file_costs_its_own_feeds_only(self, tmp_path: Path) -> None:
        found = read(tmp_path, {**FILES, **PUSHED, "vendors/glass/events.yaml": "version: [1\n"})
        assert list(found.feeds) == ["acme-rv/ids-sales"]
        assert any(each.file.endswith("glass/events.yaml") for each in found.findings)

    def test_one_bad_entry_costs_its_own_feed_only(self, tmp_path: Path) -> None:
        dealer = DEALER + "  - uses: ids/sales\n    name: second\n    parms: {folder: other}\n"
        found = read(tmp_path, {**FILES, "dealers/acme-rv.yaml": dealer})
        assert list(found.feeds) == ["acme-rv/ids-sales"]
        assert {each.code for each in found.findings if each.severity == "error"} == {"E020", "E044"}

    def test_a_mistake_in_who_the_dealer_is_costs_all_of_its_feeds(self, tmp_path: Path) -> None:
        found = read(tmp_path, {**FILES, "dealers/acme-rv.yaml": changed(DEALER, "title: Acme RV", "titel: Acme RV")})
        assert found.feeds == {}

    def test_a_file_that_cannot_be_read_is_a_finding(self, tmp_path: Path) -> None:
        write(tmp_path, FILES)
        (tmp_path / "vendors/ids/sales.yaml").write_bytes(b"\xff\xfe\x00")
        found = project.load(tmp_path, None)
        assert found.feeds == {}
        assert found.findings

    def test_an_empty_folder_is_a_project_without_feeds(self, tmp_path: Path) -> None:
        assert project.load(tmp_path / "nothing", None).feeds == {}

    def test_the_resolved_tree_knows_where_each_value_was_written(self, tmp_path: Path) -> None:
        dealer = DEALER + "    override: {transport: {settle: 5m}}\n"
        found = read(tmp_path, {**FILES, "dealers/acme-rv.yaml": dealer})
        tree = found.resolved("acme-rv/ids-sales")
        where = {
            name: (Path(node.place.document.path).name, node.plain)
            for name, node in tree.entries("transport").items()
            if name in ("settle", "host", "filename")
        }
        assert where == {
            "settle": ("acme-rv.yaml", "5m"),
            "host": ("sales.yaml", "sftp.example.com"),
            "filename": ("sales.yaml", r"_SL\.csv$"),
        }
        assert tree.text("transport", "directory") == "acme/IDS/"
        with pytest.raises(KeyError):
            found.resolved("acme-rv/other")


class TestMappingHash:
    def hash_of(self, folder: Path, sales: str = SALES, dealer: str = DEALER, kind: str = SOLD_UNIT) -> str:
        return feed(folder, sales, dealer, **{"activities/soldUnit.yaml": kind}).mapping_hash

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("every: 1h", "every: 2h"),
            ("title: Units sold", "title: Sold units"),
            ("settle: 60s", "settle: 30s"),
            ("  customerNo:", "  # a comment moves every line\n  customerNo:"),
            ("maxBadPercent: 5", "maxBadPercent: 6"),
        ],
    )
    def test_what_does_not_decide_about_a_record_does_not_change_it(self, tmp_path: Path, old: str, new: str) -> None:
        assert self.hash_of(tmp_path / "a") == self.hash_of(tmp_path / "b", changed(SALES, old, new))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("{column: Term, type: integer}", "{column: Term, type: decimal}"),
            ("'N/A', 'NULL'", "'N/A'"),
            ("state: recorded", "state: voided"),
            ("Phone, Home.Phone", "Home.Phone, Phone"),
            ("onBad: quarantine", "onBad: fail"),
            ("[[dealNumber], [vin, soldDate]", "[[vin, soldDate], [dealNumber]"),
        ],
    )
    def test_what_decides_about_a_record_changes_it(self, tmp_path: Path, old: str, new: str) -> None:
        assert self.hash_of(tmp_path / "a") != self.hash_of(tmp_path / "b", changed(SALES, old, new))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("America/New_York", "America/Denver"),
            ("[platinum, l5]", "[platinum, l5, crm]"),
            ("title: Acme RV", "title: Acme"),
        ],
    )
    def test_the_dealers_zone_and_features_change_it_and_its_title_does_not(
        self, tmp_path: Path, old: str, new: str
    ) -> None:
        same = self.hash_of(tmp_path / "a") == self.hash_of(tmp_path / "b", dealer=changed(DEALER, old, new))
        assert same == old.startswith("title")

    def test_a_type_of_a_field_of_the_activity_changes_it(self, tmp_path: Path) -> None:
        other = changed(SOLD_UNIT, "type: integer", "type: decimal")
        assert self.hash_of(tmp_path / "a") != self.hash_of(tmp_path / "b", kind=other)

    def test_a_parameter_counts_where_a_condition_reads_it(self, tmp_path: Path) -> None:
        sales = changed(SALES, "records:\n", "records:\n  if: term > params.shortest\n")
        sales = changed(sales, "  folder:", "  shortest: {type: integer, default: 12}\n  folder:")
        longer = changed(DEALER, "{folder: acme}", "{folder: acme, shortest: 24}")
        moved = changed(DEALER, "{folder: acme}", "{folder: other}")
        first = self.hash_of(tmp_path / "a", sales)
        assert first != self.hash_of(tmp_path / "b", sales, longer)
        assert first == self.hash_of(tmp_path / "c", sales, moved)


def test_dealers_share_what_does_not_depend_on_them(tmp_path: Path) -> None:
    """Ten thousand feeds hold a few mappings, not ten thousand."""
    others = {f"dealers/d{n}.yaml": changed(changed(DEALER, "acme-rv", f"d{n}"), "acme}", f"f{n}}}") for n in range(5)}
    feeds = read(tmp_path, {**FILES, **others}).feeds
    assert len(feeds) == 6
    assert len({id(each.streams) for each in feeds.values()}) == 1
    assert {each.transport["directory"] for each in feeds.values()} == {"acme/IDS/", *(f"f{n}/IDS/" for n in range(5))}


def test_dealers_of_one_definition_get_each_their_own(tmp_path: Path) -> None:
    """Sharing stops where a feature, a parameter, or something of the dealer's makes a difference."""
    events = changed(
        GLASS, "  appointments:\n    records", "  appointments:\n    requires: {features: [crm]}\n    records"
    )
    other = changed(changed(GLASS_DEALER, "name: clear-glass", "name: dark-glass"), "feeds:", "features: [crm]\nfeeds:")
    other = (
        changed(other, "title: Clear Glass", "title: Dark Glass")
        + "    override: {streams: {leads: {fields: {name: {onError: blank}}}}}\n"
    )
    third = changed(changed(other, "dark-glass", "old-glass"), "Dark Glass", "Old Glass")
    found = read(
        tmp_path,
        {
            **PUSHED,
            "vendors/glass/events.yaml": events,
            "dealers/dark-glass.yaml": other,
            "dealers/old-glass.yaml": third,
        },
    )
    assert shown(found.findings) == []
    streams = {name.partition("/")[0]: each.streams for name, each in found.feeds.items()}
    assert {name: len(each) for name, each in streams.items()} == {"clear-glass": 2, "dark-glass": 3, "old-glass": 3}
    titles = {name: each[0].fields["dueNote"].source for name, each in streams.items()}
    assert [repr(titles[name]).count("Glass") for name in sorted(titles)] == [1, 1, 1]
    assert "Dark" in repr(titles["dark-glass"])
    assert "Old" in repr(titles["old-glass"])


def test_the_zone_of_a_dealer_is_a_zone(sales: Feed) -> None:
    assert sales.dealer.timezone == ZoneInfo("America/New_York")
    assert sales.dealer.features == {"platinum", "l5"}
