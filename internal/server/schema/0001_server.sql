-- What the server knows of itself: its id and the authority of its hosts, so that
-- a server with other keys does not work on the wrong database.
CREATE TABLE server_self (
	name {{text 60}} NOT NULL PRIMARY KEY,
	value {{text 190}} NOT NULL
);

-- Sessions of people. Only the hash of a token is kept. A login that came before
-- is refused by its hash, on every server of the database: so sessions that were
-- ended stay until they would have expired.
CREATE TABLE server_session (
	sum {{hash}} NOT NULL PRIMARY KEY,
	login {{hash}} NOT NULL UNIQUE,
	name {{text 190}} NOT NULL,
	chain {{blob}} NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	ended BIGINT NOT NULL
);
