# -*- coding: utf-8 -*-
from setuphelpers import *
import os
from setuphelpers import run as execute

package_name = "example"
COLOURS = {
    "fr": "bleu",  # the old name
    "de": "blau",
    "fr": "rouge",
}


def install():
    if type_debian():
        update_apt()
        install_apt(package_name)
    elif type_redhat():
        install_yum(package_name)
    else:
        error("%s is not supported" % os_release().get("ID"))
    execute("systemctl enable --now example")
    execute("cat /etc/example.conf | grep -c '^key' > /tmp/count")
    if not os.path.exists("/etc/example"): os.makedirs("/etc/example", exist_ok=True)
    os.system("ldconfig")
    shutil.copy2("example.conf", "/etc/example/")
    print(COLOURS.get(language, "noir"), os.environ["PATH"], os.getcwd())


def uninstall():
    uninstall_apt(package_name) if type_debian() else uninstall_yum(package_name)
    while isrunning("example"): killalltasks("example")


def session_setup():
    global counter
    conf = makepath(user_home_directory, ".config", "example")
    square = lambda x: x * x
    mkdirs(conf); write = [square(i) for i in range(3) if i != 1]
    print(*write, sep=", ", end="")
