package server

import (
	"context"
	"net/http"

	"muster/api"
	"muster/index"
	"muster/inventory"
)

// A caller is who may use a route.
type caller int

const (
	anyone    caller = iota
	aNewcomer        // whose signature the handler verifies, by a key in the body
	aVisitor         // whose proof the handler looks at
	aReporter        // whose report is opened to find out, and may be large
	aHost            // whose signature was verified by the key that the server knows
	aPerson          // with a session, who may deploy
)

// unknown reports whether it is the handler that finds out who asks.
func (c caller) unknown() bool { return c == aNewcomer || c == aVisitor || c == aReporter }

// A route is one line of the table of everything that the server answers.
type route struct {
	method, path string
	who          caller
	verb         api.Verb   // of a person's
	or           []api.Verb // do for some of what may be asked: the handler knows which
	class        string     // of limits
	body         int64      // most bytes, before and after decompression; 0: what comes is not read
	slow         bool       // takes as long as it takes
	serve        func(*Server, context.Context, *request) (any, error)
	plain        func(*Server, http.ResponseWriter, *request) // writes the answer itself
	says         refusal                                      // writes refusals in the form of who asks; nil: as the API does
}

func (rt *route) name() string { return rt.method + " " + rt.path }

// routes is the table.
func routes() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		{method: get, path: api.RouteServer, who: anyone, class: "about", serve: (*Server).about},
		{method: get, path: api.RouteOpenAPI, who: anyone, class: "about", serve: (*Server).describe},
		{method: get, path: api.RouteHealth, who: anyone, class: "about", plain: (*Server).health},
		{method: get, path: api.RouteMetrics, who: anyone, class: "about", plain: (*Server).exposeMetrics},
		{method: get, path: api.RouteRepo, who: anyone, class: "repo", slow: true, plain: (*Server).repository},

		{method: post, path: api.RouteEnrol, who: aNewcomer, class: "enrol", body: api.MaxEnrol, serve: (*Server).enrol},
		{method: post, path: api.RouteReturn, who: aNewcomer, class: "enrol", body: api.MaxEnrol, serve: (*Server).giveBack},
		{method: post, path: api.RouteRenew, who: aHost, class: "checkin", body: api.MaxEnrol, serve: (*Server).renew},
		{method: post, path: api.RouteCheckIn, who: aHost, class: "checkin", body: api.MaxCheckIn, serve: (*Server).checkIn},
		{method: post, path: api.RouteInventory, who: aHost, class: "inventory", body: inventory.MaxDocument, serve: (*Server).takeInventory},
		{method: get, path: api.RouteWake, who: aHost, class: "wake", slow: true, serve: (*Server).wake},
		{method: post, path: api.RouteActionLog, who: aHost, class: "checkin", body: api.MaxLog, serve: (*Server).takeLog},

		{method: post, path: api.RouteReports, who: aReporter, class: "reports", body: maxReportBody, says: sayNative, serve: (*Server).takeReport},
		{method: get, path: api.RouteReportCert, who: anyone, class: "about", serve: (*Server).reportCert},

		{method: post, path: api.RouteLogin, who: aNewcomer, class: "login", body: api.MaxEnrol, serve: (*Server).logIn},
		{method: get, path: api.RouteLoginWays, who: anyone, class: "about", serve: (*Server).loginWays},
		{method: post, path: api.RouteLoginPassword, who: aVisitor, class: "login", body: api.MaxEnrol, serve: (*Server).passwordLogin},
		{method: post, path: api.RouteLoginTLS, who: aVisitor, class: "login", body: api.MaxEnrol, serve: (*Server).tlsLogin},
		{method: post, path: api.RouteLoginOIDC, who: aVisitor, class: "oidc", body: api.MaxEnrol, serve: (*Server).beginOIDC},
		{method: post, path: api.RouteLoginOIDCEnd, who: aVisitor, class: "oidc", body: api.MaxEnrol, serve: (*Server).endOIDC},
		{method: get, path: api.RouteSelf, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).whoAmI},
		{method: put, path: api.RoutePassword, who: aPerson, verb: api.VerbSelf, class: "people", body: api.MaxEnrol, serve: (*Server).changePassword},
		{method: get, path: api.RouteSessions, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).listSessions},
		{method: del, path: api.RouteSession, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).endSession},
		{method: get, path: api.RouteAPITokens, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).listAPITokens},
		{method: post, path: api.RouteAPITokens, who: aPerson, verb: api.VerbSelf, class: "people", body: api.MaxEnrol, serve: (*Server).createAPIToken},
		{method: del, path: api.RouteAPIToken, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).revokeAPIToken},
		{method: get, path: api.RoutePeople, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).listPeople},
		{method: post, path: api.RoutePeople, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxEnrol, serve: (*Server).addPerson},
		{method: patch, path: api.RoutePerson, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxEnrol, serve: (*Server).editPerson},
		{method: del, path: api.RoutePerson, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removePerson},
		{method: get, path: api.RouteRules, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).listRules},
		{method: post, path: api.RouteRules, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxEnrol, serve: (*Server).addRule},
		{method: del, path: api.RouteRule, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removeRule},
		{method: get, path: api.RouteRulesTest, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).testRules},
		{method: post, path: api.RouteLogout, who: aPerson, verb: api.VerbSelf, class: "people", serve: (*Server).logout},
		{method: get, path: api.RouteHosts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listHosts},
		{method: get, path: api.RouteCounts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).countHosts},
		{method: get, path: api.RouteTrend, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).hostTrend},
		{method: get, path: api.RouteVersions, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).versions},
		{method: put, path: api.RouteVersion, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).countVersions},
		{method: del, path: api.RouteVersion, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).leaveVersions},
		{method: get, path: api.RouteHost, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getHost},
		{method: patch, path: api.RouteHost, who: aPerson, verb: api.VerbEdit, or: []api.Verb{api.VerbAssign}, class: "people", body: api.MaxPerson, serve: (*Server).editHost},
		{method: del, path: api.RouteHost, who: aPerson, verb: api.VerbEdit, class: "people", serve: (*Server).forgetHost},
		{method: post, path: api.RouteHostsChange, who: aPerson, verb: api.VerbEdit, or: []api.Verb{api.VerbAssign}, class: "people", body: api.MaxHostsChange, slow: true, serve: (*Server).changeHosts},
		{method: get, path: api.RouteHostDoc, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).hostInventory},
		{method: get, path: api.RouteHostDiff, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).hostDiff},
		{method: get, path: api.RouteHistory, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).history},
		{method: get, path: api.RouteEvents, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).events},
		{method: get, path: api.RouteSoftware, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).software},
		{method: get, path: api.RouteTokens, who: aPerson, verb: api.VerbEnrol, class: "people", serve: (*Server).listTokens},
		{method: post, path: api.RouteTokens, who: aPerson, verb: api.VerbEnrol, class: "people", body: api.MaxPerson, serve: (*Server).createToken},
		{method: del, path: api.RouteToken, who: aPerson, verb: api.VerbEnrol, class: "people", serve: (*Server).revokeToken},
		{method: get, path: api.RouteApprovals, who: aPerson, verb: api.VerbEnrol, class: "people", serve: (*Server).listApprovals},
		{method: post, path: api.RouteApprovals, who: aPerson, verb: api.VerbEnrol, class: "people", body: api.MaxPerson, serve: (*Server).approve},
		{method: get, path: api.RouteUnits, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listUnits},
		{method: get, path: api.RouteGroups, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listGroups},
		{method: get, path: api.RouteGroup, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getGroup},
		{method: put, path: api.RouteGroup, who: aPerson, verb: api.VerbAssign, class: "people", body: api.MaxPerson, serve: (*Server).putGroup},
		{method: post, path: api.RoutePackages, who: aPerson, verb: api.VerbPublish, or: []api.Verb{api.VerbAssign, api.VerbDeploy}, class: "upload", slow: true, serve: (*Server).putPackage},
		{method: post, path: api.RouteUnlist, who: aPerson, verb: api.VerbPublish, class: "people", body: api.MaxPerson, serve: (*Server).removePackages},
		{method: del, path: api.RoutePackage, who: aPerson, verb: api.VerbPublish, class: "people", serve: (*Server).removePackage},
		{method: post, path: api.RouteTidy, who: aPerson, verb: api.VerbPublish, class: "people", slow: true, serve: (*Server).tidyRepository},
		{method: get, path: api.RouteRollouts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listRollouts},
		{method: get, path: api.RouteRollout, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getRollout},
		{method: post, path: api.RouteRollout, who: aPerson, verb: api.VerbDeploy, class: "people", body: api.MaxPerson, serve: (*Server).changeRollout},
		{method: get, path: api.RouteRepository, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).repositoryInfo},
		{method: post, path: api.RouteRepository, who: aPerson, verb: api.VerbAdminister, class: "people", body: index.MaxLink, serve: (*Server).postLink},
		{method: del, path: api.RouteGroup, who: aPerson, verb: api.VerbAssign, class: "people", serve: (*Server).deleteGroup},

		{method: get, path: api.RouteActions, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listActions},
		{method: post, path: api.RouteActions, who: aPerson, verb: api.VerbAct, class: "people", body: api.MaxActionPost, serve: (*Server).sendAction},
		{method: get, path: api.RouteAction, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getAction},
		{method: get, path: api.RouteActionTargets, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).actionTargets},
		{method: post, path: api.RouteActionApprovals, who: aPerson, verb: api.VerbAct, class: "people", body: api.MaxPerson, serve: (*Server).approveAction},
		{method: get, path: api.RouteActionEvents, who: aPerson, verb: api.VerbView, class: "watch", slow: true, serve: (*Server).followAction},

		{method: get, path: api.RouteAdvisories, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listAdvisories},
		{method: get, path: api.RouteAdvisory, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getAdvisory},
		{method: get, path: api.RouteAdvisoryHosts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).advisoryHosts},
		{method: get, path: api.RouteAdvisoryCounts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).countAdvisories},
		{method: get, path: api.RouteAdvisoryTrend, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).advisoryTrend},
		{method: get, path: api.RouteAdvisorySources, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listAdvisorySources},
		{method: del, path: api.RouteAdvisorySource, who: aPerson, verb: api.VerbAdminister, class: "people", slow: true, serve: (*Server).removeAdvisorySource},
		{method: get, path: api.RouteSupport, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getSupport},
		{method: get, path: api.RouteSupportHosts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).supportHosts},
		{method: post, path: api.RouteIgnoredList, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxIgnoreList, serve: (*Server).ignoreList},
		{method: post, path: api.RouteAdvisoryImport, who: aPerson, verb: api.VerbAdminister, class: "upload", slow: true, serve: (*Server).importAdvisories},
		{method: get, path: api.RouteIgnored, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listIgnored},
		{method: post, path: api.RouteIgnored, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxPerson, serve: (*Server).addIgnored},
		{method: del, path: api.RouteUnignore, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removeIgnored},
		{method: get, path: api.RoutePackageFindings, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).packageFindings},
		{method: get, path: api.RouteSiteFindings, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).siteFindings},
		{method: get, path: api.RouteSiteHostFound, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).siteHostFindings},
		{method: get, path: api.RouteHostFindings, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).hostFindings},

		{method: get, path: api.RouteReferences, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listReferences},
		{method: get, path: api.RouteReference, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getReference},
		{method: put, path: api.RouteReference, who: aPerson, verb: api.VerbEdit, class: "people", body: api.MaxReference, serve: (*Server).putReference},
		{method: del, path: api.RouteReference, who: aPerson, verb: api.VerbEdit, class: "people", serve: (*Server).removeReference},
		{method: get, path: api.RouteReferenceCompare, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).compareReference},
		{method: get, path: api.RouteReferenceHost, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).referenceHost},
		{method: get, path: api.RouteReferenceTrend, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).referenceTrend},
		{method: get, path: api.RoutePatched, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).patched},
		{method: get, path: api.RouteSites, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listSites},
		{method: get, path: api.RouteSite, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getSite},
		{method: put, path: api.RouteSite, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxPerson, serve: (*Server).putSite},
		{method: del, path: api.RouteSite, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removeSite},
		{method: post, path: api.RouteSiteKeys, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxPerson, serve: (*Server).addSiteKey},
		{method: del, path: api.RouteSiteKey, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removeSiteKey},
		{method: get, path: api.RouteSiteHosts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listSiteHosts},
		{method: get, path: api.RouteSiteHost, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).getSiteHost},
		{method: del, path: api.RouteSiteHost, who: aPerson, verb: api.VerbEdit, class: "people", serve: (*Server).forgetSiteHost},
		{method: get, path: api.RouteSiteHostHas, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).siteHostPackages},
		{method: get, path: api.RouteSiteHostDiff, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).siteHostDiff},
		{method: get, path: api.RouteSiteHas, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).sitePackages},
		{method: get, path: api.RouteSiteDiff, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).siteDiff},
		{method: get, path: api.RouteSightings, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).listSightings},
		{method: get, path: api.RouteSightingHosts, who: aPerson, verb: api.VerbView, class: "people", serve: (*Server).sightingHosts},

		{method: get, path: api.RouteExport, who: aPerson, verb: api.VerbReport, class: "export", slow: true, serve: (*Server).exportList},
		{method: get, path: api.RouteReportSchedules, who: aPerson, verb: api.VerbReport, class: "people", serve: (*Server).listReportSchedules},
		{method: post, path: api.RouteReportSchedules, who: aPerson, verb: api.VerbReport, class: "people", body: api.MaxPerson, serve: (*Server).addReportSchedule},
		{method: del, path: api.RouteReportSchedule, who: aPerson, verb: api.VerbReport, class: "people", serve: (*Server).removeReportSchedule},
		{method: get, path: api.RouteChanges, who: aPerson, verb: api.VerbView, class: "follow", slow: true, serve: (*Server).changes},
		{method: get, path: api.RouteWebhooks, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).listWebhooks},
		{method: post, path: api.RouteWebhooks, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxPerson, serve: (*Server).addWebhook},
		{method: patch, path: api.RouteWebhook, who: aPerson, verb: api.VerbAdminister, class: "people", body: api.MaxPerson, serve: (*Server).editWebhook},
		{method: del, path: api.RouteWebhook, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).removeWebhook},
		{method: post, path: api.RouteWebhookTry, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).testWebhook},
		{method: get, path: api.RouteDeliveries, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).webhookDeliveries},
		{method: get, path: api.RouteAudit, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).listAudit},
		{method: get, path: api.RouteAuditEntry, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).getAudit},
		{method: get, path: api.RouteAuditCheckpoint, who: aPerson, verb: api.VerbAdminister, class: "people", serve: (*Server).auditCheckpoint},
		{method: get, path: api.RouteAuditExport, who: aPerson, verb: api.VerbAdminister, class: "export", slow: true, serve: (*Server).exportAudit},
	}
}
