"""Which gem or Debian package holds what a Ruby file requires."""

import re

PLAIN = frozenset(["rake", "pry", "jekyll", "racc", "puma", "thin", "ohai", "yard", "rubocop", "lolcat", "cucumber"])  # fmt: skip
"""Gems that Debian packages under their own name."""

_DEBIAN = {"rubyzip": "ruby-zip", "linguist": "ruby-github-linguist", "RedCloth": "ruby-redcloth"}

GEMS = {
    "active_support": "activesupport", "active_record": "activerecord", "active_model": "activemodel", "zip": "rubyzip",
    "redcloth": "RedCloth", "mime/types": "mime-types", "progressbar": "ruby-progressbar", "xmlsimple": "xml-simple",
    "rest_client": "rest-client", "restclient": "rest-client", "net/ssh": "net-ssh", "net/scp": "net-scp",
    "tty": "tty-prompt", "docopt": "docopt", "trollop": "trollop", "optimist": "optimist", "slop": "slop",
    "thor": "thor", "commander": "commander", "clamp": "clamp", "gli": "gli", "highline": "highline",
    "nokogiri": "nokogiri", "colorize": "colorize", "rainbow": "rainbow", "paint": "paint", "pastel": "pastel",
    "httparty": "httparty", "faraday": "faraday", "mechanize": "mechanize", "kramdown": "kramdown",
    "redcarpet": "redcarpet", "rouge": "rouge", "coderay": "coderay", "sqlite3": "sqlite3", "mini_magick": "mini_magick",
    "rmagick": "rmagick", "chunky_png": "chunky_png", "tilt": "tilt", "haml": "haml", "slim": "slim", "mustache": "mustache",
    "liquid": "liquid", "sinatra": "sinatra", "prawn": "prawn", "pdf/reader": "pdf-reader", "roo": "roo",
    "spreadsheet": "spreadsheet", "git": "git", "rugged": "rugged", "octokit": "octokit", "json5": "json5",
    "toml": "toml", "tomlrb": "tomlrb", "treetop": "treetop", "parslet": "parslet", "terminal-table": "terminal-table",
    "awesome_print": "awesome_print", "diffy": "diffy", "addressable": "addressable", "oj": "oj", "ox": "ox",
    "builder": "builder", "mail": "mail", "bio": "bio", "tzinfo": "tzinfo", "i18n": "i18n", "ruby-graphviz": "ruby-graphviz",
    "graphviz": "ruby-graphviz", "asciidoctor": "asciidoctor", "chronic": "chronic", "hashie": "hashie", "mixlib": "mixlib-cli",
    "mixlib/cli": "mixlib-cli", "mixlib/config": "mixlib-config", "mixlib/shellout": "mixlib-shellout",
}  # fmt: skip
"""What is required and the gem that has it; where no manifest says it, only these are known."""

SYSTEM = {
    "rmagick": ["libmagickwand-dev", "pkg-config"], "mini_magick": ["imagemagick"], "mysql2": ["default-libmysqlclient-dev"],
    "pg": ["libpq-dev"], "sqlite3": ["libsqlite3-dev"], "rugged": ["cmake", "pkg-config", "libssl-dev"], "curb": ["libcurl4-openssl-dev"],
    "nokogiri": ["zlib1g-dev"], "ffi": ["libffi-dev"], "git": ["git"], "ruby-graphviz": ["graphviz"], "pdfkit": ["wkhtmltopdf"],
    "taglib-ruby": ["libtag1-dev"], "streamio-ffmpeg": ["ffmpeg"], "charlock_holmes": ["libicu-dev"], "psych": ["libyaml-dev"],
    "gnuplot": ["gnuplot-nox"], "ruby-vips": ["libvips42"], "zlib": ["zlib1g-dev"],
}  # fmt: skip
"""Debian packages without which a gem cannot be compiled or used."""

PACKAGED = frozenset([*GEMS.values(), *PLAIN, *_DEBIAN]) - {"docopt", "gli", "json5"}
"""The known gems that Debian has; the others can only come from the gem source."""

PARSERS = frozenset(
    ["optparse", "getoptlong", "thor", "slop", "gli", "commander", "clamp", "trollop", "optimist", "docopt", "dry/cli",
     "cri", "mixlib/cli", "tty-option", "micro-optparse"]
)  # fmt: skip

NETWORK = frozenset(
    ["net/http", "net/https", "open-uri", "socket", "httparty", "faraday", "rest-client", "mechanize", "typhoeus", "excon",
     "httpclient", "net/ssh", "net/ftp", "net/smtp", "net/imap", "octokit", "net-ssh", "http", "httpx", "resolv", "twitter"]
)  # fmt: skip


def debian(gem: str) -> str:
    """The name that Debian's package of a gem has by its rule; whether it exists is for apt to say."""
    if gem in _DEBIAN:
        return _DEBIAN[gem]
    name = gem.lower().replace("_", "-")
    if name in PLAIN or name.startswith("ruby-"):
        return name
    return "ruby-" + name.removesuffix("-ruby")


def gem_of(required: str) -> str | None:
    """The gem that a file requires, as far as it is known."""
    parts = required.removesuffix(".rb").split("/")
    return GEMS.get("/".join(parts[:2])) or GEMS.get(parts[0])


def is_required(gem: str, required: set[str]) -> bool:
    """Whether a file requires something that has the gem's name, written in any way."""
    bare = _letters(gem)
    return any(gem_of(name) == gem or _letters(name).startswith(bare) for name in required)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]|ruby", "", name.lower())
