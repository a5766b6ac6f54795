# What `alembic revision --autogenerate` of seed 004 would find: it asks SQLAlchemy for tables, and views are none. Takes a connection string, and the
# include_object that the profile prints.
import sys

from sqlalchemy import JSON, Boolean, Column, DateTime, Integer, MetaData, String, Table, create_engine, inspect
from sqlalchemy.dialects.postgresql import UUID

metadata = MetaData()


def table(name, *columns):
    return Table(name, metadata, Column("id", UUID(as_uuid=True), primary_key=True), *columns)


table(
    "users",
    Column("username", String, nullable=False),
    Column("email", String, nullable=False),
    Column("hashed_password", String, nullable=False),
    Column("full_name", String),
    Column("is_active", Boolean, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("last_login", DateTime),
)
table(
    "devices",
    Column("device_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("device_type", String, nullable=False),
    Column("registered_at", DateTime, nullable=False),
    Column("last_seen", DateTime, nullable=False),
    Column("is_active", Boolean, nullable=False),
)
table(
    "firewall_configs",
    Column("organization_id", String, nullable=False),
    Column("monitored_tools", JSON, nullable=False),
    Column("sensitivity_thresholds", JSON, nullable=False),
    Column("custom_patterns", JSON, nullable=False),
    Column("log_retention_days", Integer, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String, nullable=False),
)
table("log_entries", Column("timestamp", DateTime, nullable=False), Column("tool_name", String, nullable=False))

inspector = inspect(create_engine(sys.argv[1]))
include_object = eval(sys.argv[2])
there = set(inspector.get_table_names())
assert "log_entries" in inspector.get_view_names()
wanted = [each for each in metadata.sorted_tables if include_object(each, each.name, "table", False, None)]
print("created without it:", *sorted(set(metadata.tables) - there))
print("created with it:", *sorted({each.name for each in wanted} - there))
print("dropped:", *sorted(name for name in there - set(metadata.tables) if include_object(None, name, "table", True, None)))
for each in wanted:
    columns = {column["name"]: column for column in inspector.get_columns(each.name)}
    assert set(columns) == {column.name for column in each.columns}, (each.name, columns)
    for column in each.columns:
        found = columns[column.name]
        assert found["nullable"] == column.nullable, (each.name, found)
        assert isinstance(found["type"], type(column.type)) or found["type"].python_type is column.type.python_type, (each.name, found)
