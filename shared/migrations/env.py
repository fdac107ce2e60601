"""Run by Alembic; `shared.migrate` hands over a connection with an open transaction."""

from alembic import context

from shared.schema.everything import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
