CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE banned_words (
    scope character varying NOT NULL,
    place bigint NOT NULL,
    words json NOT NULL,
    guild bigint
);
ALTER TABLE ONLY banned_words ALTER COLUMN scope SET STATISTICS 0;
ALTER TABLE ONLY banned_words ALTER COLUMN words SET STATISTICS 0;
CREATE TABLE channels (
    id bigint NOT NULL,
    guild bigint,
    panel bigint,
    asked_for_webhooks boolean NOT NULL
);
CREATE TABLE departed_guilds (
    guild bigint NOT NULL,
    departed_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE departed_guilds_guild_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE departed_guilds_guild_seq OWNED BY departed_guilds.guild;
CREATE TABLE erasure_counts (
    erased bigint NOT NULL,
    vacuumed bigint NOT NULL,
    paused_until timestamp with time zone
);
CREATE TABLE key_values (
    key character varying NOT NULL,
    value character varying NOT NULL
);
ALTER TABLE ONLY key_values ALTER COLUMN key SET STATISTICS 0;
ALTER TABLE ONLY key_values ALTER COLUMN value SET STATISTICS 0;
CREATE TABLE lines (
    id bigint NOT NULL,
    script bigint NOT NULL,
    parent bigint,
    kind character varying NOT NULL,
    text character varying NOT NULL,
    author bigint,
    credit character varying NOT NULL,
    imported boolean NOT NULL,
    provenance bigint,
    seed bigint,
    delivery character varying NOT NULL,
    take integer NOT NULL,
    ordinal integer NOT NULL,
    written timestamp with time zone NOT NULL,
    asker bigint,
    copy_of bigint,
    rewrite_of bigint,
    edit_of bigint,
    former_writers json,
    removed boolean NOT NULL
);
ALTER TABLE ONLY lines ALTER COLUMN kind SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN author SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN credit SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN asker SET STATISTICS 0;
ALTER TABLE ONLY lines ALTER COLUMN former_writers SET STATISTICS 0;
CREATE SEQUENCE lines_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE lines_id_seq OWNED BY lines.id;
CREATE TABLE polls (
    id bigint NOT NULL,
    script bigint NOT NULL,
    parent bigint,
    delivery character varying NOT NULL,
    asker bigint NOT NULL,
    message bigint,
    ends timestamp with time zone,
    closed boolean NOT NULL,
    chosen bigint,
    announced boolean NOT NULL
);
ALTER TABLE ONLY polls ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY polls ALTER COLUMN asker SET STATISTICS 0;
CREATE SEQUENCE polls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE polls_id_seq OWNED BY polls.id;
CREATE TABLE posted_lines (
    message bigint NOT NULL,
    channel bigint NOT NULL,
    line bigint NOT NULL,
    look character varying NOT NULL,
    name character varying,
    webhook bigint,
    surplus boolean NOT NULL
);
ALTER TABLE ONLY posted_lines ALTER COLUMN look SET STATISTICS 0;
ALTER TABLE ONLY posted_lines ALTER COLUMN name SET STATISTICS 0;
CREATE SEQUENCE posted_lines_message_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE posted_lines_message_seq OWNED BY posted_lines.message;
CREATE TABLE provenances (
    id bigint NOT NULL,
    content character varying NOT NULL
);
ALTER TABLE ONLY provenances ALTER COLUMN content SET STATISTICS 0;
CREATE TABLE redo_pointers (
    script bigint NOT NULL,
    line bigint NOT NULL,
    child bigint NOT NULL
);
CREATE TABLE rotations (
    script bigint NOT NULL,
    writers json NOT NULL,
    turn bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    hours bigint,
    reminded timestamp with time zone,
    skips bigint NOT NULL,
    announcement bigint,
    must_ping boolean NOT NULL,
    ping bigint,
    passed_by json NOT NULL
);
ALTER TABLE ONLY rotations ALTER COLUMN writers SET STATISTICS 0;
ALTER TABLE ONLY rotations ALTER COLUMN passed_by SET STATISTICS 0;
CREATE TABLE scripts (
    id bigint NOT NULL,
    channel bigint NOT NULL,
    guild bigint,
    owner bigint NOT NULL,
    title character varying NOT NULL,
    "cast" json NOT NULL,
    preferences json NOT NULL,
    running boolean NOT NULL,
    head bigint,
    begun timestamp with time zone NOT NULL,
    delivery character varying,
    forked_at bigint,
    archived boolean NOT NULL,
    ending character varying,
    players json NOT NULL,
    erased bigint NOT NULL
);
ALTER TABLE ONLY scripts ALTER COLUMN owner SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN title SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN "cast" SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN preferences SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN ending SET STATISTICS 0;
ALTER TABLE ONLY scripts ALTER COLUMN players SET STATISTICS 0;
CREATE SEQUENCE scripts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE scripts_id_seq OWNED BY scripts.id;
CREATE TABLE sprints (
    script bigint NOT NULL,
    starter bigint NOT NULL,
    ends timestamp with time zone NOT NULL,
    after bigint NOT NULL
);
CREATE TABLE stale_messages (
    message bigint NOT NULL
);
CREATE SEQUENCE stale_messages_message_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE stale_messages_message_seq OWNED BY stale_messages.message;
CREATE TABLE stars (
    line bigint NOT NULL,
    person bigint NOT NULL,
    message bigint
);
ALTER TABLE ONLY stars ALTER COLUMN person SET STATISTICS 0;
CREATE TABLE states (
    line bigint NOT NULL,
    fingerprint character varying NOT NULL,
    surprisal bytea,
    state bytea
);
ALTER TABLE ONLY states ALTER COLUMN fingerprint SET STATISTICS 0;
ALTER TABLE ONLY states ALTER COLUMN surprisal SET STATISTICS 0;
ALTER TABLE ONLY states ALTER COLUMN surprisal SET STORAGE EXTERNAL;
ALTER TABLE ONLY states ALTER COLUMN state SET STATISTICS 0;
ALTER TABLE ONLY states ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE TABLE votes (
    poll bigint NOT NULL,
    person bigint NOT NULL,
    take bigint NOT NULL
);
ALTER TABLE ONLY votes ALTER COLUMN person SET STATISTICS 0;
ALTER TABLE ONLY departed_guilds ALTER COLUMN guild SET DEFAULT nextval('departed_guilds_guild_seq'::regclass);
ALTER TABLE ONLY lines ALTER COLUMN id SET DEFAULT nextval('lines_id_seq'::regclass);
ALTER TABLE ONLY polls ALTER COLUMN id SET DEFAULT nextval('polls_id_seq'::regclass);
ALTER TABLE ONLY posted_lines ALTER COLUMN message SET DEFAULT nextval('posted_lines_message_seq'::regclass);
ALTER TABLE ONLY scripts ALTER COLUMN id SET DEFAULT nextval('scripts_id_seq'::regclass);
ALTER TABLE ONLY stale_messages ALTER COLUMN message SET DEFAULT nextval('stale_messages_message_seq'::regclass);
INSERT INTO alembic_version VALUES ('0001');
INSERT INTO erasure_counts VALUES (0, 0, NULL);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY banned_words
    ADD CONSTRAINT pk_banned_words PRIMARY KEY (scope, place);
ALTER TABLE ONLY channels
    ADD CONSTRAINT pk_channels PRIMARY KEY (id);
ALTER TABLE ONLY departed_guilds
    ADD CONSTRAINT pk_departed_guilds PRIMARY KEY (guild);
ALTER TABLE ONLY key_values
    ADD CONSTRAINT pk_key_values PRIMARY KEY (key);
ALTER TABLE ONLY lines
    ADD CONSTRAINT pk_lines PRIMARY KEY (id);
ALTER TABLE ONLY polls
    ADD CONSTRAINT pk_polls PRIMARY KEY (id);
ALTER TABLE ONLY posted_lines
    ADD CONSTRAINT pk_posted_lines PRIMARY KEY (message);
ALTER TABLE ONLY provenances
    ADD CONSTRAINT pk_provenances PRIMARY KEY (id);
ALTER TABLE ONLY redo_pointers
    ADD CONSTRAINT pk_redo_pointers PRIMARY KEY (script, line);
ALTER TABLE ONLY rotations
    ADD CONSTRAINT pk_rotations PRIMARY KEY (script);
ALTER TABLE ONLY scripts
    ADD CONSTRAINT pk_scripts PRIMARY KEY (id);
ALTER TABLE ONLY sprints
    ADD CONSTRAINT pk_sprints PRIMARY KEY (script);
ALTER TABLE ONLY stale_messages
    ADD CONSTRAINT pk_stale_messages PRIMARY KEY (message);
ALTER TABLE ONLY stars
    ADD CONSTRAINT pk_stars PRIMARY KEY (line, person);
ALTER TABLE ONLY states
    ADD CONSTRAINT pk_states PRIMARY KEY (line, fingerprint);
ALTER TABLE ONLY votes
    ADD CONSTRAINT pk_votes PRIMARY KEY (poll, person);
ALTER TABLE ONLY lines
    ADD CONSTRAINT uq_lines_delivery UNIQUE (delivery, take, ordinal);
ALTER TABLE ONLY polls
    ADD CONSTRAINT uq_polls_delivery UNIQUE (delivery);
ALTER TABLE ONLY scripts
    ADD CONSTRAINT uq_scripts_delivery UNIQUE (delivery);
CREATE INDEX ix_lines_asker ON lines USING btree (asker);
CREATE INDEX ix_lines_script ON lines USING btree (script);
CREATE INDEX ix_polls_message ON polls USING btree (message);
CREATE INDEX ix_polls_script ON polls USING btree (script);
CREATE INDEX ix_posted_lines_channel ON posted_lines USING btree (channel);
CREATE INDEX ix_posted_lines_line ON posted_lines USING btree (line);
CREATE INDEX ix_redo_pointers_child ON redo_pointers USING btree (child);
CREATE INDEX ix_scripts_channel ON scripts USING btree (channel);
CREATE INDEX kept_states ON states USING btree (fingerprint, line) WHERE (state IS NOT NULL);
CREATE INDEX lines_by_author ON lines USING btree (author) WHERE (author IS NOT NULL);
CREATE INDEX lines_by_original ON lines USING btree (copy_of) WHERE (copy_of IS NOT NULL);
CREATE INDEX lines_by_parent ON lines USING btree (parent) WHERE (parent IS NOT NULL);
CREATE INDEX lines_by_provenance ON lines USING btree (provenance) WHERE (provenance IS NOT NULL);
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON scripts USING btree (channel) WHERE running;
CREATE INDEX provenances_by_content ON provenances USING hash (content);
CREATE INDEX rewritten_lines ON lines USING btree (id) WHERE (former_writers IS NOT NULL);
CREATE INDEX stars_by_message ON stars USING btree (message) WHERE (message IS NOT NULL);
ALTER TABLE ONLY lines
    ADD CONSTRAINT fk_lines_parent FOREIGN KEY (parent) REFERENCES lines(id);
ALTER TABLE ONLY lines
    ADD CONSTRAINT fk_lines_provenance FOREIGN KEY (provenance) REFERENCES provenances(id);
ALTER TABLE ONLY lines
    ADD CONSTRAINT fk_lines_script FOREIGN KEY (script) REFERENCES scripts(id);
ALTER TABLE ONLY polls
    ADD CONSTRAINT fk_polls_script FOREIGN KEY (script) REFERENCES scripts(id);
ALTER TABLE ONLY redo_pointers
    ADD CONSTRAINT fk_redo_pointers_child FOREIGN KEY (child) REFERENCES lines(id);
ALTER TABLE ONLY redo_pointers
    ADD CONSTRAINT fk_redo_pointers_script FOREIGN KEY (script) REFERENCES scripts(id);
ALTER TABLE ONLY rotations
    ADD CONSTRAINT fk_rotations_script FOREIGN KEY (script) REFERENCES scripts(id);
ALTER TABLE ONLY sprints
    ADD CONSTRAINT fk_sprints_script FOREIGN KEY (script) REFERENCES scripts(id);
ALTER TABLE ONLY states
    ADD CONSTRAINT fk_states_line FOREIGN KEY (line) REFERENCES lines(id);
ALTER TABLE ONLY votes
    ADD CONSTRAINT fk_votes_poll FOREIGN KEY (poll) REFERENCES polls(id);
