-- Rows of the dictionary that hold a kernel, whether something is found in them or not.
CREATE TABLE advisories_kernel (
	known BIGINT NOT NULL PRIMARY KEY,
	body {{blob}} NOT NULL           -- JSON of Known
);

-- What is judged of hosts beside their packages: own.go.
ALTER TABLE advisories_group ADD COLUMN apart BIGINT NOT NULL DEFAULT 0;
CREATE INDEX advisories_group_apart ON advisories_group (apart, num);

-- All is matched and counted anew, once.
UPDATE advisories_self SET known = 0;
UPDATE advisories_group SET stale = 1;

-- What hosts of a group run: ecosystem and release, and what they call themselves.
ALTER TABLE advisories_group ADD COLUMN platform {{text 110}} NOT NULL DEFAULT '';
ALTER TABLE advisories_group ADD COLUMN os {{text 190}} NOT NULL DEFAULT '';
CREATE INDEX advisories_group_os ON advisories_group (site, platform, os, hosts);

ALTER TABLE advisories_self ADD COLUMN covering {{text 64}} NOT NULL DEFAULT ''; -- names the platforms that lists speak of
ALTER TABLE advisories_self ADD COLUMN dawned BIGINT NOT NULL DEFAULT 0;         -- ends of support by then are matched

ALTER TABLE advisories_source ADD COLUMN edition {{text 100}} NOT NULL DEFAULT '';
ALTER TABLE advisories_source ADD COLUMN leaving BIGINT NOT NULL DEFAULT 0;       -- 1: it is being removed

-- How likely vulnerabilities are to be exploited: advisory.Scores, in parts.
CREATE TABLE advisories_score (
	source BIGINT NOT NULL,
	generation BIGINT NOT NULL,
	part BIGINT NOT NULL,
	body {{blob}} NOT NULL,          -- zstd
	PRIMARY KEY (source, generation, part)
);

-- Ends of support of which sites were told.
CREATE TABLE advisories_lapse (
	site {{text 190}} NOT NULL,
	platform {{text 110}} NOT NULL,
	os {{text 190}} NOT NULL,
	state {{text 20}} NOT NULL,
	PRIMARY KEY (site, platform, os, state)
);

-- Of an end of support: which release.
ALTER TABLE advisories_event ADD COLUMN platform {{text 110}} NOT NULL DEFAULT '';
ALTER TABLE advisories_event ADD COLUMN os {{text 190}} NOT NULL DEFAULT '';
