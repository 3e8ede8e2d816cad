-- Who has a software is in memory (census.go), read from hosts_inventory: these
-- tables cost every report and were read by nobody.
DROP TABLE hosts_count;
DROP TABLE hosts_has;
