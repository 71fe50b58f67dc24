"""Opens the booth: `python app.py`. BOOTH_HOME and BOOTH_PORT say where, if not the usual."""

import os
import sys

from booth import ui
from booth.errors import BoothError

if __name__ == "__main__":
    try:
        ui.launch(in_browser=not os.environ.get("BOOTH_NO_BROWSER"))
    except BoothError as error:
        sys.exit(str(error))
