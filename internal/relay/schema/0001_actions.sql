-- Numbers that count up: "action" for keys, "change" for everything that servers
-- keep in memory and people follow. Writes happen one after the other, so who has
-- seen change n has seen all below it.
CREATE TABLE relay_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO relay_number (name, last) VALUES ('action', 0), ('change', 0);

-- Signed actions, as they came.
CREATE TABLE relay_action (
	num {{id}},
	id {{text 32}} NOT NULL,
	changed BIGINT NOT NULL,         -- number of the newest change of state, message or signers
	state {{text 10}} NOT NULL,      -- held, open, over, cancelled
	kind {{text 20}} NOT NULL,
	title {{text 500}} NOT NULL,     -- what it does, for people
	reason {{text 500}} NOT NULL,
	begins BIGINT NOT NULL,          -- not-before, Unix seconds
	ends BIGINT NOT NULL,            -- not-after
	created BIGINT NOT NULL,
	sender {{text 190}} NOT NULL,    -- who posted it
	signers {{blob}} NOT NULL,       -- JSON: names of those who signed
	need BIGINT NOT NULL,            -- persons who have to sign before it is sent
	hosts BIGINT NOT NULL,
	stops {{text 32}} NOT NULL,      -- of a cancel: id of the action that it ends
	sum {{hash}} NOT NULL,           -- SHA-256 of the message
	message {{blob}} NOT NULL        -- CMS, DER
);
CREATE UNIQUE INDEX relay_action_id ON relay_action (id);
CREATE INDEX relay_action_changed ON relay_action (changed);
CREATE INDEX relay_action_state ON relay_action (state, ends);
CREATE INDEX relay_action_sum ON relay_action (sum);

-- One row for every host of an action. place is that in the sorted list of ids,
-- of which proofs are made.
CREATE TABLE relay_target (
	action BIGINT NOT NULL,
	place BIGINT NOT NULL,
	host {{text 64}} NOT NULL,
	changed BIGINT NOT NULL,
	at BIGINT NOT NULL,              -- when it became so
	state {{text 12}} NOT NULL,      -- queued, delivered, expired, cancelled, or as the host says
	status {{text 20}} NOT NULL,     -- of check and audit
	note {{text 500}} NOT NULL,      -- the first line of what the host says
	result {{blob}},                 -- the newest that the host signed: CMS, DER
	PRIMARY KEY (action, place)
) {{clustered}};
CREATE INDEX relay_target_changed ON relay_target (changed);
CREATE INDEX relay_target_state ON relay_target (action, state);
CREATE INDEX relay_target_news ON relay_target (action, changed);
CREATE INDEX relay_target_host ON relay_target (host, action);
