-- Forms of the console that were sent: each acts once, whichever server of the database it
-- comes to.
CREATE TABLE access_form (
	sum {{hash}} NOT NULL PRIMARY KEY, -- of the session, the number of the form, and what it says
	expires BIGINT NOT NULL
);
CREATE INDEX access_form_expires ON access_form (expires);
