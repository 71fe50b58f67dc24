"""`python -m booth`: the booth from a terminal."""

from booth.cli import main

if __name__ == "__main__":
    main()
