# What the snippets of seed 001 import, written anew from its description (their own code is not part of the seed): the table, the event types, the logger.
import sys
import types
from datetime import datetime, timedelta, timezone
from enum import Enum

from sqlalchemy import Boolean, Column, DateTime, Integer, String, Table, Text, and_, desc, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB


class AuditEventType(str, Enum):
    AUTH_LOGIN_SUCCESS = "auth.login.success"
    AUTH_LOGIN_FAILED = "auth.login.failed"
    MEMORY_CREATED = "memory.created"
    MEMORY_RETRIEVED = "memory.retrieved"
    AUTHZ_ACCESS_GRANTED = "authz.access.granted"
    AUTHZ_ACCESS_DENIED = "authz.access.denied"


def create_audit_logs_table(metadata):
    return Table(
        "audit_logs",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("event_type", String(128), nullable=False, index=True),
        Column("severity", String(32), nullable=False, default="info"),
        Column("description", Text),
        Column("user_id", String(128), index=True),
        Column("username", String(128), index=True),
        Column("session_id", String(256), index=True),
        Column("ip_address", String(45)),
        Column("user_agent", Text),
        Column("resource_type", String(64), index=True),
        Column("resource_id", String(256), index=True),
        Column("namespace", String(128), index=True),
        Column("action", String(64)),
        Column("before_state", JSONB),
        Column("after_state", JSONB),
        Column("request_method", String(16)),
        Column("request_path", String(512)),
        Column("request_params", JSONB),
        Column("success", Boolean, nullable=False, default=True),
        Column("error_message", Text),
        Column("status_code", Integer),
        Column("metadata", JSONB),
        Column("tags", JSONB),
        Column("compliance_tags", JSONB),
        Column("retention_policy", String(64)),
        Column("timestamp", DateTime, nullable=False, index=True),
    )


class AuditLogger:
    def __init__(self, *, engine, audit_logs_table, enabled=True):
        self.engine = engine
        self.table = audit_logs_table
        self.enabled = enabled

    def log_event(self, *, event_type, success=True, severity="info", **values):
        """The new id, or None where nothing is logged. What the caller leaves out is sent as None, which SQLAlchemy writes into JSON columns as null."""
        if not self.enabled:
            return None
        left_out = {name: None for name in self.table.c.keys() if name not in ("id", "retention_policy")}
        values = {**left_out, **values, "event_type": event_type.value, "success": success, "severity": severity}
        values["timestamp"] = datetime.now(timezone.utc)
        with self.engine.begin() as conn:
            return conn.execute(self.table.insert().values(**values)).inserted_primary_key[0]

    def log_auth_event(self, *, event_type, success, user_id=None, **values):
        tags = ["auth", "security"]
        severity = "info" if success else "warning"
        values.update(resource_type="user", resource_id=user_id, compliance_tags=tags, severity=severity)
        return self.log_event(event_type=event_type, success=success, user_id=user_id, **values)

    def log_authorization_event(self, *, granted, reason=None, **values):
        event_type = AuditEventType.AUTHZ_ACCESS_GRANTED if granted else AuditEventType.AUTHZ_ACCESS_DENIED
        severity = "info" if granted else "warning"
        return self.log_event(event_type=event_type, success=granted, severity=severity, description=reason, **values)

    def select(self, conditions, limit, offset=0):
        newest = desc(self.table.c.timestamp)
        statement = select(self.table).where(and_(True, *conditions)).order_by(newest).limit(limit).offset(offset)
        with self.engine.connect() as conn:
            return [dict(row._mapping) for row in conn.execute(statement)]

    def between(self, start_time, end_time):
        times = self.table.c.timestamp
        return [*([] if start_time is None else [times >= start_time]), *([] if end_time is None else [times <= end_time])]

    def query_logs(self, *, event_type=None, start_time=None, end_time=None, limit=100, offset=0, **equal):
        if event_type is not None:
            equal["event_type"] = event_type.value
        conditions = [self.table.c[name] == value for name, value in equal.items()]
        return self.select(conditions + self.between(start_time, end_time), limit, offset)

    def get_user_activity(self, *, user_id, start_time):
        return self.query_logs(user_id=user_id, start_time=start_time)

    def get_security_events(self, *, start_time=None, end_time=None):
        start_time = start_time or datetime.now(timezone.utc) - timedelta(hours=24)
        serious = self.table.c.severity.in_(["warning", "error", "critical"])
        return self.select(self.between(start_time, end_time) + [or_(serious, self.table.c.success.is_(False))], 100)

    def get_statistics(self, *, start_time=None, end_time=None):
        where = and_(True, *self.between(start_time, end_time))
        types = self.table.c.event_type
        with self.engine.connect() as conn:
            total, failed, users = conn.execute(
                select(
                    func.count(),
                    func.count().filter(self.table.c.success.is_(False)),
                    func.count(func.distinct(self.table.c.user_id)),
                ).where(where)
            ).one()
            by_type = dict(conn.execute(select(types, func.count()).where(where).group_by(types).order_by(types)).all())
        return {"total_events": total, "failed_operations": failed, "unique_users": users, "events_by_type": by_type}


for name, contents in {
    "memoric": {},
    "memoric.db": {},
    "memoric.utils": {},
    "memoric.db.audit_schema": {"create_audit_logs_table": create_audit_logs_table, "AuditEventType": AuditEventType},
    "memoric.utils.audit_logger": {"AuditLogger": AuditLogger},
}.items():
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module
