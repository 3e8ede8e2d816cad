-- Numbers that count up: "step" for the steps of rollouts, "event" is the newest
-- event of hosts that was looked at for failures.
CREATE TABLE rollouts_number (
	name {{text 20}} NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO rollouts_number (name, last) VALUES ('step', 0), ('event', 0);

-- How far rollouts have come. What they are about stands in signed packages; a row
-- is made when such a package is listed.
CREATE TABLE rollouts_rollout (
	id {{text 128}} NOT NULL PRIMARY KEY,
	version {{text 190}} NOT NULL,   -- of the package that carries the document
	listed BIGINT NOT NULL,          -- 1: the repository lists it
	state {{text 10}} NOT NULL,
	ring BIGINT NOT NULL,            -- rings that are open
	since BIGINT NOT NULL,           -- when state or ring became so, Unix seconds
	why {{text 500}} NOT NULL,       -- of state and ring
	name {{text 128}} NOT NULL,      -- package that is rolled out
	target {{text 190}} NOT NULL,    -- its version
	created BIGINT NOT NULL,
	looked BIGINT NOT NULL,          -- when the hosts were counted last
	waits {{text 500}} NOT NULL,     -- what the next step waits for
	counts {{blob}} NOT NULL         -- JSON: hosts, done, failed of each ring by itself
);

-- Hosts whose newest change to the version failed.
CREATE TABLE rollouts_failure (
	rollout {{text 128}} NOT NULL,
	host {{text 36}} NOT NULL,
	happened BIGINT NOT NULL,
	note {{text 500}} NOT NULL,
	PRIMARY KEY (rollout, host)
);

-- What happened to rollouts.
CREATE TABLE rollouts_step (
	number BIGINT NOT NULL PRIMARY KEY,
	rollout {{text 128}} NOT NULL,
	happened BIGINT NOT NULL,
	who {{text 190}} NOT NULL,       -- '': the server by itself
	state {{text 10}} NOT NULL,
	ring BIGINT NOT NULL,
	why {{text 500}} NOT NULL
);
CREATE INDEX rollouts_step_rollout ON rollouts_step (rollout, number);
