"""Opening the store by its URL for those that do not run feeds; never makes or changes a table."""

from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from engine.errors import StoreError
from engine.store.database import connect

Store: TypeAlias = Engine


def opened(url: str) -> Store:
    """An engine for the URL. Raises StoreError for one that cannot be read, without showing its password."""
    try:
        return connect(url)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise StoreError(
            "the database URL cannot be read: expected sqlite:///path/to/file.db or postgresql://user@host/name "
            "(--database-url, FEEDS_DATABASE_URL)"
        ) from None
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs the package {error.name}: pip install 'feeds[postgres]'") from None
