"""The base of R tools: Debian's R without its recommended packages, and a program that installs packages."""

from builder_service.base_recipes.recipe import USER, Recipe

_PACKAGES = r"""
install -d -o 65532 -g 65532 /opt/rlib
cat > /usr/local/bin/toolyard-packages <<'END'
#!/usr/bin/env Rscript
# Usage: toolyard-packages NAME…
# What is not there yet comes from CRAN into /opt/rlib, as far as CRAN answers; fails with the names of the rest.
library <- "/opt/rlib"
.libPaths(c(library, .libPaths()))
missing_of <- function(names) names[!vapply(names, function(name) nzchar(system.file(package = name)), TRUE)]
missing <- missing_of(commandArgs(TRUE))
if (length(missing) > 0) {
  cat("not from Debian:", missing, "\n")
  mirror <- Sys.getenv("TOOLYARD_CRAN_MIRROR")
  repos <- if (nzchar(mirror)) c(CRAN = mirror) else getOption("repos")
  options(timeout = 60)
  try(suppressWarnings(install.packages(missing, lib = library, repos = repos, quiet = TRUE)), silent = TRUE)
  missing <- missing_of(missing)
}
if (length(missing) > 0) {
  cat("error: CRAN does not answer or does not have these packages, and neither does Debian:",
      paste(missing, collapse = ", "), "\n", file = stderr())
  quit(status = 1)
}
END
chmod 755 /usr/local/bin/toolyard-packages
"""

RECIPES = {
    "r": Recipe("debian", ("ca-certificates", "r-base-core"), USER + _PACKAGES),
}
