"""How the manual is built: `make docs`."""

from sauma import __version__

project = "sauma"
author = "the sauma developers"
release = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"sauma {release}"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
