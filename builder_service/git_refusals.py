"""What a refused clone means, in one sentence for the person who pasted the link."""

import re

from shared.git_link import GitLink

_SAID = (
    (r"out of memory|malloc failed|mmap failed",
     "The repository holds an object that takes more memory than a clone may use. Use a smaller repository."),
    (r"unable to update url base from redirection|redirect|returned error: 30\d",
     "The link is redirected to another address, which is not followed. Paste the address it leads to."),
    (r"could not read Username|Authentication failed|terminal prompts disabled|returned error: 40[13]",
     "The repository was not found, or it is private. Check the link; for a private repository, make the tool private "
     "and store an access token for {host} in your account."),
    (r"returned error: 404|repository .* not found|not found$",
     "The repository was not found. Check the link; for a private repository, make the tool private "
     "and store an access token for {host} in your account."),
    (r"Could not resolve host", "The host {host} cannot be found. Check the link for typing errors, or try again later."),
    (r"Failed to connect|Connection refused|timed out|Connection reset|Could not connect|No route|Empty reply",
     "The host {host} does not answer. Check the link, or try again later."),
    (r"SSL|certificate|gnutls|TLS", "The host {host} has no valid certificate, so it cannot be trusted."),
    (r"not valid: is this a git repository|invalid (?:server )?response|protocol error|unexpected.*content|bad line length|expected .*version",
     "There is no Git repository at this address. Use a link like https://github.com/owner/name."),
    (r"fsck error|gitmodules|badTree|hasDot", "The repository holds objects that Git refuses as unsafe: {last}"),
    (r"less than 1000 bytes|Operation too slow", "The host {host} sends too slowly. Try again later."),
    (r"returned error: 5\d\d", "The host {host} has an error of its own. Try again later."),
)  # fmt: skip


def explain(said: str, link: GitLink) -> str:
    """One sentence for what git said."""
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "no reason given"
    for pattern, sentence in _SAID:
        if re.search(pattern, said, re.IGNORECASE | re.MULTILINE):
            return sentence.format(host=link.host, last=last)
    return f"The repository could not be fetched: {last}"
