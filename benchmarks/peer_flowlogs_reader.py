# SPDX-License-Identifier: Apache-2.0
"""Let flowlogs-reader parse an AWS flow log, and print how many records it made.

Runs in the environment of the peers. The lines go the way that its own ``S3FlowLogsReader`` takes
with a file, only without S3 before it: csv.DictReader, then FlowRecord.
"""

import csv
import sys

from flowlogs_reader import FlowRecord  # type: ignore[import-not-found]


def main() -> None:
    records = 0
    with open(sys.argv[1], encoding="ascii") as log:
        reader = csv.DictReader(log, delimiter=" ")
        reader.fieldnames = [name.replace("-", "_") for name in reader.fieldnames or ()]
        for row in reader:
            FlowRecord(row)
            records += 1
    print(f"records {records}")


if __name__ == "__main__":
    main()
