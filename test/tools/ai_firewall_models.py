# The four tables of seed 004 as its application would define them with SQLAlchemy: what its document says of each column.
import uuid
from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Index, Integer, String
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import declarative_base

Base = declarative_base()


def key():
    return Column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)


def now(**options):
    return Column(DateTime, nullable=False, default=datetime.utcnow, **options)


class User(Base):
    __tablename__ = "users"
    id = key()
    username = Column(String, nullable=False, unique=True, index=True)
    email = Column(String, nullable=False, unique=True, index=True)
    hashed_password = Column(String, nullable=False)
    full_name = Column(String)
    is_active = Column(Boolean, nullable=False, default=True)
    is_admin = Column(Boolean, nullable=False, default=False)
    created_at = now()
    last_login = Column(DateTime)


class Device(Base):
    __tablename__ = "devices"
    id = key()
    device_id = Column(String, nullable=False, unique=True, index=True)
    user_id = Column(String, nullable=False, index=True)
    device_type = Column(String, nullable=False)
    registered_at = now()
    last_seen = now()
    is_active = Column(Boolean, nullable=False, default=True)


class FirewallConfig(Base):
    __tablename__ = "firewall_configs"
    id = key()
    organization_id = Column(String, nullable=False, unique=True, index=True)
    monitored_tools = Column(JSON, nullable=False, default=dict)
    sensitivity_thresholds = Column(JSON, nullable=False, default=dict)
    custom_patterns = Column(JSON, nullable=False, default=dict)
    log_retention_days = Column(Integer, nullable=False, default=90)
    updated_at = now()
    updated_by = Column(String, nullable=False)


class LogEntry(Base):
    __tablename__ = "log_entries"
    id = key()
    timestamp = now(index=True)
    device_id = Column(String, nullable=False, index=True)
    user_id = Column(String, nullable=False, index=True)
    tool_name = Column(String, nullable=False, index=True)
    tool_type = Column(String, nullable=False)
    risk_level = Column(String, nullable=False, index=True)
    prompt_length = Column(Integer, nullable=False)
    detected_entity_types = Column(JSON, nullable=False, default=list)
    entity_count = Column(Integer, nullable=False, default=0)
    was_sanitized = Column(Boolean, nullable=False, default=False)
    log_metadata = Column(JSON, nullable=False, default=dict)
    created_at = now()
    __table_args__ = (
        Index("idx_timestamp_risk", "timestamp", "risk_level"),
        Index("idx_user_timestamp", "user_id", "timestamp"),
        Index("idx_tool_timestamp", "tool_name", "timestamp"),
    )
