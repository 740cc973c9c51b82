"""PyMySQL and mysqlclient. Each request runs in a thread of its own."""

import os
import re
import sys
import threading
import traceback

import MySQLdb
import MySQLdb.cursors
import pymysql
import pymysql.cursors

from lines import answer, read, rows_text, value


def account(hold):
    """Neither can say how long it waits at most, so there is an agent that never does."""
    if hold:
        return {"user": "hasty", "password": os.environ["DB_HASTY_PASSWORD"]}
    return {"user": "bot", "password": os.environ["DB_PASSWORD"]}


def where():
    return {"host": "127.0.0.1", "port": int(os.environ["DB_PORT"]), "database": "shop"}


def connect_pymysql(tls, hold, **more):
    secured = {"ssl_disabled": True}
    if tls:
        verified = {"ssl_verify_cert": True, "ssl_verify_identity": True}
        secured = {"ssl_ca": os.environ["DB_CA"], **verified}
    return pymysql.connect(**where(), **account(hold), autocommit=True, **secured, **more)


def connect_mysqlclient(tls, hold, **more):
    secured = {"ssl": {"ca": os.environ["DB_CA"]}} if tls else {}
    connection = MySQLdb.connect(**where(), **account(hold), charset="utf8mb4", **secured, **more)
    connection.autocommit(True)
    return connection


CONNECT = {"PyMySQL": connect_pymysql, "mysqlclient": connect_mysqlclient}
STREAMING = {"PyMySQL": pymysql.cursors.SSCursor, "mysqlclient": MySQLdb.cursors.SSCursor}


class Session:
    def __init__(self, driver, tls, hold):
        self.driver = driver
        self.open = lambda **more: CONNECT[driver](tls, hold, **more)
        self.connection = self.open()

    def run(self, sql, values):
        """Its parameters become literals of the statement's text."""
        with self.connection.cursor() as cursor:
            cursor.execute(re.sub(r"\$\d", "%s", sql), values or None)
            return rows_text(cursor.fetchall()) if cursor.description else ""

    def cancel(self):
        other = self.open()
        with other.cursor() as cursor:
            cursor.execute(f"KILL QUERY {self.connection.thread_id()}")
        other.close()

    def ways(self):
        yield "streamed", self.streamed()
        yield "many", self.many()
        yield "transaction", self.transaction()
        yield "several", self.several()
        yield "prepared", self.prepared()
        yield "ping", self.ping()
        yield "killed", self.killed()

    def streamed(self):
        """Rows come as they are asked for."""
        with self.connection.cursor(STREAMING[self.driver]) as cursor:
            cursor.execute("SELECT id, email FROM customers ORDER BY id")
            return rows_text(list(cursor))

    def many(self):
        """One INSERT of many rows is made of it."""
        with self.connection.cursor() as cursor:
            rows = [(n, "many") for n in range(20)]
            cursor.executemany("INSERT INTO scratch VALUES (%s, %s)", rows)
        return self.run("SELECT count(*) FROM scratch WHERE note = 'many'", [])

    def transaction(self):
        self.connection.autocommit(False)
        try:
            self.run("INSERT INTO scratch VALUES (3, 'never')", [])
            self.run("SELECT exp(1000)", [])
        except (pymysql.MySQLError, MySQLdb.MySQLError):
            self.connection.rollback()
        self.connection.autocommit(True)
        return self.run("SELECT count(*) FROM scratch WHERE note = 'never'", [])

    def several(self):
        flag = pymysql.constants.CLIENT.MULTI_STATEMENTS
        connection = self.open(client_flag=flag)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1; SELECT email FROM customers WHERE id = 1; SELECT 3")
            found = [rows_text(cursor.fetchall())]
            while cursor.nextset():
                if cursor.description:
                    found.append(rows_text(cursor.fetchall()))
        connection.close()
        return ",".join(found)

    def prepared(self):
        """By SQL, for these clients have no other way."""
        self.run("PREPARE mail FROM 'SELECT email FROM customers WHERE id = ?'", [])
        self.run("SET @which = 1", [])
        return self.run("EXECUTE mail USING @which", [])

    def ping(self):
        self.connection.ping()
        return self.run("SELECT 7", [])

    def killed(self):
        """COM_PROCESS_KILL of another session of the same agent."""
        other = self.open()
        self.connection.kill(other.thread_id())
        try:
            other.ping(False) if self.driver == "PyMySQL" else other.ping()
            return "lives"
        except (pymysql.MySQLError, MySQLdb.MySQLError):
            return "gone"


sessions = {}


def perform(verb, fields):
    name = fields[0]
    if verb == "open":
        driver, tls, hold = fields[1:]
        sessions[name] = Session(driver, tls == "tls", hold)
        return ""
    session = sessions[name]
    if verb == "run":
        return session.run(fields[1], [value(field) for field in fields[2:]])
    if verb == "cancel":
        session.cancel()
        return ""
    if verb == "ways":
        return "\n".join(f"{way}: {text}" for way, text in session.ways())
    if verb == "close":
        session.connection.close()
        return ""
    raise ValueError(verb)


# These clients tell the number of an error, not its SQLSTATE.
STATES = {1054: "42S22", 1062: "23000", 1317: "70100", 1690: "22003"}


def failure(error):
    number, message = error.args
    own = re.match(r"([0-9A-Z]{5}): ", message)
    return (own.group(1) if own else STATES.get(number, str(number))), message


def serve(request, verb, fields):
    try:
        answer(request, "rows", perform(verb, fields))
    except (pymysql.MySQLError, MySQLdb.MySQLError) as error:
        answer(request, "error", *failure(error))
    except Exception:
        answer(request, "broken", traceback.format_exc())


for line in sys.stdin:
    threading.Thread(target=serve, args=read(line), daemon=True).start()
