-- Where people have logged in from by a password: strangers elsewhere do not lock them out.
CREATE TABLE access_home (
	name {{text 190}} NOT NULL,      -- as it is counted: folded
	near {{text 45}} NOT NULL,       -- the addresses of one neighbourhood
	seen BIGINT NOT NULL,
	PRIMARY KEY (name, near)
);
