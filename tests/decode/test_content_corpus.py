"""Group M: every file of the content corpus comes to its golden verdict."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.content import GROUPS, VERDICTS, files
from tests.corpus.content.verdict import verdict

FILES = list(files())
GOLDEN = json.loads(VERDICTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "content", "settings"), FILES, ids=[name for name, _, _ in FILES])
def test_a_file_comes_to_its_verdict(
    tmp_path: Path, name: str, content: Callable[[], bytes], settings: Mapping[str, Any]
) -> None:
    path = tmp_path / "in"
    path.write_bytes(content())
    assert verdict(path, settings) == GOLDEN[name]
    path.unlink()  # some are of 64 MB, and pytest keeps its folders


def test_the_corpus_is_as_large_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name, _, _ in FILES]
    assert len(names) == len(set(names)) >= 250
    assert set(names) == set(GOLDEN)
    counts = {group: sum(name.startswith(f"{group}/") for name in names) for group in GROUPS}
    with capsys.disabled():
        print(f"\ngroup M: {len(names)} files ({', '.join(f'{count} {group}' for group, count in counts.items())})")
