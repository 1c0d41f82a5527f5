"""The store as first released."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Json = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Digest = sa.String(32).with_variant(postgresql.UUID(as_uuid=False), "postgresql")

# What is written by the batch takes its ids from a reserved block; SQLite keeps these in `sequences`.
RESERVED = ("contacts", "vehicles", "activities", "activity_changes", "quarantine")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in RESERVED:
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_ids")))
    op.create_table(
        "activities",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("namespace", Word, nullable=False),
        sa.Column("type", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("contact_id", Id, nullable=True),
        sa.Column("vehicle_id", Id, nullable=True),
        sa.Column("occurred", Word, nullable=True),
        sa.Column("state", Word, nullable=True),
        sa.Column("fields", Json, nullable=False),
        sa.Column("version", Word, nullable=True),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("match", Word, nullable=True),
        sa.Column("digest", Digest, nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("group_key", Word, nullable=True),
        sa.Column("waits_for", Word, nullable=True),
        sa.Column("held_state", Word, nullable=True),
        sa.Column("created_in", Id, nullable=False),
        sa.Column("created_at", Word, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dealer_id", "namespace", "type", "key", name="activities_by_key"),
    )
    op.create_index("activities_by_contact", "activities", ["contact_id"], unique=False)
    op.create_index("activities_by_digest", "activities", ["digest"], unique=False)
    op.create_index(
        "activities_by_group",
        "activities",
        ["group_key"],
        unique=False,
        sqlite_where=sa.text("group_key IS NOT NULL"),
        postgresql_where=sa.text("group_key IS NOT NULL"),
    )
    op.create_index("activities_by_time", "activities", ["dealer_id", "type", "occurred"], unique=False)
    op.create_index(
        "activities_held",
        "activities",
        ["dealer_id", "waits_for"],
        unique=False,
        sqlite_where=sa.text("waits_for IS NOT NULL"),
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_table(
        "activity_changes",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("activity_id", Id, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("changes", Json, nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_activity_changes_activity_id", "activity_changes", ["activity_id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Word, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", Word, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "breakers",
        sa.Column("login", Word, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", Word, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("login"),
    )
    op.create_table(
        "contact_keys",
        sa.Column("dealer_id", Id, autoincrement=False, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("value", Word, nullable=False),
        sa.Column("namespace", Word, nullable=False),
        sa.Column("contact_id", Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("dealer_id", "kind", "value", "namespace", "contact_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("contact_keys_by_contact", "contact_keys", ["contact_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("last_key", Word, nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("provenance", Json, nullable=False),
        sa.Column("created_at", Word, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("contacts_by_name", "contacts", ["dealer_id", "last_key"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("slice", Word, nullable=False),
        sa.Column("value", Word, nullable=True),
        sa.Column("position", Json, nullable=True),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "slice"),
    )
    op.create_table(
        "dealers",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("timezone", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "employees",
        sa.Column("id", Id, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("namespace", Word, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("state", Word, nullable=True),
        sa.Column("fields", Json, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dealer_id", "namespace", "key", name="employees_by_key"),
    )
    op.create_table("installation", sa.Column("tag", Word, nullable=False), sa.PrimaryKeyConstraint("tag"))
    op.create_table(
        "issues",
        sa.Column("id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=True),
        sa.Column("feed_id", Id, nullable=True),
        sa.Column("delivery_id", Id, nullable=True),
        sa.Column("code", Word, nullable=False),
        sa.Column("severity", Word, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("field", Word, nullable=True),
        sa.Column("at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("issues_by_run", "issues", ["run_id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", Word, nullable=False),
        sa.Column("fence", Id, nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process_started", sa.Text(), nullable=True),
        sa.Column("expires_at", Word, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("code", Word, nullable=False),
        sa.Column("field", Word, nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("digest", Digest, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("fix", Json, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("created_at", Word, nullable=False),
        sa.Column("resolved_at", Word, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_by_delivery", "quarantine", ["delivery_id"], unique=False)
    op.create_index("quarantine_by_digest", "quarantine", ["feed_id", "digest"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", Id, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("contact_id", Id, nullable=False),
        sa.Column("candidate_id", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("created_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("contact_id", "candidate_id", name="reviews_once"),
    )
    op.create_table(
        "runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("started_at", Word, nullable=False),
        sa.Column("finished_at", Word, nullable=True),
        sa.Column("outcome", Word, nullable=True),
        sa.Column("report", Json, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "sequences",
        sa.Column("name", Word, nullable=False),
        sa.Column("next", Id, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sightings",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("source", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("modified", sa.Float(precision=53), nullable=True),
        sa.Column("since", Word, nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "source", "name"),
    )
    op.create_table(
        "vehicle_keys",
        sa.Column("dealer_id", Id, autoincrement=False, nullable=False),
        sa.Column("value", Word, nullable=False),
        sa.Column("vehicle_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("dealer_id", "value"),
    )
    op.create_table(
        "vehicles",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("key", Word, nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("provenance", Json, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dealer_id", "key", name="vehicles_by_key"),
    )
    op.create_table(
        "feeds",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("dealer_id", Id, nullable=False),
        sa.Column("definition", Word, nullable=False),
        sa.Column("namespace", Word, nullable=False),
        sa.Column("mapping_hash", Word, nullable=False),
        sa.Column("excluded", Json, nullable=False),
        sa.Column("paused_at", Word, nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("paused_until", Word, nullable=True),
        sa.ForeignKeyConstraint(
            ["dealer_id"],
            ["dealers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=True),
        sa.Column("kind", Word, nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("source", Word, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("modified", sa.Float(precision=53), nullable=True),
        sa.Column("claim", Word, nullable=True),
        sa.Column("sha256", Word, nullable=True),
        sa.Column("state", Word, nullable=False),
        sa.Column("error_code", Word, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("mapping_hash", Word, nullable=True),
        sa.Column("run_date", Word, nullable=True),
        sa.Column("run_now", Word, nullable=True),
        sa.Column("header", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.BigInteger(), nullable=True),
        sa.Column("progress", Json, nullable=True),
        sa.Column("counts", Json, nullable=True),
        sa.Column("created_at", Word, nullable=False),
        sa.Column("updated_at", Word, nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feeds.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_by_file", "deliveries", ["feed_id", "source", "name"], unique=False)
    op.create_index("deliveries_by_sha", "deliveries", ["sha256"], unique=False)
    op.create_index("deliveries_by_source", "deliveries", ["source", "name"], unique=False)
    op.create_index("deliveries_by_state", "deliveries", ["feed_id", "state"], unique=False)
