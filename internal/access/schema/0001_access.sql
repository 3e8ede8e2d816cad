-- What this server knows of rules and people as a whole. Names: "rules", a number
-- that grows with every change of rules or people, so that servers know when to
-- read them again; "last", the number that was given last; "begun", whether the
-- first administrator is known.
CREATE TABLE access_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO access_number (name, value) VALUES ('rules', 1), ('last', 100), ('begun', 0);

-- Who may do what to which hosts.
CREATE TABLE access_rule (
	num BIGINT NOT NULL PRIMARY KEY,
	who {{text 200}} NOT NULL,
	verbs {{text 190}} NOT NULL,     -- separated by blanks
	hosts {{long}} NOT NULL,         -- a search; '': all
	expires BIGINT NOT NULL,         -- 0: never
	note {{text 500}} NOT NULL,
	created BIGINT NOT NULL,
	creator {{text 190}} NOT NULL
);
-- The rules of who has made none: what certificates are good for.
INSERT INTO access_rule (num, who, verbs, hosts, expires, note, created, creator) VALUES
	(1, 'right:deploy', 'view report edit assign deploy act enrol', '', 0, 'by default: who may deploy', 0, ''),
	(2, 'right:code', 'publish', '', 0, 'by default: who may sign code', 0, ''),
	(3, 'right:issue', 'view report edit assign deploy act publish enrol administer', '', 0, 'by default: who may certify others', 0, '');

-- People who have logged in, or were made to.
CREATE TABLE access_person (
	name {{text 190}} NOT NULL PRIMARY KEY,
	disabled BIGINT NOT NULL,        -- 1: may not log in, and has no session
	hash {{text 190}} NOT NULL,      -- of the password, as PHC string; '': none
	subject {{text 500}} NOT NULL,   -- by whom and as whom OpenID Connect knows them
	told {{blob}},                   -- JSON: groups and rights as of the newest login
	seen BIGINT NOT NULL,            -- newest login
	created BIGINT NOT NULL,
	creator {{text 190}} NOT NULL
);

-- Sessions. Only the hash of a token is kept. A login that came before is refused by
-- its hash, on every server of the database: so sessions that were ended stay until
-- that login would not count any more.
CREATE TABLE access_session (
	sum {{hash}} NOT NULL PRIMARY KEY,
	login {{hash}} NOT NULL UNIQUE,
	person {{text 190}} NOT NULL,
	way {{text 20}} NOT NULL,
	chain {{blob}},                  -- PEM, of who came by a certificate
	told {{blob}},                   -- JSON: groups and rights
	created BIGINT NOT NULL,
	used BIGINT NOT NULL,            -- to the minute
	expires BIGINT NOT NULL,
	kept BIGINT NOT NULL,
	address {{text 45}} NOT NULL
);
CREATE INDEX access_session_person ON access_session (person);

-- Tokens of programs. What they may do is in access_rule, as who token:NUM.
CREATE TABLE access_token (
	num BIGINT NOT NULL PRIMARY KEY,
	sum {{hash}} NOT NULL,
	person {{text 190}} NOT NULL,    -- owner
	chain {{blob}},                  -- PEM: the owner's, where they came by a certificate
	note {{text 500}} NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	used BIGINT NOT NULL             -- to the minute
);
CREATE UNIQUE INDEX access_token_sum ON access_token (sum);

-- Logins by OpenID Connect that have begun.
CREATE TABLE access_begun (
	sum {{hash}} NOT NULL PRIMARY KEY, -- of the secret of who began it
	body {{blob}} NOT NULL,          -- JSON: state, nonce, verifier, redirect
	expires BIGINT NOT NULL
);
