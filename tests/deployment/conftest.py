"""The projects of the tests of the command."""

from tests.cli.conftest import shell  # noqa: F401  (a fixture)
