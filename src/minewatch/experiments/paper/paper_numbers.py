# SPDX-License-Identifier: Apache-2.0
"""Every number of the paper that the report compares, in one place.

Kwedza and Chindipha, "Cryptojacking Detection in Cloud Infrastructure using Network Traffic".
Percentages are as printed, with the decimals that the paper gives.
"""

from __future__ import annotations

from typing import Final

TITLE: Final = "Cryptojacking Detection in Cloud Infrastructure using Network Traffic"
AUTHORS: Final = "Kwedza and Chindipha, Rhodes University"

SERVERS: Final = 10
COINS: Final = ("DOGE", "ETC", "ETH", "RVN", "XMR")
CONVERSATIONS: Final = "84,344"
MINING: Final = "157"
NORMAL: Final = "84,187"
TRAIN_SHARE: Final = "80%"
TEST_SHARE: Final = "20%"
FOLDS: Final = "ten"

TABLE_1: Final = {
    ("SVM", "packets/s"): "49.955",
    ("SVM", "bits/packet"): "82.273",
    ("SVM", "bits/s"): "49.955",
    ("DT", "packets/s"): "92.354",
    ("DT", "bits/packet"): "98.933",
    ("DT", "bits/s"): "97.138",
    ("RFT", "packets/s"): "93.427",
    ("RFT", "bits/packet"): "98.716",
    ("RFT", "bits/s"): "97.143",
    ("KNN", "packets/s"): "93.639",
    ("KNN", "bits/packet"): "98.563",
    ("KNN", "bits/s"): "98.015",
}
"""Table I: F1 in ten-fold cross-validation [%]."""
SVM_IN_TEXT: Final = "49.99"
"""The text's value for the SVM on the rates; the table has 49.955."""
RANGE_IN_TEXT: Final = ("82.27", "98.93")
MEAN_BITS_PER_PACKET: Final = "94.62"

TEST_AUC: Final = {"packets/s": "50.00", "bits/s": "50.00", "bits/packet": "95.45"}
"""Test set, of the model that the text does not name; the RFT is said to be the best."""
TEST_F1: Final = {"bits/packet": "95.06"}

COIN_ROWS: Final = ("157", "125", "32")
"""All, training and test flows of the coin experiment."""
COIN_VALIDATION: Final = {"bits/packet": "85.54", "bits/s": "96.79", "packets/s": "83.63"}
"""Mean over the models of F1 in cross-validation [%]."""
COIN_VALIDATION_RANGE: Final = ("81.60", "89.18")
"""bits/packet only."""
COIN_TEST: Final = {"bits/packet": "81.97", "bits/s": "12.64", "packets/s": "19.63"}
COIN_TEST_RANGE: Final = ("74.18", "86.30")
COIN_BEST: Final = {"SVM": "86.30", "KNN": "89.06"}
"""Test, as the text says below the range that the second lies outside of."""


def all_numbers() -> tuple[str, ...]:
    """Return every number above, as printed.

    Examples
    --------
    >>> "94.62" in all_numbers()
    True
    """
    return (
        str(SERVERS),
        CONVERSATIONS,
        MINING,
        NORMAL,
        *TABLE_1.values(),
        SVM_IN_TEXT,
        *RANGE_IN_TEXT,
        MEAN_BITS_PER_PACKET,
        *TEST_AUC.values(),
        *TEST_F1.values(),
        *COIN_ROWS,
        *COIN_VALIDATION.values(),
        *COIN_VALIDATION_RANGE,
        *COIN_TEST.values(),
        *COIN_TEST_RANGE,
        *COIN_BEST.values(),
    )
