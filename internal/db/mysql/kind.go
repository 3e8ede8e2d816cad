package mysql

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"

	"muster"
)

// kinds of the errors of MySQL and MariaDB,
// https://mariadb.com/kb/en/mariadb-error-code-reference/.
//
// That a connection is refused is no "denied" of muster, which is about the
// rights of the one who asks this server.
var kinds = map[muster.ErrorKind][]uint16{
	muster.Conflict: {
		1062, 1586, 1761, // unique
		1216, 1217, 1451, 1452, // foreign key
	},
	muster.Invalid: {
		1048, 1364, 1263, // no value
		1264, 1265, 1292, 1366, 1406, 1690, // does not fit the column
		3819, 4025, // check
		1153, // larger than max_allowed_packet
	},
	muster.Busy: {
		1205, 1213, 1020, // lock wait, deadlock, changed since it was read
	},
	muster.Unavailable: {
		1040, 1203, 1129, 1130, 1226, // connections
		1044, 1045, 1049, 1698, // log in
		1053, 1077, 1079, 1317, 1927, 3024, // shutdown, killed
		1021, 1030, 1037, 1041, 1114, // disk, memory
		1290, 1836, 1792, // read only
	},
}

var kindOf = func() map[uint16]muster.ErrorKind {
	all := map[uint16]muster.ErrorKind{}
	for kind, codes := range kinds {
		for _, c := range codes {
			all[c] = kind
		}
	}
	return all
}()

// Kind tells what an error of MySQL or of the connection means.
func (Driver) Kind(err error) muster.ErrorKind {
	if c := code(err); c != 0 {
		return kindOf[c]
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return muster.Unavailable
	}
	return ""
}
