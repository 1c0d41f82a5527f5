"""Files written whole or not at all, and never over what somebody else wrote meanwhile."""

from pathlib import Path

import pytest

from engine.scaffold.changes import Change, write


def test_a_file_that_came_meanwhile_is_not_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "first.yaml", tmp_path / "second.yaml"
    second.write_text("theirs", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write([Change(first, "ours"), Change(second, "ours")])
    assert second.read_text(encoding="utf-8") == "theirs"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [second]


def test_a_file_that_was_changed_meanwhile_is_left_and_nothing_else_stays(tmp_path: Path) -> None:
    new, dealer = tmp_path / "new.yaml", tmp_path / "dealer.yaml"
    dealer.write_bytes(b"theirs")
    with pytest.raises(OSError, match="changed in the meantime"):
        write([Change(new, "ours"), Change(dealer, "ours", before=b"what we read")])
    assert dealer.read_bytes() == b"theirs"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [dealer]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"before")
    link.symlink_to(real)
    write([Change(link, "after", before=b"before")])
    assert link.is_symlink()
    assert real.read_bytes() == b"after"
