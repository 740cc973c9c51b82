// The Go driver for MySQL, driven line by line: see ClientProgram in clients-program.ts.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// A connection, and how to end what runs on it.
type session struct {
	pool *sql.DB
	conn *sql.Conn
	id   uint32
}

var (
	sessions = map[string]*session{}
	lock     sync.Mutex
	output   sync.Mutex
	// Our codes stand at the beginning of the text, the server's own in the driver's words.
	ownCode = regexp.MustCompile(`^Error \d+(?: \(\w+\))?: ([0-9A-Z]{5}): `)
	state   = map[uint16]string{1054: "42S22", 1062: "23000", 1142: "42501", 1317: "70100", 1690: "22003"}
	escape  = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n")
	marks   = regexp.MustCompile(`\$\d`)
)

func main() {
	pem, err := os.ReadFile(os.Getenv("DB_CA"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	own := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if err := mysql.RegisterTLSConfig("own", own); err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		for i := range fields {
			fields[i] = unescaped(fields[i])
		}
		go answer(fields[0], fields[1], fields[2:])
	}
}

func unescaped(text string) string {
	return regexp.MustCompile(`\\(.)`).ReplaceAllStringFunc(text, func(pair string) string {
		switch pair[1] {
		case 't':
			return "\t"
		case 'n':
			return "\n"
		}
		return pair[1:]
	})
}

func answer(id, verb string, fields []string) {
	rows, err := perform(verb, fields)
	said := []string{id, "rows", rows}
	if err != nil {
		said = []string{id, "broken", err.Error()}
		var own *mysql.MySQLError
		if errors.As(err, &own) {
			said = []string{id, "error", codeOf(own), own.Error()}
		} else if errors.Is(err, context.Canceled) {
			said = []string{id, "error", "canceled", err.Error()}
		}
	}
	for i := range said {
		said[i] = escape.Replace(said[i])
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(strings.Join(said, "\t"))
}

func codeOf(err *mysql.MySQLError) string {
	if found := ownCode.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return state[err.Number]
}

func perform(verb string, fields []string) (string, error) {
	if verb == "open" {
		opened, err := open(fields[2] == "tls", fields[3])
		if err != nil {
			return "", err
		}
		lock.Lock()
		defer lock.Unlock()
		sessions[fields[0]] = opened
		return "", nil
	}
	lock.Lock()
	one := sessions[fields[0]]
	lock.Unlock()
	switch verb {
	case "run":
		return one.run(context.Background(), fields[1], fields[2:])
	case "cancel":
		_, err := one.pool.Exec(fmt.Sprintf("KILL QUERY %d", one.id))
		return "", err
	case "ways":
		return one.ways()
	case "close":
		return "", one.pool.Close()
	}
	return "", errors.New(verb)
}

// It can't say how long it waits at most, so there is an agent that never does.
func open(secure bool, hold string) (*session, error) {
	user, password := "bot", os.Getenv("DB_PASSWORD")
	if hold != "" {
		user, password = "hasty", os.Getenv("DB_HASTY_PASSWORD")
	}
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = user, password, "shop"
	config.Net, config.Addr = "tcp", "127.0.0.1:"+os.Getenv("DB_PORT")
	if secure {
		config.TLSConfig = "own"
	}
	pool, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	made := &session{pool: pool, conn: conn}
	err = conn.QueryRowContext(context.Background(), "SELECT connection_id()").Scan(&made.id)
	return made, err
}

// With values it is prepared on the server.
func (one *session) run(ctx context.Context, text string, fields []string) (string, error) {
	values := make([]interface{}, len(fields))
	for i, field := range fields {
		values[i] = field[1:]
		if field[0] == 'n' {
			values[i], _ = strconv.Atoi(field[1:])
		}
	}
	found, err := one.conn.QueryContext(ctx, marks.ReplaceAllString(text, "?"), values...)
	if err != nil {
		return "", err
	}
	defer found.Close()
	names, err := found.Columns()
	if err != nil {
		return "", err
	}
	cells := make([]sql.NullString, len(names))
	into := make([]interface{}, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	var rows []string
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return "", err
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = "NULL"
			if cell.Valid {
				row[i] = cell.String
			}
		}
		rows = append(rows, strings.Join(row, "|"))
	}
	return strings.Join(rows, ";"), found.Err()
}

// What the driver can do beyond the story: a transaction, and a context that ends.
func (one *session) ways() (string, error) {
	background := context.Background()
	begun, err := one.conn.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return "", err
	}
	if _, err := begun.Exec("INSERT INTO scratch VALUES (?, 'not kept')", 1); err != nil {
		return "", err
	}
	if err := begun.Rollback(); err != nil {
		return "", err
	}
	kept, err := one.run(background, "SELECT count(*) FROM scratch WHERE note = 'not kept'", nil)
	if err != nil {
		return "", err
	}
	inserted, err := one.conn.ExecContext(background, "INSERT INTO scratch VALUES (?, 'go'), (?, 'go')", 1, 2)
	if err != nil {
		return "", err
	}
	changed, err := inserted.RowsAffected()
	return fmt.Sprintf("rolled back: %s\nchanged: %d\nalive: %v", kept, changed, one.conn.PingContext(background)), err
}
