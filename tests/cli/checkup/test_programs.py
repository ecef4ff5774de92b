# SPDX-License-Identifier: Apache-2.0
from minewatch.cli.checkup.programs import NEEDED_FOR, check_programs


def test_what_is_there_and_what_is_not(tmp_path):
    program = tmp_path / "nft"
    program.write_text("")
    program.chmod(0o755)
    found = {one.subject: one for one in check_programs(str(tmp_path))}
    assert list(found) == list(NEEDED_FOR)
    assert {name: str(one.level) for name, one in found.items()} == {
        "tcpdump": "warn",
        "nft": "ok",
        "ip": "warn",
        "ovs-ofctl": "ok",
    }
    assert str(program) in found["nft"].text
    assert found["ip"].cure == "apt-get install iproute2"
    assert found["ovs-ofctl"].cure == "apt-get install openvswitch-switch"
