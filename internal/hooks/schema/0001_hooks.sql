-- Whom the server tells what happens.
CREATE TABLE hooks_hook (
	id {{text 36}} NOT NULL PRIMARY KEY,
	url {{text 2000}} NOT NULL,
	note {{text 500}} NOT NULL,
	kinds {{text 500}} NOT NULL,     -- with commas
	hosts {{long}} NOT NULL,         -- query
	secret {{text 100}} NOT NULL,    -- signs what is sent: it is needed as it is
	created BIGINT NOT NULL,
	creator {{text 190}} NOT NULL,
	place {{text 200}} NOT NULL,     -- cursor of the feed: what is before it was sent
	failing BIGINT NOT NULL,         -- since when; 0: it works
	due BIGINT NOT NULL,             -- not before
	disabled BIGINT NOT NULL,        -- since when; 0: it is not
	reason {{text 500}} NOT NULL,
	holder {{text 36}} NOT NULL,     -- the server that sends, of several on one database
	held BIGINT NOT NULL,            -- until then
	tries BIGINT NOT NULL,           -- of the message that could not be delivered
	began BIGINT NOT NULL,           -- when that was tried first
	message {{text 100}} NOT NULL,   -- its id
	further {{text 200}} NOT NULL,   -- cursor behind it
	items BIGINT NOT NULL,
	body {{blob}}                    -- so that it is the same at every attempt; NULL: there is none
);

-- The newest attempts.
CREATE TABLE hooks_delivery (
	number {{id}},
	hook {{text 36}} NOT NULL,
	happened BIGINT NOT NULL,
	message {{text 100}} NOT NULL,
	try BIGINT NOT NULL,
	items BIGINT NOT NULL,
	status BIGINT NOT NULL,
	error {{text 500}} NOT NULL,
	took BIGINT NOT NULL             -- milliseconds
);
CREATE INDEX hooks_delivery_hook ON hooks_delivery (hook, number);
