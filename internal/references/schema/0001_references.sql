-- "revision" counts the changes of all lists: who follows looks at it.
CREATE TABLE references_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO references_number (name, last) VALUES ('revision', 0);

-- The newest revision of each list, also of those that were removed.
CREATE TABLE references_list (
	name {{text 100}} NOT NULL PRIMARY KEY,
	revision BIGINT NOT NULL,
	removed BIGINT NOT NULL              -- 1: the list was taken away
);

-- What lists said, and since when. A list that is removed and made again goes on.
CREATE TABLE references_revision (
	revision BIGINT NOT NULL PRIMARY KEY,
	list {{text 100}} NOT NULL,
	"at" BIGINT NOT NULL,                -- Unix seconds
	who {{text 190}} NOT NULL,
	removed BIGINT NOT NULL,
	packages BIGINT NOT NULL,            -- rows
	sum {{hash}} NOT NULL,               -- of what was put
	body {{blob}} NOT NULL               -- what was put: zstd of JSON of api.ReferencePut; empty: removed
);
CREATE INDEX references_revision_list ON references_revision (list, revision);

-- How the hosts of a site stood to a list at the end of a day; only days on which
-- something changed. Rows are those of comparisons.
CREATE TABLE references_day (
	list {{text 100}} NOT NULL,
	site {{text 190}} NOT NULL,          -- "": hosts under agents
	day BIGINT NOT NULL,                 -- since 1970, UTC
	revision BIGINT NOT NULL,
	hosts BIGINT NOT NULL,
	fit BIGINT NOT NULL,                 -- hosts that are as wanted
	behind BIGINT NOT NULL,
	equal BIGINT NOT NULL,
	ahead BIGINT NOT NULL,
	missing BIGINT NOT NULL,
	unexpected BIGINT NOT NULL,
	expired BIGINT NOT NULL,
	unfit BIGINT NOT NULL,               -- rows
	PRIMARY KEY (list, site, day)
) {{clustered}};
