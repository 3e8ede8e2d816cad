package glpi

// Content is what a host is and has, in the words of GLPI. Sizes are in MiB where
// nothing else stands.
type Content struct {
	BIOS            *BIOS        `json:"bios,omitempty"`
	Controllers     []Controller `json:"controllers,omitempty"`
	CPUs            []CPU        `json:"cpus,omitempty"`
	Drives          []Drive      `json:"drives,omitempty"`
	Hardware        Hardware     `json:"hardware"`
	LocalUsers      []LocalUser  `json:"local_users,omitempty"`
	Memories        []Memory     `json:"memories,omitempty"`
	Networks        []Network    `json:"networks,omitempty"`
	OperatingSystem *System      `json:"operatingsystem,omitempty"`
	Softwares       []Software   `json:"softwares,omitempty"`
	Storages        []Storage    `json:"storages,omitempty"`
	Users           []User       `json:"users,omitempty"`
	VersionClient   string       `json:"versionclient"`
	VersionProvider Provider     `json:"versionprovider"`
}

// Provider is the program that says it.
type Provider struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// BIOS is firmware, main board and who made the machine.
type BIOS struct {
	Date               string `json:"bdate,omitempty"` // 2006-01-02
	Manufacturer       string `json:"bmanufacturer,omitempty"`
	Version            string `json:"bversion,omitempty"`
	Board              string `json:"mmodel,omitempty"`
	SystemManufacturer string `json:"smanufacturer,omitempty"`
	SystemModel        string `json:"smodel,omitempty"`
	SystemSerial       string `json:"ssn,omitempty"`
}

func (b BIOS) orNil() *BIOS {
	if b == (BIOS{}) {
		return nil
	}
	return &b
}

// Controller is a device on the PCI bus; GLPI knows the names of the numbers.
type Controller struct {
	Driver    string `json:"driver,omitempty"`
	PCIClass  string `json:"pciclass,omitempty"` // "0200"
	PCISlot   string `json:"pcislot,omitempty"`  // "00:1f.2"
	ProductID string `json:"productid,omitempty"`
	VendorID  string `json:"vendorid,omitempty"`
}

// CPU is one socket.
type CPU struct {
	Arch         string `json:"arch,omitempty"`
	Core         int    `json:"core,omitempty"`
	Manufacturer string `json:"manufacturer,omitempty"`
	Name         string `json:"name,omitempty"`
	Speed        int    `json:"speed,omitempty"`  // MHz
	Thread       int    `json:"thread,omitempty"` // of one core
}

// Drive is a mounted file system.
type Drive struct {
	FileSystem string `json:"filesystem,omitempty"`
	Free       int64  `json:"free,omitempty"`
	Letter     string `json:"letter,omitempty"` // "C:", on Windows
	Total      int64  `json:"total,omitempty"`
	MountPoint string `json:"type,omitempty"` // elsewhere
	Device     string `json:"volumn,omitempty"`
}

// Hardware is the machine as a whole.
type Hardware struct {
	ChassisType    string `json:"chassis_type,omitempty"`
	DefaultGateway string `json:"defaultgateway,omitempty"`
	DNS            string `json:"dns,omitempty"` // with slashes between
	LastUser       string `json:"lastloggeduser,omitempty"`
	Memory         int64  `json:"memory,omitempty"`
	Name           string `json:"name,omitempty"`
	UUID           string `json:"uuid,omitempty"`
	VMSystem       string `json:"vmsystem,omitempty"`
	Workgroup      string `json:"workgroup,omitempty"`
}

// LocalUser is an account that may sign in.
type LocalUser struct {
	Home  string `json:"home,omitempty"`
	ID    string `json:"id"`
	Login string `json:"login,omitempty"`
	Name  string `json:"name,omitempty"`
	Shell string `json:"shell,omitempty"`
}

// Memory is all memory that the system can use: muster knows no modules.
type Memory struct {
	Capacity    int64  `json:"capacity"`
	Description string `json:"description"`
	NumSlots    int    `json:"numslots"`
}

// Network is one address of an interface, or one without address.
type Network struct {
	Description string `json:"description"` // name of the interface
	Driver      string `json:"driver,omitempty"`
	Gateway     string `json:"ipgateway,omitempty"`
	IPv4        string `json:"ipaddress,omitempty"`
	IPv4Mask    string `json:"ipmask,omitempty"`
	IPv4Subnet  string `json:"ipsubnet,omitempty"`
	IPv6        string `json:"ipaddress6,omitempty"`
	IPv6Mask    string `json:"ipmask6,omitempty"`
	IPv6Subnet  string `json:"ipsubnet6,omitempty"`
	MAC         string `json:"mac,omitempty"`
	MTU         int    `json:"mtu,omitempty"`
	Speed       string `json:"speed,omitempty"` // Mbit/s
	Type        string `json:"type,omitempty"`
}

// System is the operating system.
type System struct {
	Arch          string `json:"arch,omitempty"`
	BootTime      string `json:"boot_time,omitempty"` // 2006-01-02 15:04:05, UTC
	Domain        string `json:"dns_domain,omitempty"`
	FQDN          string `json:"fqdn,omitempty"`
	FullName      string `json:"full_name,omitempty"`
	KernelName    string `json:"kernel_name,omitempty"`
	KernelVersion string `json:"kernel_version,omitempty"`
	Name          string `json:"name,omitempty"`
	Version       string `json:"version,omitempty"`
}

// Software is an installed package.
type Software struct {
	Arch      string `json:"arch,omitempty"`
	FileSize  int64  `json:"filesize,omitempty"` // bytes
	Folder    string `json:"folder,omitempty"`
	From      string `json:"from,omitempty"`
	GUID      string `json:"guid,omitempty"`
	Installed string `json:"install_date,omitempty"` // 2006-01-02, UTC
	Name      string `json:"name"`
	Publisher string `json:"publisher,omitempty"`
	Version   string `json:"version,omitempty"`
}

// Storage is a disk.
type Storage struct {
	DiskSize     int64  `json:"disksize,omitempty"`
	Manufacturer string `json:"manufacturer,omitempty"`
	Model        string `json:"model,omitempty"`
	Name         string `json:"name,omitempty"`
	Serial       string `json:"serial,omitempty"`
	Type         string `json:"type,omitempty"`
}

// User is somebody who is signed in.
type User struct {
	Domain string `json:"domain,omitempty"`
	Login  string `json:"login,omitempty"`
}
