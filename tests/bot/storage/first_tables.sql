BEGIN TRANSACTION;
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE banned_words (
    scope VARCHAR NOT NULL,
    place BIGINT NOT NULL,
    words JSON NOT NULL,
    guild BIGINT,
    CONSTRAINT pk_banned_words PRIMARY KEY (scope, place)
);
CREATE TABLE channels (
    id BIGINT NOT NULL,
    guild BIGINT,
    panel BIGINT,
    asked_for_webhooks BOOLEAN NOT NULL,
    CONSTRAINT pk_channels PRIMARY KEY (id)
);
CREATE TABLE departed_guilds (
    guild BIGINT NOT NULL,
    departed_at DATETIME NOT NULL,
    CONSTRAINT pk_departed_guilds PRIMARY KEY (guild)
);
CREATE TABLE key_values (
    "key" VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    CONSTRAINT pk_key_values PRIMARY KEY ("key")
);
CREATE TABLE lines (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    script INTEGER NOT NULL,
    parent INTEGER,
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    author BIGINT,
    credit VARCHAR NOT NULL,
    imported BOOLEAN NOT NULL,
    provenance INTEGER,
    seed BIGINT,
    delivery VARCHAR NOT NULL,
    take INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    written DATETIME NOT NULL,
    asker BIGINT,
    copy_of INTEGER,
    rewrite_of INTEGER,
    edit_of INTEGER,
    former_writers JSON,
    removed BOOLEAN NOT NULL,
    CONSTRAINT uq_lines_delivery UNIQUE (delivery, take, ordinal),
    CONSTRAINT fk_lines_script FOREIGN KEY(script) REFERENCES scripts (id),
    CONSTRAINT fk_lines_parent FOREIGN KEY(parent) REFERENCES lines (id),
    CONSTRAINT fk_lines_provenance FOREIGN KEY(provenance) REFERENCES provenances (id)
);
CREATE TABLE polls (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    script INTEGER NOT NULL,
    parent INTEGER,
    delivery VARCHAR NOT NULL,
    asker BIGINT NOT NULL,
    message BIGINT,
    ends DATETIME,
    closed BOOLEAN NOT NULL,
    chosen INTEGER,
    announced BOOLEAN NOT NULL,
    CONSTRAINT fk_polls_script FOREIGN KEY(script) REFERENCES scripts (id),
    CONSTRAINT uq_polls_delivery UNIQUE (delivery)
);
CREATE TABLE posted_lines (
    message BIGINT NOT NULL,
    channel BIGINT NOT NULL,
    line INTEGER NOT NULL,
    look VARCHAR NOT NULL,
    name VARCHAR,
    webhook BIGINT,
    surplus BOOLEAN NOT NULL,
    CONSTRAINT pk_posted_lines PRIMARY KEY (message)
)
 WITHOUT ROWID

;
CREATE TABLE provenances (
    id INTEGER NOT NULL,
    content VARCHAR NOT NULL,
    CONSTRAINT pk_provenances PRIMARY KEY (id)
);
CREATE TABLE redo_pointers (
    script INTEGER NOT NULL,
    line INTEGER NOT NULL,
    child INTEGER NOT NULL,
    CONSTRAINT pk_redo_pointers PRIMARY KEY (script, line),
    CONSTRAINT fk_redo_pointers_script FOREIGN KEY(script) REFERENCES scripts (id),
    CONSTRAINT fk_redo_pointers_child FOREIGN KEY(child) REFERENCES lines (id)
)
 WITHOUT ROWID

;
CREATE TABLE rotations (
    script INTEGER NOT NULL,
    writers JSON NOT NULL,
    turn INTEGER NOT NULL,
    since DATETIME NOT NULL,
    hours INTEGER,
    reminded DATETIME,
    skips INTEGER NOT NULL,
    announcement BIGINT,
    must_ping BOOLEAN NOT NULL,
    ping BIGINT,
    passed_by JSON NOT NULL,
    CONSTRAINT pk_rotations PRIMARY KEY (script),
    CONSTRAINT fk_rotations_script FOREIGN KEY(script) REFERENCES scripts (id)
);
CREATE TABLE scripts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel BIGINT NOT NULL,
    guild BIGINT,
    owner BIGINT NOT NULL,
    title VARCHAR NOT NULL,
    "cast" JSON NOT NULL,
    preferences JSON NOT NULL,
    running BOOLEAN NOT NULL,
    head INTEGER,
    begun DATETIME NOT NULL,
    delivery VARCHAR,
    forked_at INTEGER,
    archived BOOLEAN NOT NULL,
    ending VARCHAR,
    players JSON NOT NULL,
    erased INTEGER NOT NULL,
    CONSTRAINT uq_scripts_delivery UNIQUE (delivery)
);
CREATE TABLE sprints (
    script INTEGER NOT NULL,
    starter BIGINT NOT NULL,
    ends DATETIME NOT NULL,
    "after" INTEGER NOT NULL,
    CONSTRAINT pk_sprints PRIMARY KEY (script),
    CONSTRAINT fk_sprints_script FOREIGN KEY(script) REFERENCES scripts (id)
);
CREATE TABLE stale_messages (
    message BIGINT NOT NULL,
    CONSTRAINT pk_stale_messages PRIMARY KEY (message)
);
CREATE TABLE stars (
    line INTEGER NOT NULL,
    person BIGINT NOT NULL,
    message BIGINT,
    CONSTRAINT pk_stars PRIMARY KEY (line, person)
)
 WITHOUT ROWID

;
CREATE TABLE states (
    line INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL,
    surprisal BLOB,
    state BLOB,
    CONSTRAINT pk_states PRIMARY KEY (line, fingerprint),
    CONSTRAINT fk_states_line FOREIGN KEY(line) REFERENCES lines (id)
);
CREATE TABLE votes (
    poll INTEGER NOT NULL,
    person BIGINT NOT NULL,
    take INTEGER NOT NULL,
    CONSTRAINT pk_votes PRIMARY KEY (poll, person),
    CONSTRAINT fk_votes_poll FOREIGN KEY(poll) REFERENCES polls (id)
);
CREATE INDEX provenances_by_content ON provenances (content);
CREATE INDEX ix_scripts_channel ON scripts (channel);
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON scripts (channel) WHERE running;
CREATE INDEX ix_lines_script ON lines (script);
CREATE INDEX ix_lines_asker ON lines (asker);
CREATE INDEX lines_by_author ON lines (author) WHERE author IS NOT NULL;
CREATE INDEX lines_by_parent ON lines (parent) WHERE parent IS NOT NULL;
CREATE INDEX lines_by_original ON lines (copy_of) WHERE copy_of IS NOT NULL;
CREATE INDEX lines_by_provenance ON lines (provenance) WHERE provenance IS NOT NULL;
CREATE INDEX rewritten_lines ON lines (id) WHERE former_writers IS NOT NULL;
CREATE INDEX ix_polls_message ON polls (message);
CREATE INDEX ix_polls_script ON polls (script);
CREATE INDEX ix_posted_lines_line ON posted_lines (line);
CREATE INDEX ix_posted_lines_channel ON posted_lines (channel);
CREATE INDEX ix_redo_pointers_child ON redo_pointers (child);
CREATE INDEX kept_states ON states (fingerprint, line) WHERE state IS NOT NULL;
CREATE INDEX stars_by_message ON stars (message) WHERE message IS NOT NULL;
DELETE FROM "sqlite_sequence";
COMMIT;
