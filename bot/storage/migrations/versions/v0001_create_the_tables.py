"""Create the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "banned_words",
        sa.Column("scope", sa.String(), primary_key=True),
        sa.Column("place", sa.BigInteger(), primary_key=True),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("guild", sa.BigInteger()),
    )
    op.create_table(
        "departed_guilds",
        sa.Column("guild", sa.BigInteger(), primary_key=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "key_values",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), nullable=False),
    )
    op.create_table(
        "provenances",
        sa.Column("id", INT64, autoincrement=False, primary_key=True),
        sa.Column("content", sa.String(), nullable=False),
    )
    op.create_index("provenances_by_content", "provenances", ["content"], postgresql_using="hash")
    op.create_table(
        "scripts",
        sa.Column("id", INT64, primary_key=True),
        sa.Column("channel", sa.BigInteger(), nullable=False, index=True),
        sa.Column("guild", sa.BigInteger()),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("cast", sa.JSON(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("head", INT64),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery", sa.String(), unique=True),
        sa.Column("forked_at", INT64),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("ending", sa.String()),
        sa.Column("players", sa.JSON(), nullable=False),
        sa.Column("erased", INT64, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "one_script_runs_in_a_channel",
        "scripts",
        ["channel"],
        unique=True,
        sqlite_where=sa.text("running"),
        postgresql_where=sa.text("running"),
    )
    op.create_table(
        "lines",
        sa.Column("id", INT64, primary_key=True),
        sa.Column("script", INT64, sa.ForeignKey("scripts.id"), nullable=False, index=True),
        sa.Column("parent", INT64, sa.ForeignKey("lines.id")),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.BigInteger()),
        sa.Column("credit", sa.String(), nullable=False),
        sa.Column("provenance", INT64, sa.ForeignKey("provenances.id")),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("take", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("written", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asker", sa.BigInteger(), index=True),
        sa.Column("copy_of", INT64),
        sa.Column("rewrite_of", INT64),
        sa.Column("former_writers", sa.JSON()),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("delivery", "take", "ordinal"),
        sqlite_autoincrement=True,
    )
    for name, column, indexed in (
        ("lines_by_author", "author", "author"),
        ("lines_by_parent", "parent", "parent"),
        ("lines_by_original", "copy_of", "copy_of"),
        ("lines_by_provenance", "provenance", "provenance"),
        ("rewritten_lines", "former_writers", "id"),
    ):
        is_present = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name, "lines", [indexed], sqlite_where=is_present, postgresql_where=is_present
        )
    op.create_table(
        "polls",
        sa.Column("id", INT64, primary_key=True),
        sa.Column("script", INT64, sa.ForeignKey("scripts.id"), nullable=False, index=True),
        sa.Column("parent", INT64),
        sa.Column("delivery", sa.String(), nullable=False, unique=True),
        sa.Column("asker", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.BigInteger(), index=True),
        sa.Column("ends", sa.DateTime(timezone=True)),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("chosen", INT64),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "posted_lines",
        sa.Column("message", sa.BigInteger(), primary_key=True),
        sa.Column("channel", sa.BigInteger(), nullable=False, index=True),
        sa.Column("line", INT64, nullable=False, index=True),
        sa.Column("look", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("webhook", sa.BigInteger()),
        sa.Column("surplus", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.BigInteger(), autoincrement=False, primary_key=True),
        sa.Column("guild", sa.BigInteger()),
        sa.Column("panel", sa.BigInteger()),
        sa.Column("asked_for_webhooks", sa.Boolean(), nullable=False),
    )
    op.create_table("stale_messages", sa.Column("message", sa.BigInteger(), primary_key=True))
    op.create_table(
        "redo_pointers",
        sa.Column("script", INT64, sa.ForeignKey("scripts.id"), primary_key=True),
        sa.Column("line", INT64, primary_key=True),
        sa.Column("child", INT64, sa.ForeignKey("lines.id"), nullable=False, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "states",
        sa.Column("line", INT64, sa.ForeignKey("lines.id"), primary_key=True),
        sa.Column("fingerprint", sa.String(), primary_key=True),
        sa.Column("surprisal", sa.LargeBinary()),
        sa.Column("state", sa.LargeBinary()),
    )
    is_kept = sa.text("state IS NOT NULL")
    keys = ["fingerprint", "line"]
    op.create_index("kept_states", "states", keys, sqlite_where=is_kept, postgresql_where=is_kept)
    op.create_table(
        "stars",
        sa.Column("line", INT64, primary_key=True),
        sa.Column("person", sa.BigInteger(), primary_key=True),
        sa.Column("message", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    is_present = sa.text("message IS NOT NULL")
    op.create_index(
        "stars_by_message",
        "stars",
        ["message"],
        sqlite_where=is_present,
        postgresql_where=is_present,
    )
    op.create_table(
        "rotations",
        sa.Column("script", INT64, sa.ForeignKey("scripts.id"), primary_key=True),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.Column("turn", INT64, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours", INT64),
        sa.Column("reminded", sa.DateTime(timezone=True)),
        sa.Column("skips", INT64, nullable=False),
        sa.Column("announcement", sa.BigInteger()),
        sa.Column("must_ping", sa.Boolean(), nullable=False),
        sa.Column("ping", sa.BigInteger()),
        sa.Column("passed_by", INT64),
    )
    op.create_table(
        "sprints",
        sa.Column("script", INT64, sa.ForeignKey("scripts.id"), primary_key=True),
        sa.Column("starter", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after", INT64, nullable=False),
    )
    op.create_table(
        "votes",
        sa.Column("poll", INT64, sa.ForeignKey("polls.id"), primary_key=True),
        sa.Column("person", sa.BigInteger(), primary_key=True),
        sa.Column("take", INT64, nullable=False),
    )
    if op.get_context().dialect.name == "postgresql":
        counts = op.create_table(
            "erasure_counts",
            sa.Column("erased", sa.BigInteger(), nullable=False),
            sa.Column("vacuumed", sa.BigInteger(), nullable=False),
            sa.Column("paused_until", sa.DateTime(timezone=True)),
        )
        op.bulk_insert(counts, [{"erased": 0, "vacuumed": 0}])
