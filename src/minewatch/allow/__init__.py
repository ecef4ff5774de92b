# SPDX-License-Identifier: Apache-2.0
"""What the user knows of the own network: who may mine, until when, and which hosts only relay."""
