"""The definitions that use the whole language, as they are, and with some of them changed. Judges nothing."""

import time
from hashlib import blake2b
from pathlib import Path

from engine.language.folder import Folder, Look
from engine.language.project import Loader, Project

EVERYTHING = Path(__file__).parent / "definitions" / "everything"


class Right:
    """The definitions of `definitions/everything`, read once; `feeds/...` is what findings call them."""

    def __init__(self) -> None:
        seen = Folder(EVERYTHING, None, time.time_ns).look()
        self.sheets = {each.relative: each._replace(path=f"feeds/{each.relative}") for each in seen.sheets}
        self.loader = Loader(EVERYTHING)
        assert self.project({}).findings == ()

    def text(self, file: str) -> str:
        return (self.sheets[file].content or b"").decode()

    def project(self, edited: dict[str, bytes]) -> Project:
        sheets = dict(self.sheets)
        for name, content in edited.items():
            sheets[name] = sheets[name]._replace(digest=blake2b(content).digest(), content=content)
        return self.loader.load(Look("feeds", tuple(sheets.values()), ()))
