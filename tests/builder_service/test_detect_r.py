"""R repositories: scripts for Rscript, packages with and without them."""

from pathlib import Path

import pytest

from builder_service.detect.finding import NoPlan
from tests.builder_service.trees import ARGPARSE, names, plan, step

R = "#!/usr/bin/env Rscript\n"
OPTPARSE = R + "suppressPackageStartupMessages(library(optparse))\nparse_args(OptionParser())\n"
PACKAGE = "Package: tool\nVersion: 1.0\nDepends: R (>= 4.0), methods\nImports: jsonlite,\n    data.table (>= 1.14),\n    tools\nSuggests: testthat\n"


def test_scripts_and_their_packages(tmp_path: Path) -> None:
    """The shape of tpoorten/dotPlotly: two scripts, and an app beside them that needs more."""
    files = {
        "longDotPlot.R*": OPTPARSE,
        "pafDotPlot.R*": OPTPARSE
        + 'require("ggplot2")\nhtmlwidgets::saveWidget(x)\n# library(old)\nlibrary(stats)\n',
        "app/app.R": "library(shiny)\nshinyApp(ui, server)\n",
        "README.md": "```\n./pafDotPlot.R -i x\n./longDotPlot.R -i x\n```\n",
    }
    made = plan(tmp_path, files, "dotplot")

    assert names(made) == ["pafDotPlot.R", "longDotPlot.R"]
    assert made.commands[0].run == ["Rscript", "/app/pafDotPlot.R"]
    assert step(made, "packages") == ["toolyard-packages", "ggplot2", "htmlwidgets", "optparse"]
    assert step(made, "Debian packages")[2:5] == ["--known", "r-cran-ggplot2", "r-bioc-ggplot2"]
    assert made.base == "r"


def test_a_package_with_a_script(tmp_path: Path) -> None:
    files = {
        "DESCRIPTION": PACKAGE,
        "R/a.R": "f <- function() commandArgs()",
        "exec/run": R,
        "run-tests.R": OPTPARSE,
    }
    made = plan(tmp_path, files)

    assert names(made)[0] == "run"
    assert step(made, "packages")[1:] == ["data.table", "jsonlite"]
    assert made.steps[-1].argv[:3] == ["R", "CMD", "INSTALL"]
    assert made.steps[-1].files is None


def test_a_package_without_a_script_gets_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        NoPlan, match="tool is an R package without a script, so there is no command"
    ):
        plan(tmp_path, {"DESCRIPTION": PACKAGE, "R/a.R": "f <- function() 1"})


def test_a_package_beside_a_python_tool_does_not_refuse_it(tmp_path: Path) -> None:
    made = plan(tmp_path, {"DESCRIPTION": PACKAGE, "R/a.R": "f <- 1", "tool.py": ARGPARSE})

    assert made.runtime == "python"


def test_compiled_packages_get_compilers(tmp_path: Path) -> None:
    files = {"DESCRIPTION": PACKAGE, "src/a.cpp": "int x;", "inst/scripts/tool.R": OPTPARSE}

    assert "g++" in plan(tmp_path, files, runtime="r").system_packages


def test_a_script_without_a_shebang_that_reads_its_arguments(tmp_path: Path) -> None:
    files = {"tool.R": "args <- commandArgs(trailingOnly = TRUE)\n", "analysis.R": "x <- 1\n"}

    assert names(plan(tmp_path, files)) == ["tool.R"]


def test_plain_analyses_are_no_tool(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="none starts with #!… Rscript or reads commandArgs"):
        plan(tmp_path, {"analysis.R": "library(ggplot2)\nplot(1)\n"})


def test_packages_that_are_only_tried_fail_no_build(tmp_path: Path) -> None:
    text = R + 'commandArgs()\nif (requireNamespace("crayon", quietly = TRUE)) 1\n'
    made = plan(tmp_path, {"tool.R*": text})

    assert [s.name for s in made.steps] == ["Debian packages"]
    assert "r-cran-crayon" in made.steps[0].argv


def test_what_another_script_needs_fails_no_build(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.R*": OPTPARSE, "other.R*": OPTPARSE + "library(rare)\n"})

    assert step(made, "packages") == ["toolyard-packages", "optparse"]
    assert "r-bioc-rare" in step(made, "Debian packages")


def test_a_sourced_file_counts_and_means_a_start_in_the_repository(tmp_path: Path) -> None:
    files = {"tool.R*": OPTPARSE + 'source("lib/more.R")\n', "lib/more.R": "library(jsonlite)\n"}
    made = plan(tmp_path, files)

    assert made.start == "repository"
    assert "jsonlite" in step(made, "packages")


def test_flags_of_the_first_line_are_kept(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.R*": OPTPARSE.replace("env Rscript", "Rscript --vanilla")})

    assert made.commands[0].run == ["Rscript", "--vanilla", "/app/tool.R"]
