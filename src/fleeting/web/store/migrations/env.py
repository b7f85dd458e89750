"""What alembic runs: the migrations that are missing, on the connection that it is given."""

from __future__ import annotations

from alembic import context

from fleeting.web.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
