-- Numbers that count up: as in hosts_number, who has seen one has seen all below it.
-- "change" is for what followers read: hosts in the order in which they changed.
CREATE TABLE sites_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO sites_number (name, last) VALUES ('site', 0), ('key', 0), ('host', 0), ('package', 0), ('platform', 0), ('system', 0), ('set', 0), ('change', 0);

-- Who reports. Quotas: 0 is the server's.
CREATE TABLE sites_site (
	num {{id}},
	name {{text 190}} NOT NULL,
	note {{text 500}} NOT NULL,
	created BIGINT NOT NULL,
	open BIGINT NOT NULL,            -- 1: who does not prove to be of it may report too
	addresses {{long}} NOT NULL,     -- networks from which those may; '': any
	forget BIGINT NOT NULL,          -- seconds after which a silent host is forgotten; 0: never
	past BIGINT NOT NULL,            -- seconds for which its history is kept then; -1: for ever
	hosts BIGINT NOT NULL,           -- how many there are
	most_hosts BIGINT NOT NULL,
	most_reports BIGINT NOT NULL,    -- a day
	most_bytes BIGINT NOT NULL,      -- a day
	most_packages BIGINT NOT NULL    -- new to the dictionary, a day
);
CREATE UNIQUE INDEX sites_site_name ON sites_site (name);

-- What proves that a report is of a site: a secret, of which only the SHA-256 is
-- known, or a certificate.
CREATE TABLE sites_key (
	num {{id}},
	id {{text 64}} NOT NULL,         -- by which reports name it; of a certificate its SHA-256
	site BIGINT NOT NULL,
	sum {{hash}} NOT NULL,           -- SHA-256 of the secret, or of the certificate
	cert {{blob}} NOT NULL,          -- DER; empty: a secret
	note {{text 190}} NOT NULL,
	created BIGINT NOT NULL,
	creator {{text 190}} NOT NULL,
	expires BIGINT NOT NULL          -- 0: never, or with the certificate
);
CREATE UNIQUE INDEX sites_key_id ON sites_key (id);
CREATE INDEX sites_key_site ON sites_key (site);

-- What a site sent on a day, of UTC.
CREATE TABLE sites_day (
	site BIGINT NOT NULL,
	day BIGINT NOT NULL,
	reports BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	packages BIGINT NOT NULL,
	PRIMARY KEY (site, day)
) {{clustered}};

-- Releases of operating systems. name is '' where id is not.
CREATE TABLE sites_platform (
	num {{id}},
	id {{text 64}} NOT NULL,
	version {{text 64}} NOT NULL,
	name {{text 190}} NOT NULL
);
CREATE UNIQUE INDEX sites_platform_id ON sites_platform (id, version, name);

-- Operating systems as hosts run them.
CREATE TABLE sites_system (
	num {{id}},
	sum {{hash}} NOT NULL,           -- 16 bytes
	platform BIGINT NOT NULL,
	name {{text 190}} NOT NULL,
	arch {{text 64}} NOT NULL,
	kernel {{text 190}} NOT NULL
);
CREATE UNIQUE INDEX sites_system_sum ON sites_system (sum);

-- The dictionary: packages that any host has or had. A row never changes and never
-- goes: sets and findings name it by its number.
CREATE TABLE sites_package (
	num {{id}},
	sum {{hash}} NOT NULL,           -- 16 bytes of the SHA-256 of all that follows
	platform BIGINT NOT NULL,
	manager {{text 20}} NOT NULL,
	name {{text 190}} NOT NULL,      -- texts are cut, the sum is not
	version {{text 190}} NOT NULL,
	arch {{text 64}} NOT NULL,
	source {{text 190}} NOT NULL,    -- '': as name
	source_version {{text 190}} NOT NULL,
	origin {{text 190}} NOT NULL,
	first BIGINT NOT NULL            -- when the server saw it first
);
CREATE UNIQUE INDEX sites_package_sum ON sites_package (sum);
CREATE INDEX sites_package_name ON sites_package (name);
CREATE INDEX sites_package_source ON sites_package (source);

-- Sets of packages of one platform, each stored once, most as what differs from
-- another: set.go has the form. base is always a smaller number.
CREATE TABLE sites_set (
	num {{id}},
	sum {{hash}} NOT NULL,           -- 16 bytes, of the platform and the packages; 8: about to be deleted
	base BIGINT NOT NULL,            -- 0: none
	depth BIGINT NOT NULL,           -- how many others it takes to read it
	size BIGINT NOT NULL,            -- packages in it
	body {{blob}} NOT NULL
);
CREATE UNIQUE INDEX sites_set_sum ON sites_set (sum);
CREATE INDEX sites_set_base ON sites_set (base);

-- Hosts of sites, and those under agents, which are of no site.
CREATE TABLE sites_host (
	num {{id}},
	site BIGINT NOT NULL,            -- 0: under an agent
	ident {{text 253}} NOT NULL,     -- its name, lower case; the id of one under an agent
	name {{text 253}} NOT NULL,
	tag {{text 190}} NOT NULL,
	form {{text 20}} NOT NULL,       -- in which it last reported
	first BIGINT NOT NULL,
	changed BIGINT NOT NULL,         -- since when it is as it is
	gone BIGINT NOT NULL,            -- since when it is forgotten; 0: it is not
	edited BIGINT NOT NULL,          -- number of its newest change
	os BIGINT NOT NULL,              -- number in sites_system
	has BIGINT NOT NULL              -- the set
);
CREATE UNIQUE INDEX sites_host_ident ON sites_host (site, ident);
CREATE INDEX sites_host_edited ON sites_host (edited);
CREATE INDEX sites_host_has ON sites_host (has);
CREATE INDEX sites_host_name ON sites_host (name);

-- What every report of a host changes, also one that says nothing new: this row is
-- all that such a report costs.
CREATE TABLE sites_seen (
	host BIGINT NOT NULL PRIMARY KEY,
	seen BIGINT NOT NULL,            -- by the server's clock
	sent BIGINT NOT NULL,            -- by the host's: the newest; older ones are refused
	nonce {{hash}} NOT NULL,         -- of that; 16 bytes
	sum {{hash}} NOT NULL,           -- of all that the report says; 16 bytes
	reports BIGINT NOT NULL,
	address {{text 45}} NOT NULL
) {{clustered}};
CREATE INDEX sites_seen_seen ON sites_seen (seen);

-- What a host was and had, and when: one row for each change.
CREATE TABLE sites_state (
	host BIGINT NOT NULL,
	began BIGINT NOT NULL,
	until BIGINT NOT NULL,           -- 0: it is so
	seen BIGINT NOT NULL,            -- when it was last reported so; 0: see sites_seen
	os BIGINT NOT NULL,              -- number in sites_system
	has BIGINT NOT NULL,
	PRIMARY KEY (host, began)
) {{clustered}};
CREATE INDEX sites_state_until ON sites_state (until);
