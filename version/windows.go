package version

import "strings"

// Windows is the order of the numbers of Windows file versions and of the
// DisplayVersion of programs: numbers separated by a dot or, in older
// resources, a comma ("1, 0, 0, 1"). A missing number is 0. What precedes the
// numbers ("v3.1") or follows them ("6.1.7601.17514 (win7sp1_rtm.101119-1850)",
// "1.2 beta 3") does not count.
//
// Windows Installer itself looks at the first three numbers only when it
// upgrades; all count here.
func Windows(a, b string) int {
	a, b = strings.TrimLeftFunc(a, isNotDigit), strings.TrimLeftFunc(b, isNotDigit)
	for a != "" || b != "" {
		var da, db string
		da, a = cutWindowsNumber(a)
		db, b = cutWindowsNumber(b)
		if c := compareDigits(da, db); c != 0 {
			return c
		}
	}
	return 0
}

// cutWindowsNumber takes the number at the start of s and the separator after
// it; rest is empty when no further number follows.
func cutWindowsNumber(s string) (digits, rest string) {
	digits, rest = cutDigits(strings.TrimLeft(s, " "))
	rest = strings.TrimLeft(rest, " ")
	if digits == "" || rest == "" || rest[0] != '.' && rest[0] != ',' {
		return digits, ""
	}
	return digits, rest[1:]
}

func isNotDigit(r rune) bool { return r < '0' || '9' < r }
