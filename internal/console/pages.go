package console

import (
	"net/http"

	"muster/api"
)

// A page is a row of the table.
type page struct {
	path     string   // as net/http has patterns, without the method
	template string   // templates/NAME.html, which defines "main"
	title    string   // in English; a page may set another
	verb     api.Verb // that it takes: for others it is not there
	open     bool     // without a session too
	nav      bool     // stands in the navigation, and in the palette
	key      string   // goes there, after "g"

	// show gathers what the template shows.
	show func(*visit) (any, error)
	// act does what the page's form, sent to the same path, asks for, and says where to
	// go then. Its error is shown on the page itself, with what was typed.
	act func(*visit) (to string, err error)
	// raw writes the answer itself, in place of show.
	raw func(*visit, http.ResponseWriter) error
}

// pages is the table.
func pages() []page {
	return []page{
		{path: "/{$}", template: "overview", title: "Overview", verb: api.VerbView, nav: true, key: "o", show: overview},
		{path: "/hosts", template: "hosts", title: "Hosts", verb: api.VerbView, nav: true, key: "h", show: hosts},
		{path: "/hosts/change", template: "hosts_change", title: "Change hosts", verb: api.VerbView, show: planChange, act: changeHosts},
		{path: "/hosts/save", template: "hosts_save", title: "Save a search", verb: api.VerbAssign, show: searchToSave, act: saveSearch},
		{path: "/hosts.csv", verb: api.VerbReport, raw: hostsCSV},
		{path: "/hosts/{id}", template: "host", title: "Host", verb: api.VerbView, show: host, act: editHost},
		{path: "/find", template: "find", title: "Find", verb: api.VerbView, show: find},
		{path: "/keys", template: "keys", title: "Keys", open: true, show: keys},
		{path: "/live", verb: api.VerbView, raw: live},

		{path: "/login", template: "login", title: "Log in", open: true, show: loginPage, act: login},
		{path: "/login/tls", template: "login", title: "Log in", open: true, show: loginPage, act: loginTLS},
		{path: "/login/oidc", open: true, raw: beginOIDC},
		{path: "/login/oidc/end", open: true, raw: endOIDC},
		{path: "/logout", template: "logout", title: "Log out", open: true, show: logoutPage, act: logout},
		{path: "/look", template: "look", title: "Language and colours", open: true, show: lookPage, act: look},
	}
}
