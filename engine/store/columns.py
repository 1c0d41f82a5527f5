"""What the store's tables are made of: their one collection, and the types of their columns. Names no table."""

from sqlalchemy import BigInteger, Integer, MetaData, String, Text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# Byte order, so that keys and times sort the same everywhere and indexes serve prefixes.
Word = String().with_variant(String(collation="C"), "postgresql")
Json = Text().with_variant(postgresql.JSONB(), "postgresql")
# SQLite numbers rows by "INTEGER PRIMARY KEY" only; ids come from reserved blocks, see bulk.py.
Id = BigInteger().with_variant(Integer(), "sqlite")
# 128 bits as 32 hex digits; PostgreSQL keeps them in 16 bytes.
Digest = String(32).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
