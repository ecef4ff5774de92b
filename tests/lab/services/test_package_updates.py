# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

LISTS = Path("/var/lib/apt/lists")


def test_apt_updates_and_downloads_in_its_own_folders(stage):
    before = sorted(LISTS.rglob("*")) if LISTS.exists() else []
    made = stage("package-updates", pause_s=0.5)
    own = made.folder / "package-updates-1"
    # A second visit: the lists have not changed.
    made.play(lambda s: " 304 " in s.text("access.log") and s.text("access.log").count(".deb") > 3)
    for client in ("client-1", "client-2"):
        assert list((own / client).glob("*.deb"))
        assert list((own / client / "var/lib/apt/lists").glob("*_Packages"))
    assert "APT-HTTP" in made.text("access.log")
    assert (sorted(LISTS.rglob("*")) if LISTS.exists() else []) == before
