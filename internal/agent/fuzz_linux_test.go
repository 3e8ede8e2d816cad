package agent

import (
	"testing"
	"testing/fstest"
)

// FuzzMetered holds that files of NetworkManager, whatever is in them, are read, and
// that a connection costs only what somebody said of it.
func FuzzMetered(f *testing.F) {
	f.Add("[device]\nconnection-uuid=u\n", "[connection]\nuuid=u\nmetered=1\n")
	f.Add("", "metered=1")
	f.Fuzz(func(t *testing.T, device, connection string) {
		root := fstest.MapFS{
			"run/NetworkManager/devices/2":                              {Data: []byte(device)},
			"etc/NetworkManager/system-connections/office.nmconnection": {Data: []byte(connection)},
		}
		if meteredOf(root) && len(device) == 0 {
			t.Error("a connection that is not up costs money")
		}
	})
}

func TestMetered(t *testing.T) {
	for connection, want := range map[string]bool{
		"[connection]\nid=x\nuuid=u\nmetered=1\n": true, "[connection]\nuuid=u\nmetered=2\n": false,
		"[connection]\nuuid=other\nmetered=1\n": false, "[connection]\nuuid=u\n[ipv4]\nmetered=1\n": false,
	} {
		root := fstest.MapFS{"run/NetworkManager/devices/2": {Data: []byte("[device]\nconnection-uuid=u\n")},
			"etc/NetworkManager/system-connections/a.nmconnection": {Data: []byte(connection)}}
		if got := meteredOf(root); got != want {
			t.Errorf("%q: %v", connection, got)
		}
	}
}

func TestBattery(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s + "\n")} }
	laptop := fstest.MapFS{"BAT0/type": file("Battery"), "BAT0/status": file("Discharging"), "AC/type": file("Mains"), "AC/online": file("0"),
		"mouse/type": file("Battery"), "mouse/scope": file("Device"), "mouse/status": file("Discharging")}
	if !batteryOf(laptop) {
		t.Error("a laptop without its cable is not on battery")
	}
	laptop["AC/online"] = file("1")
	if batteryOf(laptop) {
		t.Error("a laptop on its cable is on battery")
	}
	delete(laptop, "BAT0/type")
	laptop["AC/online"] = file("0")
	if batteryOf(laptop) {
		t.Error("the battery of a mouse is that of the machine")
	}
}
