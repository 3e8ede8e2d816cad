-- Numbers that count up. All writes of all servers on a database happen one after the
-- other: who has seen number n has seen all below it.
CREATE TABLE advisories_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO advisories_number (name, last) VALUES ('source', 0), ('advisory', 0), ('group', 0), ('ignore', 0), ('event', 0);

-- One row: which server of the database does the work, and how far it has come.
CREATE TABLE advisories_self (
	name {{text 20}} NOT NULL PRIMARY KEY,
	holder {{text 36}} NOT NULL,
	held BIGINT NOT NULL,            -- until then
	known BIGINT NOT NULL,           -- newest row of the dictionary that was matched
	mapping {{text 100}} NOT NULL,   -- names the table of systems that it was matched with
	edited BIGINT NOT NULL,          -- newest change of a host that was counted
	serious BIGINT NOT NULL,         -- from which severity on sites were told; -1: they never were
	counted BIGINT NOT NULL          -- when rows of advisories_day were written
);
INSERT INTO advisories_self (name, holder, held, known, mapping, edited, serious, counted) VALUES ('work', '', 0, 0, '', 0, -1, 0);

-- Where advisories come from. What a source says counts as a whole: versions with
-- born <= generation that have not died by it.
CREATE TABLE advisories_source (
	num BIGINT NOT NULL PRIMARY KEY,
	name {{text 60}} NOT NULL,
	form {{text 20}} NOT NULL,
	place {{text 2000}} NOT NULL,    -- file, folder or address
	generation BIGINT NOT NULL,
	matched BIGINT NOT NULL,         -- generation that findings are of; less: names are being matched again
	upto {{text 190}} NOT NULL,      -- the last such name
	sum {{hash}} NOT NULL,           -- of the content that counts
	etag {{text 500}} NOT NULL,
	modified {{text 100}} NOT NULL,  -- as the web server wrote it
	entries BIGINT NOT NULL,
	skipped BIGINT NOT NULL,         -- entries that could not be read
	bytes BIGINT NOT NULL,
	tried BIGINT NOT NULL,
	succeeded BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	failing BIGINT NOT NULL,         -- since when; 0: it does not
	tries BIGINT NOT NULL,
	due BIGINT NOT NULL,
	error {{text 500}} NOT NULL,
	unmapped {{text 2000}} NOT NULL  -- systems that it speaks of and the table does not have
);
CREATE UNIQUE INDEX advisories_source_name ON advisories_source (name);

CREATE TABLE advisories_advisory (
	num BIGINT NOT NULL PRIMARY KEY,
	source BIGINT NOT NULL,
	id {{text 190}} NOT NULL
);
CREATE UNIQUE INDEX advisories_advisory_id ON advisories_advisory (source, id);

-- What was published of an advisory. Between the import of a change and the time when
-- all findings follow it there are two.
CREATE TABLE advisories_version (
	advisory BIGINT NOT NULL,
	born BIGINT NOT NULL,            -- generation of the source
	died BIGINT NOT NULL,            -- 0: it has not
	source BIGINT NOT NULL,
	sum {{hash}} NOT NULL,           -- of the document
	severity BIGINT NOT NULL,
	exploited BIGINT NOT NULL,
	published BIGINT NOT NULL,
	withdrawn BIGINT NOT NULL,
	body {{blob}} NOT NULL,          -- zstd of JSON of advisory.Advisory
	PRIMARY KEY (advisory, born)
);
CREATE INDEX advisories_version_born ON advisories_version (source, born);
CREATE INDEX advisories_version_died ON advisories_version (source, died);
CREATE INDEX advisories_version_exploited ON advisories_version (exploited, advisory);

-- By which names an advisory is known: its own and those of the vulnerability.
CREATE TABLE advisories_name (
	name {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,
	born BIGINT NOT NULL,
	PRIMARY KEY (name, advisory, born)
) {{clustered}};
CREATE INDEX advisories_name_advisory ON advisories_name (advisory, born);

-- Which packages an advisory speaks of.
CREATE TABLE advisories_affected (
	ecosystem {{text 40}} NOT NULL,
	branch {{text 60}} NOT NULL,     -- release; '': every one
	name {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,
	born BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	body {{blob}} NOT NULL,          -- affected.go
	PRIMARY KEY (ecosystem, branch, name, advisory, born, slot)
) {{clustered}};
CREATE INDEX advisories_affected_advisory ON advisories_affected (advisory, born);

-- Rows of the dictionary of packages that something is found in.
CREATE TABLE advisories_row (
	known BIGINT NOT NULL PRIMARY KEY,
	name {{text 190}} NOT NULL,      -- cut
	origin {{text 190}} NOT NULL,    -- name of the source package, cut; '': as name
	body {{blob}} NOT NULL           -- JSON of Known
);
CREATE INDEX advisories_row_name ON advisories_row (name, known);
CREATE INDEX advisories_row_origin ON advisories_row (origin, known);

-- Rows of the dictionary that advisories call by another name than their own and that of
-- their source.
CREATE TABLE advisories_renamed (
	name {{text 190}} NOT NULL,
	known BIGINT NOT NULL,
	body {{blob}} NOT NULL,          -- as of advisories_row
	PRIMARY KEY (name, known)
) {{clustered}};

CREATE TABLE advisories_finding (
	known BIGINT NOT NULL,
	advisory BIGINT NOT NULL,
	fixed {{text 190}} NOT NULL,     -- '': there is no fix
	status {{text 40}} NOT NULL,
	severity BIGINT NOT NULL,
	exploited BIGINT NOT NULL,
	PRIMARY KEY (known, advisory)
) {{clustered}};
CREATE INDEX advisories_finding_advisory ON advisories_finding (advisory, known);

-- Rows whose findings changed, until hosts were counted anew.
CREATE TABLE advisories_dirty (
	known BIGINT NOT NULL PRIMARY KEY
);

CREATE TABLE advisories_ignore (
	num BIGINT NOT NULL PRIMARY KEY,
	advisory {{text 190}} NOT NULL,  -- any of its names; '': every one
	package {{text 190}} NOT NULL,   -- pattern; '': every one
	platform {{text 100}} NOT NULL,  -- 'debian 12', 'debian'; '': every one
	site {{text 190}} NOT NULL,      -- '': every one
	reason {{text 500}} NOT NULL,
	creator {{text 190}} NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,         -- 0: never
	ended BIGINT NOT NULL,           -- when it was removed; 0: it was not
	counted BIGINT NOT NULL          -- 1: what is counted leaves out what it names
);

-- Hosts of a site that have the same packages and run the same kernel. Of those only
-- how many they are is kept by advisory.
CREATE TABLE advisories_group (
	num BIGINT NOT NULL PRIMARY KEY,
	site {{text 190}} NOT NULL,
	state {{text 250}} NOT NULL,      -- sites.Host.State
	hosts BIGINT NOT NULL,
	stale BIGINT NOT NULL,           -- 1: findings changed since it was counted
	severity BIGINT NOT NULL,        -- worst; -1: it has none
	exploited BIGINT NOT NULL,       -- how many
	counts {{blob}} NOT NULL,        -- JSON of api.AdvisoryCounts
	body {{blob}} NOT NULL           -- tally.go
);
CREATE UNIQUE INDEX advisories_group_state ON advisories_group (site, state);
CREATE INDEX advisories_group_stale ON advisories_group (stale, site, state);
CREATE INDEX advisories_group_worst ON advisories_group (site, severity, exploited, hosts);

CREATE TABLE advisories_host (
	host BIGINT NOT NULL PRIMARY KEY,
	grp BIGINT NOT NULL
);
CREATE INDEX advisories_host_grp ON advisories_host (grp, host);

-- How many hosts of a site an advisory concerns, by how bad it is there.
CREATE TABLE advisories_site (
	site {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,
	mark BIGINT NOT NULL,            -- severity, 8 exploited, 16 there is a fix
	hosts BIGINT NOT NULL,
	PRIMARY KEY (site, advisory, mark)
) {{clustered}};
CREATE INDEX advisories_site_advisory ON advisories_site (advisory, site);

-- How many hosts of all sites an advisory concerns.
CREATE TABLE advisories_all (
	advisory BIGINT NOT NULL,
	mark BIGINT NOT NULL,
	hosts BIGINT NOT NULL,
	PRIMARY KEY (advisory, mark)
) {{clustered}};

-- How many advisories a site has, or all of them together, by how bad each is there.
CREATE TABLE advisories_total (
	whole BIGINT NOT NULL,           -- 1: all sites; site is ''
	site {{text 190}} NOT NULL,
	mark BIGINT NOT NULL,            -- of all hosts together
	advisories BIGINT NOT NULL,
	PRIMARY KEY (whole, site, mark)
) {{clustered}};

-- Serious ones that a site has, of which it was told.
CREATE TABLE advisories_told (
	site {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,
	since BIGINT NOT NULL,
	PRIMARY KEY (site, advisory)
) {{clustered}};

-- What became serious at a site, or is so no more, until the site was told.
CREATE TABLE advisories_untold (
	site {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,
	PRIMARY KEY (site, advisory)
) {{clustered}};

CREATE TABLE advisories_event (
	number BIGINT NOT NULL PRIMARY KEY,
	happened BIGINT NOT NULL,
	kind {{text 20}} NOT NULL,
	site {{text 190}} NOT NULL,
	advisory BIGINT NOT NULL,        -- 0: so many that they are one event
	severity BIGINT NOT NULL,
	exploited BIGINT NOT NULL,
	advisories BIGINT NOT NULL,
	hosts BIGINT NOT NULL
);
CREATE INDEX advisories_event_happened ON advisories_event (happened);

-- How it was at the end of each day, of UTC.
CREATE TABLE advisories_day (
	site {{text 190}} NOT NULL,
	day BIGINT NOT NULL,
	body {{blob}} NOT NULL,          -- JSON of api.AdvisoryPoint
	PRIMARY KEY (site, day)
);
