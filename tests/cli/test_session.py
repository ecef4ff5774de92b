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


def test_an_input_is_never_overwritten(run, mining_pcap, tmp_path):
    before = mining_pcap.read_bytes()
    link = tmp_path / "link.pcap"
    link.symlink_to(mining_pcap)
    for command in ("scan", "meter"):
        result = run(command, mining_pcap, "-o", link)
        assert result.exit_code == 2
        assert result.stderr == (
            f"minewatch: -o {link}: this is one of the inputs; name another file\n"
        )
    assert mining_pcap.read_bytes() == before


def test_a_pipe_may_be_an_output(run, mining_pcap):
    assert run("meter", mining_pcap, "-o", "/dev/null").exit_code == 0
