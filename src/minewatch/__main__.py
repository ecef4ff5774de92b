# SPDX-License-Identifier: Apache-2.0
"""``python -m minewatch``."""

from minewatch.cli import main

if __name__ == "__main__":
    main()
