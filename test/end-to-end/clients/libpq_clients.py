"""psycopg 2 and psycopg 3, both on libpq. Each request runs in a thread of its own."""

import io
import re
import sys
import threading
import traceback

import psycopg
import psycopg2

from lines import answer, read, rows_text, value


def connect(driver, tls, hold):
    options = {"sslmode": "verify-full" if tls else "disable"}
    # libpq refuses the connection where the server can't do what is required here.
    options["channel_binding"] = "require" if tls else "disable"
    if hold:
        options["options"] = f"-c countersign.hold={hold}"
    connection = driver.connect("", **options)
    connection.autocommit = True
    return connection


class Psycopg2:
    def __init__(self, tls, hold):
        self.connection = connect(psycopg2, tls, hold)

    def run(self, sql, values):
        """Its parameters become literals of the statement's text."""
        with self.connection.cursor() as cursor:
            cursor.execute(re.sub(r"\$\d", "%s", sql), values or None)
            return rows_text(cursor.fetchall()) if cursor.description else ""

    @staticmethod
    def error(error):
        return error.pgcode or "", str(error)

    def ways(self):
        yield "named cursor", self.named_cursor()
        yield "copy", self.copy_in()
        yield "transaction", self.transaction()

    def named_cursor(self):
        self.connection.autocommit = False
        cursor = self.connection.cursor("portion")
        cursor.itersize = 1
        cursor.execute("SELECT id, email FROM customers ORDER BY id")
        rows = list(cursor)
        cursor.close()
        self.connection.commit()
        self.connection.autocommit = True
        return rows_text(rows)

    def copy_in(self):
        with self.connection.cursor() as cursor:
            cursor.copy_expert("COPY scratch FROM STDIN", io.StringIO("1\tcopied\n2\ttoo\n"))
            cursor.execute("SELECT count(*) FROM scratch WHERE note IN ('copied', 'too')")
            return rows_text(cursor.fetchall())

    def transaction(self):
        self.connection.autocommit = False
        try:
            with self.connection.cursor() as cursor:
                cursor.execute("INSERT INTO scratch VALUES (3, 'never')")
                cursor.execute("SELECT 1/0")
        except psycopg2.Error:
            self.connection.rollback()
        self.connection.autocommit = True
        return self.run("SELECT count(*) FROM scratch WHERE note = 'never'", [])


class Psycopg3:
    def __init__(self, tls, hold):
        self.connection = connect(psycopg, tls, hold)
        self.binary = False

    def run(self, sql, values):
        with self.connection.cursor(binary=self.binary) as cursor:
            cursor.execute(re.sub(r"\$\d", "%s", sql), values or None)
            return rows_text(cursor.fetchall()) if cursor.description else ""

    @staticmethod
    def error(error):
        return error.sqlstate or "", str(error)

    def ways(self):
        yield "pipeline", self.pipeline()
        yield "failed pipeline", self.failed_pipeline()
        yield "server cursor", self.server_cursor()
        yield "many", self.many()
        yield "copy", self.copy_in()
        yield "notify", self.notify()

    def pipeline(self):
        """Several statements are on their way before the first answer."""
        with self.connection.pipeline() as pipeline:
            first = self.connection.execute("SELECT name FROM customers WHERE id = %s", [1])
            second = self.connection.execute("SELECT id, email FROM customers ORDER BY id")
            pipeline.sync()
            third = self.connection.execute("SELECT %s::text", ["third"])
            found = [*first.fetchall(), *second.fetchall(), *third.fetchall()]
        return rows_text(found)

    def failed_pipeline(self):
        states = []
        try:
            with self.connection.pipeline():
                first = self.connection.execute("SELECT 1/0")
                second = self.connection.execute("SELECT 2")
                for cursor in (first, second):
                    try:
                        cursor.fetchall()
                    except psycopg.Error as error:
                        states.append(error.sqlstate or type(error).__name__)
        except psycopg.Error as error:
            states.append(error.sqlstate or type(error).__name__)
        return f"{states[0]} then {self.run('SELECT 7', [])}"

    def server_cursor(self):
        with self.connection.transaction():
            with self.connection.cursor("portion", binary=self.binary) as cursor:
                cursor.itersize = 1
                cursor.execute("SELECT id, email FROM customers ORDER BY id")
                return rows_text(list(cursor))

    def many(self):
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO scratch VALUES (%s, %s)", [(n, "many") for n in range(20)]
            )
        return self.run("SELECT count(*) FROM scratch WHERE note = 'many'", [])

    def copy_in(self):
        with self.connection.cursor() as cursor:
            with cursor.copy("COPY scratch FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                copy.write_row((4, "binary copy"))
        return self.run("SELECT count(*) FROM scratch WHERE note = 'binary copy'", [])

    def notify(self):
        heard = []
        self.connection.add_notify_handler(lambda notify: heard.append(notify.payload))
        self.connection.execute("LISTEN news")
        self.connection.execute("NOTIFY news, 'read all about it'")
        return heard[0]


class Psycopg3Binary(Psycopg3):
    """Asks for every result in binary; its parameters are binary anyway where they are numbers."""

    def __init__(self, tls, hold):
        super().__init__(tls, hold)
        self.binary = True


DRIVERS = {"psycopg 2": Psycopg2, "psycopg 3": Psycopg3, "psycopg 3, binary": Psycopg3Binary}
sessions = {}


def perform(verb, fields):
    name = fields[0]
    if verb == "open":
        driver, tls, hold = fields[1:]
        sessions[name] = DRIVERS[driver](tls == "tls", hold)
        return ""
    session = sessions[name]
    if verb == "run":
        return session.run(fields[1], [value(field) for field in fields[2:]])
    if verb == "cancel":
        session.connection.cancel()
        return ""
    if verb == "ways":
        return "\n".join(f"{way}: {text}" for way, text in session.ways())
    if verb == "close":
        session.connection.close()
        return ""
    raise ValueError(verb)


def serve(request, verb, fields):
    try:
        answer(request, "rows", perform(verb, fields))
    except psycopg2.Error as error:
        answer(request, "error", *Psycopg2.error(error))
    except psycopg.Error as error:
        answer(request, "error", *Psycopg3.error(error))
    except Exception:
        answer(request, "broken", traceback.format_exc())


for line in sys.stdin:
    threading.Thread(target=serve, args=read(line), daemon=True).start()
