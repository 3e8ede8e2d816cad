// Package mysql opens MySQL and MariaDB databases for package db.
package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"muster"
	"muster/internal/db"
)

// Driver opens addresses like "mysql://USER:PASSWORD@HOST:3306/DATABASE". The
// parameters are tls (true, preferred, false), ca (a file of certificates to
// believe, with tls=true), and socket (a path, in place of a host).
type Driver struct{}

// Dialect is MySQL.
func (Driver) Dialect() db.Dialect { return db.MySQL }

var settings = []db.Setting{
	{Query: "SELECT @@innodb_flush_log_at_trx_commit", Want: "1", Advice: "a power cut loses the writes of the last second"},
}

// Open connects.
func (d Driver) Open(ctx context.Context, dsn string) (*db.Engine, error) {
	config, err := configOf(dsn)
	if err != nil {
		return nil, err
	}
	write, err := pool(config, 3)
	if err != nil {
		return nil, err
	}
	collation, err := prepare(ctx, write)
	if err != nil {
		return nil, errors.Join(muster.Errorf(muster.Unavailable, "cannot reach the database: %w", err), write.Close())
	}
	read, err := pool(config, max(8, 4*runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &db.Engine{
		Write: write,
		Read:  read,
		// A snapshot of MySQL begins with the first statement that reads.
		Snapshot: sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		Lock:     "SELECT id FROM db_writer WHERE id = 1 FOR UPDATE",
		Late:     late,
		Types:    types(collation),
		Settings: settings,
	}, nil
}

// configOf reads an address.
func configOf(dsn string) (*mysql.Config, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// The error of url.Parse shows the address, with the password.
		return nil, muster.Errorf(muster.Invalid, "the database's address is no URL")
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = strings.TrimPrefix(u.Path, "/")
	if c.DBName == "" {
		return nil, muster.Errorf(muster.Invalid, "the database's address names no database")
	}
	c.Net, c.Addr = "tcp", u.Host
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		c.Addr = net.JoinHostPort(strings.Trim(u.Host, "[]"), "3306")
	}
	c.Timeout = 5 * time.Second
	c.ClientFoundRows = true // count rows that matched, as the other engines do
	c.InterpolateParams = true
	c.MultiStatements = false
	c.Params = session
	c.Logger = &mysql.NopLogger{}
	for name, values := range u.Query() {
		if err := set(c, name, values[len(values)-1]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func set(c *mysql.Config, name, value string) error {
	switch name {
	case "socket":
		c.Net, c.Addr = "unix", value
	case "tls":
		if value != "true" && value != "preferred" && value != "false" {
			return muster.Errorf(muster.Invalid, "the database's address has tls=%q, which is not true, preferred or false", value)
		}
		c.TLSConfig = value
	case "ca":
		pem, err := os.ReadFile(value)
		if err != nil {
			return muster.WithKind(muster.Invalid, err)
		}
		c.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return muster.Errorf(muster.Invalid, "%q holds no certificates", value)
		}
		c.TLS.ServerName, _, _ = net.SplitHostPort(c.Addr)
	default:
		return muster.Errorf(muster.Invalid, "the database's address has an unknown parameter %q", name)
	}
	return nil
}

// session are settings of every connection. Modes: refuse what does not fit,
// quotes and backslashes as in the standard. A connection that has been idle for long is
// ended by the server, and with it the writers' lock of a server that hangs.
var session = map[string]string{
	"sql_mode":                 "'TRADITIONAL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
	"default_storage_engine":   "InnoDB",
	"innodb_lock_wait_timeout": "20", // seconds
	"wait_timeout":             "90",
}

func pool(c *mysql.Config, connections int) (*sql.DB, error) {
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot use the database's address: %w", err)
	}
	p := sql.OpenDB(connector)
	p.SetMaxOpenConns(connections)
	p.SetMaxIdleConns(connections)
	p.SetConnMaxIdleTime(45 * time.Second) // before wait_timeout
	return p, nil
}

// prepare makes the row that writers lock, and returns the collation that
// compares text byte by byte without adding spaces at its end: MariaDB's or MySQL's.
func prepare(ctx context.Context, p *sql.DB) (collation string, err error) {
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS db_writer (id BIGINT PRIMARY KEY)",
		"INSERT IGNORE INTO db_writer VALUES (1)",
	} {
		if _, err := p.ExecContext(ctx, q); err != nil {
			return "", err
		}
	}
	err = p.QueryRowContext(ctx, `SELECT collation_name FROM information_schema.collations
		WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin') ORDER BY collation_name DESC LIMIT 1`).Scan(&collation)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("it is older than MariaDB 10.2 and MySQL 8.0.17")
	}
	return collation, err
}

func types(collation string) db.Types {
	text := " CHARACTER SET utf8mb4 COLLATE " + collation
	return db.Types{
		ID:   "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
		Blob: "LONGBLOB",
		Hash: "VARBINARY(32)",
		Text: "VARCHAR({length})" + text,
		Long: "LONGTEXT" + text,
	}
}

// late: every change of the schema commits, so that the lock is the session's.
var late = &db.Late{
	Lock:   "SELECT GET_LOCK(CONCAT('muster ', DATABASE()), 600)",
	Unlock: "DO RELEASE_LOCK(CONCAT('muster ', DATABASE()))",
	Done: func(err error) bool {
		switch code(err) {
		case 1050, 1060, 1061, 1826, 1068, // table, column, key, foreign key, primary key is there
			1051, 1091, 1146, 1054: // table, column or key to drop or rename is not
			return true
		}
		return false
	},
}

func code(err error) uint16 {
	var said *mysql.MySQLError
	if errors.As(err, &said) {
		return said.Number
	}
	return 0
}
