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
		{path: "/hosts/packages", template: "hosts_packages", title: "Packages of hosts", verb: api.VerbAssign, show: hostsPackages, act: signPackages},
		{path: "/hosts/send", verb: api.VerbAct, raw: hostsToSend},
		{path: "/hosts/{id}/edit", template: "host_edit", title: "Change a host", verb: api.VerbEdit, show: hostForEdit, act: saveHost},
		{path: "/hosts/{id}", template: "host", title: "Host", verb: api.VerbView, show: host, act: editHost},
		{path: "/hosts/{id}/findings.csv", verb: api.VerbReport, raw: hostFindingsTable},
		{path: "/hosts/{id}/findings.json", verb: api.VerbReport, raw: hostFindingsTable},
		{path: "/packages", template: "packages", title: "Packages", verb: api.VerbView, nav: true, key: "k", show: packages},
		{path: "/packages.csv", verb: api.VerbReport, raw: packagesTable},
		{path: "/packages.json", verb: api.VerbReport, raw: packagesTable},
		{path: "/packages/{name}", template: "package", title: "Package", verb: api.VerbView, show: packageShow, act: changePackage},
		{path: "/packages/{name}/versions.csv", verb: api.VerbReport, raw: packageTable},
		{path: "/packages/{name}/versions.json", verb: api.VerbReport, raw: packageTable},
		{path: "/versions.csv", verb: api.VerbReport, raw: versionsTable},
		{path: "/versions.json", verb: api.VerbReport, raw: versionsTable},
		{path: "/groups", template: "groups", title: "Groups", verb: api.VerbView, nav: true, key: "u", show: groups},
		{path: "/groups.csv", verb: api.VerbReport, raw: groupsTable},
		{path: "/groups.json", verb: api.VerbReport, raw: groupsTable},
		{path: "/groups/new", verb: api.VerbAssign, raw: newGroup},
		{path: "/groups/{kind}/{name}", template: "group", title: "Group", verb: api.VerbView, show: groupShow, act: removeGroup},
		{path: "/groups/{kind}/{name}/edit", template: "group_edit", title: "Change a group", verb: api.VerbAssign, show: editGroup, act: saveGroup},
		{path: "/rollouts", template: "rollouts", title: "Rollouts", verb: api.VerbView, nav: true, key: "r", show: rolloutList},
		{path: "/rollouts.csv", verb: api.VerbReport, raw: rolloutsTable},
		{path: "/rollouts.json", verb: api.VerbReport, raw: rolloutsTable},
		{path: "/rollouts/start", template: "rollout_start", title: "Start a rollout", verb: api.VerbDeploy, show: startRollout, act: signRollout},
		{path: "/rollouts/{id}", template: "rollout", title: "Rollout", verb: api.VerbView, show: rolloutShow, act: changeRollout},
		{path: "/actions", template: "actions", title: "Actions", verb: api.VerbView, nav: true, key: "a", show: actionList},
		{path: "/actions.csv", verb: api.VerbReport, raw: actionsTable},
		{path: "/actions.json", verb: api.VerbReport, raw: actionsTable},
		{path: "/actions/send", template: "action_send", title: "Send an action", verb: api.VerbAct, show: sendAction, act: signAction},
		{path: "/actions/{id}", template: "action", title: "Action", verb: api.VerbView, show: actionShow, act: changeAction},
		{path: "/actions/{id}/log", verb: api.VerbView, raw: actionLog},
		{path: "/actions/{id}/hosts.csv", verb: api.VerbReport, raw: targetsTable},
		{path: "/actions/{id}/hosts.json", verb: api.VerbReport, raw: targetsTable},
		{path: "/sites", template: "sites", title: "Sites", verb: api.VerbView, nav: true, key: "i", show: sitesShow, act: addSite},
		{path: "/sites.csv", verb: api.VerbReport, raw: sitesTable},
		{path: "/sites.json", verb: api.VerbReport, raw: sitesTable},
		{path: "/sites/{site}", template: "site", title: "Site", verb: api.VerbView, show: siteShow, act: changeSite},
		{path: "/sites/{site}/hosts.csv", verb: api.VerbReport, raw: siteHostsTable},
		{path: "/sites/{site}/hosts.json", verb: api.VerbReport, raw: siteHostsTable},
		{path: "/sites/{site}/findings.csv", verb: api.VerbReport, raw: siteFindingsTable},
		{path: "/sites/{site}/findings.json", verb: api.VerbReport, raw: siteFindingsTable},
		{path: "/sites/{site}/packages.csv", verb: api.VerbReport, raw: sitePackagesTable},
		{path: "/sites/{site}/packages.json", verb: api.VerbReport, raw: sitePackagesTable},
		{path: "/sites/{site}/hosts/{host}", template: "site_host", title: "Host", verb: api.VerbView, show: siteHostShow, act: changeSiteHost},
		{path: "/sites/{site}/hosts/{host}/findings.csv", verb: api.VerbReport, raw: siteHostFindingsTable},
		{path: "/sites/{site}/hosts/{host}/findings.json", verb: api.VerbReport, raw: siteHostFindingsTable},
		{path: "/sites/{site}/hosts/{host}/packages.csv", verb: api.VerbReport, raw: siteHostPackagesTable},
		{path: "/sites/{site}/hosts/{host}/packages.json", verb: api.VerbReport, raw: siteHostPackagesTable},
		{path: "/software", template: "software", title: "A package at all sites", verb: api.VerbView, show: softwareShow},
		{path: "/software/versions.csv", verb: api.VerbReport, raw: sightingsTable},
		{path: "/software/versions.json", verb: api.VerbReport, raw: sightingsTable},
		{path: "/software/hosts.csv", verb: api.VerbReport, raw: sightedTable},
		{path: "/software/hosts.json", verb: api.VerbReport, raw: sightedTable},
		{path: "/software/findings.csv", verb: api.VerbReport, raw: softwareFindingsTable},
		{path: "/software/findings.json", verb: api.VerbReport, raw: softwareFindingsTable},
		{path: "/software/patched.csv", verb: api.VerbReport, raw: patchedTable},
		{path: "/software/patched.json", verb: api.VerbReport, raw: patchedTable},
		{path: "/advisories", template: "advisories", title: "Advisories", verb: api.VerbView, nav: true, key: "v", show: advisoryListPage},
		{path: "/advisories.csv", verb: api.VerbReport, raw: advisoriesTable},
		{path: "/advisories.json", verb: api.VerbReport, raw: advisoriesTable},
		{path: "/advisories/ignored", template: "advisory_ignored", title: "Ignored", verb: api.VerbView, show: ignoredList, act: changeIgnored},
		{path: "/advisories/sources", template: "advisory_sources", title: "Sources", verb: api.VerbView, show: sourceList, act: changeSources},
		{path: "/advisories/support", template: "advisory_support", title: "Support", verb: api.VerbView, show: supportShow},
		{path: "/advisories/support/hosts", template: "advisory_support", title: "Support", verb: api.VerbView, show: supportHosts},
		{path: "/advisories/support/hosts.csv", verb: api.VerbReport, raw: supportTable},
		{path: "/advisories/support/hosts.json", verb: api.VerbReport, raw: supportTable},
		{path: "/advisories/{id}", template: "advisory", title: "Advisory", verb: api.VerbView, show: advisoryShow, act: ignoreAdvisory},
		{path: "/advisories/{id}/hosts.csv", verb: api.VerbReport, raw: advisoryHostsTable},
		{path: "/advisories/{id}/hosts.json", verb: api.VerbReport, raw: advisoryHostsTable},
		{path: "/references", template: "references", title: "References", verb: api.VerbView, nav: true, key: "f", show: referenceList},
		{path: "/references.csv", verb: api.VerbReport, raw: referencesTable},
		{path: "/references.json", verb: api.VerbReport, raw: referencesTable},
		{path: "/references/new", template: "reference_new", title: "New list", verb: api.VerbEdit, show: newReference, act: addReference},
		{path: "/references/{name}", template: "reference", title: "Reference", verb: api.VerbView, show: referenceShow, act: changeReference},
		{path: "/references/{name}/compare.csv", verb: api.VerbReport, raw: compareTable},
		{path: "/references/{name}/compare.json", verb: api.VerbReport, raw: compareTable},
		{path: "/references/{name}/hosts/{host}", template: "reference_host", title: "Reference", verb: api.VerbView, show: referenceHost},
		{path: "/reports", template: "reports", title: "Reports", verb: api.VerbReport, nav: true, key: "e", show: reportShow},
		{path: "/reports/mail", template: "report_mail", title: "Reports by mail", verb: api.VerbReport, show: mailShow, act: changeMail},
		{path: "/reports.csv", verb: api.VerbReport, raw: reportFile},
		{path: "/reports.json", verb: api.VerbReport, raw: reportFile},
		{path: "/people", template: "people", title: "Access", verb: api.VerbAdminister, nav: true, key: "p", show: peopleList, act: addPerson},
		{path: "/people.csv", verb: api.VerbAdminister, raw: peopleTable},
		{path: "/people.json", verb: api.VerbAdminister, raw: peopleTable},
		{path: "/people/one", template: "person", title: "Person", verb: api.VerbAdminister, show: personShow, act: changePerson},
		{path: "/rights", template: "rights", title: "Rights", verb: api.VerbAdminister, show: rightsShow, act: changeRights},
		{path: "/rights.csv", verb: api.VerbAdminister, raw: rulesTable},
		{path: "/rights.json", verb: api.VerbAdminister, raw: rulesTable},
		{path: "/sessions", template: "sessions", title: "Sessions", verb: api.VerbAdminister, show: sessionList, act: endSession},
		{path: "/tokens", template: "tokens", title: "Enrolment", verb: api.VerbEnrol, show: tokenList, act: changeTokens},
		{path: "/apitokens", template: "apitokens", title: "Tokens of programs", show: apiTokenList, act: changeAPITokens},
		{path: "/webhooks", template: "webhooks", title: "Webhooks", verb: api.VerbAdminister, show: webhookList, act: addWebhook},
		{path: "/webhooks/{id}", template: "webhook", title: "Webhook", verb: api.VerbAdminister, show: webhookShow, act: changeWebhook},
		{path: "/audit", template: "audit", title: "Audit log", verb: api.VerbAdminister, nav: true, key: "l", show: auditList},
		{path: "/audit.csv", verb: api.VerbAdminister, raw: auditTable},
		{path: "/audit.json", verb: api.VerbAdminister, raw: auditTable},
		{path: "/audit/{number}", template: "audit_entry", title: "Audit log", verb: api.VerbAdminister, show: auditEntry},
		{path: "/audit/export", verb: api.VerbAdminister, raw: auditExport},
		{path: "/audit/checkpoint", verb: api.VerbAdminister, raw: auditCheckpoint},
		{path: "/settings", template: "settings", title: "Settings", nav: true, key: "s", show: settingsShow, act: changeSettings},
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
