"""Settings of a program that keeps them in JSON."""
from setuphelpers import *
import json
import logging
from os.path import join as pjoin

CONF = pjoin("/etc", "example", "conf.json")
logger = logging


def settings(name, default=None):
    """Read one setting."""
    if not isfile(CONF):
        return default
    with open(CONF, encoding="utf-8") as f:
        data = json.load(f)
    return data.get(name, default)


def install():
    data = {"level": 3, "name": "é\xe9", "path": "C:\Temp"}
    if settings("level") is not None and settings("level") is True:
        data["level"] = settings("level")
    with open(CONF, "w") as f:
        json.dump(data, f, indent=4)
    with open("/etc/example/list", "w") as out:
        for name in sorted(glob.glob("*.ext")):
            out.write(name + "\n")
        out.writelines(["a\n", 'b\n'])
    with open("/var/log/example", "a") as log: log.write(f"installed {control.name} {control.version!r} {{braces}} {len(data['name']):d}\n")
    once = open("/etc/example/once", "w")
    once.write("x")
    once.close()
    print(open("README").read())
    for line in open("list.txt"):
        print(line.rstrip())
    logging.info("settings of %s in %s", control.name, CONF)
    del data["level"]


def audit():
    names = {line.strip() for line in open("/etc/example/list")}
    total = ",".join(n.upper() for n in names)
    if isinstance(total, str) and settings("level", 0) < 3:
        print("level is"
              " too low: %s"
              % settings("level"))
        WAPT.write_audit_data("example", "level", settings("level"))
        return "WARNING"
    return "OK"
