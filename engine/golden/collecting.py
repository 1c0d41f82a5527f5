"""Which tests there are: those in definitions and those in case folders. Runs none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.golden.cases import Case, of_definition, of_folder, unread
from engine.language.project import Project
from engine.language.shapes import Workshop

CASES = Path("tests") / "feeds"  # beside the folder of the definitions: <vendor>/<product>/<case>/


@dataclass(slots=True)
class Collection:
    """The tests of a project, in the order of its definitions; `feeds_dir` is where those stand."""

    project: Project
    feeds_dir: Path
    _workshop: Workshop = field(init=False)

    def __post_init__(self) -> None:
        self._workshop = Workshop(self.project.activity_types)

    def everything(self) -> list[Case]:
        """Of the project's own definitions; those that come with the engine are tested where they are made."""
        return _sorted([*self.below(self.feeds_dir), *self._folders(self.feeds_dir.absolute().parent / CASES)])

    def below(self, path: Path) -> list[Case]:
        """The tests of a definition's file, of every definition in a folder, and of case folders there."""
        place = path.resolve()
        found = [
            case
            for source in self.project.definitions.values()
            if Path(source.files[0]).resolve().is_relative_to(place)
            for case in of_definition(source, self.project, self._workshop)
        ]
        return _sorted([*found, *self._unread(place), *(self._folders(path) if path.is_dir() else ())])

    def named(self, name: str) -> list[Case] | None:
        """By a definition (`ids/sales`), its vendor (`ids`) or a feed of a dealer; None for a name that is none."""
        definitions = self.project.definitions
        made = self.project.made.get(name)
        name = made.source.name if made is not None else name
        wanted = [each for each in definitions if each == name or each.startswith(f"{name}/")]
        if not wanted:
            return None
        sources = [definitions[each] for each in wanted]
        cases = [case for each in sources for case in of_definition(each, self.project, self._workshop)]
        root = self.feeds_dir.absolute().parent / CASES
        return _sorted([*cases, *(case for each in wanted for case in self._folders(root / each))])

    def names(self) -> list[str]:
        return sorted({*self.project.definitions, *self.project.made})

    def _unread(self, place: Path) -> Iterator[Case]:
        """Files of which no definition came: their tests cannot even be seen."""
        known = {file for source in self.project.definitions.values() for file in source.files}
        for file in dict.fromkeys(each.file for each in self.project.findings if each.severity == "error"):
            path = Path(file)
            if file not in known and path.resolve().is_relative_to(place) and path.parent.parent.name == "vendors":
                yield unread(f"{path.parent.name}/{path.stem}", file, self._errors(file))

    def _errors(self, file: str) -> list[str]:
        found = (each for each in self.project.findings if each.file == file and each.severity == "error")
        return [f"{each.file}:{each.line}: {each.message} [{each.code}]" for each in found]

    def _folders(self, root: Path) -> list[Case]:
        project = self.project
        return [of_folder(path, project.definitions, self._workshop, project.outgoing) for path in folders(root)]


def _sorted(cases: Sequence[Case]) -> list[Case]:
    """Definition by definition, each in the order of its file."""
    return sorted(cases, key=lambda case: case.definition)


def folders(root: Path) -> Sequence[Path]:
    """Every case folder at or below this one."""
    return sorted(path.parent for path in root.rglob("expected.json") if (path.parent / "dealer.yaml").is_file())
