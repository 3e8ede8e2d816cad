# -*- coding: utf-8 -*-
from setuphelpers import *
import subprocess
import platform
import requests

try:
    import distro
except ImportError:
    distro = None

UNUSED = requests.Session()


def helper(path):
    try:
        return read(path)
    except Exception as e:
        print(e)


def careful():
    return subprocess.check_output(["example", "--version"], stderr=subprocess.STDOUT).decode("utf-8").strip()


def online():
    return requests.get("https://example.org").ok


def install():
    helper("x")


def uninstall():
    if platform.system() == "Linux":
        subprocess.check_call("dpkg --purge example | cat", shell=True)
    subprocess.call(["rm", "-f", "/opt/example"])


def session_setup():
    print("%-20s|" % user)


def audit():
    if not online():
        return "ERROR"
    return "OK" if careful() == control.get_software_version() else "WARNING"


if __name__ == "__main__":
    install()
