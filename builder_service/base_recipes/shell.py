"""The base of shell tools: the programs that scripts expect everywhere."""

from builder_service.base_recipes.recipe import USER, Recipe

RECIPES = {
    "shell": Recipe(
        "debian",
        ("bash", "bc", "ca-certificates", "curl", "file", "gawk", "jq", "less", "procps", "unzip", "xz-utils"),
        USER,
    ),
}  # fmt: skip
