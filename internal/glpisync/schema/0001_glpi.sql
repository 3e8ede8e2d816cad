-- How far GLPI was told: one row.
CREATE TABLE glpi_self (
	name {{text 20}} NOT NULL PRIMARY KEY,
	target {{text 64}} NOT NULL,     -- what is told to whom: where it changes, all begins anew
	place {{text 200}} NOT NULL,     -- cursor of the feed: hosts that changed before it are marked
	swept BIGINT NOT NULL,           -- when all hosts were looked over
	pushed BIGINT NOT NULL,          -- when GLPI last took something
	failing BIGINT NOT NULL,         -- since when GLPI takes nothing; 0: it does
	tries BIGINT NOT NULL,
	due BIGINT NOT NULL,             -- not before
	error {{text 500}} NOT NULL,
	holder {{text 36}} NOT NULL,     -- the server that tells, of several on one database
	held BIGINT NOT NULL             -- until then
);

-- What GLPI knows of each host.
CREATE TABLE glpi_host (
	id {{text 36}} NOT NULL PRIMARY KEY,
	due BIGINT NOT NULL,             -- when it is to be looked at; 0: there is nothing to tell
	marked BIGINT NOT NULL,          -- grows with every change: one that comes while it is told counts
	sum {{hash}} NOT NULL,           -- of what GLPI took; empty: nothing
	pushed BIGINT NOT NULL,
	tries BIGINT NOT NULL,
	error {{text 500}} NOT NULL      -- why GLPI refused it
);
CREATE INDEX glpi_host_due ON glpi_host (due);
