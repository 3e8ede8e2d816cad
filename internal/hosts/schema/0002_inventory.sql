-- Software that any host has or had. A row never changes and never goes: hosts
-- and history name it by its number, and servers keep it in memory.
CREATE TABLE hosts_software (
	num {{id}},
	sum {{hash}} NOT NULL,           -- 16 bytes of the SHA-256 of source and body
	family BIGINT NOT NULL,          -- lowest number with this source and name
	source {{text 20}} NOT NULL,
	name {{text 190}} NOT NULL,      -- lower case, cut
	version {{text 190}} NOT NULL,   -- cut
	arch {{text 60}} NOT NULL,
	body {{blob}} NOT NULL           -- JSON of inventory.Package without the time of installation
);
CREATE UNIQUE INDEX hosts_software_sum ON hosts_software (sum);
CREATE INDEX hosts_software_name ON hosts_software (name, num);

-- How many hosts have a software now.
CREATE TABLE hosts_count (
	software BIGINT NOT NULL PRIMARY KEY,
	hosts BIGINT NOT NULL
);

-- Who has a software now: hosts_inventory inside out.
CREATE TABLE hosts_has (
	software BIGINT NOT NULL,
	host BIGINT NOT NULL,
	PRIMARY KEY (software, host)
) {{clustered}};

-- The document of a host. Software is pack.go's list of numbers and times.
CREATE TABLE hosts_inventory (
	host BIGINT NOT NULL PRIMARY KEY,
	sum {{hash}} NOT NULL,           -- its set-hash
	kept {{hash}} NOT NULL,          -- set-hash without the sections that have no history
	first BIGINT NOT NULL,           -- since when history is known
	changed BIGINT NOT NULL,
	software {{blob}} NOT NULL,
	sections {{blob}} NOT NULL       -- zstd of JSON: the document without packages
);

-- What turns the document after a report into the one before it.
CREATE TABLE hosts_report (
	host BIGINT NOT NULL,
	number BIGINT NOT NULL,
	happened BIGINT NOT NULL,
	body {{blob}} NOT NULL,
	PRIMARY KEY (host, number)
) {{clustered}};
CREATE INDEX hosts_report_number ON hosts_report (number);

-- Which reports touched a family of software.
CREATE TABLE hosts_touched (
	family BIGINT NOT NULL,
	number BIGINT NOT NULL,
	PRIMARY KEY (family, number)
) {{clustered}};

-- Packages of muster on a host or missing there, and audits, for searching.
CREATE TABLE hosts_muster (
	host BIGINT NOT NULL,
	name {{text 128}} NOT NULL,
	root {{text 190}} NOT NULL,      -- of an area, cut
	version {{text 190}} NOT NULL,
	status {{text 20}} NOT NULL,
	audit {{text 20}} NOT NULL,      -- '': none
	PRIMARY KEY (host, name, root)
) {{clustered}};
CREATE INDEX hosts_muster_name ON hosts_muster (name, version);

-- Facts of which a host has several: ip, mac, user, session, mount.
CREATE TABLE hosts_value (
	host BIGINT NOT NULL,
	field {{text 20}} NOT NULL,
	value {{text 190}} NOT NULL,     -- lower case, cut
	PRIMARY KEY (host, field, value)
) {{clustered}};
CREATE INDEX hosts_value_value ON hosts_value (field, value);

-- Members of groups, chosen and found.
CREATE TABLE hosts_member (
	grp BIGINT NOT NULL,
	host BIGINT NOT NULL,
	PRIMARY KEY (grp, host)
) {{clustered}};
CREATE INDEX hosts_member_host ON hosts_member (host);
