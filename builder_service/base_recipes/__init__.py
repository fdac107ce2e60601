"""One file per language: the base images that its plans stand on."""

from builder_service.base_recipes import (
    c,
    go,
    java,
    node,
    own_dockerfile,
    perl,
    python,
    r,
    ruby,
    rust,
    shell,
)
from builder_service.base_recipes.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    **shell.RECIPES,
    **python.RECIPES,
    **node.RECIPES,
    **c.RECIPES,
    **go.RECIPES,
    **java.RECIPES,
    **ruby.RECIPES,
    **perl.RECIPES,
    **r.RECIPES,
    **rust.RECIPES,
    **own_dockerfile.RECIPES,
}
