"""A project on a folder, on one database or both."""

from tests.cli.conftest import both, shell  # noqa: F401  (fixtures)
