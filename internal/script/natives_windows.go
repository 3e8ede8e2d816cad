package script

import "golang.org/x/sys/windows"

// natives are the helpers that exist on this system only, by name.
var natives = map[string]nativeFunc{
	"registry_readstring":     registryRead,
	"registry_set":            registrySet,
	"registry_delete":         registryDelete,
	"registry_deletekey":      registryDeleteKey,
	"reg_key_exists":          regKeyExists,
	"reg_value_exists":        regValueExists,
	"add_to_system_path":      onSystemPath(addFolder),
	"remove_from_system_path": onSystemPath(removeFolder),
	"register_ext":            registerExt,

	"windows_version": windowsVersion,
	"programfiles":    programFiles,

	"create_desktop_shortcut":       createShortcut(windows.FOLDERID_PublicDesktop),
	"create_user_desktop_shortcut":  createShortcut(windows.FOLDERID_Desktop),
	"create_programs_menu_shortcut": createShortcut(windows.FOLDERID_CommonPrograms),
	"remove_desktop_shortcut":       removeShortcut(windows.FOLDERID_PublicDesktop),
	"remove_user_desktop_shortcut":  removeShortcut(windows.FOLDERID_Desktop),
	"remove_programs_menu_shortcut": removeShortcut(windows.FOLDERID_CommonPrograms),

	"task_exists":       taskExists,
	"delete_task":       deleteTask,
	"create_daily_task": createDailyTask,
}
