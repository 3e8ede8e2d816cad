-- Reports that people get by mail.
CREATE TABLE mailer_schedule (
	id {{text 36}} NOT NULL PRIMARY KEY,
	owner {{text 190}} NOT NULL,     -- who sees what the report has
	wanted {{long}} NOT NULL,        -- JSON of what was asked for
	created BIGINT NOT NULL,
	period BIGINT NOT NULL,          -- when the next one is due
	retry BIGINT NOT NULL,           -- not before; the period at first
	tries BIGINT NOT NULL,           -- of this period
	sending BIGINT NOT NULL,         -- 1: a server took it, and may have sent it
	sent BIGINT NOT NULL,            -- the newest; 0: none
	failing BIGINT NOT NULL,         -- since when; 0: it works
	reason {{text 500}} NOT NULL,
	holder {{text 36}} NOT NULL,     -- the server that works on it, of several on one database
	held BIGINT NOT NULL             -- until then
);
CREATE INDEX mailer_schedule_retry ON mailer_schedule (retry);
