# SPDX-License-Identifier: Apache-2.0
"""How far the lab's and the simulator's mining is from real mining, as numbers."""
