package python

import (
	"strings"
	"sync"

	"muster/internal/script"
)

// methods are those that values have here.
var methods = words(`append clear extend index insert pop remove
	get items keys popitem setdefault update values
	add difference discard intersection issubset issuperset symmetric_difference union
	capitalize count endswith find format index isalnum isalpha isdigit islower isspace istitle isupper join
	lower lstrip partition removeprefix removesuffix replace rfind rindex rpartition rsplit rstrip split
	splitlines startswith strip title upper`)

// controlFields are the attributes of control that keep their names.
var controlFields = words(`name package version architecture section target_os maturity locale description
	maintainer licence homepage impacted_process keywords get_software_version`)

// helperModules are modules of WAPT whose names are helpers here, or unknown.
var helperModules = words(`setuphelpers setuphelpers_windows setuphelpers_linux setuphelpers_macos setuphelpers_unix
	waptutils`)

// knownModules are the modules of which members holds some.
var knownModules = words(`os os.path glob shutil json logging subprocess sys platform io winreg _winreg`)

// A target is what a name of Python becomes.
type target struct {
	to     string // an expression of Starlark
	helper string // whose parameters a call must have; "" is not checked
	// call converts a call with these arguments, not yet converted.
	call func(c *converter, at *node, args [][]node) ([]node, error)
}

// builderOnly are helpers that hosts refuse.
var builderOnly = words("wget wgets fetch unpack")

// droppable are parameters that are of no use here.
var droppable = map[string]map[string]bool{
	"remove_tree": words("ignore_errors"),
	"os.makedirs": words("exist_ok"),
	"print":       words("end file flush"),
}

// members is what parts of modules become, by their full name in Python, and bare
// what names without a module become.
var members, bare map[string]target

// The tables hold functions that look into the tables: only init can fill them.
func init() { members, bare = memberTargets(), bareTargets() }

func memberTargets() map[string]target {
	m := map[string]target{
		"os.environ": {to: "os.environ"}, "os.sep": {to: "os.sep"}, "os.name": {to: "os.name"},
		"os.mkdir": {to: "mkdirs", helper: "mkdirs"}, "os.makedirs": {to: "mkdirs", helper: "mkdirs"},
		"os.getcwd": {call: callWorkingFolder}, "os.system": {call: callSystem},
		"json.loads": {to: "json.decode"}, "json.dumps": {call: callDumps}, "json.load": {call: callLoad},
		"platform.system": {call: callPlatform}, "platform.node": {to: "get_hostname", helper: "get_hostname"},
		"subprocess.check_output": {call: callOutput}, "subprocess.check_call": {call: callChecked},
		"subprocess.call": {call: callUnchecked}, "subprocess.run": {call: callUnchecked},
		"io.open": {call: callOpen},
	}
	add := func(module string, names map[string]string) {
		for name, helper := range names {
			m[module+"."+name] = target{to: module + "." + name, helper: helper}
		}
	}
	add("os", map[string]string{
		"listdir": "listdir", "remove": "remove_file", "unlink": "remove_file", "rename": "rename", "replace": "rename",
		"symlink": "symlink", "link": "link", "chmod": "chmod", "getenv": "getenv", "readlink": "readlink",
	})
	add("os.path", map[string]string{
		"join": "", "isfile": "isfile", "isdir": "isdir", "exists": "exists", "islink": "islink", "basename": "basename",
		"dirname": "dirname", "abspath": "abspath", "splitext": "splitext", "getsize": "filesize", "expandvars": "expandvars",
	})
	add("shutil", map[string]string{
		"copy": "filecopyto", "copy2": "filecopyto", "copyfile": "filecopyto", "copytree": "copytree2",
		"rmtree": "remove_tree", "move": "rename", "which": "which",
	})
	add("glob", map[string]string{"glob": "glob", "iglob": "glob"})
	for _, level := range strings.Fields("debug info warning warn error critical exception") {
		m["logging."+level] = target{call: callLog}
	}
	for _, constant := range strings.Fields("HKEY_LOCAL_MACHINE HKEY_CURRENT_USER HKEY_CLASSES_ROOT HKEY_USERS REG_SZ REG_EXPAND_SZ REG_MULTI_SZ REG_DWORD REG_QWORD") {
		m["winreg."+constant] = target{to: constant}
		m["_winreg."+constant] = target{to: constant}
	}
	return m
}

func bareTargets() map[string]target {
	return map[string]target{
		"open": {call: callOpen}, "isinstance": {call: callInstance}, "print": {to: "print", helper: "print"},
		"type":             {call: callType},
		"xrange":           {to: "range"},
		"unicode":          {to: "str"},
		"get_computername": {to: "get_hostname", helper: "get_hostname"},
		"programfiles32":   {call: callBits("32")},
		"programfiles64":   {call: callBits("64")},
	}
}

// agent is what members of WAPT, the agent that runs a hook there, become.
var agent = words("write_audit_data write_audit_data_if_changed uninstall_cmd installed_softwares run run_notfatal")

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// A signature is the parameters of a helper.
type signature struct {
	names    map[string]bool
	count    int
	required int
	any      bool // it takes any number
}

// helpers are the parameters of every helper.
var helpers = sync.OnceValue(func() map[string]*signature {
	all := map[string]*signature{"print": {names: words("sep"), any: true}}
	for _, h := range script.Helpers() {
		all[h.Name] = parseParams(h.Params)
	}
	return all
})

// parseParams reads "path, text, mode=0o644". A comma in brackets or quotes
// belongs to a default.
func parseParams(params string) *signature {
	s := &signature{names: map[string]bool{}}
	depth, start, quoted := 0, 0, false
	for i := 0; i <= len(params); i++ {
		switch {
		case i == len(params) || params[i] == ',' && depth == 0 && !quoted:
			s.add(strings.TrimSpace(params[start:i]))
			start = i + 1
		case params[i] == '"':
			quoted = !quoted
		case strings.IndexByte("[{(", params[i]) >= 0:
			depth++
		case strings.IndexByte("]})", params[i]) >= 0:
			depth--
		}
	}
	return s
}

func (s *signature) add(param string) {
	name, _, optional := strings.Cut(param, "=")
	switch {
	case name == "":
	case strings.HasPrefix(name, "*"):
		s.any = true
	default:
		s.names[name] = true
		s.count++
		if !optional {
			s.required++
		}
	}
}
