"""The tests that definitions carry, and their case folders, as `feeds test` runs them."""

from pathlib import Path

import pytest

from tests.cli.shell import called

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("vendor", ["stocktrac/shop", "autovitals/shop"])
def test_a_definition_does_what_its_own_tests_say(vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = called({"FEEDS_DIR": str(ROOT / "feeds"), "FEEDS_STATE_DIR": str(tmp_path)}, "test", vendor)
    assert done.code == 0, done.out + done.talk
    assert "failed" not in done.out
