# SPDX-License-Identifier: Apache-2.0
"""A run of a lab, and a dataset made of it."""

import pytest

from minewatch.datasets.build import BuildOptions, build_dataset
from runs import write_run


@pytest.fixture
def run_folder(tmp_path):
    return write_run(tmp_path / "run")


@pytest.fixture
def dataset(tmp_path, run_folder):
    """The folder of a dataset with packets."""
    build_dataset([run_folder], tmp_path / "data", BuildOptions(with_packets=True))
    return tmp_path / "data"
