"""Which deployment the examples connect to: ``SERVICE_URL``, ``DOMAIN`` and, if needed, ``CA_CERTIFICATES``."""

import os
import sys
from pathlib import Path
from typing import Any


def options_from_environment() -> dict[str, Any]:
    """Return the options, or end the program with a line that says what is missing.

    ``CA_CERTIFICATES`` may name a PEM file with the only authorities to trust.
    """
    try:
        options: dict[str, Any] = {
            "serviceUrl": os.environ["SERVICE_URL"],
            "hosts": {"domain": os.environ["DOMAIN"]},
        }
    except KeyError as error:
        sys.exit(f"{error} must be set in the environment")
    if path := os.environ.get("CA_CERTIFICATES"):
        options["tls"] = {"caCertificates": Path(path).read_text()}
    return options
