"""A delivery that is committed in parts is still refused whole, before any of them."""

from dataclasses import replace

import pytest

from engine.model import Feed
from tests.faults import oracle
from tests.faults.processes import in_child
from tests.faults.scene import FILES, Scene, Setup, Studio


def failing(feed: Feed) -> Feed:
    (stream,) = feed.streams
    return replace(feed, streams=(replace(stream, records=replace(stream.records, on_bad="fail")),))


def guarded(feed: Feed) -> Feed:
    return replace(feed, guards=replace(feed.guards, min_rows=100))


@pytest.mark.parametrize("change", [failing, guarded])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_keeps_a_delivery_out_leaves_none_of_its_rows(studio: Studio, change: object, chunked: bool) -> None:
    header, *rows = FILES["01_SALES.csv"].splitlines(keepends=True)
    bad_last = {"01_SALES.csv": "".join([header, *(row for row in rows if ",D3," not in row), rows[2]])}

    def stored(scene: Scene) -> tuple[list[str], list[str]]:
        scene.run()
        oracle.check_any_moment(scene)
        found = oracle.picture(scene)
        return found["activities"], found["deliveries"]

    with studio.scene(Setup("file", "delete", "sqlite", chunked), bad_last) as scene:
        changed = replace(scene, feed=change(scene.feed))  # type: ignore[operator]
        activities, (delivery,) = in_child(lambda: stored(changed))
        assert activities == []
        assert '"refused"' in delivery
        assert (scene.place / "01_SALES.csv").exists()


def test_rows_that_contradict_each_other_across_parts_do_not_end_a_delivery_half_way(studio: Studio) -> None:
    """The first reading cannot see them; once a part is committed they are quarantined, and the rest goes on."""
    header, *rows = FILES["01_SALES.csv"].splitlines(keepends=True)
    good = [row for row in rows if ",D3," not in row]
    files = {"01_SALES.csv": "".join([header, *good, good[0].replace("100.00", "111.00")])}

    def stored(scene: Scene) -> oracle.Picture:
        scene.run()
        oracle.check_any_moment(scene)
        return oracle.picture(scene)

    with studio.scene(Setup("file", "delete", "sqlite", chunked=True), files) as scene:
        changed = replace(scene, feed=failing(scene.feed))
        found = in_child(lambda: stored(changed))
        assert ['"done"' in each for each in found["deliveries"]] == [True]
        assert len(found["quarantine"]) == 2
        assert len(found["activities"]) == 4
