"""Which Debian packages hold a Perl module: a rule, and what does not follow it."""

_FAMILIES = {
    "LWP": "libwww-perl", "HTTP::Request": "libhttp-message-perl", "HTTP::Response": "libhttp-message-perl",
    "HTTP::Headers": "libhttp-message-perl", "HTTP::Message": "libhttp-message-perl", "HTML::Entities": "libhtml-parser-perl",
    "HTML::TreeBuilder": "libhtml-tree-perl", "HTML::Element": "libhtml-tree-perl", "YAML::XS": "libyaml-libyaml-perl",
    "DBD::SQLite": "libdbd-sqlite3-perl", "Date::Parse": "libtimedate-perl", "Date::Format": "libtimedate-perl",
    "Mojo": "libmojolicious-perl", "Mojolicious": "libmojolicious-perl", "Bio::DB::HTS": "libbio-db-hts-perl",
    "Bio": "libbio-perl-perl", "Tk": "perl-tk", "CGI": "libcgi-pm-perl", "Perl::Tidy": "perltidy", "PDL": "pdl",
    "Types::Standard": "libtype-tiny-perl", "Type::Tiny": "libtype-tiny-perl", "Tree::DAG_Node": "libtree-dagnode-perl",
    "IO::Tty": "libio-pty-perl", "IO::Pty": "libio-pty-perl", "App::cpanminus": "cpanminus", "App::Ack": "ack",
    "XML::LibXML": "libxml-libxml-perl", "Moose": "libmoose-perl", "Moo": "libmoo-perl", "Mouse": "libmouse-perl",
    "URI": "liburi-perl", "GD::Graph": "libgd-graph-perl", "GD::SVG": "libgd-svg-perl", "GD": "libgd-perl",
    "Graph": "libgraph-perl", "Template": "libtemplate-perl", "DBI": "libdbi-perl", "XML::SAX": "libxml-sax-perl",
    "DateTime::Format::Strptime": "libdatetime-format-strptime-perl", "Excel::Writer": "libexcel-writer-xlsx-perl",
    "Log::Log4perl": "liblog-log4perl-perl", "Image::Magick": "libimage-magick-perl", "AnyEvent": "libanyevent-perl",
    "Gtk3": "libgtk3-perl", "namespace::autoclean": "libnamespace-autoclean-perl",
    "Role::Tiny": "librole-tiny-perl", "Term::ReadLine::Gnu": "libterm-readline-gnu-perl", "Font::TTF": "libfont-ttf-perl",
    "Net::SSLeay": "libnet-ssleay-perl", "HTTP::Server::Simple": "libhttp-server-simple-perl",
}  # fmt: skip

NETWORK = frozenset(
    ["LWP", "LWP::UserAgent", "LWP::Simple", "HTTP::Tiny", "WWW::Mechanize", "Mojo::UserAgent", "IO::Socket", "Socket",
     "IO::Socket::INET", "IO::Socket::SSL", "Net::DNS", "Net::FTP", "Net::SMTP", "Net::SSH", "Net::Telnet", "REST::Client",
     "WWW::Curl::Easy", "Net::LDAP", "Net::Ping", "Net::Whois"]
)  # fmt: skip


def debian(module: str) -> list[str]:
    """Names that Debian's package of a module may have; which of them exist is for apt to say."""
    parts = module.split("::")
    for length in range(len(parts), 0, -1):
        if (known := _FAMILIES.get("::".join(parts[:length]))) is not None:
            return [known]
    names = [_package(parts)]
    if len(parts) > 2:  # Data::Printer::Filter stands in the package of Data::Printer
        names.append(_package(parts[:2]))
    return names


def _package(parts: list[str]) -> str:
    return f"lib{'-'.join(parts).lower().replace('_', '-')}-perl"


CURATED = frozenset(_FAMILIES.values())
"""Every package named here, for the test that Debian has them."""
