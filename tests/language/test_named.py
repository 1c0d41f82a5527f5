"""Of the definitions that ship, a command reads those that the project names, and comes to the same feeds."""

import time
from pathlib import Path

from engine.language.folder import Folder, named
from engine.language.project import Loader, load

SHIPPED = Path(__file__).parents[2] / "feeds"
DEALER = """\
version: 1
kind: dealer
name: north-rv
title: North RV
timezone: America/New_York
features: [gold, l5]
feeds:
  - uses: motility/sales
    params: {folder: north}
    confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}
"""


def test_what_ships_is_read_where_it_is_named_and_what_that_is_based_on(tmp_path: Path) -> None:
    (tmp_path / "dealers").mkdir()
    (tmp_path / "dealers" / "north-rv.yaml").write_text(DEALER)
    look = Folder(tmp_path, SHIPPED, time.time_ns).look()
    kept = named(look)
    read = {sheet.relative for sheet in kept.sheets if not sheet.relative.startswith("activities/")}
    assert read == {"dealers/north-rv.yaml", "vendors/motility/sales.yaml", "vendors/ids/sales.yaml"}
    assert len(kept.sheets) < len(look.sheets)
    few, all_ = Loader(tmp_path, SHIPPED).load(kept), load(tmp_path, SHIPPED)
    assert dict(few.feeds) == dict(all_.feeds) != {}
    assert few.activity_types == all_.activity_types
