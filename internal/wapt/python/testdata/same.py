# -*- coding: utf-8 -*-
from setuphelpers import *
import json

NAMES = {"b": 2, "a": 1}


def double(x, times=2):
    return x * times


def install():
    mkdirs("conf")
    with open("conf/a.txt", "w") as f:
        for n in sorted(NAMES):
            f.write("%s=%d\n" % (n, NAMES[n]))
        f.writelines(["x\n", "y\n"])
    with open("conf/a.txt", "a") as f:
        f.write("end\n")
    with open("conf/a.txt") as f:
        text = f.read()
    print(text.upper())
    lines = [line.rstrip("\n") for line in open("conf/a.txt")]
    print(",".join(lines), len(lines))
    print(",".join(str(double(i)) for i in range(4) if i != 2))
    print("C:\Program Files\Tool\new\x41\101", r"raw\n", 'it''s', "a" "b" % ())
    print("é\xe9\u20ac" u"!", """three
lines""")
    name = "tool"
    print(f"{name}: {{x}} {NAMES['a']}{NAMES['b']!r} {double(3, times=3)}")
    print("{0} {1} {0}".format("x", name), "%s%%" % 50)
    if name is not None and not name is None:
        print("is")
    data = json.loads('{"k": [1, 2, {"z": null}]}')
    del data["k"]
    data["u"] = "v"
    print(json.dumps(data, indent=4, sort_keys=True))
    print(isinstance(name, str), isinstance(name, list), isinstance(data, dict))
    total = 0
    for i in range(10):
        if i == 7: break
        elif i % 2: continue
        total += i
    print(total, 0o17, 0xfe, 1_000, 7 // 2, -7 // 2, -7 % 3)
    numbers = {3, 1, 3}
    print(sorted(numbers), sorted([x for x in numbers], reverse=True))
    a, (b, c) = 1, (2, 3)
    print(a + \
          b, c, "x" if a > b else "y")
    pick = lambda k, d=5: NAMES.get(k, d)
    print(pick("a"), pick("q"))
    once = open("once.txt", "w")
    once.write("once")
    once.close()
    print(os.path.isfile("once.txt"), open("once.txt").read(), os.path.basename("a/b.txt"), ",".join(glob.glob("once.*")))
    assert len(lines) == 5, "five lines"
    raise Exception("the end: %s" % name)
