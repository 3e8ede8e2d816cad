package collect

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"muster/inventory"
)

// registryText is a text of the machine's registry; "" where there is none.
func registryText(path, value string) string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer k.Close()
	s, _, err := k.GetStringValue(value)
	if err != nil {
		return ""
	}
	return s
}

func liveSystem(s *inventory.System, v *inventory.Volatile) error {
	const current = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	major, minor, build := windows.RtlGetNtVersionNumbers()
	s.ID = "windows"
	s.Name = registryText(current, "ProductName") + " " + registryText(current, "DisplayVersion")
	s.Version = fmt.Sprintf("%d.%d.%d", major, minor, build)
	s.Kernel = s.Version
	s.MachineID = registryText(`SOFTWARE\Microsoft\Cryptography`, "MachineGuid")
	s.Domain = registryText(`SYSTEM\CurrentControlSet\Services\Tcpip\Parameters`, "Domain")
	s.Timezone = registryText(`SYSTEM\CurrentControlSet\Control\TimeZoneInformation`, "TimeZoneKeyName")
	v.Boot = positive(v.Time - int64(windows.DurationSinceBoot()/time.Second))
	return nil
}

func liveHardware(hw *inventory.Hardware) error {
	const bios = `HARDWARE\DESCRIPTION\System\BIOS`
	const cpu = `HARDWARE\DESCRIPTION\System\CentralProcessor\0`
	hw.Vendor, hw.Product = registryText(bios, "SystemManufacturer"), registryText(bios, "SystemProductName")
	hw.Board = registryText(bios, "BaseBoardManufacturer") + " " + registryText(bios, "BaseBoardProduct")
	hw.BIOS = &inventory.BIOS{
		Date: registryText(bios, "BIOSReleaseDate"), Vendor: registryText(bios, "BIOSVendor"), Version: registryText(bios, "BIOSVersion"),
	}
	hw.CPUs = []inventory.CPU{{
		Model: inventory.Text(registryText(cpu, "ProcessorNameString")), Threads: runtime.NumCPU(),
		Vendor: inventory.Text(registryText(cpu, "VendorIdentifier")),
	}}
	return nil
}

// liveDisks lists the letters of fixed disks.
func liveDisks(d *inventory.Disks) error {
	letters, err := windows.GetLogicalDrives()
	if err != nil {
		return err
	}
	for i := range 26 {
		if letters&(1<<i) == 0 {
			continue
		}
		root := string(rune('A'+i)) + `:\`
		at, err := windows.UTF16PtrFromString(root)
		if err != nil || windows.GetDriveType(at) != windows.DRIVE_FIXED {
			continue
		}
		var kind [windows.MAX_PATH + 1]uint16
		if windows.GetVolumeInformation(at, nil, 0, nil, nil, nil, &kind[0], uint32(len(kind))) != nil {
			continue // no file system in it
		}
		d.Mounts = append(d.Mounts, inventory.Mount{Source: root, Target: root, Type: windows.UTF16ToString(kind[:])})
	}
	return nil
}

func space(dir string) (size, free int64, ok bool) {
	at, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, false
	}
	var users, total uint64
	if windows.GetDiskFreeSpaceEx(at, &users, &total, nil) != nil {
		return 0, 0, false
	}
	return int64(total), int64(users), true
}
