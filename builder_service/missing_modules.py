"""Modules that a failure may name, and the distributions that bring them: curated, never a guess."""

from builder_service.detect.python_names import KNOWN, RENAMED

_BACK_ENDS = frozenset(
    {
        "setuptools_scm",
        "setuptools_rust",
        "cffi",
        "pybind11",
        "cython",
        "wheel",
        "packaging",
        "tomli",
        "toml",
        "six",
    }
)

NODE_MODULES = frozenset(
    [
        "ansi-styles", "archiver", "async", "axios", "boxen", "chalk", "cheerio", "chokidar", "cli-table", "cli-table3",
        "colors", "commander", "cross-spawn", "csv-parse", "csv-stringify", "date-fns", "dayjs", "debug", "dotenv", "ejs",
        "execa", "express", "fast-glob", "figlet", "form-data", "fs-extra", "glob", "globby", "got", "handlebars",
        "iconv-lite", "inquirer", "js-yaml", "jsdom", "kleur", "lodash", "luxon", "marked", "meow", "mime", "mime-types",
        "minimatch", "minimist", "mkdirp", "moment", "ms", "mustache", "nanoid", "node-fetch", "nopt", "open", "ora",
        "papaparse", "picocolors", "prompts", "ramda", "readline-sync", "request", "rimraf", "rxjs", "semver", "shelljs",
        "string-width", "strip-ansi", "through2", "tslib", "typescript", "underscore", "uuid", "which", "winston", "ws",
        "xml2js", "yaml", "yargs", "yargs-parser",
    ]
)  # fmt: skip


def python_package(module: str) -> str | None:
    """The distribution of an imported module, or None when nothing is known about it."""
    top = module.split(".")[0]
    if top in RENAMED:
        return RENAMED[top] or None
    if ".".join(module.split(".")[:2]) in RENAMED:
        return RENAMED[".".join(module.split(".")[:2])] or None
    name = top.lower().replace("_", "-")
    return name if name in KNOWN or top in _BACK_ENDS else None
