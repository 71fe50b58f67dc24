"""The front desk: every screen of the booth, as one page."""

from booth.ui.front import build
from booth.ui.opening import launch

__all__ = ["build", "launch"]
