"""From a help text of any language to a form; pure, and never in the way of a build."""
