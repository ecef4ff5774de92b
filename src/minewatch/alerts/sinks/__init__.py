# SPDX-License-Identifier: Apache-2.0
"""Where alerts go: one module a kind of place. ``opening.open_sink`` opens any of them."""
