"""Projects whose feeds have schedules."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell

DEALERS = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
feeds:
  - {uses: shop/sales, name: early, override: {schedule: {cron: '30 2 * * *'}}}
  - {uses: shop/sales, name: zoned, override: {schedule: {cron: '0 9 * * *', timezone: Europe/Berlin}}}
  - {uses: shop/sales, name: by-hand, override: {transport: {filename: 'x*.csv'}}}
  - {uses: shop/sales, name: off, enabled: false, override: {schedule: {every: 1h}}}
"""


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    made = Shell(tmp_path, sqlite_url)
    made.write("feeds/dealers/acme.yaml", DEALERS)
    for name in ("early", "zoned"):
        folder = f"override: {{transport: {{directory: '{tmp_path}/{name}'}}, "
        made.edit("feeds/dealers/acme.yaml", f"name: {name}, override: {{", f"name: {name}, {folder}")
    return made
