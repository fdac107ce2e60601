"""One self-contained HTML page: words, figures and plots, no file beside it."""

from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from web.charts import Plot

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --ink: light-dark(#2a2824, #ece9e3); --quiet: light-dark(#5f5b54, #aaa59b);
  --paper: light-dark(#fbfaf7, #191815); --line: light-dark(#0002, #fff3); --want: light-dark(#b5501c, #f0a062);
  --busy: light-dark(#2f7d4f55, #6cc48d55); --wait: light-dark(#3a6ea544, #7fb2e644); --third: light-dark(#3a6ea5, #7fb2e6); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; } p { max-width: 72ch; }
figure { margin: 1rem 0; } figcaption { font-size: 13px; } .key { color: var(--quiet); margin-left: 1rem; }
.key::before { content: ""; display: inline-block; width: 18px; margin-right: 6px; vertical-align: middle; border-top: 2px solid var(--ink); }
.key.want::before { border-top: 2px dashed var(--want); } .key.third::before { border-color: var(--third); }
.key.area::before { height: 9px; border: 0; background: var(--busy); } .key.wait::before { background: var(--wait); }
.plot { position: relative; } .plot span { position: absolute; top: 0; font-size: 12px; color: var(--quiet); background: var(--paper); padding-right: 4px; }
.plot .half { top: 45px; }
svg { display: block; width: 100%; height: 90px; } path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.5; }
.grid { stroke: var(--line); stroke-width: 1; } .line { stroke: var(--ink); } .want { stroke: var(--want); stroke-dasharray: 6 3; stroke-width: 2; }
.third { stroke: var(--third); } .mark { stroke: var(--quiet); stroke-dasharray: 2 3; } path.area { fill: var(--busy); } path.area.wait { fill: var(--wait); }
.axis { display: flex; justify-content: space-between; font-size: 12px; color: var(--quiet); margin: 4px 0 0; max-width: none; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; } th:first-child, td:first-child { text-align: left; } .quiet { color: var(--quiet); }
</style></head><body>
<h1>$title</h1>
$body
</body></html>
""")


def page(title: str, parts: Iterable[str]) -> str:
    return _PAGE.substitute(title=escape(title), body="\n".join(parts))


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def figure(plot: Plot, *times: str, mark: float | None = None) -> str:
    """A plot with its legend, times evenly along its axis, and a moment marked as a share of them."""
    keys = "".join(
        f'<span class="key {escape(line.look)}">{escape(line.label)}</span>' for line in plot.lines
    )
    paths = "".join(f'<path class="{escape(line.look)}" d="{line.d}"/>' for line in plot.lines)
    if mark is not None:
        paths += f'<path class="mark" d="M{1000 * mark:.1f} 0V100"/>'
    top = f"{plot.top:g}{' ' + plot.unit if plot.unit else ''}"
    return (
        f"<figure><figcaption>{escape(plot.title)}{keys}</figcaption>"
        f'<div class="plot"><span>{escape(top)}</span><span class="half">{plot.top / 2:g}</span>'
        f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(plot.title)}, up to {escape(top)}">'
        f'<path class="grid" d="M0 0H1000M0 50H1000M0 100H1000"/>{paths}</svg></div>'
        f'<p class="axis">{"".join(f"<span>{escape(time)}</span>" for time in times)}</p></figure>'
    )
