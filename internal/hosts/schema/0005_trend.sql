-- How many hosts there were: one row an hour, for a week, and one a day, for a year.
CREATE TABLE hosts_trend (
	span {{text 4}} NOT NULL,        -- hour, day
	began BIGINT NOT NULL,           -- the hour or day, of UTC
	body {{blob}} NOT NULL,          -- JSON of api.TrendPoint
	PRIMARY KEY (span, began)
);
