"""Alembic's steps from each released shape of the store to the next; never edited once released."""
