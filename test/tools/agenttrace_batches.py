# The snippets of seed 002 that write, as they are printed there, on audit_events: the view of the profile agenttrace, or a table. What they leave out
# (`...`) is filled in on its way to the driver. Takes a driver (asyncpg or psycopg2) and a connection string; prints what is there afterwards.
import ast
import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone

DATABASE_URL = sys.argv[2]
columns = """event_id timestamp organization_id project_id actor_type actor_id actor_email actor_ip actor_user_agent event_category event_type
    event_severity resource_type resource_id resource_name action previous_state new_state request_id session_id hash previous_hash""".split()
start = datetime(2026, 7, 1, tzinfo=timezone.utc)


def row(number):
    state = json.dumps({"n": number, "amount": 1.50, "deep": [None, "é"]})
    given = {
        "event_id": f"evt-{number:05}",
        "timestamp": start + timedelta(minutes=number),
        "organization_id": "org-123",
        "actor_type": "user",
        "actor_id": f"user-{number % 3}",
        "actor_ip": "2001:db8::1",
        "event_category": "auth",
        "event_type": "auth.login",
        "event_severity": "critical" if number % 7 == 0 else "info",
        "resource_type": "trace",
        "resource_id": f"trace-{number}",
        "action": "read",
        "new_state": state,
        "request_id": f"req-{number}",
        "hash": "0" * 64,
        "previous_hash": "",
    }
    return tuple(given.get(column) for column in columns)


class OfAsyncpg:
    placeholders = [f"${number + 1}" for number in range(len(columns))]

    async def execute(self, sql, values):
        await pool.execute(sql, *values)

    async def executemany(self, sql, rows):
        await pool.executemany(sql, rows)


class OfPsycopg2:
    placeholders = ["%s"] * len(columns)

    def __init__(self):
        import psycopg2

        self.conn = psycopg2.connect(DATABASE_URL)

    async def execute(self, sql, values):
        with self.conn, self.conn.cursor() as cursor:
            cursor.execute(sql, values)

    async def executemany(self, sql, rows):
        with self.conn, self.conn.cursor() as cursor:
            cursor.executemany(sql, rows)


class Db:
    """Fills in what the snippets leave out, and nothing else."""

    def __init__(self, driver):
        self.driver = driver
        self.insert = f"INSERT INTO audit_events VALUES ({', '.join(driver.placeholders)})"

    async def execute(self, sql):
        assert sql == "INSERT INTO audit_events ...", sql
        await self.driver.execute(self.insert, event)

    async def executemany(self, sql, rows):
        assert sql in ("INSERT INTO audit_events VALUES (...)", "INSERT INTO ..."), sql
        await self.driver.executemany(self.insert, rows)


class Queue(asyncio.Queue):
    """Whoever asks for the next batch has written the one before."""

    batch = ()

    async def get_batch(self, size):
        for _ in self.batch:
            self.task_done()
        self.batch = batch = [await self.get()]
        while len(batch) < size and not self.empty():
            batch.append(self.get_nowait())
        return batch


one_by_one = """
# seed
for event in events:
    await db.execute("INSERT INTO audit_events ...")
# end of seed
"""
batched = """
# seed
# Batch insert
await db.executemany(
    "INSERT INTO audit_events VALUES (...)",
    event_batches
)
# end of seed
"""
queued = """
# seed
# Queue event for async writing
await audit_queue.put(event)

# Background worker processes queue
async def audit_writer():
    while True:
        batch = await audit_queue.get_batch(size=1000)
        await db.executemany("INSERT INTO ...", batch)
# end of seed
"""
pooled = """
# seed
# asyncpg example
pool = await asyncpg.create_pool(
    dsn=DATABASE_URL,
    min_size=5,
    max_size=20,
    command_timeout=60
)
# end of seed
"""


async def run(snippet):
    waiting = eval(compile(snippet, "seed", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), globals())
    if waiting is not None:
        await waiting


async def main():
    global asyncpg, db, events, event_batches, audit_queue, event
    if sys.argv[1] == "asyncpg":
        import asyncpg

        await run(pooled)
        db = Db(OfAsyncpg())
    else:
        db = Db(OfPsycopg2())
    events = [row(number) for number in range(3)]
    await run(one_by_one)
    event_batches = [row(number) for number in range(3, 250)]
    await run(batched)
    audit_queue = Queue()
    for number in range(250, 1400):
        event = row(number)
        await (run(queued) if number == 250 else audit_queue.put(event))
    writer = asyncio.ensure_future(audit_writer())
    await audit_queue.join()
    # The row that no table takes: its batch is refused whole, and the pool goes on.
    refused = [row(1400), tuple("nobody" if column == "actor_type" else value for column, value in zip(columns, row(1401)))]
    try:
        await db.executemany("INSERT INTO ...", refused)
        raise SystemExit("a value that is not allowed was not refused")
    except Exception as error:
        code = getattr(error, "sqlstate", None) or error.pgcode
        assert code == "23514", error
    await db.executemany("INSERT INTO ...", [row(1402)])
    writer.cancel()


asyncio.run(main())
print("written")
