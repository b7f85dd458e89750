"""``python -m fleeting`` is the command."""

from fleeting.cli import main

if __name__ == "__main__":
    main()
