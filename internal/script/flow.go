package script

import (
	"errors"
	"strings"

	"go.starlark.net/starlark"
)

var flowHelpers = []Helper{
	{
		Name: "fail", Params: "*message", Summary: "end the hook with an error",
		Text:    "The package's status becomes ERROR, and the message with file and line is kept.",
		Example: "def install():\n    if not isfile(\"setup.bin\"):\n        fail(\"setup.bin is missing\")",
		fn:      fail,
	},
	{
		Name: "error", Params: "*message", Summary: "the same as fail", fn: fail,
		Example: "if not isdir(\".\"):\n    error(\"no folder\")",
	},
	{
		Name: "catch", Params: "fn, *args, **kwargs", Summary: "call fn and go on if it fails",
		Text:    "Returns a pair: the value and None, or None and the error's message. There is no try.",
		Example: "text, err = catch(read_file, \"settings.ini\")\nif err:\n    print(\"no settings: \" + err)",
		WAPT:    "in place of try and except",
		fn:      catch,
	},
	{
		Name: "Version", Params: "text, members=0", Summary: "a version that compares as such",
		Text:    "Missing parts count as zero. With members, only so many parts are taken. Compare a Version with a Version.",
		Example: "if Version(\"1.10\") > Version(\"1.9.3\"):\n    print(\"newer\")",
		fn:      makeVersion,
	},
	{
		Name: "ensure_list", Params: "value, separator=\",\"", Summary: "a list from a list, or from text with separators",
		Example: "for name in ensure_list(\"a, b\"):\n    print(name)",
		fn:      ensureList,
	},
}

func fail(c *invocation) (starlark.Value, error) {
	var words []string
	for _, a := range c.args {
		if s, ok := starlark.AsString(a); ok {
			words = append(words, s)
		} else {
			words = append(words, a.String())
		}
	}
	return nil, errors.New(strings.Join(words, " "))
}

// catch cannot swallow a stop: the interpreter ends at its next step then.
func catch(c *invocation) (starlark.Value, error) {
	if len(c.args) == 0 {
		return nil, errors.New("catch: nothing to call")
	}
	value, err := starlark.Call(c.thread, c.args[0], c.args[1:], c.kwargs)
	if err != nil {
		return starlark.Tuple{starlark.None, starlark.String(err.Error())}, nil
	}
	return starlark.Tuple{value, starlark.None}, nil
}

func ensureList(c *invocation) (starlark.Value, error) {
	var value starlark.Value
	separator := ","
	if err := c.unpack(&value, &separator); err != nil {
		return nil, err
	}
	text, ok := starlark.AsString(value)
	if !ok {
		list, err := textList(value)
		return textValues(list), err
	}
	var list []string
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return textValues(list), nil
}
