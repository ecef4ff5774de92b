# SPDX-License-Identifier: Apache-2.0
from minewatch.cli.session import Session
from minewatch.errors import SourceError


def test_every_good_input_is_run_and_every_bad_one_counted(mining_pcap, benign_pcap, capsys):
    session = Session.of(["gone", str(mining_pcap), str(benign_pcap)], quiet=True)
    seen = []

    def action(source):
        seen.append(source.path)
        if source.path == str(mining_pcap):
            raise SourceError(source.name, "damaged; capture again")

    session.run(action)
    assert seen == [str(mining_pcap), str(benign_pcap)]
    assert session.n_failed == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("minewatch: gone: no such file")
    assert second == f"minewatch: {mining_pcap}: damaged; capture again"
