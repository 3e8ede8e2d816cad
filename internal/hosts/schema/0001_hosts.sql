-- Numbers that count up. All writes of all servers on a database happen one
-- after the other, so numbers appear in the order in which they were given:
-- who has seen number n has seen all below it. Names: host, software, token,
-- group for keys; "change" for everything that a feed or a cache follows.
CREATE TABLE hosts_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO hosts_number (name, last) VALUES ('host', 0), ('software', 0), ('token', 0), ('group', 0), ('change', 0), ('wake', 0);

-- Who a host is, and what people decided about it.
CREATE TABLE hosts_host (
	num {{id}},
	id {{text 36}} NOT NULL,
	state {{text 10}} NOT NULL,
	edited BIGINT NOT NULL,          -- number of the newest change that servers keep in memory
	wake BIGINT NOT NULL,            -- grows when somebody wants the host to look for news
	enrolled BIGINT NOT NULL,
	spki {{blob}} NOT NULL,          -- its key: SubjectPublicKeyInfo, DER
	cert {{blob}},                   -- DER
	expires BIGINT NOT NULL,         -- the certificate
	token BIGINT NOT NULL,           -- that it came by; 0: none
	named BIGINT NOT NULL,           -- 1: its name was given by a person
	name {{text 190}} NOT NULL,      -- host name, unless a person gave another
	unit {{text 500}} NOT NULL,      -- outermost first, with slashes
	agent {{text 60}} NOT NULL,
	facts {{blob}} NOT NULL,         -- JSON of api.Facts, as enrolled
	alarm {{text 500}} NOT NULL      -- what a person has to look at
);
CREATE UNIQUE INDEX hosts_host_id ON hosts_host (id);
CREATE INDEX hosts_host_edited ON hosts_host (edited);
CREATE INDEX hosts_host_name ON hosts_host (name, num);
CREATE INDEX hosts_host_state ON hosts_host (state);

-- When a host was heard of last. Written by the thousand every few seconds,
-- and so apart from all else.
CREATE TABLE hosts_seen (
	host BIGINT NOT NULL PRIMARY KEY,
	seen BIGINT NOT NULL,
	counter BIGINT NOT NULL,         -- the newest
	signed BIGINT NOT NULL,          -- when the request with it was signed
	acted BIGINT NOT NULL DEFAULT 0, -- counter of the newest request that wrote anything
	address {{text 45}} NOT NULL,
	skew BIGINT NOT NULL,            -- seconds by which its clock is ahead
	serial BIGINT NOT NULL,          -- of the repository's head that it believes
	stale BIGINT NOT NULL            -- 1: that head has expired
);
CREATE INDEX hosts_seen_seen ON hosts_seen (seen, host);

-- What a host last said of itself, for searching. Of each value that is not
-- shown as it was written, lower case.
CREATE TABLE hosts_fact (
	host BIGINT NOT NULL PRIMARY KEY,
	status {{text 20}} NOT NULL,     -- muster.Status; '' is unknown
	problem {{text 500}} NOT NULL,
	reboot BIGINT NOT NULL,
	summary {{blob}},                -- JSON of api.Summary
	fqdn {{text 190}} NOT NULL,
	os {{text 20}} NOT NULL,         -- GOOS
	osid {{text 60}} NOT NULL,       -- "debian"
	osname {{text 190}} NOT NULL,    -- for people
	osversion {{text 60}} NOT NULL,
	arch {{text 20}} NOT NULL,
	kernel {{text 190}} NOT NULL,
	domain {{text 190}} NOT NULL,
	machine {{text 190}} NOT NULL,   -- machine_id
	uuid {{text 60}} NOT NULL,       -- of the main board
	serial {{text 190}} NOT NULL,
	vendor {{text 190}} NOT NULL,
	product {{text 190}} NOT NULL,
	cpu {{text 190}} NOT NULL,
	cores BIGINT NOT NULL,
	memory BIGINT NOT NULL,          -- bytes
	disk BIGINT NOT NULL,            -- bytes of all devices that stay
	free BIGINT NOT NULL,            -- bytes free where least is; -1 is unknown
	volatile {{blob}}                -- zstd of JSON of inventory.Volatile
);
CREATE INDEX hosts_fact_status ON hosts_fact (status, host);

-- Tokens by which hosts enrol. Only the SHA-256 of a secret is known.
CREATE TABLE hosts_token (
	num {{id}},
	sum {{hash}} NOT NULL,
	note {{text 190}} NOT NULL,
	uses BIGINT NOT NULL,            -- left; -1: any number
	expires BIGINT NOT NULL,         -- 0: never
	wanted {{blob}} NOT NULL,        -- JSON: groups, unit, addresses
	created BIGINT NOT NULL,
	creator {{text 190}} NOT NULL
);
CREATE UNIQUE INDEX hosts_token_sum ON hosts_token (sum);

-- Hosts that may enrol before they ask.
CREATE TABLE hosts_approval (
	num BIGINT NOT NULL PRIMARY KEY,
	id {{text 36}} NOT NULL,
	fingerprint {{text 64}} NOT NULL,
	fqdn {{text 190}} NOT NULL,
	serial {{text 190}} NOT NULL,
	wanted {{blob}} NOT NULL,        -- JSON: groups, unit
	created BIGINT NOT NULL
);

-- Hosts that were removed, as long as their certificates are good: those may
-- not say that this server has forgotten them.
CREATE TABLE hosts_forgotten (
	id {{text 36}} NOT NULL PRIMARY KEY,
	expires BIGINT NOT NULL,
	edited BIGINT NOT NULL           -- tells other servers, as that of hosts_host
);

CREATE TABLE hosts_group (
	num {{id}},
	name {{text 128}} NOT NULL,
	note {{text 500}} NOT NULL,
	query {{long}} NOT NULL,         -- a saved search; '': members are chosen by people
	hosts BIGINT NOT NULL            -- how many members there are
);
CREATE UNIQUE INDEX hosts_group_name ON hosts_group (name);

CREATE TABLE hosts_total (
	kind {{text 20}} NOT NULL,       -- state, status
	name {{text 60}} NOT NULL,
	hosts BIGINT NOT NULL,
	PRIMARY KEY (kind, name)
);

CREATE TABLE hosts_event (
	number BIGINT NOT NULL PRIMARY KEY,
	happened BIGINT NOT NULL,
	host BIGINT NOT NULL,
	id {{text 36}} NOT NULL,         -- of the host, which may be gone
	what {{text 20}} NOT NULL,
	failed BIGINT NOT NULL,
	note {{text 500}} NOT NULL,
	result {{blob}}                  -- zstd of JSON of api.Result
);
CREATE INDEX hosts_event_host ON hosts_event (host, number);

-- Results that were kept, by their ids, so that one sent again is known.
CREATE TABLE hosts_result (
	host BIGINT NOT NULL,
	id {{hash}} NOT NULL,            -- 16 bytes
	number BIGINT NOT NULL,          -- of the event
	going BIGINT NOT NULL,           -- 1: not over yet
	PRIMARY KEY (host, id)
);
