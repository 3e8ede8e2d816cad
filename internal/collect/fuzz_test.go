package collect

import (
	"bytes"
	"encoding/binary"
	"testing"

	"muster/inventory"
)

// fits fails unless rows, whatever they hold, may stand in a document.
func fits(t *testing.T, rows []inventory.Package) {
	t.Helper()
	r := &Report{Document: inventory.New()}
	if err := r.addPackages("rpm", rows); err != nil {
		return
	}
	if err := r.Document.Check(); err != nil {
		t.Fatal(err)
	}
}

// FuzzSQLite holds that a damaged database gives rows or an error, in bounded
// time, and never a page or a value beyond its end.
func FuzzSQLite(f *testing.F) {
	page := make([]byte, 1024)
	copy(page, "SQLite format 3\x00\x02\x00")
	page[100], page[104] = leaf, 1
	binary.BigEndian.PutUint16(page[108:], 450)
	row := "\x06\x17\x0f\x0f\x01\x4btablett\x02CREATE TABLE t (a, b, c, name)"
	copy(page[450:], append([]byte{byte(len(row)), 1}, row...))
	page[512], page[516] = leaf, 1
	binary.BigEndian.PutUint16(page[520:], 400)
	copy(page[912:], "\x07\x01\x04\x0f\x01\x12ab\x00\x00\x01")
	f.Add(page, []byte(nil))
	f.Fuzz(func(t *testing.T, data, log []byte) {
		file, err := one("db", data).Open("db")
		if err != nil {
			t.Fatal(err)
		}
		db, err := openSQLite(file, log)
		if err != nil {
			return
		}
		root, columns, err := db.table("t")
		if err != nil {
			return
		}
		for _, c := range columns {
			if len(c) > len(data)+len(log) {
				t.Fatalf("column %q is longer than the database", c)
			}
		}
		rows := 0
		_ = db.scan(root, func(_ int64, payload []byte) error {
			rows += len(payload) + 1
			_, err := record(payload)
			return err
		})
		if rows > 2*(len(data)+len(log)) {
			t.Fatalf("%d bytes give rows of %d", len(data)+len(log), rows)
		}
	})
}

// FuzzRPM gives one input to the three databases of rpm and to the header.
func FuzzRPM(f *testing.F) {
	headers := rpmHeaders(f)
	f.Add(headers[1])
	f.Add(ndb(headers[1:]))
	f.Add(unzip(f, "Packages.gz")[:12288])
	f.Fuzz(func(t *testing.T, data []byte) {
		var rows []inventory.Package
		take := func(header []byte) error {
			if len(header) > len(data) {
				t.Fatalf("a header of %d bytes in %d", len(header), len(data))
			}
			p, err := parseRPMHeader(header)
			rows = append(rows, p)
			return err
		}
		_, _, _ = take(data), parseNDB(data, take), parseBDB(data, take)
		fits(t, rows)
	})
}

// FuzzPGP holds that a key id is 16 digits that are in the signature.
func FuzzPGP(f *testing.F) {
	f.Add(signature(3))
	f.Add(signature(4, 9, 16, 1, 2, 3, 4, 5, 6, 7, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id := pgpKeyID(data); id != "" && len(id) != 16 {
			t.Fatalf("key %q", id)
		}
	})
}

// FuzzPlist holds that property lists give no more than they hold. Entities of
// XML that would grow are none that the decoder knows.
func FuzzPlist(f *testing.F) {
	f.Add(readTestdata(f, "binary.plist"))
	f.Add([]byte("<plist><dict><key>a</key><string>b &amp; c</string></dict></plist>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		texts, err := parsePlist(data)
		if err != nil {
			return
		}
		for k, v := range texts {
			if len(k) > 3*len(data) || len(v) > 3*len(data) {
				t.Fatalf("%d bytes give %q: %q", len(data), k, v)
			}
		}
	})
}

// FuzzTexts gives one input to every reader of text: whatever it holds, what
// comes of it may stand in a document and in its volatile part.
func FuzzTexts(f *testing.F) {
	for _, name := range []string{"dpkg.txtar", "apk.txtar", "pacman.txtar", "snap.txtar", "flatpak.txtar", "brew.txtar"} {
		for _, file := range tree(f, name) {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("root:x:0:0:root,,,:/root:/bin/sh\n"))
	f.Add([]byte("36 35 98:0 / /mnt\\0402 rw - ext4 /dev/sda1 rw\n"))
	f.Add([]byte("USER=alice\nTTY=tty1\nREALTIME=1700000000000000\nCLASS=user\n"))
	f.Add([]byte("processor : 0\nmodel name : X\nphysical id : 0\ncore id : 1\n"))
	f.Add(bytes.Repeat([]byte{7, 0, 'a', 'b'}, 96))
	f.Fuzz(func(t *testing.T, data []byte) {
		dpkg, _ := parseDpkg(data)
		apk, _ := parseApk(data)
		version, vendor := parseMetainfo(data)
		brew := brewPackage(one("age/1.2/INSTALL_RECEIPT.json", data), "age/1.2", "age", "1.2", "Cellar")
		fits(t, append(append(dpkg, apk...), brew, parsePacman(data), parseSnap(data), inventory.Package{Name: "x", Version: version, Vendor: vendor}))
		textHost(t, data)
	})
}

// textHost makes every file of a host that is text the same.
func textHost(t *testing.T, data []byte) {
	files := one("etc/os-release", data)
	for _, name := range []string{
		"etc/passwd", "etc/hostname", "etc/resolv.conf", "etc/machine-id", "etc/timezone", "etc/locale.conf", "proc/cpuinfo", "proc/meminfo",
		"proc/stat", "proc/loadavg", "proc/net/route", "proc/net/ipv6_route", "proc/net/if_inet6", "proc/self/mountinfo", "proc/1/environ", "run/utmp",
		"run/systemd/sessions/1", dmi + "chassis_type", dmi + "product_name", dmi + "bios_date",
	} {
		files[name] = files["etc/os-release"]
	}
	h := &host{files: files, live: true, close: func() {}}
	r := &Report{Document: inventory.New(), Volatile: &inventory.Volatile{Format: inventory.Format}}
	for _, read := range []func(*host, *Report) error{readSystem, readHardware, readUsers} {
		if err := read(h, r); err != nil {
			t.Fatal(err)
		}
	}
	mounts(files)
	gateways(files)
	temporaryAddresses(files)
	r.Document.Network = &inventory.Network{}
	r.Document.Network.DNS, r.Document.Network.Search = resolvers(files)
	if err := r.Document.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Volatile.Marshal(); err != nil {
		t.Fatal(err)
	}
}
