# SPDX-License-Identifier: Apache-2.0
"""Records of flow logs made into conversations: paired, counted once, merged, in bounded memory."""
