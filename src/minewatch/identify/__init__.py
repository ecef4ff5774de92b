# SPDX-License-Identifier: Apache-2.0
"""What a miner mines: algorithm, dialect, family of pool and payout coin of a mining conversation.

It answers what is mined once something else has said that there is mining. None of its answers is a
probability of mining, and none moves a verdict.
"""
