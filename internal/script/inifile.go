package script

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"go.starlark.net/starlark"
)

// maxIni bounds the size of an ini file.
const maxIni = 4 << 20

var iniHelpers = []Helper{
	{
		Name: "inifile_readstring", Params: "file, section, key, default=None", Summary: "a value of an ini file",
		Text:    "Names of sections and keys are the same in capitals. What is not there gives the default.",
		Example: "inifile_writestring(\"a.ini\", \"net\", \"proxy\", \"none\")\nprint(inifile_readstring(\"a.ini\", \"NET\", \"proxy\"))",
		fn:      iniRead,
	},
	{
		Name: "inifile_writestring", Params: "file, section, key, value", Summary: "set a value of an ini file",
		Text:    "The file is made if needed. Comments, order and all other lines stay as they are.",
		Example: "inifile_writestring(\"a.ini\", \"net\", \"port\", \"8080\")",
		fn:      iniWrite,
	},
	{
		Name: "inifile_hasoption", Params: "file, section, key", Summary: "whether an ini file has a key", fn: iniHas,
		Example: "print(inifile_hasoption(\"a.ini\", \"net\", \"port\"))",
	},
	{
		Name: "inifile_hassection", Params: "file, section", Summary: "whether an ini file has a section", fn: iniHasSection,
		Example: "print(inifile_hassection(\"a.ini\", \"net\"))",
	},
	{
		Name: "inifile_deleteoption", Params: "file, section, key", Summary: "remove a key; returns whether it was there", fn: iniDelete,
		Example: "inifile_deleteoption(\"a.ini\", \"net\", \"port\")",
	},
	{
		Name: "inifile_deletesection", Params: "file, section", Summary: "remove a section; returns whether it was there", fn: iniDeleteSection,
		Example: "inifile_deletesection(\"a.ini\", \"net\")",
	},
}

// readIni reads an ini file; one that is not there is empty.
func readIni(file string) (*iniFile, error) {
	text, err := readBounded(file, maxIni)
	if errors.Is(err, fs.ErrNotExist) {
		return parseIni(""), nil
	}
	if err != nil {
		return nil, err
	}
	return parseIni(string(text)), nil
}

// store keeps the permissions of a file that is there.
func (f *iniFile) store(file string) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	return writeAtomic(file, mode, func(w io.Writer) error {
		_, err := io.WriteString(w, f.String())
		return err
	})
}

func iniRead(c *invocation) (starlark.Value, error) {
	var file, section, key string
	var other starlark.Value = starlark.None
	if err := c.unpack(&file, &section, &key, &other); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil {
		return nil, err
	}
	if value, ok := f.get(section, key); ok {
		return starlark.String(value), nil
	}
	return other, nil
}

func iniWrite(c *invocation) (starlark.Value, error) {
	var file, section, key string
	var value starlark.Value
	if err := c.unpack(&file, &section, &key, &value); err != nil {
		return nil, err
	}
	text, ok := starlark.AsString(value)
	if !ok {
		text = value.String() // a number or a bool
	}
	if err := checkIni(section, key, text); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil {
		return nil, err
	}
	f.set(section, key, text)
	return nil, f.store(file)
}

func iniHas(c *invocation) (starlark.Value, error) {
	var file, section, key string
	if err := c.unpack(&file, &section, &key); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(f.option(section, key) >= 0), nil
}

func iniHasSection(c *invocation) (starlark.Value, error) {
	var file, section string
	if err := c.unpack(&file, &section); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil {
		return nil, err
	}
	first, _ := f.section(section)
	return starlark.Bool(first >= 0), nil
}

func iniDelete(c *invocation) (starlark.Value, error) {
	var file, section, key string
	if err := c.unpack(&file, &section, &key); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil || !f.remove(section, key) {
		return starlark.False, err
	}
	return starlark.True, f.store(file)
}

func iniDeleteSection(c *invocation) (starlark.Value, error) {
	var file, section string
	if err := c.unpack(&file, &section); err != nil {
		return nil, err
	}
	f, err := readIni(file)
	if err != nil || !f.removeSection(section) {
		return starlark.False, err
	}
	return starlark.True, f.store(file)
}
