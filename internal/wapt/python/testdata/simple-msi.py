# -*- coding: utf-8 -*-
from setuphelpers import *

uninstallkey = []

# Settings of the site
TARGET = r'C:\Program Files\Example\conf'


def install():
    # the version is in the file's name
    print('installing %s' % control.asrequirement())
    version = control['version'].split('-',1)[0]
    install_msi_if_needed('example-%s.msi' % version, killbefore=['example.exe', "helper.exe"])
    if not isdir(TARGET):
        mkdirs(TARGET)
    filecopyto('example.conf', makepath(programfiles, 'Example', 'conf'))
    filecopyto('legacy.conf', makepath(programfiles32, 'Example'))


def uninstall():
    print(u'removing what is left')
    remove_tree(TARGET, ignore_errors=True)


def update_package():
    import requests
    page = requests.get('https://example.org/').json()
    print(page)
