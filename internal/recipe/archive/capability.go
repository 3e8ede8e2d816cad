package archive

import (
	"encoding/binary"
	"slices"
	"strings"
)

// capabilities are the names of Linux capabilities in the order of their
// numbers (capabilities(7), linux/capability.h).
var capabilities = strings.Fields(`
	chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
	net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio
	sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time
	sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
	wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`)

// Capability turns text such as "cap_net_raw,cap_net_admin+ep" into the
// value of the attribute security.capability, version 2 (struct vfs_cap_data).
// Of the grammar of cap_from_text(3) it reads one or more clauses of names,
// a plus or equals sign, and flags of e, i and p. The kernel keeps one effective flag
// for all, so that clauses which differ in it are refused.
func Capability(text string) ([]byte, error) {
	const revision2, effective = 0x02000000, 1
	clauses := strings.Fields(text)
	if len(clauses) == 0 {
		return nil, invalidf("no capabilities in %q", text)
	}
	var permitted, inheritable uint64
	head := uint32(revision2)
	for i, clause := range clauses {
		set, flags, err := parseClause(clause)
		if err != nil {
			return nil, err
		}
		e := uint32(0)
		if strings.Contains(flags, "e") {
			e = effective
		}
		if i > 0 && head&effective != e {
			return nil, invalidf("capabilities %q: either all are effective or none", text)
		}
		head |= e
		if strings.Contains(flags, "p") {
			permitted |= set
		}
		if strings.Contains(flags, "i") {
			inheritable |= set
		}
	}
	value := binary.LittleEndian.AppendUint32(nil, head)
	for _, word := range []uint64{permitted, inheritable, permitted >> 32, inheritable >> 32} {
		value = binary.LittleEndian.AppendUint32(value, uint32(word))
	}
	return value, nil
}

func parseClause(clause string) (set uint64, flags string, err error) {
	i := strings.IndexAny(clause, "+=")
	if i < 1 || i+1 == len(clause) || strings.Trim(clause[i+1:], "eip") != "" {
		return 0, "", invalidf("capability %q is not in the form cap_net_raw+ep", clause)
	}
	for name := range strings.SplitSeq(clause[:i], ",") {
		n := slices.Index(capabilities, strings.TrimPrefix(strings.ToLower(name), "cap_"))
		if n < 0 {
			return 0, "", invalidf("there is no capability %q", name)
		}
		set |= 1 << n
	}
	return set, clause[i+1:], nil
}
