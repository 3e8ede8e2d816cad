from setuphelpers import *

def install():
    print("an unclosed bracket"

def audit():
    return "OK"
