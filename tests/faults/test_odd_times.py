"""The time of a file says whether it is the file we saw, and nothing else: senders' clocks go back, stand and lie."""

import os
import re

import pytest

from tests.faults.processes import in_child
from tests.faults.scene import FILES, FIRST_SENT, Scene, Setup, Studio

FIRST = {"01_SALES.csv": FILES["01_SALES.csv"]}
LATER = "06_SALES.csv"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(FIRST_SENT - 86_400, id="a day before the one that is stored"),
        pytest.param(FIRST_SENT, id="at the same second"),
        pytest.param(0, id="in 1970"),
        pytest.param(4_102_444_800, id="in 2100"),
    ],
)
def test_a_file_is_taken_whatever_its_time(studio: Studio, sent: int) -> None:
    def work() -> tuple[list[str], int, bool]:
        scene.run()
        path = scene.place / LATER
        path.write_text(re.sub(r",D(\d),", r",E\1,", FILES["01_SALES.csv"]))
        os.utime(path, (sent, sent))
        (report,) = scene.run().feeds
        return [each.name for each in report.deliveries], report.tally.inserted, path.exists()

    with studio.scene(Setup(), FIRST) as scene:
        assert in_child(work) == ([LATER], 4, False)


def test_a_file_of_the_same_name_is_taken_again_when_its_time_went_back(studio: Studio) -> None:
    def work(scene: Scene) -> tuple[int, int]:
        scene.run()
        path = scene.place / "01_SALES.csv"
        path.write_text(FILES["01_SALES.csv"].replace("200.00", "201.00"))
        os.utime(path, (FIRST_SENT - 5, FIRST_SENT - 5))
        (report,) = scene.run().feeds
        return report.tally.read, report.tally.updated

    with studio.scene(Setup(), FIRST) as scene:
        assert in_child(lambda: work(scene)) == (6, 1)
