# The model of seed 000 as it is printed there, on the view of the profile mem0. Takes a connection string.
# seed
from sqlalchemy import create_engine, Column, String, DateTime, JSON
from sqlalchemy.ext.declarative import declarative_base
from datetime import datetime
import uuid

Base = declarative_base()

class AuditLog(Base):
    __tablename__ = 'audit_logs'
    
    id = Column(String, primary_key=True, default=lambda: str(uuid.uuid4()))
    timestamp = Column(DateTime, default=datetime.utcnow)
    user_id = Column(String, nullable=False)
    operation = Column(String, nullable=False)
    resource_id = Column(String)
    action_result = Column(String, nullable=False)
    details = Column(JSON)
# end of seed


import sys

from sqlalchemy.orm import sessionmaker

engine = create_engine(sys.argv[1])
# Leaves alone what has the name of the table already.
Base.metadata.create_all(engine)
Session = sessionmaker(engine)
with Session() as session:
    session.add(AuditLog(user_id="bob", operation="policy_check", resource_id="p-1", action_result="denied", details={"rule": [1, None]}))
    session.add_all([AuditLog(user_id="bob", operation=f"mem0_{n}", action_result="allowed") for n in range(20)])
    session.commit()
with Session() as session:
    rows = session.query(AuditLog).filter(AuditLog.user_id == "bob").order_by(AuditLog.timestamp).all()
    assert len(rows) == 21, len(rows)
    (denied,) = [row for row in rows if row.action_result == "denied"]
    assert (denied.operation, denied.resource_id, denied.details) == ("policy_check", "p-1", {"rule": [1, None]}), denied.details
    assert abs((datetime.utcnow() - denied.timestamp.replace(tzinfo=None)).total_seconds()) < 60, denied.timestamp
    again = session.query(AuditLog).filter(AuditLog.id == str(denied.id)).one()
    assert again is denied
    denied.operation = "eve"
    try:
        session.commit()
        raise SystemExit("an update was not refused")
    except Exception as error:
        assert getattr(error, "orig", None) is not None and error.orig.pgcode == "42501", error
        session.rollback()
print(f"same: {len(rows)} rows")
