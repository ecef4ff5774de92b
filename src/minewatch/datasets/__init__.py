# SPDX-License-Identifier: Apache-2.0
"""Datasets as things: labelled conversations in a folder that says what it is and proves it.

``labelling`` says what the decoders read of each conversation, ``agreement`` compares that with
labels by construction, ``build`` makes a dataset of both, ``verify`` proves one, and ``splits``
parts it so that training and test share nothing that they must not.
"""
