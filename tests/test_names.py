"""What may stand nowhere: a vendor's name in Python, a secret in any file, SQL outside the store, hidden code."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(path for folder in ("engine", "transports") for path in (ROOT / folder).rglob("*.py"))
SKIPPED = {".git", ".venv", "var", "build", "dist", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
TEXTS = sorted(
    path
    for path in ROOT.rglob("*")
    if path.suffix in {".py", ".yaml", ".yml", ".json", ".md", ".toml", ".txt", ".ini", ".html", ".sh", ".csv"}
    and not SKIPPED & set(path.relative_to(ROOT).parts)
)

# Folder names are found; the rest are the systems that the folders' comments speak of. Three letters
# that are also an English plural (row ids) cannot be looked for.
VENDORS = ({path.name for path in (ROOT / "feeds" / "vendors").glob("*")} - {"ids"}) | {
    "autovitals", "elmo", "motility", "proresponse", "protractor", "shopmonkey", "stocktrac",
}  # fmt: skip
VENDOR = re.compile(r"(?<![a-z])(" + "|".join(sorted(VENDORS)) + ")", re.IGNORECASE)


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=names)
def test_no_vendor_is_named_in_python(path: Path) -> None:
    read = {tokenize.NAME, tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    with io.BytesIO(path.read_bytes()) as file:
        found = [f"line {token.start[0]}: {token.string}" for token in tokenize.tokenize(file.readline)
                 if token.type in read and VENDOR.search(token.string)]  # fmt: skip
    assert not found, "a vendor is YAML: add a generic transform, decoder or transport instead"


# --- secrets --------------------------------------------------------------------------------

SECRET_NAME = r"[\w.-]*(?:password|passphrase|passwd|secret|api_?key|token|private_?key)"
ASSIGNED = re.compile(rf"(?i)['\"]?\b@?({SECRET_NAME})['\"]?\s*(?:=|:)\s*['\"]?([^\s'\",}}\]]+)")
KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bsk_live_\w{10,}|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}"
)
INVENTED = re.compile(r"(?i)canary|invented|wrong|example|not-a-secret|dummy|fake")


def looks_secret(value: str) -> bool:
    """A word a person or a machine would use as a password: long enough, of several kinds of characters."""
    if INVENTED.search(value) or "${" in value or "(" in value or len(value) < 8:
        return False
    kinds = [r"[a-z]", r"[A-Z]", r"\d", r"[^\w.:/-]"]
    return sum(bool(re.search(kind, value)) for kind in kinds) >= 3


def literals(text: str) -> Iterator[str]:
    yield from (match[1] for match in ASSIGNED.finditer(text) if looks_secret(match[2]))
    yield from ("a private key or an access token" for _ in KEYS.finditer(text))


@pytest.mark.parametrize("path", TEXTS, ids=names)
def test_no_secret_is_written_down(path: Path) -> None:
    assert not list(literals(path.read_text(encoding="utf-8", errors="replace")))


@pytest.mark.parametrize("name", ["password: ", '"apiKey": "', "@password = ", "ftp_token='"])
def test_a_secret_would_be_found(name: str) -> None:
    assert list(literals(name + "Xk3#mm9q!z"))  # in two halves, or it would be found here


@pytest.mark.parametrize("text", ["password: ${secret.SFTP}", "password='canary-9$H{o}me'", "token: str | None"])
def test_references_and_inventions_are_no_secrets(text: str) -> None:
    assert not list(literals(text))


@pytest.mark.parametrize("path", sorted((ROOT / "feeds").rglob("*.yaml")), ids=names)
def test_definitions_hold_references_only(path: Path) -> None:
    """Stricter than above: in a definition no literal at all stands under a secret's name."""
    plain = re.sub(r"(?m)(^|\s)#.*$", "", path.read_text(encoding="utf-8"))
    given = re.findall(r"(?i)\b(password|passphrase|token|api_?key|privateKey)['\"]?\s*:\s*['\"]?([^\s'\",}]+)", plain)
    kinds = ("${", "{", "[")  # a reference, or a mapping or list that is looked at in turn
    assert not [name for name, value in given if not value.startswith(kinds)]


# --- code -----------------------------------------------------------------------------------


def called(path: Path, wanted: set[str]) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return any(isinstance(each, ast.Name) and each.id in wanted for each in calls)


def test_source_is_compiled_in_one_module_only() -> None:
    found = [path for path in CODE if called(path, {"exec", "eval", "compile", "__import__"})]
    assert len(found) <= 1
    assert all(path.parent == ROOT / "engine" / "mapping" for path in found)


SQL = re.compile(
    r"(?i)^\s*(select\s.+\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|pragma\s"
    r"|(create|alter|drop)\s+(temp\s+|unique\s+)?(table|index|schema|database)\s|copy\s+\w+.*\s(from|to)\s)"
)


@pytest.mark.parametrize("path", [path for path in CODE if "store" not in path.parts], ids=names)
def test_sql_stands_in_the_store_only(path: Path) -> None:
    texts = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant))
    assert not [node.lineno for node in texts if isinstance(node.value, str) and SQL.search(node.value)]
