"""Reads what the tests ask, a line each, and answers: see ClientProgram in clients-program.ts."""

import sys
import threading

_writing = threading.Lock()


def escaped(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def unescaped(text):
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\n", "\n") for part in parts)


def answer(request, *fields):
    with _writing:
        sys.stdout.write("\t".join([request, *map(escaped, fields)]) + "\n")
        sys.stdout.flush()


def read(line):
    """The id, the verb and the fields of one line."""
    request, verb, *fields = line.rstrip("\n").split("\t")
    return request, verb, [unescaped(field) for field in fields]


def value(field):
    """A parameter: n15 is a number, sfoo a text."""
    return int(field[1:]) if field[0] == "n" else field[1:]


def rows_text(rows):
    return ";".join("|".join("NULL" if cell is None else str(cell) for cell in row) for row in rows)
