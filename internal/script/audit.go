package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
)

// maxAuditData bounds what a run records.
const maxAuditData = 1 << 20

var auditHelpers = []Helper{
	{
		Name: "write_audit_data", Params: "section, key, value", Summary: "record a value with the audit", fn: writeAuditData,
		Text:    "value is None, a bool, number, text, list or dict. What was recorded is reported with the status that audit() returns: \"OK\", \"WARNING\" or \"ERROR\".",
		Example: "write_audit_data(\"disk\", \"free-gb\", 17)",
	},
	{
		Name: "write_audit_data_if_changed", Params: "section, key, value", Summary: "the same: only changes are kept anyway", fn: writeAuditData,
		Example: "write_audit_data_if_changed(\"licence\", \"valid\", True)",
	},
}

func writeAuditData(c *invocation) (starlark.Value, error) {
	var section, key string
	var value starlark.Value
	if err := c.unpack(&section, &key, &value); err != nil {
		return nil, err
	}
	if section == "" || key == "" {
		return nil, errors.New("section and key must not be empty")
	}
	v, err := fromStarlark(value, 2)
	if err != nil {
		return nil, fmt.Errorf("cannot record this: %w", err)
	}
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	if c.auditSize += len(section) + len(key) + len(text); c.auditSize > maxAuditData {
		return nil, fmt.Errorf("more than %d bytes of audit data", maxAuditData)
	}
	keys, _ := c.audit[section].(map[string]any)
	if keys == nil {
		keys = map[string]any{}
		c.audit[section] = keys
	}
	keys[key] = v
	return nil, nil
}
