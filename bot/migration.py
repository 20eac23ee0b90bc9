"""From the tables of an earlier On Book to those of today. What stands here never changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = 8
"""The version of the tables of `store`. A file has it as its ``user_version``."""

_TO_3 = """
CREATE TABLE new_scripts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel BIGINT NOT NULL,
    guild BIGINT,
    owner BIGINT NOT NULL,
    title VARCHAR NOT NULL,
    "cast" JSON NOT NULL,
    voice VARCHAR NOT NULL,
    temperature DOUBLE NOT NULL,
    top_p DOUBLE NOT NULL,
    running BOOLEAN NOT NULL,
    head INTEGER,
    begun DATETIME NOT NULL,
    delivery VARCHAR,
    forked_at INTEGER,
    archived BOOLEAN NOT NULL,
    min_p DOUBLE,
    repetition DOUBLE,
    length INTEGER,
    takes INTEGER NOT NULL,
    "lock" BOOLEAN NOT NULL,
    players JSON NOT NULL,
    skip_played BOOLEAN NOT NULL,
    alternate BOOLEAN NOT NULL,
    cooldown INTEGER NOT NULL,
    role BIGINT,
    UNIQUE (delivery)
);
INSERT INTO new_scripts
    SELECT id, channel, guild, owner, title, "cast", voice, temperature, top_p, running, head,
        begun, NULL, NULL, 0, NULL, NULL, NULL, 1, json_array_length("cast") > 0, '{}', 0, 0, 0,
        NULL
    FROM scripts;
DROP TABLE scripts;
ALTER TABLE new_scripts RENAME TO scripts;
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON scripts (channel) WHERE running;

CREATE TABLE new_lines (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    script INTEGER NOT NULL,
    parent INTEGER,
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    author BIGINT,
    credit VARCHAR NOT NULL,
    origin JSON NOT NULL,
    delivery VARCHAR NOT NULL,
    take INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    written DATETIME NOT NULL,
    asker BIGINT,
    copy_of INTEGER,
    rewrite_of INTEGER,
    UNIQUE (delivery, take, ordinal),
    FOREIGN KEY(script) REFERENCES scripts (id),
    FOREIGN KEY(parent) REFERENCES lines (id)
);
INSERT INTO new_lines
    SELECT id, script, parent, kind, text, author, credit, origin, delivery, take, ordinal,
        written, author, NULL, NULL
    FROM lines;
DROP TABLE lines;
ALTER TABLE new_lines RENAME TO lines;
CREATE INDEX ix_lines_script ON lines (script);
CREATE INDEX ix_lines_parent ON lines (parent);

CREATE TABLE trails (
    script INTEGER NOT NULL,
    line INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (script, line),
    FOREIGN KEY(script) REFERENCES scripts (id),
    FOREIGN KEY(child) REFERENCES lines (id)
);
CREATE INDEX ix_trails_child ON trails (child);
-- Where several lines hang below one, the head last went to the newest, or is above it now.
INSERT INTO trails SELECT script, coalesce(parent, 0), max(id) FROM lines GROUP BY script, parent;
WITH RECURSIVE way(script, line, parent) AS (
    SELECT scripts.id, lines.id, lines.parent FROM scripts JOIN lines ON lines.id = scripts.head
    UNION ALL
    SELECT way.script, lines.id, lines.parent FROM way JOIN lines ON lines.id = way.parent
)
INSERT INTO trails SELECT script, coalesce(parent, 0), line FROM way WHERE true
    ON CONFLICT (script, line) DO UPDATE SET child = excluded.child;
"""

_TO_5 = """
ALTER TABLE lines ADD COLUMN removed BOOLEAN DEFAULT 0 NOT NULL;
ALTER TABLE scripts ADD COLUMN erased INTEGER DEFAULT 0 NOT NULL;
"""

_TO_6 = """
ALTER TABLE scripts ADD COLUMN company DOUBLE;
"""

_BANS_TO_6 = """
ALTER TABLE bans ADD COLUMN guild BIGINT;
UPDATE bans SET guild = place WHERE scope = 'guild';
UPDATE bans SET guild = (SELECT guild FROM scripts WHERE channel = place) WHERE scope = 'channel';
"""

_BALLOTS_TO_6 = """
ALTER TABLE ballots ADD COLUMN announced BOOLEAN DEFAULT 0 NOT NULL;
UPDATE ballots SET announced = closed;
"""

_TO_7 = """
ALTER TABLE scripts ADD COLUMN quality VARCHAR;
"""

# What is looked for where there are many: the scripts of a channel, and what is kept of somebody.
_TO_8 = """
CREATE INDEX ix_scripts_channel ON scripts (channel);
CREATE INDEX lines_by_author ON lines (author) WHERE author IS NOT NULL;
CREATE INDEX ix_lines_asker ON lines (asker);
"""

# There are bans since schema 2, and ballots since schema 4.
UPGRADES = {
    1: _TO_3 + _TO_5 + _TO_6 + _TO_7 + _TO_8,
    2: _TO_3 + _TO_5 + _TO_6 + _BANS_TO_6 + _TO_7 + _TO_8,
    3: _TO_5 + _TO_6 + _BANS_TO_6 + _TO_7 + _TO_8,
    4: _TO_5 + _TO_6 + _BANS_TO_6 + _BALLOTS_TO_6 + _TO_7 + _TO_8,
    5: _TO_6 + _BANS_TO_6 + _BALLOTS_TO_6 + _TO_7 + _TO_8,
    6: _TO_7 + _TO_8,
    7: _TO_8,
}
"""What makes today's tables of an earlier schema's. Tables that only lacked are made elsewhere."""


STEPS: dict[int, tuple[str, ...]] = {}
"""The same on PostgreSQL, where tables begin with schema 8: from each schema to the next one."""


def upgrade(path: Path) -> None:
    """Brings the tables in a file up to date; does nothing to a new file, or to a newer schema.

    All or nothing, with nobody else at the file. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in UPGRADES:
            return
        # A table that others refer to is replaced, and must not take their rows along.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        # Earlier upgrades left what they replaced in pages that are free, and people's words there.
        # Before this one, which leaves none: whatever ends it, the next one begins with this again.
        connection.execute("VACUUM")
        connection.executescript(
            f"BEGIN IMMEDIATE; {UPGRADES[version]} PRAGMA user_version = {SCHEMA}; COMMIT;"
        )
