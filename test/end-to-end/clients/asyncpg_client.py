"""asyncpg. Each request runs in a task of its own."""

import asyncio
import io
import os
import ssl
import sys
import traceback

import asyncpg

from lines import answer, read, rows_text, value


class Session:
    """One connection, and the task that runs its statement."""

    def __init__(self):
        self.connection = None
        self.running = None

    async def open(self, tls, hold):
        context = False
        if tls:
            context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
        self.connection = await asyncpg.connect(
            host="localhost",
            ssl=context,
            server_settings={"countersign.hold": hold} if hold else None,
        )

    async def run(self, sql, values):
        """A cancelled task makes asyncpg send a CancelRequest; what the server says to it is lost."""
        self.running = asyncio.ensure_future(self.connection.fetch(sql, *values))
        try:
            return rows_text(await self.running)
        except asyncio.CancelledError:
            return None

    async def ways(self):
        yield "value", str(await self.connection.fetchval("SELECT count(*) FROM customers"))
        yield "cursor", await self.cursor()
        yield "many", await self.many()
        yield "copy", await self.copy_in()
        yield "types", await self.types()
        yield "timeout", await self.timeout()
        yield "reset", await self.reset()
        yield "notify", await self.notify()

    async def cursor(self):
        async with self.connection.transaction():
            query = "SELECT id, email FROM customers ORDER BY id"
            return rows_text([row async for row in self.connection.cursor(query, prefetch=1)])

    async def many(self):
        rows = [(n, "many") for n in range(20)]
        await self.connection.executemany("INSERT INTO scratch VALUES ($1, $2)", rows)
        query = "SELECT count(*) FROM scratch WHERE note = 'many'"
        return str(await self.connection.fetchval(query))

    async def copy_in(self):
        """It sends its data before the server has asked for it."""
        await self.connection.copy_records_to_table("scratch", records=[(4, "binary copy")])
        await self.connection.copy_to_table("scratch", source=io.BytesIO(b"5\ttext copy\n"))
        query = "SELECT count(*) FROM scratch WHERE note LIKE '% copy'"
        return str(await self.connection.fetchval(query))

    async def types(self):
        """It asks the catalog what a type is that it doesn't know."""
        return str(await self.connection.fetchval("SELECT ARRAY['sad', 'glad']::mood[]"))

    async def timeout(self):
        try:
            await self.connection.fetch("SELECT pg_sleep(60)", timeout=0.2)
        except asyncio.TimeoutError:
            return str(await self.connection.fetchval("SELECT 6"))

    async def reset(self):
        await self.connection.reset()
        return str(await self.connection.fetchval("SELECT 7"))

    async def notify(self):
        heard = asyncio.get_running_loop().create_future()
        await self.connection.add_listener("news", lambda *words: heard.set_result(words[-1]))
        await self.connection.execute("NOTIFY news, 'read all about it'")
        return await heard


sessions = {}


async def perform(verb, fields):
    name = fields[0]
    if verb == "open":
        sessions[name] = Session()
        await sessions[name].open(fields[2] == "tls", fields[3])
        return ""
    session = sessions[name]
    if verb == "run":
        return await session.run(fields[1], [value(field) for field in fields[2:]])
    if verb == "cancel":
        session.running.cancel()
        return ""
    if verb == "ways":
        return "\n".join([f"{way}: {text}" async for way, text in session.ways()])
    if verb == "close":
        await session.connection.close()
        return ""
    raise ValueError(verb)


async def serve(request, verb, fields):
    try:
        rows = await perform(verb, fields)
        if rows is None:
            answer(request, "error", "57014", "cancelled by the client")
        else:
            answer(request, "rows", rows)
    except asyncpg.PostgresError as error:
        answer(request, "error", error.sqlstate or "", f"{error} {error.detail or ''}")
    except Exception:
        answer(request, "broken", traceback.format_exc())


async def main():
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    tasks = set()
    while line := (await reader.readline()).decode():
        task = asyncio.ensure_future(serve(*read(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
