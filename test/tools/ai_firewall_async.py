# What the application of seed 004 does with its tables, as its document has it: SQLAlchemy, async, by postgresql+asyncpg. On the view of the profile
# ai-firewall, or on tables of its own (`--create`). Takes a connection string; prints what it read, without ids and times of the server.
import asyncio
import json
import sys
from datetime import datetime, timedelta

from ai_firewall_models import Base, Device, FirewallConfig, LogEntry, User
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker

engine = create_async_engine(sys.argv[1], pool_size=20, max_overflow=10)
Session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
start = datetime(2026, 7, 1, 12)
risks = ["green", "amber", "red"]


def entry(number):
    return LogEntry(
        timestamp=start + timedelta(hours=number),
        device_id=f"device-{number % 2}",
        user_id=f"user-{number % 3}",
        tool_name="ChatGPT" if number % 2 else "Claude",
        tool_type="web",
        risk_level=risks[number % 3],
        prompt_length=number,
        detected_entity_types=["EMAIL", "IBAN"][: number % 3],
        entity_count=number % 3,
        was_sanitized=number % 2 == 0,
        log_metadata={"browser_version": "145.0", "os": "Linux"},
    )


def plain(row):
    values = {column.name: getattr(row, column.name) for column in LogEntry.__table__.columns}
    # A view gives times with their zone.
    times = {name: value.replace(tzinfo=None) for name, value in values.items() if name in ("timestamp", "created_at")}
    assert abs((datetime.utcnow() - times["created_at"]).total_seconds()) < 60, times
    return {**values, "id": None, "created_at": None, "timestamp": times["timestamp"].isoformat()}


async def refused(statement):
    async with Session() as session:
        try:
            await session.execute(statement)
            await session.commit()
            return "done"
        except DBAPIError as error:
            return error.orig.sqlstate


async def main():
    if "--create" in sys.argv:
        async with engine.begin() as conn:
            await conn.run_sync(Base.metadata.create_all)
    async with Session() as session:
        session.add(User(username="ada", email="ada@example.com", hashed_password="$2b$12$" + "x" * 53))
        session.add_all([Device(device_id=f"device-{n}", user_id="ada", device_type="browser") for n in range(2)])
        session.add(FirewallConfig(organization_id="default", updated_by="ada", monitored_tools={"ChatGPT": True}))
        session.add(entry(0))
        session.add_all([entry(number) for number in range(1, 60)])
        await session.commit()
        await session.execute(update(Device).where(Device.device_id == "device-1").values(last_seen=datetime.utcnow()))
        config = (await session.execute(select(FirewallConfig))).scalar_one()
        config.log_retention_days = 120
        await session.commit()
    # Its indexes say what it asks: by time, device, user, tool and risk, and each of the last three along the time.
    since = LogEntry.timestamp >= start + timedelta(hours=10)
    filters = {
        "time": [since, LogEntry.timestamp < start + timedelta(hours=20)],
        "device": [LogEntry.device_id == "device-1"],
        "user": [LogEntry.user_id == "user-2", since],
        "tool": [LogEntry.tool_name == "Claude", since],
        "risk": [LogEntry.risk_level.in_(["amber", "red"]), since],
    }
    said = {}
    async with Session() as session:
        for name, conditions in filters.items():
            newest = select(LogEntry).where(*conditions).order_by(LogEntry.timestamp.desc()).limit(12)
            said[name] = [plain(row) for row in (await session.execute(newest)).scalars()]
        counts = select(LogEntry.risk_level, func.count(), func.sum(LogEntry.entity_count)).group_by(LogEntry.risk_level)
        said["counts"] = sorted(list(row) for row in await session.execute(counts))
        one = (await session.execute(select(LogEntry).where(LogEntry.prompt_length == 7))).scalar_one()
        again = await session.get(LogEntry, one.id)
        assert again is one
        said["config"] = (await session.execute(select(FirewallConfig.log_retention_days))).scalar_one()
    said["bad config"] = await refused(update(FirewallConfig).values(log_retention_days=7))
    said["clean-up"] = await refused(delete(LogEntry).where(LogEntry.timestamp < datetime.utcnow() - timedelta(days=36500)))
    await engine.dispose()
    print(json.dumps(said, indent=1, sort_keys=True))


asyncio.run(main())
