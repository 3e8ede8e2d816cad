-- How far something was followed, and the server that does so, of several on one database.
CREATE TABLE sites_follow (
	name {{text 20}} NOT NULL PRIMARY KEY,
	place {{text 200}} NOT NULL,     -- cursor; '': from the beginning
	swept BIGINT NOT NULL,           -- when all was looked over
	holder {{text 36}} NOT NULL,
	held BIGINT NOT NULL             -- until then
);
