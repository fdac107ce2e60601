"""One person's mail address in its two spellings: as people write it, and as mail servers report it."""


def key(address: str) -> str:
    """What both spellings have in common: small letters, the domain in ASCII where it can be."""
    name, at, domain = address.lower().rpartition("@")
    try:
        return f"{name}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        return address.lower()


def spellings(address: str) -> set[str]:
    """The address as it is and with its domain as people write it."""
    name, at, domain = address.rpartition("@")
    try:
        return {address, f"{name}{at}{domain.encode().decode('idna')}"}
    except UnicodeError:
        return {address}
