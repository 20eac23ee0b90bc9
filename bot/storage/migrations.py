"""Upgrade the tables of earlier versions. Published steps never change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = 11
"""The version of the tables in `schema`. SQLite files have it as their ``user_version``."""

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

# Index the scripts of a channel, and what is kept of a person.
_TO_8 = """
CREATE INDEX ix_scripts_channel ON scripts (channel);
CREATE INDEX lines_by_author ON lines (author) WHERE author IS NOT NULL;
CREATE INDEX ix_lines_asker ON lines (asker);
"""

# Store once what a model's lines have in common, keep surprisals only as long as states, and
# cluster tables whose keys have two columns.
_TO_9 = """
CREATE TABLE manners (
    id INTEGER NOT NULL PRIMARY KEY,
    content VARCHAR NOT NULL
);
CREATE INDEX manners_by_content ON manners (content);
INSERT INTO manners (content)
    SELECT DISTINCT json_remove(origin, '$.seed') FROM lines WHERE origin <> '{}';

CREATE TABLE new_lines (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    script INTEGER NOT NULL,
    parent INTEGER,
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    author BIGINT,
    credit VARCHAR NOT NULL,
    manner INTEGER,
    seed BIGINT,
    delivery VARCHAR NOT NULL,
    take INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    written DATETIME NOT NULL,
    asker BIGINT,
    copy_of INTEGER,
    rewrite_of INTEGER,
    removed BOOLEAN DEFAULT 0 NOT NULL,
    UNIQUE (delivery, take, ordinal),
    FOREIGN KEY(script) REFERENCES scripts (id),
    FOREIGN KEY(parent) REFERENCES lines (id),
    FOREIGN KEY(manner) REFERENCES manners (id)
);
-- What was deleted had ids, too.
INSERT INTO sqlite_sequence SELECT 'new_lines', seq FROM sqlite_sequence WHERE name = 'lines';
INSERT INTO new_lines
    SELECT lines.id, script, parent, kind, text, author, credit, manners.id,
        json_extract(origin, '$.seed'), delivery, take, ordinal, written, asker, copy_of,
        rewrite_of, removed
    FROM lines LEFT JOIN manners ON origin <> '{}' AND content = json_remove(origin, '$.seed')
    ORDER BY lines.id;
DROP TABLE lines;
ALTER TABLE new_lines RENAME TO lines;
CREATE INDEX ix_lines_script ON lines (script);
CREATE INDEX ix_lines_parent ON lines (parent);
CREATE INDEX lines_by_author ON lines (author) WHERE author IS NOT NULL;
CREATE INDEX ix_lines_asker ON lines (asker);
CREATE INDEX lines_by_manner ON lines (manner) WHERE manner IS NOT NULL;

CREATE TABLE new_trails (
    script INTEGER NOT NULL,
    line INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (script, line),
    FOREIGN KEY(script) REFERENCES scripts (id),
    FOREIGN KEY(child) REFERENCES lines (id)
) WITHOUT ROWID;
INSERT INTO new_trails SELECT script, line, child FROM trails ORDER BY script, line;
DROP TABLE trails;
ALTER TABLE new_trails RENAME TO trails;
CREATE INDEX ix_trails_child ON trails (child);

CREATE TABLE new_posts (
    message BIGINT NOT NULL,
    line INTEGER NOT NULL,
    script INTEGER NOT NULL,
    PRIMARY KEY (message, line),
    FOREIGN KEY(script) REFERENCES scripts (id)
) WITHOUT ROWID;
INSERT INTO new_posts SELECT message, line, script FROM posts ORDER BY message, line;
DROP TABLE posts;
ALTER TABLE new_posts RENAME TO posts;
CREATE INDEX ix_posts_line ON posts (line);
"""

_SURPRISES_TO_9 = """
DELETE FROM surprises WHERE line < (
    SELECT min(line) FROM states WHERE line NOT IN (SELECT head FROM scripts WHERE head > 0)
) AND line NOT IN (SELECT head FROM scripts WHERE head > 0);
"""

# Redo pointers on the path to a head are redundant. The first lines of scripts have no parent.
_TRAILS_TO_10 = """
WITH RECURSIVE way(script, line, parent) AS (
    SELECT scripts.id, lines.id, lines.parent FROM scripts JOIN lines ON lines.id = scripts.head
    UNION ALL
    SELECT way.script, lines.id, lines.parent FROM way JOIN lines ON lines.id = way.parent
)
DELETE FROM trails WHERE (script, child) IN (SELECT script, line FROM way);
"""

_TO_10 = f"""
{_TRAILS_TO_10}
DROP INDEX ix_lines_parent;
CREATE INDEX lines_by_parent ON lines (parent) WHERE parent IS NOT NULL;
"""

# Bans and surprises exist since schema 2, ballots since schema 4.
_TO_9_FROM = {
    1: _TO_3 + _TO_5 + _TO_6 + _TO_7 + _TO_8 + _TO_9,
    2: _TO_3 + _TO_5 + _TO_6 + _BANS_TO_6 + _TO_7 + _TO_8 + _TO_9 + _SURPRISES_TO_9,
    3: _TO_5 + _TO_6 + _BANS_TO_6 + _TO_7 + _TO_8 + _TO_9 + _SURPRISES_TO_9,
    4: _TO_5 + _TO_6 + _BANS_TO_6 + _BALLOTS_TO_6 + _TO_7 + _TO_8 + _TO_9 + _SURPRISES_TO_9,
    5: _TO_6 + _BANS_TO_6 + _BALLOTS_TO_6 + _TO_7 + _TO_8 + _TO_9 + _SURPRISES_TO_9,
    6: _TO_7 + _TO_8 + _TO_9 + _SURPRISES_TO_9,
    7: _TO_8 + _TO_9 + _SURPRISES_TO_9,
    8: _TO_9 + _SURPRISES_TO_9,
}

_TO_11 = """
ALTER TABLE scripts ADD COLUMN style VARCHAR;
"""

_TO_10_FROM = {schema: steps + _TO_10 for schema, steps in _TO_9_FROM.items()} | {9: _TO_10}

UPGRADES = {schema: steps + _TO_11 for schema, steps in _TO_10_FROM.items()} | {10: _TO_11}
"""The SQL that upgrades each earlier schema to `SCHEMA`, except new tables, which are made after
it."""


_POSTGRES_TO_9 = (
    "CREATE TABLE manners (id BIGINT PRIMARY KEY, content VARCHAR NOT NULL)",
    "ALTER TABLE manners ALTER COLUMN content SET STATISTICS 0",
    "CREATE INDEX manners_by_content ON manners USING hash (content)",
    """
    INSERT INTO manners
    SELECT row_number() OVER (ORDER BY min(id)), (CAST(origin AS jsonb) - 'seed')::text
    FROM lines WHERE CAST(origin AS jsonb) <> '{}' GROUP BY 2
    """,
    "ALTER TABLE lines ADD COLUMN manner BIGINT, ADD COLUMN seed BIGINT",
    """
    UPDATE lines SET manner = manners.id, seed = CAST(CAST(origin AS jsonb) ->> 'seed' AS BIGINT)
    FROM manners
    WHERE CAST(origin AS jsonb) <> '{}' AND content = (CAST(origin AS jsonb) - 'seed')::text
    """,
    "ALTER TABLE lines DROP COLUMN origin",
    "ALTER TABLE lines ADD FOREIGN KEY (manner) REFERENCES manners",
    "CREATE INDEX lines_by_manner ON lines (manner) WHERE manner IS NOT NULL",
    _SURPRISES_TO_9,
    "ALTER TABLE onbook ADD COLUMN rests TIMESTAMP WITH TIME ZONE",
)

_POSTGRES_TO_10 = (
    _TRAILS_TO_10,
    "ALTER TABLE lines ALTER COLUMN take TYPE INTEGER, ALTER COLUMN ordinal TYPE INTEGER",
    "DROP INDEX ix_lines_parent",
    "CREATE INDEX lines_by_parent ON lines (parent) WHERE parent IS NOT NULL",
)

_POSTGRES_TO_11 = (_TO_11, "ALTER TABLE scripts ALTER COLUMN style SET STATISTICS 0")

STEPS: dict[int, tuple[str, ...]] = {
    8: _POSTGRES_TO_9,
    9: _POSTGRES_TO_10,
    10: _POSTGRES_TO_11,
}
"""The SQL that upgrades PostgreSQL from each schema to the next one. Its first schema was 8."""


def schema_of(path: Path) -> int:
    """Return the version of the tables in a file, 0 if there are none; raise sqlite3.Error."""
    opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    with closing(opened) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)


def upgrade(path: Path) -> None:
    """Upgrade the tables in a file, all or nothing; leave a new file or a newer schema as it is.

    No other program may use the file.

    Raises:
        sqlite3.Error: The file cannot be upgraded.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in UPGRADES:
            return
        # Replacing a table must not delete the rows that refer to it.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        # Earlier upgrades left people's words in free pages. VACUUM comes before the upgrade, so
        # that it is repeated if the upgrade is interrupted.
        connection.execute("VACUUM")
        connection.executescript(
            f"BEGIN IMMEDIATE; {UPGRADES[version]} PRAGMA user_version = {SCHEMA}; COMMIT;"
        )
