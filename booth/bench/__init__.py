"""`booth bench`: our training beside diffusers' script, on this machine, in one command."""
