# The function of seed 000 as it is printed there, called on the view of the profile mem0. Takes a connection string.
# seed
# Example: Python with psycopg2
import psycopg2
import uuid
from datetime import datetime

def log_audit_event(conn, user_id, operation, resource_id, result, details):
    cursor = conn.cursor()
    cursor.execute("""
        INSERT INTO audit_logs (
            id, timestamp, user_id, operation, 
            resource_id, action_result, details
        ) VALUES (%s, %s, %s, %s, %s, %s, %s)
    """, (
        str(uuid.uuid4()),
        datetime.utcnow(),
        user_id,
        operation,
        resource_id,
        result,
        details
    ))
    conn.commit()
# end of seed


import json
import sys

conn = psycopg2.connect(sys.argv[1])
log_audit_event(conn, "ada", "mem0_search", "m-1", "allowed", json.dumps({"query": "notes", "hits": [1, 2]}))
log_audit_event(conn, "ada", "mem0_add", None, "denied", None)
cursor = conn.cursor()
cursor.execute(
    "SELECT id, timestamp, user_id, operation, resource_id, action_result, details FROM audit_logs WHERE user_id = %s ORDER BY timestamp",
    ("ada",),
)
rows = cursor.fetchall()
assert [row[2:] for row in rows] == [
    ("ada", "mem0_search", "m-1", "allowed", {"query": "notes", "hits": [1, 2]}),
    ("ada", "mem0_add", None, "denied", None),
], rows
for row in rows:
    uuid.UUID(str(row[0]))
    assert abs((datetime.utcnow() - row[1].replace(tzinfo=None)).total_seconds()) < 60, row[1]
conn.commit()
for refused in ("DELETE FROM audit_logs", "UPDATE audit_logs SET user_id = 'eve'"):
    try:
        cursor.execute(refused)
        raise SystemExit(f"{refused} was not refused")
    except psycopg2.Error as error:
        assert error.pgcode == "42501", error
        conn.rollback()
conn.close()
print(f"same: {len(rows)} rows")
