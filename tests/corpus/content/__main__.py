"""Prints the table of verdicts as decoding gives it now, one file a line. Writes nothing: a person does."""

import json
import sys
import tempfile
from pathlib import Path

from tests.corpus.content import files
from tests.corpus.content.verdict import verdict


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        lines = []
        for name, content, settings in files():
            path.write_bytes(content())
            lines.append(f"  {json.dumps(name)}: {json.dumps(verdict(path, settings))}")
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
