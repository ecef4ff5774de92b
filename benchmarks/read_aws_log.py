# SPDX-License-Identifier: Apache-2.0
"""Read an AWS flow log to records, do nothing with them, and print how many there are."""

import sys
from typing import BinaryIO, cast

from minewatch.readers.flowlogs.aws import AwsFormat


def main() -> None:
    path = sys.argv[1]
    stream = cast(BinaryIO, open(path, "rb", buffering=0))  # noqa: SIM115
    source = AwsFormat().open(path, path, stream, strict=False)
    n = sum(len(block) for block in source.read())
    source.close()
    print(f"records {n}")


if __name__ == "__main__":
    main()
