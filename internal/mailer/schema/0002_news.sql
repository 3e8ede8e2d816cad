-- What is new since the last one that was surely sent.

ALTER TABLE mailer_schedule ADD news BIGINT NOT NULL DEFAULT 0;
