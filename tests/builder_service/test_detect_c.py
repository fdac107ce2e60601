"""C and C++ repositories: what Make, autotools, CMake, Meson and plain sources make, and what they need."""

from pathlib import Path

import pytest

from builder_service import system_libraries
from builder_service.detect.c_makefile import Makefile
from builder_service.detect.finding import NoPlan
from shared.plan import Plan
from tests.builder_service.trees import ARGPARSE, names, plan, tree

MAIN = "#include <stdio.h>\nint main(int argc, char *argv[])\n{\n  return 0;\n}\n"


def built(made: Plan) -> list[str]:
    """The names that the last step looks for."""
    words = made.steps[-1].argv[4:]
    return words[:1] + words[2:] if made.steps[-1].name == "make" else words


def test_the_shape_of_seqtk(tmp_path: Path) -> None:
    makefile = "CC=gcc\nall:seqtk\n\nseqtk:seqtk.c khash.h\n\t\t$(CC) seqtk.c -o $@ -lz -lm\n\ninstall:all\n\t\tinstall seqtk $(BINDIR)\n"
    made = plan(tmp_path, {"Makefile": makefile, "seqtk.c": MAIN, "khash.h": ""}, "seqtk")

    assert (made.runtime, made.base, names(made)) == ("c", "c", ["seqtk"])
    assert made.commands[0].run == ["/usr/local/bin/seqtk"]
    assert made.commands[0].evidence == "seqtk is made by Makefile"
    assert built(made) == [".", "install", "seqtk"]
    assert made.system_packages == []  # the base has zlib


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("PROG = tool\nOBJS = $(SRC:.c=.o)\nSRC = tool.c\nall: $(PROG)\n$(PROG): $(OBJS)\n\t$(CC) -o $(PROG) $(OBJS)\n", ["tool"]),
        ("BINS := one two\nall: $(BINS)\n%: %.o\n\t$(CXX) $^ -o $@\n", ["one", "two"]),
        ("all: lib.a tool\nlib.a: x.o\n\tar rc lib.a x.o\ntool: tool.c lib.a\n", ["tool"]),
        ("all: bin/tool.exe\nbin/tool.exe: x.o\n\tgcc x.o -o bin/tool.exe\n", ["bin/tool"]),
        ("tool: x.o\n\tgcc -o tool x.o\ntest: test.c\n\tgcc -o test test.c\n", ["tool"]),
        ("all: x.so\nx.so: x.c\n\tgcc -shared -o x.so x.c\n", []),
        ("all:\n\tcc -c -o tool tool.c\n", []),
        ("all: $(addprefix out/,$(basename $(notdir $(wildcard src/*.c))))\nout/%: src/%.c\n\t@$(CC) $< -o $@\n", ["out/a", "out/b"]),
        ("all:\n\t$(MAKE) -C sub\n", ["sub/inner"]),
        ("include config.mk\n$(NAME): x.o\n\t$(LINK.o) -o $@ x.o\n", ["named"]),
        ("A = $(B)\nB = $(A)\nall: $(A)\n", []),
        ("X = $(X) $(X)\nall: $(X) tool\ntool:\n\tgcc \\\n\t  -o tool \\\n\t  x.c # -o other\n", ["tool"]),
    ],
)  # fmt: skip
def test_what_make_links_by_default(tmp_path: Path, text: str, programs: list[str]) -> None:
    files = {"Makefile": text, "config.mk": "NAME = named\n", "src/a.c": MAIN, "src/b.c": MAIN, "sub/Makefile": "inner: i.o\n\tcc -o inner i.o\n", "tool.c": MAIN, "one.cc": MAIN, "two.cc": MAIN}  # fmt: skip

    assert Makefile(tree(tmp_path, files), "Makefile").programs() == programs


def test_tests_that_make_also_makes_stand_last(tmp_path: Path) -> None:
    makefile = "all: test_x zed\ntest_x: t.o\n\tcc -o $@ t.o\nzed: z.o\n\tcc -o $@ z.o\n"
    made = plan(tmp_path, {"Makefile": makefile, "z.c": MAIN, "t.c": MAIN}, "other")

    assert names(made) == ["zed", "test_x"]


def test_a_makefile_that_shows_nothing_offers_names_of_sources(tmp_path: Path) -> None:
    files = {"Makefile": "all:\n\t./build.sh\n", "build.sh*": "#!/bin/sh\n", "tool.c": MAIN}
    made = plan(tmp_path, files, "tool", runtime="c")

    assert names(made) == ["tool"]
    assert "has a main function" in made.commands[0].evidence


def test_autotools(tmp_path: Path) -> None:
    files = {
        "configure.ac": "AC_INIT([pv], [1])\nPKG_CHECK_MODULES([CURL], [libcurl >= 7 zlib])\nAC_CHECK_LIB([pcre2-8], [x])\n"
        "AC_SEARCH_LIBS([tgetent], [ncurses tinfo])\nAC_CHECK_HEADERS([sqlite3.h stdlib.h])\ndnl AC_CHECK_LIB([gmp], [x])\n",
        "src/Makefile.am": "bin_PROGRAMS = pv \\\n  quickpv\nnoinst_PROGRAMS = gen\ncheck_PROGRAMS = t1\n",
        "src/main.c": MAIN,
    }
    made = plan(tmp_path, files, "pv")

    assert names(made) == ["pv", "quickpv", "gen"]
    assert made.steps[-1].argv[:2] == ["bash", "-c"] and "autoreconf" in made.steps[-1].argv[2]
    assert made.system_packages == [
        "libcurl4-openssl-dev", "libncurses-dev", "libpcre2-dev", "libsqlite3-dev",
    ]  # fmt: skip


def test_cmake(tmp_path: Path) -> None:
    files = {
        "CMakeLists.txt": "project(Fancy CXX)\nset(NAME fancy)\nfind_package(ZLIB REQUIRED)\nfind_package(fmt)\n"
        "find_package(Boost REQUIRED COMPONENTS program_options)\n# add_executable(gone x.cpp)\n"
        'add_executable(${NAME} src/main.cpp)\nset_target_properties(${NAME} PROPERTIES OUTPUT_NAME "fancy-cli")\n'
        "add_executable(helper src/helper.cpp)\nadd_executable(a::b ALIAS helper)\ninstall(TARGETS ${NAME} RUNTIME DESTINATION bin)\n",
        "tests/CMakeLists.txt": "add_executable(test_all t.cpp)\n",
        "src/main.cpp": MAIN,
    }
    made = plan(tmp_path, files, "fancy")

    assert (made.base, names(made)) == ("cmake", ["fancy-cli", "helper", "test_all"])
    assert made.commands[0].evidence == "fancy-cli, installed by CMakeLists.txt"
    assert made.system_packages == ["libboost-dev", "libboost-program-options-dev", "libfmt-dev"]


def test_meson(tmp_path: Path) -> None:
    files = {
        "meson.build": "project('grit', 'c')\nz = dependency('libzstd', required: true)\n"
        "executable(meson.project_name(), 'main.c', dependencies: [z], install: true)\n\nexecutable('bench', 'b.c')\n",
        "main.c": MAIN,
    }
    made = plan(tmp_path, files, "grit")

    assert (made.base, names(made)) == ("cmake", ["grit", "bench"])
    assert made.system_packages == ["libzstd-dev"]


def test_a_wrapping_makefile_gives_way_to_cmake(tmp_path: Path) -> None:
    files = {
        "Makefile": "all:\n\tcmake -B build && cmake --build build\n",
        "CMakeLists.txt": "add_executable(tool main.c)\n",
        "main.c": MAIN,
    }

    assert plan(tmp_path, files).steps[-1].name == "cmake"


def test_a_single_file_is_compiled_with_what_it_includes(tmp_path: Path) -> None:
    source = "#include <curl/curl.h>\n" + MAIN
    made = plan(tmp_path, {"fetch.c": source, "README": ""}, "fetcher")

    assert names(made) == ["fetch"]
    assert made.steps[0].argv == [
        "gcc", "-O2", "-o", "/usr/local/bin/fetch", "-I/app", "/app/fetch.c", "-lcurl", "-lm", "-lpthread",
    ]  # fmt: skip
    assert made.system_packages == ["libcurl4-openssl-dev"]
    assert made.network.mode == "internet"


def test_several_programs_share_the_files_without_a_main(tmp_path: Path) -> None:
    files = {"one.cpp": MAIN, "two.cpp": MAIN, "common.cpp": "int f() { return 1; }\n"}
    made = plan(tmp_path, files, "pair")

    assert sorted(names(made)) == ["one", "two"]
    assert [s.argv[-4:-2] for s in made.steps if s.argv[3].endswith("/one")] == [
        ["/app/one.cpp", "/app/common.cpp"]
    ]


def test_a_lone_main_is_named_like_the_repository(tmp_path: Path) -> None:
    assert names(plan(tmp_path, {"src/main.c": MAIN}, "grep2")) == ["grep2"]


@pytest.mark.parametrize(
    "source",
    [
        "int\nmain(int argc, char **argv)\n{\n}\n",
        "int main (argc, argv)\nint argc;\nchar **argv;\n{\n}\n",
        "auto main(int argc, char** argv) -> int {\n}\n",
        "static const int x = 1;\nint main(int argc, const char* const argv[]) { return 0; }\n",
    ],
)
def test_ways_to_write_main(tmp_path: Path, source: str) -> None:
    assert names(plan(tmp_path, {"t.c": source}, "x")) == ["t"]


@pytest.mark.parametrize(
    "files",
    [
        {"lib.c": "/* int main(int argc) { */\nint f(void) { return main(1); }\n"},
        {"tests/test.c": MAIN, "lib.c": "", "Makefile": "all: lib.a\nlib.a:\n\tar rc lib.a\n"},
        {"vendor/tool.c": MAIN},
    ],
)
def test_a_library_is_no_tool(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(NoPlan, match="No command was found"):
        plan(tmp_path, files)


def test_a_python_tool_with_a_c_extension_stays_one(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname="t"\nversion="1"\n[project.scripts]\nt="t:main"\n',
        "t.py": ARGPARSE,
        "ext/speed.c": "#include <Python.h>\n",
        "Makefile": "test:\n\tpytest\n",
    }

    assert plan(tmp_path, files).runtime == "python"


def test_bindings_beside_a_c_tool_do_not_hide_it(tmp_path: Path) -> None:
    """The shape of lh3/minimap2."""
    files = {
        "Makefile": "PROG=minimap\nall:$(PROG)\nminimap:main.o\n\t$(CC) $< -o $@\n",
        "main.c": MAIN + "/*" + "x" * 5000 + "*/\n",
        "setup.py": "from setuptools import setup\nsetup(name='mappy', scripts=['python/m.py'])\n",
        "python/m.py": ARGPARSE,
    }

    assert plan(tmp_path, files, "minimap").runtime == "c"


def test_a_program_asked_for_by_name(tmp_path: Path) -> None:
    files = {"Makefile": "all: a\na: a.o\n\tcc -o a a.o\n", "a.c": MAIN}
    made = plan(tmp_path, files, command="b", runtime="c")

    assert (names(made), made.commands[0].run) == (["b", "a"], ["/usr/local/bin/b"])


@pytest.mark.parametrize(
    ("header", "package"),
    [
        ("zlib.h", "zlib1g-dev"),
        ("openssl/ssl.h", "libssl-dev"),
        ("boost/algorithm/string.hpp", "libboost-dev"),
        ("boost/program_options.hpp", "libboost-program-options-dev"),
        ("Eigen/Dense", "libeigen3-dev"),
        ("htslib/sam.h", "libhts-dev"),
        ("zlib.hpp", None),
        ("myzlib.h", None),
        ("stdio.h", None),
    ],
)
def test_headers(header: str, package: str | None) -> None:
    assert system_libraries.package_for_header(header) == package


def test_libraries_modules_and_programs() -> None:
    assert system_libraries.package_for_library("-lz") == "zlib1g-dev"
    assert system_libraries.package_for_library("libcrypto.so.3") == "libssl-dev"
    assert system_libraries.package_for_library("boost_system") == "libboost-system-dev"
    assert system_libraries.package_for_library("nothing") is None
    assert system_libraries.package_for_pkgconfig("libxml-2.0 >= 2.9") == "libxml2-dev"
    assert system_libraries.package_for_cmake("SQLite3") == "libsqlite3-dev"
    assert system_libraries.package_for_program("/usr/bin/msgfmt") == "gettext"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "files",
    [
        {"Makefile": "".join(f"V{n} = $(V{n + 1})$(V{n + 1})\n" for n in range(60)) + "all: $(V0) t\nt: t.c\n", "t.c": MAIN},
        {"t.c": MAIN + "/*" * 140_000},
        {"Makefile": "all: t\nt: t.c\n" + "%.o : $(wildcard " + "*/* " * 4000 + ")\n" * 50, "t.c": MAIN},
    ],
)  # fmt: skip
def test_hostile_files_do_not_hold_detection(tmp_path: Path, files: dict[str, str]) -> None:
    assert "t" in names(plan(tmp_path, files, "t", runtime="c"))


def test_packages_that_exclude_each_other_are_not_asked_for_together(tmp_path: Path) -> None:
    source = "#include <htslib/sam.h>\n#include <curl/curl.h>\n" + MAIN

    assert plan(tmp_path, {"t.c": source}).system_packages == ["libcurl4-gnutls-dev", "libhts-dev"]


def test_a_makefile_by_another_name_is_used_for_linux(tmp_path: Path) -> None:
    makefile = "all: tool\ntool: tool.c\n\t$(CC) -o tool tool.c\n"
    names_ = ("Makefile.AVX.gcc", "Makefile.gcc", "Makefile.mac", "Makefile.MPI.gcc")
    made = plan(tmp_path, {name: makefile for name in names_} | {"tool.c": MAIN}, "other")

    assert names(made) == ["tool"]
    assert made.steps[-1].argv[3:7] == ["make", ".", "Makefile.gcc", ""]


def test_a_makefile_for_another_system_alone_is_not_used(tmp_path: Path) -> None:
    made = plan(tmp_path, {"Makefile.mingw": "tool.exe:\n\tcc -o tool.exe\n", "tool.c": MAIN})

    assert made.evidence[0] == "tool.c (compiler)"


def test_a_main_at_the_end_of_a_long_file_is_found(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.c": "/* table */\nint x[] = {" + "1,\n" * 150_000 + "};\n" + MAIN})

    assert names(made) == ["tool"]


@pytest.mark.parametrize(
    ("first_line", "run", "packages"),
    [
        ("#!/usr/bin/env python3\n", ["python3", "/app/aligner"], ["python3"]),
        ("#!/usr/bin/perl -w\n", ["perl", "/app/aligner"], ["perl"]),
        ("#!/bin/sh\n", ["sh", "/app/aligner"], []),
    ],
)
def test_the_script_that_starts_the_compiled_programs_comes_first(
    tmp_path: Path, first_line: str, run: list[str], packages: list[str]
) -> None:
    makefile = "all: aligner-s aligner-l\naligner-s: a.c\n\t$(CC) -o $@ a.c\naligner-l: a.c\n\t$(CC) -o $@ a.c\n"
    files = {"Makefile": makefile, "a.c": MAIN, "aligner*": first_line + "exec me\n"}
    made = plan(tmp_path, files, "aligner")

    assert (made.runtime, made.system_packages) == ("c", packages)
    assert names(made) == ["aligner", "aligner-l", "aligner-s"]
    assert made.commands[0].run == run
