"""Opens the booth: `python app.py`. BOOTH_HOME and BOOTH_PORT say where, if not the usual."""

import os

from booth import ui

if __name__ == "__main__":
    ui.launch(in_browser=not os.environ.get("BOOTH_NO_BROWSER"))
