package script

import (
	"fmt"

	"go.starlark.net/starlark"
)

// What needs the network is answered by the parent, on the builder. On hosts
// it is refused: a package carries what it installs, or it is not signed.
var downloadHelpers = []Helper{
	{
		Name: "fetch", Params: "source, sha256=\"\"", Summary: "bring a source to the builder; returns its path", fn: onlyOnBuilder,
		Text: "In build(), update_package() and test() only. source begins with go:, npm:, deb:, git:, https: or file:. " +
			"What has no checksum of its own needs sha256.",
		Example: "def build():\n    src = fetch(\"go:filippo.io/age@v1.2.1\")",
		WAPT:    "in place of wget",
	},
	{
		Name: "unpack", Params: "file, target=\"\", strip=0", Summary: "unpack an archive on the builder; returns the folder", fn: onlyOnBuilder,
		Text:    "In build(), update_package() and test() only: tar, zip, deb, rpm. On hosts there is unzip.",
		Example: "def build():\n    unpack(fetch(\"file:tool.tar.gz\"), \"root/opt/tool\", strip = 1)",
	},
	{
		Name: "wget", Params: "url, target=\"\"", Summary: "refused on hosts; on the builder, fetch is better", fn: onlyOnBuilder,
		Example: "def update_package():\n    wget(\"https://example.org/tool.exe\", \"files/tool.exe\")",
	},
	{
		Name: "wgets", Params: "url", Summary: "the text of a page, on the builder; refused on hosts", fn: onlyOnBuilder,
		Example: "def update_package():\n    page = wgets(\"https://example.org/releases\")",
	},
}

func onlyOnBuilder(c *invocation) (starlark.Value, error) {
	if onBuilder(c.req.Hook) {
		return nil, fmt.Errorf("%s is not available here: write %s", c.name, insteadOnBuilder[c.name])
	}
	return nil, fmt.Errorf("%s works on the builder only: %s() on a host uses what the package carries in payload/", c.name, c.req.Hook)
}

var insteadOnBuilder = map[string]string{
	"fetch":  "a recipe, and build it with muster build",
	"unpack": "a recipe, and build it with muster build",
	"wget":   "fetch(\"https://...\", sha256 = \"...\")",
	"wgets":  "read_file(fetch(\"https://...\", sha256 = \"...\"))",
}
