package reporter

const help = `muster-report tells a collector what packages this host has.

Usage:
  muster-report --collector URL --cert FILE [--site SITE] [options]
  muster-report --print
  muster-report --cron --config FILE

Where to, and in what form:
  --collector URL      collector, as https://collector.example.org
  --cert FILE          its certificate: what is sent is sealed to it
  --clear              send to http:// without a seal, for all on the way to read
  --ca FILE            authorities to believe over https, besides the system's
  --timeout DURATION   for one attempt (2m)
  --retries N          attempts after the first, with growing waits (3)

What the report says:
  --site SITE          where this host belongs
  --tag TAG            what it is for
  --host NAME          its name, where it does not know it
  --root DIR           look at a prepared tree instead

Who reports, if the collector asks:
  --secret-file FILE   the site's key, ID:SECRET
  --key FILE           private key of a certificate that the collector knows
  --key-cert FILE      that certificate

What to do:
  --findings           ask for what is published against packages, and print it
  --report-only        the same, and store nothing
  --print              print what would be sent, in clear, and send nothing
  --out FILE           write there what would be sent, and send nothing
  --cron[=hourly]      print a line for crontab, at a time that follows from the host
  --spool DIR          keep here what cannot be sent now; "none" keeps nothing
  --config FILE        more options, as lines "option = value"
  --json               print what became of the report as JSON
  --verbose            say so too where all is well
  --version, --help

It prints nothing where all is well and nothing was asked for. Proxies are those of
HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Exit codes: 0 sent, 1 failed, 2 wrong use,
75 kept in the spool for later.
`
