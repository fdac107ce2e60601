"""Which network a run gets: the tool's, or a narrower one (DESIGN 3.19)."""

from shared.plan import Network, Plan
from shared.schema.tools import Version
from web.refusals import Invalid


def network_of(version: Version) -> Network:
    """What the owner wants, else what the plan proposes, else none."""
    if version.network is not None:
        return Network.model_validate(version.network)
    if version.plan is not None:
        return Plan.model_validate(version.plan).network
    return Network()


def is_within(wanted: Network, allowed: Network) -> bool:
    """Whether everything that `wanted` reaches is also reached by `allowed`."""
    if wanted.mode == "off" or allowed.mode == "internet":
        return True
    if wanted.mode == "internet" or allowed.mode == "off":
        return False
    return all(_covered(host, allowed.hosts) for host in wanted.hosts)


def _covered(host: str, allowed: tuple[str, ...]) -> bool:
    name = host.lower().rpartition(":")[0] if ":" in host else host.lower()
    return any(entry.lower() in (host.lower(), name) for entry in allowed)


def narrowed(wanted: Network | None, allowed: Network) -> Network:
    """The network of a run; raises `Invalid` when more is wanted than the tool has."""
    if wanted is None:
        return allowed
    if not is_within(wanted, allowed):
        raise Invalid(
            f"This tool's network is {describe(allowed)}; a run may narrow it, not widen it. "
            "The tool's owner can change it on the tool's edit page.",
            code="network",
        )
    return wanted


def describe(network: Network) -> str:
    """In words, for sentences."""
    if network.mode == "hosts":
        return "limited to " + (", ".join(network.hosts) or "no host")
    return "off" if network.mode == "off" else "the internet"
