CREATE TABLE public.ballots (
    id bigint NOT NULL,
    script bigint NOT NULL,
    parent bigint,
    delivery character varying NOT NULL,
    asker bigint NOT NULL,
    message bigint,
    ends timestamp with time zone,
    closed boolean NOT NULL,
    chosen bigint,
    announced boolean DEFAULT false NOT NULL
);
ALTER TABLE ONLY public.ballots ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY public.ballots ALTER COLUMN asker SET STATISTICS 0;
CREATE SEQUENCE public.ballots_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ballots_id_seq OWNED BY public.ballots.id;
CREATE TABLE public.bans (
    scope character varying NOT NULL,
    place bigint NOT NULL,
    words json NOT NULL,
    guild bigint
);
ALTER TABLE ONLY public.bans ALTER COLUMN scope SET STATISTICS 0;
ALTER TABLE ONLY public.bans ALTER COLUMN words SET STATISTICS 0;
CREATE TABLE public.departures (
    guild bigint NOT NULL,
    since timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.departures_guild_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.departures_guild_seq OWNED BY public.departures.guild;
CREATE TABLE public.facts (
    name character varying NOT NULL,
    value character varying NOT NULL
);
ALTER TABLE ONLY public.facts ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE ONLY public.facts ALTER COLUMN value SET STATISTICS 0;
CREATE TABLE public.lines (
    id bigint NOT NULL,
    script bigint NOT NULL,
    parent bigint,
    kind character varying NOT NULL,
    text character varying NOT NULL,
    author bigint,
    credit character varying NOT NULL,
    origin json NOT NULL,
    delivery character varying NOT NULL,
    take bigint NOT NULL,
    ordinal bigint NOT NULL,
    written timestamp with time zone NOT NULL,
    asker bigint,
    copy_of bigint,
    rewrite_of bigint,
    removed boolean DEFAULT false NOT NULL
);
ALTER TABLE ONLY public.lines ALTER COLUMN kind SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN author SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN credit SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN origin SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY public.lines ALTER COLUMN asker SET STATISTICS 0;
CREATE SEQUENCE public.lines_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lines_id_seq OWNED BY public.lines.id;
CREATE TABLE public.onbook (
    schema integer NOT NULL,
    erased bigint NOT NULL,
    swept bigint NOT NULL
);
CREATE TABLE public.posts (
    message bigint NOT NULL,
    line bigint NOT NULL,
    script bigint NOT NULL
);
CREATE TABLE public.scripts (
    id bigint NOT NULL,
    channel bigint NOT NULL,
    guild bigint,
    owner bigint NOT NULL,
    title character varying NOT NULL,
    "cast" json NOT NULL,
    voice character varying NOT NULL,
    temperature double precision NOT NULL,
    top_p double precision NOT NULL,
    running boolean NOT NULL,
    head bigint,
    begun timestamp with time zone NOT NULL,
    delivery character varying,
    forked_at bigint,
    archived boolean NOT NULL,
    min_p double precision,
    repetition double precision,
    length bigint,
    takes bigint NOT NULL,
    lock boolean NOT NULL,
    players json NOT NULL,
    skip_played boolean NOT NULL,
    alternate boolean NOT NULL,
    cooldown bigint NOT NULL,
    role bigint,
    erased bigint DEFAULT 0 NOT NULL,
    company double precision,
    quality character varying
);
ALTER TABLE ONLY public.scripts ALTER COLUMN owner SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN title SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN "cast" SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN voice SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN delivery SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN players SET STATISTICS 0;
ALTER TABLE ONLY public.scripts ALTER COLUMN quality SET STATISTICS 0;
CREATE SEQUENCE public.scripts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.scripts_id_seq OWNED BY public.scripts.id;
CREATE TABLE public.stale (
    message bigint NOT NULL,
    script bigint NOT NULL
);
CREATE SEQUENCE public.stale_message_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.stale_message_seq OWNED BY public.stale.message;
CREATE TABLE public.states (
    line bigint NOT NULL,
    fingerprint character varying NOT NULL,
    state bytea NOT NULL
);
ALTER TABLE ONLY public.states ALTER COLUMN fingerprint SET STATISTICS 0;
ALTER TABLE ONLY public.states ALTER COLUMN state SET STATISTICS 0;
ALTER TABLE ONLY public.states ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE TABLE public.surprises (
    line bigint NOT NULL,
    fingerprint character varying NOT NULL,
    bits bytea NOT NULL
);
ALTER TABLE ONLY public.surprises ALTER COLUMN fingerprint SET STATISTICS 0;
ALTER TABLE ONLY public.surprises ALTER COLUMN bits SET STATISTICS 0;
ALTER TABLE ONLY public.surprises ALTER COLUMN bits SET STORAGE EXTERNAL;
CREATE TABLE public.trails (
    script bigint NOT NULL,
    line bigint NOT NULL,
    child bigint NOT NULL
);
CREATE TABLE public.votes (
    ballot bigint NOT NULL,
    person bigint NOT NULL,
    take bigint NOT NULL
);
ALTER TABLE ONLY public.ballots ALTER COLUMN id SET DEFAULT nextval('public.ballots_id_seq'::regclass);
ALTER TABLE ONLY public.departures ALTER COLUMN guild SET DEFAULT nextval('public.departures_guild_seq'::regclass);
ALTER TABLE ONLY public.lines ALTER COLUMN id SET DEFAULT nextval('public.lines_id_seq'::regclass);
ALTER TABLE ONLY public.scripts ALTER COLUMN id SET DEFAULT nextval('public.scripts_id_seq'::regclass);
ALTER TABLE ONLY public.stale ALTER COLUMN message SET DEFAULT nextval('public.stale_message_seq'::regclass);
INSERT INTO public.ballots VALUES (1, 2, 2, 'd4', 7, 503, '2026-01-01 12:09:00+00', true, 1, true);
INSERT INTO public.ballots VALUES (2, 2, 2, 'd5', 7, 504, '2026-01-01 12:10:00+00', false, NULL, false);
INSERT INTO public.ballots VALUES (3, 2, 2, 'd6', 7, 505, NULL, false, NULL, false);
INSERT INTO public.bans VALUES ('channel', 1, '["zounds"]', 9223372036854775807);
INSERT INTO public.facts VALUES ('synced commands', 'abc');
INSERT INTO public.lines VALUES (1, 2, NULL, 'heading', 'INT. DINER - NIGHT', 7, 'Ann', '{}', 'd1', 0, 0, '2026-01-01 12:02:00+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (2, 2, 1, 'dialogue', 'MAYA
You came.', NULL, 'stage', '{"seed": 1, "temperature": 0.7}', 'd2', 0, 0, '2026-01-01 12:03:00+00', NULL, NULL, NULL, false);
INSERT INTO public.lines VALUES (3, 2, 2, 'action', 'Rain.', NULL, 'stage', '{"seed": 2, "temperature": 0.7}', 'd2', 0, 1, '2026-01-01 12:04:00+00', NULL, NULL, NULL, false);
INSERT INTO public.lines VALUES (4, 2, 1, 'action', 'It''s Ben.', 8, 'Ben', '{}', 'd3', 0, 0, '2026-01-01 12:05:00+00', 8, NULL, NULL, false);
INSERT INTO public.lines VALUES (5, 2, 4, 'action', 'Wind.', 8, 'Ben', '{}', 'd3', 0, 1, '2026-01-01 12:06:00+00', 8, NULL, NULL, false);
INSERT INTO public.lines VALUES (6, 2, 2, 'action', 'Hail.', NULL, 'stage', '{"seed": 3}', 'd4', 0, 0, '2026-01-01 12:07:00+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (7, 2, 2, 'action', 'Fog.', NULL, 'stage', '{"seed": 4}', 'd4', 1, 0, '2026-01-01 12:07:00+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (8, 2, 2, 'action', 'Sun.', NULL, 'stage', '{"seed": 5}', 'd5', 0, 0, '2026-01-01 12:08:00+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (9, 2, 2, 'action', 'Snow.', NULL, 'stage', '{"fingerprint": "f", "seed": 1, "temperature": 0.75, "top_p": 0.95, "min_p": 0.0, "repetition": 0.5, "length": 250, "company": 1.0, "limit": 600, "kind": null, "character": null, "cast": [], "quality": "draft", "banned": "d8422a0465640534", "processor": "Abacus", "onnxruntime": "1.32.0"}', 'd7', 0, 0, '2026-11-26 01:38:13.331711+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (10, 2, 9, 'action', 'Ice.', NULL, 'stage', '{"fingerprint": "f", "seed": 2, "temperature": 0.75, "top_p": 0.95, "min_p": 0.0, "repetition": 0.5, "length": 250, "company": 1.0, "limit": 600, "kind": null, "character": null, "cast": [], "quality": "draft", "banned": "d8422a0465640534", "processor": "Abacus", "onnxruntime": "1.32.0"}', 'd7', 0, 1, '2026-11-26 01:38:13.33172+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (11, 2, 10, 'action', 'Thaw.', NULL, 'stage', '{"fingerprint": "f", "seed": 2147483647, "temperature": 0.75, "top_p": 0.95, "min_p": 0.0, "repetition": 0.5, "length": 250, "company": 1.0, "limit": 600, "kind": null, "character": null, "cast": [], "quality": "draft", "banned": "d8422a0465640534", "processor": "Abacus", "onnxruntime": "1.32.0"}', 'd7', 0, 2, '2026-11-26 01:38:13.331721+00', 7, NULL, NULL, false);
INSERT INTO public.lines VALUES (12, 2, 11, 'action', 'É.', NULL, 'stage', '{"fingerprint": "f", "seed": 5, "temperature": 0.75, "top_p": 0.95, "min_p": 0.0, "repetition": 0.5, "length": 250, "company": 1.0, "limit": 600, "kind": "action", "character": "\u00c9MILE", "cast": ["\u00c9MILE", "\"M\""], "quality": "draft", "banned": "d8422a0465640534", "processor": "Abacus", "onnxruntime": "1.32.0"}', 'd8', 0, 0, '2026-11-26 01:38:13.404604+00', 7, NULL, NULL, false);
INSERT INTO public.onbook VALUES (8, 0, 0);
INSERT INTO public.posts VALUES (501, 1, 2);
INSERT INTO public.posts VALUES (502, 2, 2);
INSERT INTO public.posts VALUES (502, 3, 2);
INSERT INTO public.scripts VALUES (1, 1, 9223372036854775807, 7, 'The Roof', '[]', 'stage', 0.7, 0.95, false, NULL, '2026-01-01 12:00:00+00', NULL, NULL, false, NULL, NULL, NULL, 1, false, '{}', false, false, 0, NULL, 0, NULL, NULL);
INSERT INTO public.scripts VALUES (2, 1, 9223372036854775807, 7, 'The Diner', '["MAYA", "\u00c9MILE"]', 'stage', 0.7, 0.95, true, 12, '2026-01-01 12:01:00+00', NULL, NULL, false, NULL, NULL, NULL, 3, true, '{"MAYA": 7}', false, false, 5, NULL, 0, NULL, NULL);
INSERT INTO public.states VALUES (3, 'f', '\x0000803f000000c0');
INSERT INTO public.states VALUES (4, 'f', '\x0000803f000000c0');
INSERT INTO public.states VALUES (5, 'f', '\x0000803f000000c0');
INSERT INTO public.states VALUES (11, 'f', '\x0000803f000000c0');
INSERT INTO public.states VALUES (12, 'f', '\x0000803f000000c0');
INSERT INTO public.surprises VALUES (1, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (2, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (3, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (4, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (5, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (9, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (10, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (11, 'f', '\x003c0040');
INSERT INTO public.surprises VALUES (12, 'f', '\x003c0040');
INSERT INTO public.trails VALUES (2, 0, 1);
INSERT INTO public.trails VALUES (2, 1, 2);
INSERT INTO public.trails VALUES (2, 2, 9);
INSERT INTO public.trails VALUES (2, 4, 5);
INSERT INTO public.trails VALUES (2, 9, 10);
INSERT INTO public.trails VALUES (2, 10, 11);
INSERT INTO public.trails VALUES (2, 11, 12);
INSERT INTO public.votes VALUES (1, 8, 1);
INSERT INTO public.votes VALUES (2, 8, 0);
SELECT pg_catalog.setval('public.ballots_id_seq', 1795657095666, true);
SELECT pg_catalog.setval('public.departures_guild_seq', 1, false);
SELECT pg_catalog.setval('public.lines_id_seq', 1795657095666, true);
SELECT pg_catalog.setval('public.scripts_id_seq', 1795657095666, true);
SELECT pg_catalog.setval('public.stale_message_seq', 1, false);
ALTER TABLE ONLY public.ballots
    ADD CONSTRAINT ballots_delivery_key UNIQUE (delivery);
ALTER TABLE ONLY public.ballots
    ADD CONSTRAINT ballots_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bans
    ADD CONSTRAINT bans_pkey PRIMARY KEY (scope, place);
ALTER TABLE ONLY public.departures
    ADD CONSTRAINT departures_pkey PRIMARY KEY (guild);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_delivery_take_ordinal_key UNIQUE (delivery, take, ordinal);
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_pkey PRIMARY KEY (message, line);
ALTER TABLE ONLY public.scripts
    ADD CONSTRAINT scripts_delivery_key UNIQUE (delivery);
ALTER TABLE ONLY public.scripts
    ADD CONSTRAINT scripts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stale
    ADD CONSTRAINT stale_pkey PRIMARY KEY (message);
ALTER TABLE ONLY public.states
    ADD CONSTRAINT states_pkey PRIMARY KEY (line, fingerprint);
ALTER TABLE ONLY public.surprises
    ADD CONSTRAINT surprises_pkey PRIMARY KEY (line, fingerprint);
ALTER TABLE ONLY public.trails
    ADD CONSTRAINT trails_pkey PRIMARY KEY (script, line);
ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_pkey PRIMARY KEY (ballot, person);
CREATE INDEX ix_ballots_message ON public.ballots USING btree (message);
CREATE INDEX ix_ballots_script ON public.ballots USING btree (script);
CREATE INDEX ix_lines_asker ON public.lines USING btree (asker);
CREATE INDEX ix_lines_parent ON public.lines USING btree (parent);
CREATE INDEX ix_lines_script ON public.lines USING btree (script);
CREATE INDEX ix_posts_line ON public.posts USING btree (line);
CREATE INDEX ix_scripts_channel ON public.scripts USING btree (channel);
CREATE INDEX ix_stale_script ON public.stale USING btree (script);
CREATE INDEX ix_trails_child ON public.trails USING btree (child);
CREATE INDEX lines_by_author ON public.lines USING btree (author) WHERE (author IS NOT NULL);
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON public.scripts USING btree (channel) WHERE running;
ALTER TABLE ONLY public.ballots
    ADD CONSTRAINT ballots_script_fkey FOREIGN KEY (script) REFERENCES public.scripts(id);
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_parent_fkey FOREIGN KEY (parent) REFERENCES public.lines(id);
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_script_fkey FOREIGN KEY (script) REFERENCES public.scripts(id);
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_script_fkey FOREIGN KEY (script) REFERENCES public.scripts(id);
ALTER TABLE ONLY public.stale
    ADD CONSTRAINT stale_script_fkey FOREIGN KEY (script) REFERENCES public.scripts(id);
ALTER TABLE ONLY public.states
    ADD CONSTRAINT states_line_fkey FOREIGN KEY (line) REFERENCES public.lines(id);
ALTER TABLE ONLY public.surprises
    ADD CONSTRAINT surprises_line_fkey FOREIGN KEY (line) REFERENCES public.lines(id);
ALTER TABLE ONLY public.trails
    ADD CONSTRAINT trails_child_fkey FOREIGN KEY (child) REFERENCES public.lines(id);
ALTER TABLE ONLY public.trails
    ADD CONSTRAINT trails_script_fkey FOREIGN KEY (script) REFERENCES public.scripts(id);
ALTER TABLE ONLY public.votes
    ADD CONSTRAINT votes_ballot_fkey FOREIGN KEY (ballot) REFERENCES public.ballots(id);
