package advisory

import (
	"slices"
	"testing"

	"muster/advisory/systems"
	"muster/sitereport"
)

func TestNames(t *testing.T) {
	p := systems.Builtin().Of("debian", "12", "")
	for _, c := range []struct {
		pkg  sitereport.Package
		want []string
	}{
		{sitereport.Package{Manager: "dpkg", Name: "openssl"}, []string{"openssl"}},
		{sitereport.Package{Manager: "dpkg", Name: "openssl", Source: "openssl"}, []string{"openssl"}},
		{sitereport.Package{Manager: "dpkg", Name: "libssl3", Source: "openssl"}, []string{"libssl3", "openssl"}},
		{sitereport.Package{Manager: "dpkg", Name: "linux-image-6.1.0-28-amd64", Source: "linux-signed-amd64"}, []string{"linux-image-6.1.0-28-amd64", "linux-signed-amd64", "linux"}},
		{sitereport.Package{Manager: "dpkg", Name: "linux-image-6.1.0-28-amd64"}, []string{"linux-image-6.1.0-28-amd64", "linux"}},
	} {
		if got := Names(p, c.pkg); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.pkg, got, c.want)
		}
	}
}
