# SPDX-License-Identifier: Apache-2.0
"""What results look like outside: the public contract, its formats, and the text for people."""
