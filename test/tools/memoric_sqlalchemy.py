# The snippets of seed 001 as they are printed there, on audit_logs: the view of the profile memoric, or, where there is none, the table that they make.
# Takes a connection string; prints what they gave, without ids and times.
import json
import re
import sys
from datetime import datetime, timedelta, timezone

import memoric_application
import sqlalchemy

connect = sqlalchemy.create_engine
sqlalchemy.create_engine = lambda url: connect(sys.argv[1])
said = []


def alert(text):
    said.append(text)


def print(text):
    said.append(re.sub("^[0-9][^ ]+ [^ ]+: ", "TIME: ", text))


def told(rows):
    return [{name: value for name, value in row.items() if name not in ("id", "timestamp")} for row in rows]


# seed
from memoric.utils.audit_logger import AuditLogger
from memoric.db.audit_schema import create_audit_logs_table, AuditEventType
from sqlalchemy import create_engine, MetaData

# Initialize
engine = create_engine("postgresql://...")
metadata = MetaData()
audit_logs_table = create_audit_logs_table(metadata)
metadata.create_all(engine)

audit_logger = AuditLogger(
    engine=engine,
    audit_logs_table=audit_logs_table,
    enabled=True
)

# Log an event
audit_logger.log_event(
    event_type=AuditEventType.MEMORY_CREATED,
    user_id="user123",
    username="alice",
    resource_type="memory",
    resource_id="42",
    action="create",
    after_state={"content": "Meeting notes"},
    ip_address="192.168.1.100",
    success=True
)

# Log authentication event
audit_logger.log_auth_event(
    event_type=AuditEventType.AUTH_LOGIN_SUCCESS,
    user_id="user123",
    username="alice",
    success=True,
    ip_address="192.168.1.100"
)

# Log authorization check
audit_logger.log_authorization_event(
    user_id="user123",
    resource_type="memory",
    resource_id="42",
    action="read",
    granted=True,
    reason="Owner access"
)
# end of seed

for _ in range(12):
    audit_logger.log_auth_event(
        event_type=AuditEventType.AUTH_LOGIN_FAILED,
        user_id="suspicious_user",
        username="mallory",
        success=False,
        ip_address="unknown",
        error_message="wrong password",
        metadata={"attempt": 1.50, "deep": [None, {"a": "b"}]},
    )
audit_logger.log_authorization_event(
    user_id="suspicious_user", resource_type="memory", resource_id="42", action="read", granted=False, reason="not the owner"
)
off = AuditLogger(engine=engine, audit_logs_table=audit_logs_table, enabled=False)
assert off.log_event(event_type=AuditEventType.MEMORY_CREATED, user_id="nobody") is None

# seed
# Tag events for compliance frameworks
audit_logger.log_event(
    event_type=AuditEventType.MEMORY_RETRIEVED,
    user_id="user123",
    resource_type="memory",
    action="read",
    success=True,
    compliance_tags=["SOC2", "GDPR", "HIPAA"]
)
# end of seed

# seed
from datetime import datetime, timedelta, timezone

# Query all logs
logs = audit_logger.query_logs(limit=100)

# Query by event type
failed_logins = audit_logger.query_logs(
    event_type=AuditEventType.AUTH_LOGIN_FAILED,
    start_time=datetime.now(timezone.utc) - timedelta(hours=24)
)

# Query by user
user_logs = audit_logger.query_logs(
    user_id="user123",
    start_time=datetime.now(timezone.utc) - timedelta(days=7),
    limit=50
)

# Query failed operations
failures = audit_logger.query_logs(
    success=False,
    start_time=datetime.now(timezone.utc) - timedelta(hours=1)
)

# Get user activity
activity = audit_logger.get_user_activity(
    user_id="user123",
    start_time=datetime.now(timezone.utc) - timedelta(hours=24)
)

# Get security events
security_events = audit_logger.get_security_events(
    start_time=datetime.now(timezone.utc) - timedelta(hours=1)
)

# Get statistics
stats = audit_logger.get_statistics(
    start_time=datetime.now(timezone.utc) - timedelta(days=7)
)

print(f"Total events: {stats['total_events']}")
print(f"Failed operations: {stats['failed_operations']}")
print(f"Unique users: {stats['unique_users']}")
print(f"Events by type: {stats['events_by_type']}")
# end of seed

# seed
# Monitor failed login attempts
failed_logins = audit_logger.query_logs(
    event_type=AuditEventType.AUTH_LOGIN_FAILED,
    start_time=datetime.now(timezone.utc) - timedelta(hours=1)
)

if len(failed_logins) > 10:
    alert("Multiple failed login attempts detected!")
# end of seed

# seed
# Generate monthly compliance report
stats = audit_logger.get_statistics(
    start_time=datetime.now(timezone.utc) - timedelta(days=30)
)

report = {
    "total_operations": stats["total_events"],
    "failed_operations": stats["failed_operations"],
    "unique_users": stats["unique_users"],
    "events_by_type": stats["events_by_type"]
}
# end of seed

# seed
# Investigate suspicious user activity
activity = audit_logger.get_user_activity(
    user_id="suspicious_user",
    start_time=datetime.now(timezone.utc) - timedelta(days=7)
)

# Analyze patterns
for log in activity:
    print(f"{log['timestamp']}: {log['event_type']} - {log['description']}")
# end of seed

incident_start_time = datetime.now(timezone.utc) - timedelta(minutes=5)
incident_end_time = datetime.now(timezone.utc) + timedelta(minutes=5)

# seed
# Get all security events during an incident
security_events = audit_logger.get_security_events(
    start_time=incident_start_time,
    end_time=incident_end_time
)

# Identify affected users and resources
affected_users = {log["user_id"] for log in security_events if log["user_id"]}
affected_resources = {log["resource_id"] for log in security_events if log["resource_id"]}
# end of seed

every = audit_logger.query_logs(limit=1000)
ids = [row["id"] for row in every]
assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids), ids
for row in every:
    assert abs((row["timestamp"].replace(tzinfo=None) - datetime.utcnow()).total_seconds()) < 60, row["timestamp"]
pages = [audit_logger.query_logs(limit=4, offset=offset) for offset in range(0, 20, 4)]
assert [row["id"] for page in pages for row in page] == ids
exported = {
    "said": said,
    "every": told(every),
    "security": told(security_events),
    "one": told(audit_logger.query_logs(user_id="user123", resource_type="memory", resource_id="42", success=True, severity="info")),
    "failed": [len(failed_logins), len(failures), len(user_logs), len(activity), len(logs)],
    "report": report,
    "affected": [sorted(affected_users), sorted(affected_resources)],
}
sys.stdout.write(json.dumps(exported, indent=1))
