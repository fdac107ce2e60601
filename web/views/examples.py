"""Three small tools that a newcomer can add with one click."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A public repository that builds from the bare link."""

    name: str
    link: str
    about: str
    language: str


EXAMPLES = (
    Example("piuccio/cowsay", "https://github.com/piuccio/cowsay", "a cow that says it", "Node"),
    Example(
        "wireservice/csvkit",
        "https://github.com/wireservice/csvkit",
        "14 commands for CSV files",
        "Python",
    ),
    Example(
        "holman/spark",
        "https://github.com/holman/spark",
        "small bar charts in a line of text",
        "Shell",
    ),
)
