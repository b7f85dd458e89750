"""Makes ``python -m fleeting`` run the ``fleeting`` command."""

from fleeting.cli import main

if __name__ == "__main__":
    main()
