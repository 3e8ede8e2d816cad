-- How many entries there are. One row: all servers of the database take their
-- numbers here, and so append in one order.
CREATE TABLE audit_size (
	one BIGINT NOT NULL PRIMARY KEY,
	entries BIGINT NOT NULL
);
INSERT INTO audit_size (one, entries) VALUES (1, 0);

-- The log. What is hashed is body; the other columns are copies of what stands in
-- it, to find entries by.
CREATE TABLE audit_entry (
	number BIGINT NOT NULL PRIMARY KEY,
	happened BIGINT NOT NULL,
	who {{text 190}} NOT NULL,
	what {{text 20}} NOT NULL,
	target {{text 190}} NOT NULL,
	failed BIGINT NOT NULL,
	body {{blob}} NOT NULL           -- canonical JSON of api.AuditEntry
) {{clustered}};
CREATE INDEX audit_entry_who ON audit_entry (who, number);
CREATE INDEX audit_entry_target ON audit_entry (target, number);

-- Hashes of the Merkle tree, by their index of tlog.StoredHashIndex: twice as many
-- as entries.
CREATE TABLE audit_hash (
	number BIGINT NOT NULL PRIMARY KEY,
	hash {{hash}} NOT NULL
) {{clustered}};

-- Checkpoints that were signed.
CREATE TABLE audit_checkpoint (
	size BIGINT NOT NULL PRIMARY KEY,
	note {{long}} NOT NULL
);
