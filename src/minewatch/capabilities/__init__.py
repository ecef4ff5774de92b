# SPDX-License-Identifier: Apache-2.0
"""What each kind of input can tell, which detectors work on it, and what they find there."""
