"""Perl repositories: distributions, scripts, and where their modules come from."""

from pathlib import Path

import pytest

from builder_service.detect import perl_names
from builder_service.detect.finding import NoPlan
from builder_service.detect.perl_core import is_core
from builder_service.detect.perl_manifest import code, executables, requires
from tests.builder_service.trees import names, plan, step, tree

PERL = "#!/usr/bin/perl\n"
TOOL = PERL + "use strict;\nuse Getopt::Long;\nGetOptions('x' => \\my $x);\n"
LIBRARY = "/opt/perl5/lib/perl5"


def test_a_script_without_a_manifest_and_its_imports(tmp_path: Path) -> None:
    text = TOOL + (
        "use Text::CSV;\nuse Own::Part;\nuse parent 'Exporter';\nrequire JSON::XS;\neval { require Tried::One; };\n"
        "eval \"use Tried::Two;\";\n=pod\n\nuse Documented;\n\n=cut\nprint <<'END';\nuse Printed;\nEND\n__END__\nuse After;\n"
    )
    made = plan(tmp_path, {"tool*": text, "lib/Own/Part.pm": "package Own::Part;\n1;\n"})

    assert (made.runtime, names(made)) == ("perl", ["tool"])
    assert made.commands[0].run == ["perl", "-I", "/app/lib", "-I", LIBRARY, "/app/tool"]
    assert step(made, "modules") == ["toolyard-modules", "JSON::XS", "Text::CSV"]
    assert step(made, "Debian packages")[2:] == ["--known", "libjson-xs-perl", "libtext-csv-perl"]


def test_what_makefile_pl_names_comes_first(tmp_path: Path) -> None:
    """The shape of beyondgrep/ack3: decoys beside the one program."""
    text = (
        "my %p = (\n  EXE_FILES    => [ 'hack' ],\n  PREREQ_PM => {\n    'File::Next' => '1.18',\n"
        "    'Getopt::Long' => 0,\n    'Test::More' => 0,\n    ( $^O eq 'MSWin32' ? ('Win32::X' => '0.1') : () ),\n  },\n);\n"
    )
    made = plan(
        tmp_path, {"Makefile.PL": text, "hack*": TOOL, "squash*": TOOL, "lib/A.pm": "1;"}, "x"
    )

    assert names(made) == ["hack", "squash"]
    assert step(made, "modules") == ["toolyard-modules", "File::Next"]


@pytest.mark.parametrize(
    "text",
    [
        "EXE_FILES => [qw(bin/tool)],",
        "'EXE_FILES' => [ \"bin/tool\" ],",
        "EXE_FILES=>[ glob('bin/*') ],",
        "script_files => 'bin/tool',",
        "install_script 'bin/tool';",
    ],
)
def test_ways_to_name_programs(tmp_path: Path, text: str) -> None:
    assert executables(tree(tmp_path, {"Makefile.PL": text, "bin/tool*": TOOL})) == ["bin/tool"]


def test_dist_zilla_installs_its_folder(tmp_path: Path) -> None:
    ini = "name = Tool\n[@Basic]\n[Prereqs]\nText::CSV = 1.2\n[Prereqs / TestRequires]\nTest::Deep = 0\n"
    made = plan(tmp_path, {"dist.ini": ini, "script/tool*": TOOL, "tidy*": TOOL}, "other")

    assert (names(made)[0], step(made, "modules")) == ("tool", ["toolyard-modules", "Text::CSV"])


def test_a_cpanfile_without_its_tests(tmp_path: Path) -> None:
    text = "requires 'perl', '5.10';\nrequires 'Moo', '2';\nrecommends 'XS';\non 'test' => sub {\n  requires 'Test::Fatal';\n  requires 'Dist::Zilla';\n};\n"

    assert requires(tree(tmp_path, {"cpanfile": text})) == ["Moo"]


def test_meta_json(tmp_path: Path) -> None:
    text = '{"prereqs": {"runtime": {"requires": {"perl": "5", "Moo": "0"}}}}'

    assert requires(tree(tmp_path / "a", {"META.json": text})) == ["Moo"]
    assert requires(tree(tmp_path / "b", {"META.json": "{"})) is None


def test_what_other_scripts_need_fails_no_build(tmp_path: Path) -> None:
    files = {
        "tool*": TOOL,
        "extra.pl*": PERL + "use DBI;\n",
        "t/x.pl*": PERL + "use Only::Tests;\n",
    }
    made = plan(tmp_path, files)

    assert [(s.name, s.argv[2:]) for s in made.steps] == [
        ("Debian packages", ["--known", "libdbi-perl"])
    ]


def test_compiled_modules_are_made(tmp_path: Path) -> None:
    files = {
        "Makefile.PL": "EXE_FILES => ['bin/tool']",
        "bin/tool*": TOOL,
        "Tool.xs": "",
        "lib/Tool.pm": "1;",
    }
    made = plan(tmp_path, files)

    assert made.commands[0].run[-1] == "/app/blib/script/tool"
    assert "make" in step(made, "build")[-1]


def test_taint_mode_of_the_first_line_stands_in_the_command(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool*": TOOL.replace("perl\n", "perl -wT\n", 1)})

    assert made.commands[0].run[:2] == ["perl", "-T"]


def test_libraries_and_tests_are_no_commands(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="No command was found"):
        plan(tmp_path, {"lib/A.pm": PERL + "@ARGV", "t/a.t": PERL + "@ARGV", "Makefile.PL": "x"})


def test_a_script_that_loads_a_file_beside_it_starts_in_the_repository(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.pl": TOOL + "require './words.pl';\n", "words.pl": "1;\n"})

    assert made.start == "repository"


@pytest.mark.parametrize(
    ("module", "packages"),
    [("File::Next", ["libfile-next-perl"]), ("LWP::UserAgent", ["libwww-perl"]), ("YAML::XS", ["libyaml-libyaml-perl"]),
     ("Bio::SeqIO", ["libbio-perl-perl"]), ("XML::LibXML::Reader", ["libxml-libxml-perl"]), ("DateTime", ["libdatetime-perl"]),
     ("Data::Printer::Filter", ["libdata-printer-filter-perl", "libdata-printer-perl"]), ("Text::CSV_XS", ["libtext-csv-xs-perl"])],
)  # fmt: skip
def test_debians_names_of_modules(module: str, packages: list[str]) -> None:
    assert perl_names.debian(module) == packages


def test_perls_own_modules() -> None:
    assert all(map(is_core, ["strict", "Getopt::Long", "JSON::PP", "Win32::File", "List::Util"]))
    assert not any(map(is_core, ["JSON", "Encode::Locale", "Text::CSV", "Moo"]))


def test_a_comment_is_no_code() -> None:
    assert code("use A; # use B;\n#use C;\n$#list\n").split() == ["use", "A;", "$#list"]


def test_only_modules_that_the_tool_reaches_are_wanted(tmp_path: Path) -> None:
    files = {
        "tool*": "#!/usr/bin/perl\nuse lib 'lib';\nuse Own::Part;\nprint @ARGV;\n",
        "lib/Own/Part.pm": "package Own::Part;\nuse Own::Inner;\n1;\n",
        "lib/Own/Inner.pm": "package Own::Inner;\nuse Text::CSV;\n1;\n",
        "archive/Unused.pm": "package Unused;\nuse Acme::Nowhere;\n1;\n",
    }
    made = plan(tmp_path, files)

    assert step(made, "modules") == ["toolyard-modules", "Text::CSV"]
    assert "libacme-nowhere-perl" in step(made, "Debian packages")
