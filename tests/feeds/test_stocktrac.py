"""The StockTrac document, statement by statement: simulated StockTrac and tablets call the real `feeds serve`.

One server for all of the module; each test has orders of its own, at a dealer with the features it is about.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cli.shell import Shell
from tests.simulators.stocktrac import AutoVitals, StockTrac, job
from tests.web.receiver import Server, serving

ROOT = Path(__file__).parents[2]
TOKEN, TABLETS = "canary-stocktrac-token", "canary-tablets-token"
DEALERS = {"plain": [], "managed": ["workflowManagement"], "thankful": ["crm"], "full": ["workflowManagement", "crm"]}
PARAMS = {"hookToken": "${secret.STOCKTRAC}"}
USES = {
    "feeds": [
        {"uses": "stocktrac/shop", "params": {**PARAMS, "defaultLaborPart": "LABOR"}},
        {"uses": "autovitals/shop", "params": {"hookToken": "${secret.TABLETS}"}},
    ],
    "exports": [
        {"uses": "stocktrac/saved", "params": PARAMS},
        {"uses": "stocktrac/opened", "params": {**PARAMS, "defaultTech": "DEFAULT"}},
    ],
}


class Floor(NamedTuple):
    """The shop floor of one dealer."""

    shell: Shell
    server: Server
    dealer: str
    pos: StockTrac
    tablets: AutoVitals

    def inspect(self, number: str, *jobs: Any, **vehicle: Any) -> None:
        """What the tablets say, taken up by a run."""
        assert self.tablets.inspect(number, *jobs, **vehicle).status == 200
        assert self.shell.feeds("run", f"{self.dealer}/autovitals-shop").code == 0

    def all(self, number: str) -> dict[str, dict[str, Any]]:
        """Everything of an order's number, by type."""
        found = self.shell.rows(
            "SELECT d.name, a.key, a.type, a.state, a.occurred, a.fields FROM activities a, dealers d"
            " WHERE d.id = a.dealer_id"
        )
        return {
            kind: {"state": state, "occurred": at, **json.loads(said)}
            for dealer, key, kind, state, at, said in found
            if (dealer, key) == (self.dealer, number)
        }

    def order(self, number: str) -> dict[str, Any]:
        return self.all(number)["repairOrder"]

    def job(self, number: str, id: str = "J1") -> dict[str, Any]:
        return next(each for each in self.order(number)["jobs"] if each["id"] == id)

    def quarantine(self, text: str) -> list[str]:
        """Codes and messages of the rows that have this value."""
        found = self.shell.rows("SELECT code, message, raw FROM quarantine")
        return [f"{code}: {message}" for code, message, raw in found if f'"{text}"' in raw]


@pytest.fixture(scope="module")
def floors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Floor]]:
    home = tmp_path_factory.mktemp("stocktrac")
    shell = Shell(home, f"sqlite:///{home / 'feeds.db'}")
    (home / "feeds/dealers/acme.yaml").unlink()
    shell.environment |= {"FEEDS_SECRET_STOCKTRAC": TOKEN, "FEEDS_SECRET_TABLETS": TABLETS}
    for name, features in DEALERS.items():
        dealer = {"version": 1, "kind": "dealer", "name": name, "title": name, "timezone": "America/Chicago"}
        shell.write(f"feeds/dealers/{name}.yaml", yaml.safe_dump(dealer | {"features": features} | USES))
    with serving(shell) as server:

        def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
            return server.ask(path, body, method, headers)

        yield {
            name: Floor(shell, server, name, StockTrac(ask, name, TOKEN), AutoVitals(ask, name, TABLETS))
            for name in DEALERS
        }


@pytest.fixture
def plain(floors: dict[str, Floor]) -> Floor:
    """A dealer whose AutoVitals package has neither workflow management nor CRM."""
    return _fresh(floors["plain"])


@pytest.fixture
def managed(floors: dict[str, Floor]) -> Floor:
    return _fresh(floors["managed"])


@pytest.fixture
def full(floors: dict[str, Floor]) -> Floor:
    return _fresh(floors["full"])


def _fresh(floor: Floor) -> Floor:
    floor.pos.versions = {"configuration": "3.6.0.13", "pointOfSale": "3.6.0.56"}
    return floor


def boards(kind: str, state: str, dealer: str) -> set[str]:
    """Where the console shows such an activity to this dealer, as the activity type says."""
    written = yaml.safe_load((ROOT / f"feeds/activities/{kind}.yaml").read_text(encoding="utf-8"))
    views = [each for each in written["shows"] if isinstance(each, dict) and state in each["states"]]
    has = set(DEALERS[dealer])
    return {
        f"{each['board']}: {each['column']}"
        for each in views
        if has >= set(each.get("requires", {}).get("features", ()))
    }


# --- versions ---------------------------------------------------------------------------------


@pytest.mark.statement("ST-1")
@pytest.mark.statement("ST-2")
@pytest.mark.parametrize(
    ("product", "version", "told"),
    [
        ("configuration", "3.6.0.9", "version.tooOld: configuration 3.6.0.13 or newer is needed, found 3.6.0.9"),
        ("configuration", "3.6.0", "version.tooOld: configuration 3.6.0.13 or newer is needed, found 3.6.0"),
        ("pointOfSale", "3.6.0.43", "version.tooOld: pointOfSale 3.6.0.44 or newer is needed, found 3.6.0.43"),
        (
            "pointOfSale",
            "",
            "version.missing: pointOfSale 3.6.0.44 or newer is needed, and nothing says which one it is",
        ),
    ],
)
def test_an_older_version_of_either_product_is_refused_with_a_reason(
    plain: Floor, product: str, version: str, told: str
) -> None:
    number = f"V-{product}-{version}"
    plain.pos.versions[product] = version
    answer = plain.pos.save(number, 6)
    assert (answer.status, json.loads(answer.body)["reason"]) == (422, told.partition(": ")[2])
    assert plain.all(number) == {}
    assert plain.quarantine(number) == [told]
    assert plain.pos.open(number)["status"] == "refused"


@pytest.mark.statement("ST-1")
@pytest.mark.statement("ST-2")
@pytest.mark.parametrize("version", ["3.6.0.44", "3.6.0.100"])
def test_the_least_version_and_every_newer_one_will_do(plain: Floor, version: str) -> None:
    plain.pos.versions = {"configuration": "3.6.0.13", "pointOfSale": version}
    assert plain.pos.save(f"N-{version}", 6).status == 200
    assert plain.order(f"N-{version}")["state"] == "open"


# --- employees, appointments ------------------------------------------------------------------


@pytest.mark.statement("ST-3")
def test_an_employee_comes_when_somebody_sends_it_and_not_by_itself(plain: Floor) -> None:
    def known() -> dict[str, tuple[str, list[str]]]:
        found = plain.shell.feeds("employees", "list", "--dealer", "plain", "--format", "jsonl").lines()
        return {each["key"]: (each["state"], each["roles"]) for each in found}

    def sent(id: str, action: str, **more: Any) -> None:
        assert plain.pos.send_to_av(id, action, **more).status == 200

    plain.pos.save("E-1", 6, job("J1", "BRAKES", "labor", technician="T99"))
    sent("T07", "created", first="Mina", last="Hart")
    sent("A01", "created", technician=False, serviceAdvisor=True)
    sent("B02", "created", serviceAdvisor=True)
    sent("C03", "created", technician=False)
    advisor = ["serviceAdvisor"]
    assert known() == {
        "T07": ("active", ["technician"]),
        "A01": ("active", advisor),
        "B02": ("active", ["technician", *advisor]),
    }
    sent("T07", "modified", last="Vale", serviceAdvisor=True)
    sent("A01", "deleted", technician=False, serviceAdvisor=True)
    sent("B02", "modified", technician=False)
    assert known() == {
        "T07": ("active", ["technician", *advisor]),
        "A01": ("deleted", advisor),
        "B02": ("deleted", ["technician", *advisor]),  # neither any more
    }
    sent("T08", "promoted")
    assert [row.partition(":")[0] for row in plain.quarantine("T08")] == ["state.unknown"]


@pytest.mark.statement("ST-4")
def test_with_workflow_management_an_appointment_comes_when_it_is_made_and_when_it_is_changed(managed: Floor) -> None:
    answer = managed.pos.appoint("P1", "2022-09-22T08:00:00-05:00", title="Brakes")
    assert json.loads(answer.body) == {"status": "accepted"}, "it names no order: there is nothing to answer"
    assert managed.all("P1")["appointment"]["occurred"] == "2022-09-22T13:00:00.000000Z"
    managed.pos.appoint("P1", "2022-09-22T09:30:00-05:00", title="Brakes")
    found = managed.all("P1")["appointment"]
    assert (found["state"], found["occurred"]) == ("booked", "2022-09-22T14:30:00.000000Z")
    assert boards("appointment", "booked", "managed") == {"todaysVehicles: Today's Appointments"}
    assert managed.pos.appoint("P1", "2022-09-22T09:30:00-05:00", cancelled=True).status == 200
    assert managed.all("P1")["appointment"]["state"] == "cancelled"


@pytest.mark.statement("ST-5")
def test_without_it_only_repair_orders_come(plain: Floor) -> None:
    plain.pos.appoint("P2", "2022-09-22T08:00:00-05:00")
    plain.pos.save("W-5", 5)
    plain.pos.save("W-6", 6)
    assert (plain.all("P2"), plain.all("W-5")) == ({}, {})
    assert plain.order("W-6")["state"] == "open"
    assert plain.shell.feeds("contacts", "find", "mina.w-5@example.com", "--format", "jsonl").lines() == []
    assert boards("appointment", "booked", "plain") == set()
    assert boards("repairOrder", "estimate", "plain") == set()
    assert boards("repairOrder", "open", "plain") == {"todaysVehicles: In Shop", "technicians: Jobs"}


# --- statuses ---------------------------------------------------------------------------------


@pytest.mark.statement("ST-6")
@pytest.mark.statement("ST-7")
@pytest.mark.statement("ST-8")
@pytest.mark.statement("ST-9")
@pytest.mark.parametrize(
    ("status", "name", "state", "approved"),
    [(5, "Done", "estimate", False), (6, "Quote", "open", True),
     (16, "Estimate", "open", True), (17, "Waiting", "closed", True)],
)  # fmt: skip
def test_the_number_of_a_status_decides_and_never_its_name(
    managed: Floor, status: int, name: str, state: str, approved: bool
) -> None:
    managed.pos.save(f"S-{status}", status, job("J1", "BRAKES", "labor"), statusName=name)
    found = managed.order(f"S-{status}")
    assert (found["state"], found["approved"], found["stage"]) == (state, approved, name)
    shown = boards("repairOrder", state, "managed")
    assert ("technicians: Jobs" in shown) == (state == "open"), "an estimate does not go to the technician"
    assert ("todaysVehicles: Estimates" in shown) == (state == "estimate")


@pytest.mark.statement("ST-6")
@pytest.mark.parametrize(
    ("dealer", "status", "code"),
    [
        *((dealer, status, "state.unknown") for dealer in ("plain", "full") for status in (0, 18)),
        ("plain", "", "field.required"), ("plain", "Done", "integer.unreadable"),
        ("full", None, "field.required"), ("full", 6.5, "integer.unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_status_is_kept_back_and_never_guessed(
    floors: dict[str, Floor], dealer: str, status: Any, code: str
) -> None:
    floor, number = _fresh(floors[dealer]), f"D-{dealer}-{status}"
    floor.pos.save(number, status)
    assert floor.all(number) == {}
    (told,) = floor.quarantine(number)
    assert told.startswith(code), told


@pytest.mark.statement("ST-9")
@pytest.mark.statement("ST-15")
def test_seventeen_closes_and_every_step_stands_on_the_timeline(full: Floor) -> None:
    states = []
    for status in (9, 4, 9, 17, 6, 17):
        full.pos.save("T-1", status)
        states.append(full.order("T-1")["state"])
    assert states == ["open", "estimate", "open", "closed", "open", "closed"]
    (contact,) = full.shell.feeds("contacts", "find", "mina.t-1@example.com", "--format", "jsonl").lines()
    told = full.shell.feeds("contacts", "show", str(contact["id"]), "--type", "repairOrder", "--format", "json").json()
    (order,) = told["timeline"]
    moved = [change["changes"]["state"] for change in order["changes"]]
    assert sorted(moved) == sorted(map(list, pairwise(states))), "each step stands there"


@pytest.mark.statement("ST-10")
def test_each_save_is_there_when_it_is_answered(plain: Floor) -> None:
    for status in (6, 11, 16):
        assert plain.pos.save("L-1", status, mark=status).status == 200
        assert plain.order("L-1")["status"] == status


# --- packages, lines of labor -------------------------------------------------------------------


@pytest.mark.statement("ST-11")
def test_a_package_with_labor_and_parts_stays_together(plain: Floor) -> None:
    plain.pos.save("G-1", 6, job("J1", "BRAKES", "labor", "part", "part", package="BRK-F"))
    assert plain.job("G-1")["package"] == "BRK-F"
    assert [line["kind"] for line in plain.job("G-1")["lines"]] == ["labor", "part", "part"]


@pytest.mark.statement("ST-12")
@pytest.mark.statement("ST-13")
def test_parts_of_a_category_without_labor_get_one_line_of_it_also_in_stocktrac(plain: Floor) -> None:
    answer = plain.pos.save("C-1", 6, job("J1", "WIPERS", "part"), job("J2", "WIPERS", "part"))
    added = {"kind": "labor", "partNo": "LABOR"}
    assert json.loads(answer.body) == {"jobs": [{"id": "J1", "lines": [added]}]}, "two parts, one line"
    assert [line.get("partNumber") for line in plain.job("C-1")["lines"]] == ["part-J1", "LABOR"]
    assert plain.pos.orders["C-1"]["jobs"][0]["lines"][-1] == added | {"qty": 1}
    again = plain.pos.save("C-1", 7)
    assert json.loads(again.body) == {}, "StockTrac has it now"
    assert [line["kind"] for line in plain.job("C-1")["lines"]] == ["part", "labor"]


@pytest.mark.statement("ST-14")
def test_where_a_category_has_labor_no_line_is_added(plain: Floor) -> None:
    answer = plain.pos.save(
        "C-2", 6, job("J1", "BRAKES", "part"), job("J2", "BRAKES", "labor"), job("J3", "OIL", "labor")
    )
    assert json.loads(answer.body) == {}
    assert [len(each["lines"]) for each in plain.order("C-2")["jobs"]] == [1, 1, 1]


# --- CRM --------------------------------------------------------------------------------------


@pytest.mark.statement("ST-16")
def test_a_closed_order_brings_what_thanks_and_reminds_go_by_where_the_package_has_crm(
    floors: dict[str, Floor],
) -> None:
    for floor in floors.values():
        _fresh(floor).pos.save("M-1", 6)
        assert set(floor.all("M-1")) == {"repairOrder"}
        floor.pos.save("M-1", 17)
        more = {"completion", "serviceReminder"} if "crm" in DEALERS[floor.dealer] else set()
        assert set(floor.all("M-1")) == {"repairOrder", *more}
    found = floors["thankful"].all("M-1")
    assert (found["completion"]["state"], found["serviceReminder"]["state"]) == ("recorded", "open")
    assert found["serviceReminder"]["dueDate"]
    floors["thankful"].pos.save("M-1", 3)  # back to an estimate, which this dealer does not get
    found = floors["thankful"].all("M-1")
    assert [each["state"] for each in found.values()].count("open") == 0, "nobody is reminded of what is not done"
    assert found["completion"]["state"] == "voided"


# --- technicians --------------------------------------------------------------------------------


@pytest.mark.statement("ST-17")
@pytest.mark.statement("ST-18")
@pytest.mark.statement("ST-19")
@pytest.mark.statement("ST-20")
def test_a_technician_is_assigned_on_either_side_and_a_blank_takes_nobody_away(plain: Floor) -> None:
    jobs = job("J1", "BRAKES", "labor", technician="T07"), job("J2", "OIL", "labor")
    plain.pos.save("A-1", 6, *jobs)
    assert (plain.job("A-1")["technician"], plain.job("A-1", "J2").get("technician")) == ("T07", None)
    plain.inspect("A-1", {"id": "J2", "technician": "T08"})
    assert (plain.job("A-1")["technician"], plain.job("A-1", "J2")["technician"]) == ("T07", "T08")
    assert plain.job("A-1", "J2")["lines"], "the tablet told of the technician alone"
    plain.pos.save("A-1", 7)
    assert plain.job("A-1", "J2")["technician"] == "T08", "StockTrac has nobody there"
    jobs[1]["technician"] = "T09"
    plain.pos.save("A-1", 8)
    assert plain.job("A-1", "J2")["technician"] == "T09"


# --- the way back -------------------------------------------------------------------------------


@pytest.mark.statement("ST-21")
def test_opening_an_order_brings_odometer_vin_and_plate_and_never_a_blank(plain: Floor) -> None:
    plain.pos.save("O-1", 6, job("J1", "BRAKES", "labor"))
    assert plain.pos.open("O-1") == {}, "nothing is known yet"
    plain.inspect("O-1", odometerIn=84212, odometerOut=84230, vin="1ZZTS24E7N1000101", plate="TST0222")
    assert plain.pos.orders["O-1"]["vehicle"]["odometerIn"] == 84210, "between two openings StockTrac is as it was"
    told = plain.pos.open("O-1")
    assert told == {
        "vehicle": {"odometerIn": 84212, "odometerOut": 84230, "vin": "1ZZTS24E7N1000101", "plate": "TST0222"}
    }
    plain.pos.save("O-1", 7)
    plain.inspect("O-1", odometerIn=84215, plate=None, vin="")
    assert plain.pos.open("O-1") == {"vehicle": {"odometerIn": 84215, "odometerOut": 84230}}
    assert plain.pos.orders["O-1"]["vehicle"]["plate"] == "TST0222"
    assert plain.pos.open("O-404") == {}, "an order that nobody knows"


@pytest.mark.statement("ST-22")
def test_technicians_come_back_from_3_6_0_56_on_but_never_the_default_one(plain: Floor) -> None:
    plain.pos.save("O-2", 6, job("J1", "BRAKES", "labor"), job("J2", "OIL", "labor"))
    nobodys = {"id": "J9", "technician": "T07"}  # no job of StockTrac's
    plain.inspect(
        "O-2", {"id": "J1", "technician": "T07"}, {"id": "J2", "technician": "DEFAULT"}, nobodys, odometerIn=5
    )
    for version, jobs in {"3.6.0.50": None, "3.6.0.56": [{"id": "J1", "technician": "T07"}]}.items():
        plain.pos.versions["pointOfSale"] = version
        assert plain.pos.open("O-2") == {"vehicle": {"odometerIn": 5}} | ({"jobs": jobs} if jobs else {})


@pytest.mark.statement("ST-23")
def test_a_note_for_the_customer_comes_back_until_it_has_come_and_then_never_again(plain: Floor) -> None:
    plain.pos.save("O-3", 6, job("J1", "BRAKES", "labor"), job("J2", "OIL", "labor"))
    pads = {"id": "n1", "audience": "customer", "text": "Pads at 3 mm"}
    others = [{"id": "n2", "audience": "internal", "text": "seized pin"}, {"id": "n3", "text": "for nobody"}]
    plain.inspect("O-3", {"id": "J1", "notes": [pads, *others]})
    plain.pos.versions["pointOfSale"] = "3.6.0.55"
    assert plain.pos.open("O-3") == {}
    plain.pos.versions["pointOfSale"] = "3.6.0.56"
    wanted = {"jobs": [{"id": "J1", "notes": [{"id": "n1", "text": "Pads at 3 mm"}]}]}
    assert plain.pos.open("O-3", keeps=False) == wanted
    assert plain.pos.open("O-3", request="again") == wanted, "nothing says that it has come"
    first = plain.pos.answers[-1].body
    assert plain.pos.open("O-3", request="again") == wanted
    assert plain.pos.answers[-1].body == first, "the same request, the same bytes"
    plain.inspect("O-3", {"id": "J2", "notes": [{**pads, "text": "of another job"}]}, {"id": "J1", "notes": [pads]})
    assert plain.pos.open("O-3") == {"jobs": [{"id": "J2", "notes": [{"id": "n1", "text": "of another job"}]}]}
    assert plain.pos.open("O-3") == {}
    plain.pos.save("O-3", 7)
    assert plain.pos.open("O-3") == {}
    assert plain.pos.orders["O-3"]["jobs"][0]["shown"].count("Pads at 3 mm") == 2, "one opening was asked for twice"
