"""The languages that the builder knows, one file each in `detect/`."""

from builder_service.detect import c, go, java, node, perl, python, r, ruby, rust, shell
from builder_service.detect.language import Language

LANGUAGES: dict[str, Language] = {
    language.name: language
    for language in (
        python.LANGUAGE,
        node.LANGUAGE,
        shell.LANGUAGE,
        c.LANGUAGE,
        java.LANGUAGE,
        go.LANGUAGE,
        rust.LANGUAGE,
        ruby.LANGUAGE,
        perl.LANGUAGE,
        r.LANGUAGE,
    )
}
