"""``python -m jitsimeet --version``."""

import argparse

from . import __version__


def main() -> None:
    """Say which version this is."""
    parser = argparse.ArgumentParser(
        prog="python -m jitsimeet", description="The signalling client of Jitsi Meet, as a library."
    )
    parser.add_argument("--version", action="version", version=f"jitsimeet {__version__}")
    parser.parse_args()
    parser.print_help()


if __name__ == "__main__":
    main()
