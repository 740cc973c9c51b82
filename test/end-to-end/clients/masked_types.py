"""Reads every table that is named, in the driver's binary format, and prints what it decoded.

masked_types.py DRIVER HOST PORT USER PASSWORD DATABASE TABLE...
"""
import asyncio
import json
import sys

driver, host, port, user, password, database, *tables = sys.argv[1:]


def line(table, rows):
    print(json.dumps({"table": table, "rows": [[None if v is None else str(v) for v in row] for row in rows]}))


async def by_asyncpg():
    import asyncpg

    connection = await asyncpg.connect(
        host=host, port=int(port), user=user, password=password, database=database
    )
    for table in tables:
        rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY id")
        line(table, [tuple(row) for row in rows])
    await connection.close()


def by_psycopg():
    import psycopg

    with psycopg.connect(
        host=host, port=port, user=user, password=password, dbname=database, autocommit=True
    ) as connection:
        with connection.cursor(binary=True) as cursor:
            for table in tables:
                cursor.execute(f"SELECT * FROM {table} ORDER BY id")
                line(table, cursor.fetchall())


if driver == "asyncpg":
    asyncio.run(by_asyncpg())
else:
    by_psycopg()
