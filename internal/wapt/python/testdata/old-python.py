#!/usr/bin/python
# -*- coding: utf-8 -*-
from setuphelpers import *
import os, sys
import _winreg

# registry key(s) where WAPT will find how to remove the application(s)
uninstallkey = ['Example_is1']

def install():
	# indented with tabs
	print "installing", control.package
	print('one argument') 
	if os.path.isfile("C:\Program Files\Example\old.txt") <> False:
		print "old %s is there" % control.version
	if control.architecture == 'x64': key = r"SOFTWARE\Wow6432Node\Example"
	else: key = r"SOFTWARE\Example"
	registry_set(_winreg.HKEY_LOCAL_MACHINE, key, 'Mode', 0755)
	if windows_version() < Version('6.1'):
		raise Exception, "too old: %s" % windows_version()
	assert isfile('setup.exe'), 'no setup.exe'
	run(r'"setup.exe" /S > nul', accept_returncodes=[0, 3010])
	for i in xrange(3): print i

def uninstall():
	print
