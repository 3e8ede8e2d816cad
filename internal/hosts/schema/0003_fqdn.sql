-- A host is asked for by the full name that it says to have, too.
CREATE INDEX hosts_fact_fqdn ON hosts_fact (fqdn, host);
