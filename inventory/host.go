package inventory

// System is the operating system.
type System struct {
	Arch      string `json:"arch"`                // of the kernel, named as GOARCH: "amd64"
	Container string `json:"container,omitempty"` // "docker", "podman", "lxc", "systemd-nspawn"
	Domain    string `json:"domain,omitempty"`    // DNS or Active Directory domain
	Hostname  string `json:"hostname"`
	Hyper     string `json:"hypervisor,omitempty"` // "kvm", "xen", "vmware", "microsoft", "unknown" where there is one
	ID        string `json:"id,omitempty"`         // ID of os-release: "debian"; else as GOOS
	Kernel    string `json:"kernel,omitempty"`     // release: "6.1.0-28-amd64"
	Locale    string `json:"locale,omitempty"`     // "en_GB.UTF-8"
	MachineID string `json:"machine_id,omitempty"` // /etc/machine-id, MachineGuid, IOPlatformUUID, kern.hostuuid
	Name      string `json:"name,omitempty"`       // for people: "Debian GNU/Linux 12 (bookworm)"
	OS        string `json:"os"`                   // as GOOS
	Timezone  string `json:"timezone,omitempty"`   // "Europe/Paris"
	Version   string `json:"version,omitempty"`    // VERSION_ID of os-release: "12"; build on Windows: "10.0.22631"
}

// Hardware is what the machine is made of.
type Hardware struct {
	BIOS    *BIOS  `json:"bios,omitempty"`
	Board   string `json:"board,omitempty"`   // vendor and product of the main board
	Chassis int    `json:"chassis,omitempty"` // SMBIOS 7.4.1: 3 desktop, 9 laptop, 17 main server
	CPUs    []CPU  `json:"cpus,omitempty"`    // one row a model
	Memory  int64  `json:"memory,omitempty"`  // bytes that the system can use
	PCI     []PCI  `json:"pci,omitempty"`     // sorted by slot
	Product string `json:"product,omitempty"`
	Serial  string `json:"serial,omitempty"` // needs privileges on Linux
	UUID    string `json:"uuid,omitempty"`   // SMBIOS, lower case
	Vendor  string `json:"vendor,omitempty"`
}

// BIOS is the firmware.
type BIOS struct {
	Date    string `json:"date,omitempty"` // as the vendor writes it: "04/01/2014"
	Vendor  string `json:"vendor,omitempty"`
	Version string `json:"version,omitempty"`
}

// CPU is a model of processor.
type CPU struct {
	Cores   int    `json:"cores,omitempty"` // in all sockets
	Model   string `json:"model"`
	Sockets int    `json:"sockets,omitempty"`
	Threads int    `json:"threads"` // logical processors in all sockets
	Vendor  string `json:"vendor,omitempty"`
}

// PCI is a device. Its numbers are four hexadecimal digits (class: six), as in
// the PCI ID repository.
type PCI struct {
	Class  string `json:"class"`
	Device string `json:"device"`
	Driver string `json:"driver,omitempty"`
	Slot   string `json:"slot"` // "0000:00:1f.2"
	Vendor string `json:"vendor"`
}

// Network is how the host is connected. Interfaces that come and go with
// containers and virtual machines are left out, and so are temporary addresses
// (RFC 8981): they would make history every day.
type Network struct {
	DNS        []string    `json:"dns,omitempty"`        // servers in the order in which they are asked
	Gateways   []string    `json:"gateways,omitempty"`   // default routes, sorted
	Interfaces []Interface `json:"interfaces,omitempty"` // sorted by name
	Search     []string    `json:"search,omitempty"`     // domains
}

// Interface is a network interface.
type Interface struct {
	Addresses []string `json:"addresses,omitempty"` // with prefix length: "192.0.2.7/24"; sorted
	Driver    string   `json:"driver,omitempty"`
	MAC       string   `json:"mac,omitempty"` // lower case with colons
	MTU       int      `json:"mtu,omitempty"`
	Name      string   `json:"name"`
	Speed     int      `json:"speed,omitempty"` // Mbit/s
}

// Disks are block devices and what is mounted.
type Disks struct {
	Devices []Device `json:"devices,omitempty"` // sorted by name
	Mounts  []Mount  `json:"mounts,omitempty"`  // sorted by target
}

// Device is a whole block device, not a partition.
type Device struct {
	Model      string `json:"model,omitempty"`
	Name       string `json:"name"`
	Removable  bool   `json:"removable,omitempty"`
	Rotational bool   `json:"rotational,omitempty"`
	Serial     string `json:"serial,omitempty"`
	Size       int64  `json:"size"` // bytes
	Vendor     string `json:"vendor,omitempty"`
}

// Mount is a mounted file system of a disk or a server. How much of it is free
// is in [Volatile].
type Mount struct {
	Size   int64  `json:"size,omitempty"` // bytes
	Source string `json:"source"`
	Target string `json:"target"`
	Type   string `json:"type"`
}

// Users are local accounts. Who is signed in is in [Volatile].
type Users struct {
	Accounts []Account `json:"accounts,omitempty"` // sorted by name
}

// Account is a local account that may sign in: one with a login shell.
type Account struct {
	Full  string `json:"full,omitempty"` // first field of GECOS
	Home  string `json:"home,omitempty"`
	Name  string `json:"name"`
	Shell string `json:"shell,omitempty"`
	UID   string `json:"uid"` // a number, or a SID
}
