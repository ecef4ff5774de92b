# SPDX-License-Identifier: Apache-2.0
"""What ``minewatch doctor`` looks at: each part returns findings, and mends nothing itself."""
