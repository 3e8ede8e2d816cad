package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"muster/api"
	"muster/internal/openapi"
)

// The document of the API is made of three things: the table of routes, the methods
// of the clients in package api, which say what is sent and answered, and the
// handlers, which say what they read of the query.

// An irregular route is one of which the client's method does not say enough.
type irregular struct {
	summary string // where there is no method
	name    string // where it is not that of the handler
	in, out any
	kind    string // media type of the body
	answers string // of the answer
}

var irregulars = map[string]irregular{
	"GET " + api.RouteHealth:       {summary: "says whether the server can work; for load balancers", answers: "text/plain"},
	"GET " + api.RouteMetrics:      {summary: "returns metrics for Prometheus; only to the networks of metrics.from", answers: "text/plain"},
	"GET " + api.RouteRepo:         {name: "repositoryFile", summary: "returns files of the repository below this path", answers: "application/octet-stream"},
	"GET " + api.RouteOpenAPI:      {answers: "application/json"},
	"POST " + api.RouteLogin:       {in: api.Login{}},
	"POST " + api.RouteRenew:       {in: api.Renew{}},
	"POST " + api.RouteInventory:   {kind: api.TypeDocument},
	"GET " + api.RouteWake:         {out: api.Wake{}},
	"GET " + api.RouteHostDoc:      {answers: api.TypeDocument},
	"POST " + api.RoutePackages:    {kind: "application/octet-stream"},
	"POST " + api.RouteRepository:  {kind: "application/pkcs7-mime"},
	"GET " + api.RouteExport:       {answers: "text/csv,application/jsonl"},
	"GET " + api.RouteActionEvents: {answers: "text/event-stream"},
	"POST " + api.RouteReports:     {summary: "takes a report of a host without an agent: docs/formats/report.md has what is sent and answered", kind: "application/pkcs7-mime", answers: "text/plain"},
	"GET " + api.RouteReportCert:   {summary: "returns the certificate that reports are sealed to", answers: "application/x-pem-file"},
	"GET " + api.RouteAuditExport:  {answers: "text/plain"},
}

// words are those for what handlers read of the query.
var words = map[string]string{
	"after":    "only what comes after this number",
	"grace":    "seconds for which files stay that nothing names any more",
	"keep":     "so many versions of each package stay",
	"at":       "the inventory as it was then, in Unix seconds; else as it is",
	"all":      "1: those of everybody, or that concern nobody",
	"before":   "only numbers below this one, the highest first",
	"columns":  "further facts to show: names of fields of the search language, with commas",
	"count":    "1: also count all that match",
	"cursor":   "next of the page before",
	"failed":   "1: only what failed or was refused",
	"format":   "csv or jsonl; wins over the header Accept",
	"from":     "from this time on, in Unix seconds; of a checkpoint: the size of the log that the caller knows",
	"have":     "what the caller has already",
	"host":     "id of a host",
	"kinds":    "only these kinds, with commas",
	"like":     "a part of the name",
	"limit":    "at most so many",
	"mode":     "store-only, store-and-report or report-only",
	"name":     "name of the file, for the log",
	"package":  "name of a package",
	"person":   "name of a person",
	"q":        "query in the language of docs/formats/search.md; of software: its name, perhaps with a version",
	"query":    "query in the language of docs/formats/search.md",
	"since":    "only what comes after this number or cursor, the oldest first",
	"software": "name of a software",
	"sort":     "name, seen, enrolled or status; with a minus before it the other way round",
	"state":    "only in this state",
	"target":   "only about this",
	"to":       "until this time, in Unix seconds",
	"verb":     "a verb of rights",
	"wait":     "seconds to wait for something to answer",
	"what":     "only of this kind",
	"who":      "only of this person",
	// of advisories and findings
	"exploited": "1: only what is known to be exploited",
	"fixable":   "1: only where there is a fix",
	"form":      "of the document: osv, debian, dsa, csaf, oval, vuxml, pkgsrc, updateinfo, secdb, arch, support, releases, kev or epss",
	"epss":      "only where the score of EPSS is not less, 0 to 1",
	"uncovered": "1: only those that no list of advisories speaks of",
	"ignored":   "1: also what people chose to ignore",
	"platform":  "of what is affected where the form does not say it, as \"rocky 9\"",
	"severity":  "the least: low, medium, high or critical",
	"shrink":    "1: the source may come to say less than half of what it said",
	"site":      "name of a site",
	"source":    "name of a source of advisories",
	"text":      "only where a name has this text",

	"arch":     "only packages of this architecture",
	"by":       "host, site or package",
	"days":     "so many days after it; 30",
	"gone":     "1: also hosts that were forgotten",
	"manager":  "only packages of this package manager: dpkg, rpm, ...",
	"revision": "number of a former text; the newest",
	"silent":   "only hosts that were heard of last before this, Unix seconds",
	"system":   "only hosts of a system: debian, or with its release \"debian 12\"",
	"tag":      "only hosts that report this tag",
	"verdict":  "only behind, equal, ahead, missing, unexpected, or unfit: not as wanted",
	"version":  "only this one",
	"want":     "versions, as \">= 1.2\"",
}

// A caller's method is how the Go client uses a route.
type clientMethod struct {
	name string
	doc  string
	kind reflect.Type // of the method
}

// clientMethods are those of package api, by route.
func clientMethods(t *testing.T) map[string]clientMethod {
	t.Helper()
	found, consts := map[string]clientMethod{}, routeConstants(t)
	types := map[string]reflect.Type{}
	for _, v := range []any{&api.Client{}, &api.HostClient{}, &api.PersonClient{}} {
		types[reflect.TypeOf(v).Elem().Name()] = reflect.TypeOf(v)
	}
	eachFunc(t, "../../api", func(f *ast.FuncDecl) {
		if f.Recv == nil || !f.Name.IsExported() {
			return
		}
		star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
		if !ok || types[star.X.(*ast.Ident).Name] == nil {
			return
		}
		m, _ := types[star.X.(*ast.Ident).Name].MethodByName(f.Name.Name)
		for _, route := range used(f, consts) {
			found[route] = clientMethod{f.Name.Name, f.Doc.Text(), m.Type}
		}
	})
	return found
}

// used are the routes that a method of a client asks.
func used(f *ast.FuncDecl, consts map[string]string) (all []string) {
	var methods, paths []string
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if path := consts[n.Name]; path != "" {
				paths = append(paths, path)
			}
		case *ast.SelectorExpr:
			if name, ok := strings.CutPrefix(n.Sel.Name, "Method"); ok {
				methods = append(methods, strings.ToUpper(name))
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "get" || s.Sel.Name == "post") {
				methods = append(methods, strings.ToUpper(s.Sel.Name))
			}
		}
		return true
	})
	for _, m := range methods {
		for _, p := range paths {
			all = append(all, m+" "+p)
		}
	}
	return all
}

// routeConstants are the constants of package api that are named for routes.
func routeConstants(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	eachFile(t, "../../api", func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Route") {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				all[spec.Names[0].Name], _ = strconv.Unquote(lit.Value)
			}
			return true
		})
	})
	return all
}

func eachFile(t *testing.T, dir string, visit func(*ast.File)) {
	t.Helper()
	for _, name := range must(filepath.Glob(filepath.Join(dir, "*.go")))(t) {
		if !strings.HasSuffix(name, "_test.go") {
			visit(must(parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution))(t))
		}
	}
}

func eachFunc(t *testing.T, dir string, visit func(*ast.FuncDecl)) {
	t.Helper()
	eachFile(t, dir, func(file *ast.File) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				visit(f)
			}
		}
	})
}

// handlerName is the name of the method that serves a route.
func handlerName(rt *route) string {
	var f any = rt.serve
	if rt.plain != nil {
		f = rt.plain
	}
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

// queryParams are what each function of this package reads of a query, those that it
// hands its query to included.
func queryParams(t *testing.T) map[string][]openapi.Param {
	t.Helper()
	bodies := map[string]*ast.FuncDecl{}
	eachFunc(t, ".", func(f *ast.FuncDecl) { bodies[f.Name.Name] = f })
	all := map[string][]openapi.Param{}
	for name, f := range bodies {
		found := map[string]string{}
		collect(f, bodies, found, 3)
		for _, p := range slices.Sorted(maps.Keys(found)) {
			all[name] = append(all[name], openapi.Param{Name: p, Type: found[p], Text: words[p]})
		}
	}
	return all
}

func collect(f *ast.FuncDecl, bodies map[string]*ast.FuncDecl, found map[string]string, depth int) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && len(call.Args) == 1 && ofQuery(s.X) {
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				name, _ := strconv.Unquote(lit.Value)
				kind := map[string]string{"number": "integer", "Get": "string", "optional": "string", "Has": "string", "all": "array"}[s.Sel.Name]
				if found[name] == "" || kind == "integer" {
					found[name] = kind
				}
			}
		}
		for _, a := range call.Args {
			if id, ok := a.(*ast.Ident); ok && id.Name == "q" && depth > 0 {
				if g := bodies[called(call.Fun)]; g != nil {
					collect(g, bodies, found, depth-1)
				}
			}
		}
		return true
	})
}

func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// ofQuery reports whether e is a query: "q", or r.URL.Query().
func ofQuery(e ast.Expr) bool {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name == "q"
	}
	call, ok := e.(*ast.CallExpr)
	return ok && called(call.Fun) == "Query"
}

// operations are the routes as the document describes them.
func operations(t *testing.T) (all []openapi.Operation) {
	t.Helper()
	methods, params := clientMethods(t), queryParams(t)
	table := routes()
	for i := range table {
		rt := &table[i]
		m, there := methods[rt.name()]
		odd := irregulars[rt.name()]
		if !there && odd.summary == "" {
			t.Errorf("no client of package api uses %s", rt.name())
			continue
		}
		op := openapi.Operation{Method: rt.method, Path: rt.path, Name: lowerFirst(m.name), Tag: tagOf(rt), Summary: summary(m, odd), Verb: string(rt.verb), Class: rt.class,
			Query: params[handlerName(rt)], Body: rt.body, InType: odd.kind, OutType: odd.answers}
		op.Security = map[caller]string{aHost: "signature", aNewcomer: "signature", aPerson: "session,cookie"}[rt.who]
		if op.Name == "" {
			op.Name = cmp.Or(odd.name, handlerName(rt))
		}
		op.In, op.Out = odd.in, odd.out
		if there {
			ofMethod(&op, m.kind, rt)
		}
		for _, p := range op.Query {
			if p.Text == "" {
				t.Errorf("%s reads %q of the query, which 'words' does not explain", rt.name(), p.Name)
			}
		}
		all = append(all, op)
	}
	return all
}

// ofMethod finds what is sent and answered in the type of a client's method.
func ofMethod(op *openapi.Operation, m reflect.Type, rt *route) {
	for i := range m.NumIn() {
		if in := m.In(i); op.In == nil && op.InType == "" && rt.body > 0 && in.Kind() == reflect.Struct {
			op.In = reflect.Zero(in).Interface()
		}
	}
	if out := m.Out(0); op.Out == nil && op.OutType == "" && out.Kind() == reflect.Struct {
		op.Out = reflect.Zero(out).Interface()
	}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// summary is the first sentence of a method's comment, without its name.
func summary(m clientMethod, odd irregular) string {
	if odd.summary != "" {
		return odd.summary
	}
	text := strings.TrimPrefix(strings.Join(strings.Fields(m.doc), " "), m.name+" ")
	text, _, _ = strings.Cut(text+" ", ". ")
	return regexp.MustCompile(`\[([\w.]+)\]`).ReplaceAllString(strings.TrimSuffix(strings.TrimSpace(text), "."), "$1")
}

// tagOf is the first word of the path after the version.
func tagOf(rt *route) string {
	rest, ok := strings.CutPrefix(rt.path, "/api/v1/")
	if !ok {
		return "server"
	}
	tag, _, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(tag, ".json")
}

const described = `Everything that agents, the command line and the console do. There is no second way in.
Times are Unix seconds, durations seconds, hashes SHA-256 in lower-case hexadecimal. Members
that a reader does not know are to be passed over: members are added, never changed in meaning.
A path that there is not answers 404, a method that a path does not take 405 with Allow, as JSON like every refusal.`

func apiDocument(t *testing.T) []byte {
	t.Helper()
	info := openapi.Info{Title: "musterd", Version: "1", Description: strings.ReplaceAll(described, "\n", " "), Licence: licence(t), Error: api.ErrorBody{},
		Schemes: map[string]any{
			"session":   map[string]any{"type": "http", "scheme": "bearer", "description": "The token of a session, or of a program (RFC 6750)."},
			"cookie":    map[string]any{"type": "apiKey", "in": "cookie", "name": api.Cookie, "description": "The same token, of a browser that logged in; only from pages of this server."},
			"signature": map[string]any{"type": "apiKey", "in": "header", "name": "Signature", "description": "The request is signed by a key (RFC 9421), as docs/formats/requests.md says."},
		}}
	comments := must(openapi.ReadComments("../../api", "../..", "../../inventory"))(t)
	return must(openapi.Document(info, operations(t), comments))(t)
}

// licence is that of the project.
func licence(t *testing.T) string {
	data, err := os.ReadFile("../../LICENSE")
	if err != nil {
		return "LicenseRef-muster"
	}
	for name, id := range map[string]string{"Apache License": "Apache-2.0", "GNU AFFERO": "AGPL-3.0-only", "GNU GENERAL": "GPL-3.0-only", "MIT License": "MIT", "BSD 3-Clause": "BSD-3-Clause"} {
		if bytes.Contains(data, []byte(name)) {
			return id
		}
	}
	return "LicenseRef-muster"
}

// The document describes every route; who changes one runs 'go test -update'.
func TestOpenAPI(t *testing.T) {
	doc := apiDocument(t)
	if *update {
		check(t, os.WriteFile("openapi.json", doc, 0o644))
	}
	if have := must(os.ReadFile("openapi.json"))(t); !bytes.Equal(have, doc) {
		t.Error("openapi.json is stale: run 'go test ./internal/server -run OpenAPI -update'")
	}
	var v struct {
		Paths map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Summary     string                     `json:"summary"`
			Responses   map[string]json.RawMessage `json:"responses"`
			Verb        string                     `json:"x-muster-verb"`
		}
	}
	check(t, json.Unmarshal(doc, &v))
	ids := map[string]bool{}
	for _, rt := range routes() {
		op, ok := v.Paths[rt.path][strings.ToLower(rt.method)]
		if !ok || op.Summary == "" || len(op.Responses) < 4 || ids[op.OperationID] || op.Verb != string(rt.verb) {
			t.Errorf("%s is described as %q %q for %q with %d answers", rt.name(), op.OperationID, op.Summary, op.Verb, len(op.Responses))
		}
		ids[op.OperationID] = true
	}
}

// apiSchemas compiles the document, whose form the schema of OpenAPI 3.1 has to
// accept, and whose schemas are those of JSON Schema 2020-12.
func apiSchemas(t *testing.T, doc []byte) *jsonschema.Compiler {
	t.Helper()
	official := must(jsonschema.UnmarshalJSON(bytes.NewReader(must(os.ReadFile("testdata/openapi/schema-3.1.json"))(t))))(t)
	c := jsonschema.NewCompiler()
	check(t, c.AddResource("https://spec.openapis.org/oas/3.1/schema/2022-10-07", official))
	value := must(jsonschema.UnmarshalJSON(bytes.NewReader(doc)))(t)
	form := must(c.Compile("https://spec.openapis.org/oas/3.1/schema/2022-10-07"))(t)
	check(t, form.Validate(value))
	check(t, c.AddResource("openapi.json", value))
	return c
}

func TestOpenAPIIsValid(t *testing.T) {
	doc := must(os.ReadFile("openapi.json"))(t)
	c := apiSchemas(t, doc)
	var v struct {
		Components struct{ Schemas map[string]json.RawMessage }
	}
	check(t, json.Unmarshal(doc, &v))
	if len(v.Components.Schemas) < 30 {
		t.Errorf("only %d types", len(v.Components.Schemas))
	}
	for name := range v.Components.Schemas {
		must(c.Compile("openapi.json#/components/schemas/" + name))(t)
	}
	refs := regexp.MustCompile(`"#/components/[^"]*"`).FindAllString(string(doc), -1)
	for _, ref := range slices.Compact(slices.Sorted(slices.Values(refs))) {
		if !strings.HasSuffix(ref, `/responses/Error"`) {
			must(c.Compile("openapi.json" + strings.Trim(ref, `"`)))(t)
		}
	}
}

// What the server answers is as the document says: no member is missing there, and
// none is of another type.
func TestAnswersAreAsDescribed(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 2}))(t).Secret)
	m.report(desktop(3))
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{m.ID}}))(t)
	doc := must(p.OpenAPI(t.Context()))(t)
	c := apiSchemas(t, doc)
	described := map[string]openapi.Operation{}
	for _, op := range operations(t) {
		described[op.Method+" "+op.Path] = op
	}
	seen := 0
	for _, rt := range routes() {
		op := described[rt.name()]
		if rt.method != "GET" || rt.who != aPerson && rt.path != api.RouteServer || op.Out == nil || op.OutType != "" && op.OutType != "application/json" {
			continue
		}
		path := strings.NewReplacer("{id}", m.ID, "{name}", "lab", "{number}", "1").Replace(rt.path)
		var answer json.RawMessage
		if err := w.ask(p, path, &answer); err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		seen++
		strict := json.NewDecoder(bytes.NewReader(answer))
		strict.DisallowUnknownFields()
		if err := strict.Decode(reflect.New(reflect.TypeOf(op.Out)).Interface()); err != nil {
			t.Errorf("%s answers %s: %v", rt.name(), answer, err)
		}
		schema := must(c.Compile("openapi.json#/components/schemas/" + reflect.TypeOf(op.Out).Name()))(t)
		if err := schema.Validate(must(jsonschema.UnmarshalJSON(bytes.NewReader(answer)))(t)); err != nil {
			t.Errorf("%s answers %s: %v", rt.name(), answer, err)
		}
	}
	if seen < 12 {
		t.Errorf("only %d answers were seen", seen)
	}
}

// ask gets a path with the session of a person.
func (w *world) ask(p *api.PersonClient, path string, answer *json.RawMessage) error {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil))(w.t)
	r.Header.Set("Authorization", "Bearer "+p.Token)
	resp := must(w.raw().Do(r))(w.t)
	defer resp.Body.Close()
	*answer = must(io.ReadAll(resp.Body))(w.t)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", resp.StatusCode, *answer)
	}
	return nil
}
