BEGIN TRANSACTION;
CREATE TABLE bans (
	scope VARCHAR NOT NULL, 
	place BIGINT NOT NULL, 
	words JSON NOT NULL, 
	PRIMARY KEY (scope, place)
);
INSERT INTO "bans" VALUES('channel',1,'["zounds"]');
CREATE TABLE facts (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('synced commands','abc');
CREATE TABLE lines (
	id INTEGER NOT NULL, 
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
	PRIMARY KEY (id), 
	UNIQUE (delivery, take, ordinal), 
	FOREIGN KEY(script) REFERENCES scripts (id), 
	FOREIGN KEY(parent) REFERENCES lines (id)
);
INSERT INTO "lines" VALUES(1,2,NULL,'heading','INT. DINER - NIGHT',7,'Ann','{}','d1',0,0,'2026-01-01 12:02:00.000000');
INSERT INTO "lines" VALUES(2,2,1,'dialogue','MAYA
You came.',NULL,'stage','{"seed": 1, "temperature": 0.7}','d2',0,0,'2026-01-01 12:03:00.000000');
INSERT INTO "lines" VALUES(3,2,2,'action','Rain.',NULL,'stage','{"seed": 2, "temperature": 0.7}','d2',0,1,'2026-01-01 12:04:00.000000');
INSERT INTO "lines" VALUES(4,2,1,'action','It''s Ben.',8,'Ben','{}','d3',0,0,'2026-01-01 12:05:00.000000');
INSERT INTO "lines" VALUES(5,2,4,'action','Wind.',8,'Ben','{}','d3',0,1,'2026-01-01 12:06:00.000000');
CREATE TABLE posts (
	message BIGINT NOT NULL, 
	line INTEGER NOT NULL, 
	script INTEGER NOT NULL, 
	PRIMARY KEY (message, line), 
	FOREIGN KEY(script) REFERENCES scripts (id)
);
INSERT INTO "posts" VALUES(501,1,2);
INSERT INTO "posts" VALUES(502,2,2);
INSERT INTO "posts" VALUES(502,3,2);
CREATE TABLE scripts (
	id INTEGER NOT NULL, 
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
	PRIMARY KEY (id)
);
INSERT INTO "scripts" VALUES(1,1,9223372036854775807,7,'The Roof','[]','stage',0.7,0.95,0,NULL,'2026-01-01 12:00:00.000000');
INSERT INTO "scripts" VALUES(2,1,9223372036854775807,7,'The Diner','["MAYA", "\u00c9MILE"]','stage',0.7,0.95,1,2,'2026-01-01 12:01:00.000000');
CREATE TABLE states (
	line INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	state BLOB NOT NULL, 
	PRIMARY KEY (line, fingerprint), 
	FOREIGN KEY(line) REFERENCES lines (id)
);
INSERT INTO "states" VALUES(1,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(2,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(3,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(4,'f',X'0000803F000000C0');
INSERT INTO "states" VALUES(5,'f',X'0000803F000000C0');
CREATE TABLE surprises (
	line INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	bits BLOB NOT NULL, 
	PRIMARY KEY (line, fingerprint), 
	FOREIGN KEY(line) REFERENCES lines (id)
);
INSERT INTO "surprises" VALUES(1,'f',X'003C0040');
INSERT INTO "surprises" VALUES(2,'f',X'003C0040');
INSERT INTO "surprises" VALUES(3,'f',X'003C0040');
INSERT INTO "surprises" VALUES(4,'f',X'003C0040');
INSERT INTO "surprises" VALUES(5,'f',X'003C0040');
CREATE UNIQUE INDEX one_script_runs_in_a_channel ON scripts (channel) WHERE running;
CREATE INDEX ix_lines_parent ON lines (parent);
CREATE INDEX ix_lines_script ON lines (script);
CREATE INDEX ix_posts_line ON posts (line);
COMMIT;
PRAGMA user_version = 2;
