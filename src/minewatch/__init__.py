# SPDX-License-Identifier: Apache-2.0
"""minewatch finds cryptojacking in cloud network traffic.

Importing the package imports nothing else: take what you need from its modules.
"""

__version__ = "0.1.0"
