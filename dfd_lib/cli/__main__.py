"""`python -m dfd_lib.cli` is `dfd`, where its script is not on the path."""

from dfd_lib.cli import main

if __name__ == "__main__":
    main()
