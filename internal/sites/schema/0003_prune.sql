-- Packages of the dictionary go when no set has them any more, systems when no host is one.
-- "pruned" counts the writes that took packages out: numbers that were
-- looked up before may be gone.
INSERT INTO sites_number (name, last) VALUES ('pruned', 0), ('event', 0);

-- Sites that were removed.
CREATE TABLE sites_removed (
	number BIGINT NOT NULL PRIMARY KEY, -- of what happened to sites, for who follows
	site BIGINT NOT NULL,
	name {{text 190}} NOT NULL,
	since BIGINT NOT NULL,
	cleared BIGINT NOT NULL          -- 1: nothing is left of its hosts
);

-- Hosts of these, which are gone: as changes of hosts, for who follows.
CREATE TABLE sites_gone (
	edited BIGINT NOT NULL PRIMARY KEY,
	host BIGINT NOT NULL,
	site BIGINT NOT NULL,
	gone BIGINT NOT NULL             -- since when
) {{clustered}};
CREATE INDEX sites_gone_site ON sites_gone (site, host);
CREATE INDEX sites_gone_gone ON sites_gone (gone);

-- Reports that were answered and not kept, until nobody would be answered who sends them.
CREATE TABLE sites_asked (
	site BIGINT NOT NULL,
	nonce {{hash}} NOT NULL,         -- 16 bytes
	until BIGINT NOT NULL,
	PRIMARY KEY (site, nonce)
) {{clustered}};
CREATE INDEX sites_asked_until ON sites_asked (until);

-- Which states of hosts have a set: who asks for a package finds the sets that have it first.
CREATE INDEX sites_state_has ON sites_state (has);

ALTER TABLE sites_seen ADD COLUMN moved BIGINT NOT NULL DEFAULT 0; -- when it was first heard of at its address; 0: it never was elsewhere
