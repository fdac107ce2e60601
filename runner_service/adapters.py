"""The real container engine and working folders of one runner, or of its janitor's sweep."""

from pathlib import Path

from shared.containers_docker import DockerContainers
from shared.egress import Egress
from shared.installation import installation_id
from shared.quota import Quotas


def open_containers(data: Path) -> DockerContainers:
    """The engine, with the rules around runs only: those of builds are the builder's to load."""
    installation = installation_id(data)
    rules = {"run": Egress(installation, "run")}
    return DockerContainers(installation, files=data / "sandbox", rules=rules)


def open_work(place: Path) -> Quotas:
    """Working folders with limits, in the state folder of one runner."""
    return Quotas(place / "work")
