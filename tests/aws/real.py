"""`make test-aws`: contracts, stack and main job on a real AWS account, destroyed again whatever happens.

TOOLYARD_AWS_SPENDING_CAP    US dollars; without it nothing is begun
TOOLYARD_AWS_TEST_URL        https://… that may be this test's for two hours
TOOLYARD_AWS_TEST_CERTIFICATE  ARN of ACM's certificate for it, in the region
TOOLYARD_AWS_TEST_ZONE       id of the Route 53 zone where its name is made and deleted
TOOLYARD_AWS_TEST_MAIL       an address that SES has verified
DRY_RUN=1                    on the emulator instead, as far as it goes
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cli.aws import deploy
from cli.aws.account import sign_in
from cli.aws.deploy import Stage
from tests.aws import emulated, fleet
from tests.aws.prices import Estimate
from tests.platform import ROOT

NAME = "tytest"
HOURS = 2.0
EXAMPLE = "https://github.com/BurntSushi/ripgrep"
_NEEDED = ("URL", "CERTIFICATE", "ZONE", "MAIL")
_OF_CONTRACTS = re.compile(r"(t[0-9a-z]{12,})-[a-z-]+")
_SMALL = {
    "WebType": "t3.small",
    "UtilityType": "t3.small",
    "RunnerType": "c6i.large",
    "RunnerOtherType": "c6a.large",
    "RunnerMax": "1",
    "BuilderType": "c6i.large",
    "BuilderOtherType": "c6a.large",
    "BuilderMax": "1",
    "DatabaseClass": "db.t4g.micro",
    "DatabaseGigabytes": "20",
    "DrainSeconds": "300",
    "KeepData": "false",
}


class Refused(Exception):
    """The test cannot begin; the text says what is missing."""


@dataclass(frozen=True)
class Wanted:
    """What the test was told."""

    cap: float
    dry: bool
    url: str = ""
    certificate: str = ""
    zone: str = ""
    mail: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Wanted":
        dry = environ.get("DRY_RUN", "") not in ("", "0")
        told = environ.get("TOOLYARD_AWS_SPENDING_CAP", "")
        if dry and not told:
            told = str(Estimate(HOURS).dollars)  # nothing is spent on the emulator
        if not told:
            raise Refused("Set TOOLYARD_AWS_SPENDING_CAP to the dollars that this test may spend.")
        try:
            cap = float(told)
        except ValueError:
            raise Refused(f"TOOLYARD_AWS_SPENDING_CAP={told} is no number of dollars.") from None
        if refusal := Estimate(HOURS).refusal(cap):
            raise Refused(refusal)
        given = {name.lower(): environ.get(f"TOOLYARD_AWS_TEST_{name}", "") for name in _NEEDED}
        missing = [
            f"TOOLYARD_AWS_TEST_{name.upper()}" for name, value in given.items() if not value
        ]
        if missing and not dry:
            raise Refused(
                f"A real account needs {', '.join(missing)}; see docs/aws.md, or DRY_RUN=1."
            )
        return cls(cap, dry, **given)


def say(text: str) -> None:
    sys.stderr.write(f"test-aws: {text}\n")


def main() -> int:
    """0 only if every step passed and everything was destroyed."""
    try:
        wanted = Wanted.read(os.environ)
    except Refused as refused:
        say(str(refused))
        return 2
    say(f"at most {Estimate(HOURS).dollars:.2f} dollars of {wanted.cap:.2f}, on list prices")
    begun = time.monotonic()
    if wanted.dry:
        with tempfile.TemporaryDirectory(prefix="toolyard-test-aws-") as folder:
            dry_run(Path(folder))
    else:
        real_run(wanted)
    say(f"everything passed and is gone again, after {time.monotonic() - begun:.0f} s")
    return 0


def dry_run(folder: Path) -> None:
    """The same steps on the emulator; machines are processes of this host in their roles."""
    with ExitStack() as stack:
        (folder / "aws").mkdir()
        url = stack.enter_context(emulated.started(folder / "aws"))
        step("contracts", lambda: contracts({}))
        installation = step("stack", lambda: emulated.deployed(url, NAME))
        stack.enter_context(gone_afterwards(installation.stage))
        bucket = installation.stage.stack.outputs()["Bucket"]
        installation.client("s3").delete_bucket_policy(Bucket=bucket)  # no TLS here
        database = f"sqlite:///{folder}/toolyard.db"
        prepare = [sys.executable, "-m", "cli.prepare", "--database-only"]
        told = {
            **os.environ,
            "TOOLYARD_DATABASE_URL": database,
            "TOOLYARD_DATA": str(folder / "data"),
        }
        subprocess.run(prepare, cwd=ROOT, env=told, check=True)
        with fleet.running(installation, folder, database) as home:
            step("main job", lambda: fleet.main_job(home, folder))


def real_run(wanted: Wanted) -> None:
    """On the account that the caller's credentials are of."""
    account = sign_in(None)
    say(f"account {account.number}, region {account.region}")
    stage = Stage(account, NAME, "staging")
    if stage.stack.find() is not None:
        raise SystemExit(f"test-aws: {stage.prefix} exists already: destroy it first.")
    begun = time.time()
    with ExitStack() as stack:
        stack.callback(sweep_contracts, account.client("sqs"), account.client("sns"), begun)
        step("contracts", lambda: contracts({"TOOLYARD_TEST_REAL_AWS": "1"}))
        stack.enter_context(gone_afterwards(stage))
        settings = {
            **_SMALL,
            "PublicUrl": wanted.url,
            "CertificateArn": wanted.certificate,
            "MailFrom": wanted.mail,
            "AdminEmail": wanted.mail,
            "AlarmEmail": wanted.mail,
            "MonthlyBudget": str(max(1, int(wanted.cap))),
        }
        # The machines signal only once they are up, which takes the load balancer but no DNS name.
        step("stack", lambda: deploy.deploy(stage, ROOT, settings, say, wait=True))
        stack.enter_context(named(account, wanted, stage.stack.outputs()["BalancerAddress"]))
        step("web answers", lambda: answers(wanted.url))
        secret = account.client("secretsmanager").get_secret_value(
            SecretId=f"{stage.prefix}/admin-token"
        )["SecretString"]
        step("main job", lambda: main_job(wanted.url, secret))


def step(name: str, does: Callable[[], Any]) -> Any:
    """One part, with its time."""
    begun = time.monotonic()
    say(f"{name} …")
    found = does()
    say(f"{name}: {time.monotonic() - begun:.0f} s")
    return found


def contracts(more: dict[str, str]) -> None:
    """The contract tests of the bus; on a real account without the emulator in between."""
    program = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    wanted = ["-k", "ministack or sns_sqs", "tests/contracts/test_bus.py"]
    subprocess.run(
        [*program, *wanted, "tests/contracts/test_bus_sns_sqs.py"],
        cwd=ROOT,
        env={**os.environ, **more},
        check=True,
    )


@contextmanager
def gone_afterwards(stage: Stage) -> Iterator[None]:
    """Destroyed with its data, also when something failed; what is left then is said."""
    try:
        yield
    finally:
        say(f"destroying {stage.prefix}")
        left = deploy.destroy(stage, say, with_data=True)
        if left or stage.stack.find() is not None:
            raise SystemExit(
                f"test-aws: LEFT in the account: {left or stage.prefix}; delete it by hand."
            )


def sweep_contracts(sqs: Any, sns: Any, since: float) -> None:
    """Queues and topics that the contract tests made since then, under names of their own."""
    prefixes = set()
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix="t"):
        for url in page.get("QueueUrls", []):
            found = _OF_CONTRACTS.fullmatch(url.rsplit("/", 1)[1])
            if found is None:
                continue
            made = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])
            if int(made["Attributes"]["CreatedTimestamp"]) >= since - 60:
                prefixes.add(found[1])
                sqs.delete_queue(QueueUrl=url)
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            found = _OF_CONTRACTS.fullmatch(topic["TopicArn"].rsplit(":", 1)[1])
            if found is not None and found[1] in prefixes:
                sns.delete_topic(TopicArn=topic["TopicArn"])


@contextmanager
def named(account: Any, wanted: Wanted, balancer: str) -> Iterator[None]:
    """The name of the test's URL leads to the load balancer for as long as the test lasts."""
    route53 = account.client("route53")
    record = {
        "Name": urlsplit(wanted.url).hostname,
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": balancer}],
    }

    def change(action: str) -> None:
        route53.change_resource_record_sets(
            HostedZoneId=wanted.zone,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
        )

    change("CREATE")  # refused where the name is taken: then it is not this test's
    try:
        yield
    finally:
        change("DELETE")


def answers(url: str, seconds: float = 900) -> None:
    """Until web says that it is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(url + "/readyz", timeout=10).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(5)
    raise SystemExit(f"test-aws: {url} did not answer within {seconds:g} s")


def main_job(url: str, token: str) -> None:
    """A tool from its bare link, built and run by machines that came up for it."""
    environ = {**os.environ, "TOOLYARD_URL": url, "TOOLYARD_TOKEN": token}
    program = [sys.executable, "-m", "cli"]

    def toolyard(*arguments: str) -> Any:
        done = subprocess.run(
            [*program, *arguments], cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True
        )
        return json.loads(done.stdout)

    tool = toolyard("add", EXAMPLE, "--wait", "--json")
    assert tool["state"] == "ready", tool
    run = toolyard("run", tool["tool"], "--wait", "--json", "--", "--version")
    assert (run["state"], run["exit_code"]) == ("succeeded", 0), run


if __name__ == "__main__":
    sys.exit(main())
