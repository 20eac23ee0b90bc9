BEGIN TRANSACTION;
CREATE TABLE ballots (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	script INTEGER NOT NULL, 
	parent INTEGER, 
	delivery VARCHAR NOT NULL, 
	asker BIGINT NOT NULL, 
	message BIGINT, 
	ends DATETIME, 
	closed BOOLEAN NOT NULL, 
	chosen INTEGER, announced BOOLEAN DEFAULT 0 NOT NULL, 
	FOREIGN KEY(script) REFERENCES scripts (id), 
	UNIQUE (delivery)
);
INSERT INTO "ballots" VALUES(1,2,2,'d4',7,503,'2026-01-01 12:09:00.000000',1,1,1);
INSERT INTO "ballots" VALUES(2,2,2,'d5',7,504,'2026-01-01 12:10:00.000000',0,NULL,0);
INSERT INTO "ballots" VALUES(3,2,2,'d6',7,505,NULL,0,NULL,0);
CREATE TABLE bans (
	scope VARCHAR NOT NULL, 
	place BIGINT NOT NULL, 
	words JSON NOT NULL, guild BIGINT, 
	PRIMARY KEY (scope, place)
);
INSERT INTO "bans" VALUES('channel',1,'["zounds"]',9223372036854775807);
CREATE TABLE departures (
	guild BIGINT NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (guild)
);
CREATE TABLE facts (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('synced commands','abc');
CREATE TABLE "lines" (
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
INSERT INTO "lines" VALUES(1,2,NULL,'heading','INT. DINER - NIGHT',7,'Ann',NULL,NULL,'d1',0,0,'2026-01-01 12:02:00.000000',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(2,2,1,'dialogue','MAYA
You came.',NULL,'stage',1,1,'d2',0,0,'2026-01-01 12:03:00.000000',NULL,NULL,NULL,0);
INSERT INTO "lines" VALUES(3,2,2,'action','Rain.',NULL,'stage',1,2,'d2',0,1,'2026-01-01 12:04:00.000000',NULL,NULL,NULL,0);
INSERT INTO "lines" VALUES(4,2,1,'action','It''s Ben.',8,'Ben',NULL,NULL,'d3',0,0,'2026-01-01 12:05:00.000000',8,NULL,NULL,0);
INSERT INTO "lines" VALUES(5,2,4,'action','Wind.',8,'Ben',NULL,NULL,'d3',0,1,'2026-01-01 12:06:00.000000',8,NULL,NULL,0);
INSERT INTO "lines" VALUES(6,2,2,'action','Hail.',NULL,'stage',2,3,'d4',0,0,'2026-01-01 12:07:00.000000',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(7,2,2,'action','Fog.',NULL,'stage',2,4,'d4',1,0,'2026-01-01 12:07:00.000000',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(8,2,2,'action','Sun.',NULL,'stage',2,5,'d5',0,0,'2026-01-01 12:08:00.000000',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(9,2,2,'action','Snow.',NULL,'stage',3,1,'d7',0,0,'2026-11-26 01:38:13.331711',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(10,2,9,'action','Ice.',NULL,'stage',3,2,'d7',0,1,'2026-11-26 01:38:13.331720',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(11,2,10,'action','Thaw.',NULL,'stage',3,2147483647,'d7',0,2,'2026-11-26 01:38:13.331721',7,NULL,NULL,0);
INSERT INTO "lines" VALUES(12,2,11,'action','É.',NULL,'stage',4,5,'d8',0,0,'2026-11-26 01:38:13.404604',7,NULL,NULL,0);
CREATE TABLE manners (
    id INTEGER NOT NULL PRIMARY KEY,
    content VARCHAR NOT NULL
);
INSERT INTO "manners" VALUES(1,'{"temperature":0.7}');
INSERT INTO "manners" VALUES(2,'{}');
INSERT INTO "manners" VALUES(3,'{"fingerprint":"f","temperature":0.75,"top_p":0.95,"min_p":0.0,"repetition":0.5,"length":250,"company":1.0,"limit":600,"kind":null,"character":null,"cast":[],"quality":"draft","banned":"d8422a0465640534","processor":"Abacus","onnxruntime":"1.32.0"}');
INSERT INTO "manners" VALUES(4,'{"fingerprint":"f","temperature":0.75,"top_p":0.95,"min_p":0.0,"repetition":0.5,"length":250,"company":1.0,"limit":600,"kind":"action","character":"\u00c9MILE","cast":["\u00c9MILE","\"M\""],"quality":"draft","banned":"d8422a0465640534","processor":"Abacus","onnxruntime":"1.32.0"}');
CREATE TABLE "posts" (
    message BIGINT NOT NULL,
    line INTEGER NOT NULL,
    script INTEGER NOT NULL,
    PRIMARY KEY (message, line),
    FOREIGN KEY(script) REFERENCES scripts (id)
) WITHOUT ROWID;
INSERT INTO "posts" VALUES(501,1,2);
INSERT INTO "posts" VALUES(502,2,2);
INSERT INTO "posts" VALUES(502,3,2);
CREATE TABLE "scripts" (
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
    role BIGINT, erased INTEGER DEFAULT 0 NOT NULL, company DOUBLE, quality VARCHAR,
    UNIQUE (delivery)
);
INSERT INTO "scripts" VALUES(1,1,9223372036854775807,7,'The Roof','[]','stage',0.7,0.95,0,1,'2026-01-01 12:00:00.000000',NULL,NULL,0,NULL,NULL,NULL,1,0,'{}',0,0,0,NULL,0,NULL,NULL);
INSERT INTO "scripts" VALUES(2,1,9223372036854775807,7,'The Diner','["MAYA", "\u00c9MILE"]','stage',0.7,0.95,1,12,'2026-01-01 12:01:00.000000',NULL,NULL,0,NULL,NULL,NULL,3,1,'{"MAYA": 7}',0,0,5,NULL,0,NULL,NULL);
CREATE TABLE stale (
	message BIGINT NOT NULL, 
	script INTEGER NOT NULL, 
	PRIMARY KEY (message), 
	FOREIGN KEY(script) REFERENCES scripts (id)
);
CREATE TABLE states (
	line INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	state BLOB NOT NULL, 
	PRIMARY KEY (line, fingerprint), 
	FOREIGN KEY(line) REFERENCES lines (id)
);
INSERT INTO "states" VALUES(3,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(4,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(5,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(11,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(12,'f',X'0000803F000000C0');
CREATE TABLE surprises (
	line INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	bits BLOB NOT NULL, 
	PRIMARY KEY (line, fingerprint), 
	FOREIGN KEY(line) REFERENCES lines (id)
);
INSERT INTO "surprises" VALUES(1,'f',X'003C0040');
INSERT INTO "surprises" VALUES(3,'f',X'003C0040');
INSERT INTO "surprises" VALUES(4,'f',X'003C0040');
INSERT INTO "surprises" VALUES(5,'f',X'003C0040');
INSERT INTO "surprises" VALUES(9,'f',X'003C0040');
INSERT INTO "surprises" VALUES(10,'f',X'003C0040');
INSERT INTO "surprises" VALUES(11,'f',X'003C0040');
INSERT INTO "surprises" VALUES(12,'f',X'003C0040');
CREATE TABLE "trails" (
    script INTEGER NOT NULL,
    line INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (script, line),
    FOREIGN KEY(script) REFERENCES scripts (id),
    FOREIGN KEY(child) REFERENCES lines (id)
) WITHOUT ROWID;
INSERT INTO "trails" VALUES(2,4,5);
CREATE TABLE votes (
	ballot INTEGER NOT NULL, 
	person BIGINT NOT NULL, 
	take INTEGER NOT NULL, 
	PRIMARY KEY (ballot, person), 
	FOREIGN KEY(ballot) REFERENCES ballots (id)
);
INSERT INTO "votes" VALUES(1,8,1);
INSERT INTO "votes" VALUES(2,8,0);
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON scripts (channel) WHERE running;
CREATE INDEX ix_ballots_message ON ballots (message);
CREATE INDEX ix_ballots_script ON ballots (script);
CREATE INDEX ix_stale_script ON stale (script);
CREATE INDEX ix_scripts_channel ON scripts (channel);
CREATE INDEX manners_by_content ON manners (content);
CREATE INDEX ix_lines_script ON lines (script);
CREATE INDEX lines_by_author ON lines (author) WHERE author IS NOT NULL;
CREATE INDEX ix_lines_asker ON lines (asker);
CREATE INDEX lines_by_manner ON lines (manner) WHERE manner IS NOT NULL;
CREATE INDEX ix_trails_child ON trails (child);
CREATE INDEX ix_posts_line ON posts (line);
CREATE INDEX lines_by_parent ON lines (parent) WHERE parent IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('scripts',3);
INSERT INTO "sqlite_sequence" VALUES('ballots',3);
INSERT INTO "sqlite_sequence" VALUES('lines',13);
COMMIT;
PRAGMA user_version = 10;
