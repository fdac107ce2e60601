"""What a pasted link may be: sixty links, each read or refused with a sentence."""

import pytest

from shared.git_link import BadLink, check_folder, check_ref, parse

READ = {
    "https://github.com/holman/spark": ("https://github.com/holman/spark", None, ""),
    "https://github.com/holman/spark/": ("https://github.com/holman/spark", None, ""),
    "https://github.com/holman/spark.git": ("https://github.com/holman/spark.git", None, ""),
    "  https://github.com/holman/spark \n": ("https://github.com/holman/spark", None, ""),
    "HTTPS://GitHub.com/holman/spark": ("https://github.com/holman/spark", None, ""),
    "git+https://github.com/a/b": ("https://github.com/a/b", None, ""),
    "github.com/a/b": ("https://github.com/a/b", None, ""),
    "https://github.com/a/b?tab=readme#x": ("https://github.com/a/b", None, ""),
    "https://github.com/a/b/tree/v1.0": ("https://github.com/a/b", "v1.0", ""),
    "https://github.com/a/b/tree/main/tools/x": ("https://github.com/a/b", "main", "tools/x"),
    "https://github.com/a/b/blob/main/tools/x.py": ("https://github.com/a/b", "main", "tools"),
    "https://github.com/a/b/commit/abc1234": ("https://github.com/a/b", "abc1234", ""),
    "https://github.com/a/b/releases/tag/v2": ("https://github.com/a/b", "v2", ""),
    "https://github.com/a/b/releases": ("https://github.com/a/b", None, ""),
    "https://github.com/a/b/issues/7": ("https://github.com/a/b", None, ""),
    "https://gitlab.com/g/s/r/-/tree/main/x": ("https://gitlab.com/g/s/r", "main", "x"),
    "https://gitlab.com/g/s/deep/r": ("https://gitlab.com/g/s/deep/r", None, ""),
    "https://codeberg.org/a/b/src/branch/dev/f": ("https://codeberg.org/a/b", "dev", "f"),
    "https://bitbucket.org/a/b/src/main/": ("https://bitbucket.org/a/b", "main", ""),
    "https://git.example.org:8443/x.git": ("https://git.example.org:8443/x.git", None, ""),
    "https://exämple.org/a/b": ("https://xn--exmple-cua.org/a/b", None, ""),
}
REFUSED = {
    "": "Paste a link",
    "   ": "Paste a link",
    "hello": "not a link to a Git repository",
    "a/b": "not a link to a Git repository",
    "/etc/passwd": "not a link to a Git repository",
    "./repo": "not a link to a Git repository",
    "~/repo": "not a link to a Git repository",
    "C:\\repo": "backslashes",
    "http://www.google.com": "no repository",
    "https://github.com/": "no repository",
    "https://github.com/owner": "no repository",
    "http://github.com/a/b": "https://",
    "git@github.com:a/b.git": "https://github.com/a/b",
    "ssh://git@github.com/a/b": "ssh://",
    "git://github.com/a/b": "git://",
    "file:///etc": "file://",
    "ftp://example.org/a/b": "ftp://",
    "ext::sh -c touch /tmp/x": "spaces",
    "ext::sh": "not a link to a Git repository",
    "fd::17": "not a link to a Git repository",
    "--upload-pack=touch": "not a link to a Git repository",
    "-oProxyCommand=x": "not a link to a Git repository",
    "https://github.com/--upload-pack=x/b": "no repository",
    "https://github.com/a/b c": "spaces",
    "https://github.com/a/b\nx": "spaces",
    "https://github.com/a/b\x00": "spaces",
    "https://github.com/../b": "cannot be read",
    "https://github.com/a/%2e%2e/b": "cannot be read",
    "https://github.com/a/b%0ax": "cannot be read",
    "https://user@github.com/a/b": "user name or password",
    "https://user:secret@github.com/a/b": "user name or password",
    "https://github.com@169.254.169.254/a/b": "user name or password",
    "https://localhost/a/b": "private network",
    "https://web/a/b": "private network",
    "https://git.local/a/b": "private network",
    "https://metadata.google.internal/a/b": "private network",
    "https://127.0.0.1/a/b": "this machine's own",
    "https://127.1/a/b": "by a number",
    "https://2130706433/a/b": "by a number",
    "https://0x7f000001/a/b": "by a number",
    "https://0177.0.0.1/a/b": "by a number",
    "https://10.0.0.1/a/b": "private",
    "https://172.16.5.4/a/b": "private",
    "https://192.168.1.1/a/b": "private",
    "https://100.64.0.1/a/b": "carrier-grade",
    "https://169.254.1.1/a/b": "link-local",
    "https://169.254.169.254/latest/meta-data": "metadata",
    "https://192.0.0.192/a/b": "metadata",
    "https://0.0.0.0/a/b": "reserved",
    "https://224.0.0.1/a/b": "multicast",
    "https://255.255.255.255/a/b": "reserved",
    "https://[::1]/a/b": "this machine's own",
    "https://[fe80::1]/a/b": "link-local",
    "https://[fd00::1]/a/b": "private",
    "https://[fd00:ec2::254]/a/b": "metadata",
    "https://[::ffff:10.0.0.1]/a/b": "IPv4-mapped",
    "https://[::ffff:169.254.169.254]/a/b": "metadata",
    "https://[64:ff9b::a00:1]/a/b": "NAT64",
    "https://[2002:a00:1::]/a/b": "6to4",
    "https://[2001:0:53aa:64c::1]/a/b": "Teredo",
    "https://github.com:22/a/b": "Port 22",
    "https://github.com:99999/a/b": "port",
    "https://exa mple.org/a/b": "spaces",
    "https://-x.org/a/b": "host name",
    "https://" + "a" * 2000: "longer than",
}


@pytest.mark.parametrize("link", READ)
def test_a_link_is_read(link: str) -> None:
    found = parse(link)

    assert (found.url, found.ref, found.folder) == READ[link]


@pytest.mark.parametrize("link", REFUSED)
def test_a_link_is_refused_with_a_sentence(link: str) -> None:
    with pytest.raises(BadLink, match=REFUSED[link]) as refusal:
        parse(link)

    assert str(refusal.value)[0].isupper()
    assert "secret" not in str(refusal.value)


def test_an_operator_allows_an_internal_host_and_only_that_one() -> None:
    allowed = {"git.lan:80", "10.0.0.5:8080"}

    assert parse("http://git.lan/x.git", allowed).url == "http://git.lan/x.git"
    assert parse("http://10.0.0.5:8080/x.git", allowed).authority == "10.0.0.5:8080"
    for other in ("http://git.lan:81/x.git", "https://10.0.0.5/x.git", "http://10.0.0.6:8080/x"):
        with pytest.raises(BadLink):
            parse(other, allowed)


def test_nobody_can_allow_the_metadata_service() -> None:
    with pytest.raises(BadLink, match="metadata"):
        parse("http://169.254.169.254/x.git", {"169.254.169.254:80"})


@pytest.mark.parametrize(
    "ref", ["-x", "a..b", "a b", "a~1", "a^", "a:b", "x.lock", "@", "", "/a", "a//b", "a\nb"]
)
def test_a_ref_that_git_would_misread_is_refused(ref: str) -> None:
    with pytest.raises(BadLink):
        check_ref(ref)


@pytest.mark.parametrize("folder", ["../x", "a/../b", ".git", "a/.GIT", "a\nb", "a\\b", "x" * 501])
def test_a_folder_outside_is_refused(folder: str) -> None:
    with pytest.raises(BadLink):
        check_folder(folder)


def test_folders_are_written_plainly() -> None:
    assert check_folder("/tools//convert/./") == "tools/convert"
