-- On how many hosts the versions of some packages were: one row an hour, for two days,
-- and one a day, for a year.
CREATE TABLE hosts_spread (
	package {{text 128}} NOT NULL,
	span {{text 4}} NOT NULL,        -- hour, day
	began BIGINT NOT NULL,           -- the hour or day, of UTC
	place BIGINT NOT NULL,           -- among those that were counted then
	body {{blob}} NOT NULL,          -- JSON of api.SpreadPoint
	PRIMARY KEY (package, span, began)
) {{clustered}};
CREATE INDEX hosts_spread_began ON hosts_spread (span, began);

-- Packages that people chose to be counted.
CREATE TABLE hosts_spread_chosen (
	package {{text 128}} NOT NULL PRIMARY KEY
);
