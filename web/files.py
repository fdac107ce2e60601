"""Files that runs take as input: uploads, and outputs of earlier runs."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.objects import ObjectInfo
from shared.schema.accounts import Account
from shared.schema.runs import File, Output, Run
from web import access, inputs, jobs
from web.refusals import Absent


def upload_key() -> tuple[str, str]:
    """A new file's id and the key its bytes are stored under before its row is written."""
    file_id = new_id("file")
    return file_id, f"files/{file_id}"


def keep_upload(
    session: Session, account: Account, file_id: str, name: str, info: ObjectInfo
) -> File:
    """The row of an upload whose bytes are stored; browsers may send a path, its last part counts."""
    base = name.replace("\\", "/").rpartition("/")[2]
    return _add(session, account, file_id, base, info, f"files/{file_id}")


def take_output(session: Session, account: Account, run: Run, path: str) -> File:
    """An output of an earlier run as an input; the bytes are not copied."""
    if not access.may_see_run(account, run):
        raise Absent("There is no such run.")
    output = session.scalars(
        select(Output).where(Output.run_id == run.id, Output.path == path)
    ).first()
    if output is None:
        raise Absent(f"This run has no output {path[:200]!r}.")
    info = ObjectInfo(size=output.size, sha256=output.sha256)
    return _add(session, account, new_id("file"), path.rpartition("/")[2], info, output.key)


def _add(
    session: Session, account: Account, file_id: str, name: str, info: ObjectInfo, key: str
) -> File:
    file = File(
        id=file_id,
        account_id=account.id,
        name=inputs.check_name(name),
        size=info.size,
        sha256=info.sha256,
        key=key,
        created_at=jobs.clock(session),
    )
    session.add(file)
    session.flush()
    return file
