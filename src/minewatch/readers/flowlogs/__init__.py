# SPDX-License-Identifier: Apache-2.0
"""Flow logs of clouds and of network monitors: each module reads one kind into records."""
